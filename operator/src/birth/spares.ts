import type { AccountKey } from "@quorate/client/account-key";
import { fromHex } from "@quorate/node/kernel/bytes";
import {
  encodeTransaction,
  registrationDigest,
  registrationSigningBytes,
} from "@quorate/node/ledger/transaction";
import type { SpareRegistration } from "@quorate/node/ledger/types";
import type { Clock } from "@quorate/runtime/clock";
import type { KubeClient } from "@quorate/runtime/kube-client";
import type { KubeObject } from "@quorate/runtime/objects";
import { PORTS } from "../api/v1alpha1/labels.ts";
import type { ValidatorSet } from "../api/v1alpha1/types.ts";
import { isOwnPod } from "../diff/foreign.ts";
import type { ChainView, MemberView, PodView } from "../observe/observation.ts";
import type { Observed } from "../observe/observe.ts";
import { hostPort } from "../observe/scrape.ts";
import type {
  ChainPort,
  ChainRequest,
  NodeControlPort,
  NodeRegistration,
  SubmitOutcome,
} from "../ports.ts";
import { ownerOf, readSponsor } from "./genesis.ts";
import { isReachable, isRecorded } from "./identities.ts";

export interface SparePorts {
  readonly kube: KubeClient;
  readonly chain: ChainPort;
  readonly control: NodeControlPort;
  readonly clock: Clock;
  /** The lease is fresh now (rule S10). */
  readonly leads: () => boolean;
}

/** What the API server says of the set right before money is bonded; undefined: it may not be. */
export type ReadLive = () => Promise<
  { readonly set: ValidatorSet; readonly services: readonly KubeObject[] } | undefined
>;

/** What came of one registration: for events and the member's reasons. */
export interface SpareReport {
  readonly member: string;
  /** CamelCase: SpareRegistered, SpareRefused, SpareUnanswered, or a problem of the sponsor. */
  readonly reason: string;
  readonly message: string;
  readonly isProblem: boolean;
  /** Of this pass; else what stands since an earlier one. */
  readonly isNew: boolean;
}

const WAIT_FIRST_MS = 1_000;
const WAIT_MOST_MS = 300_000;

interface Waiting {
  readonly untilMs: number;
  readonly waitMs: number;
  readonly report: SpareReport;
}

/** Puts new nodes on the chain as spares (rule SPONSOR), one a pass. */
export class SpareMaker {
  readonly #ports: SparePorts;
  /** Refused keys and until when they are left alone; what is lost by a restart does no harm. */
  readonly #waiting = new Map<string, Waiting>();

  constructor(ports: SparePorts) {
    this.#ports = ports;
  }

  /**
   * The chain is asked first: a key that it knows is never registered again. So a crash between
   * submit and answer costs nothing.
   */
  async make(observed: Observed, readLive: ReadLive): Promise<SpareReport | undefined> {
    const { observation, request } = observed;
    const { chain: reading, set, members } = observation;
    if (reading.kind !== "verified" || request === undefined) return undefined;
    if (set.spec.paused || !observation.leaseIsFresh) return undefined;
    const now = this.#ports.clock.monotonic();
    let standing: SpareReport | undefined;
    for (const member of members) {
      const { consensusKey } = member;
      const pod = signerOf(observed, reading.chain, member);
      if (consensusKey === undefined || pod === undefined) continue;
      const waiting = this.#waiting.get(consensusKey);
      if (waiting !== undefined && waiting.untilMs > now) {
        standing ??= { ...waiting.report, isNew: false };
        continue;
      }
      // The copies may be late: a pause, another spec, a member that is no more.
      const live = await readLive();
      if (live === undefined) return standing;
      if (!isRecorded(live.services, member)) continue;
      const report = await this.#register(live.set, reading.chain, { member, pod, request });
      this.#remember(consensusKey, report);
      return report;
    }
    return standing;
  }

  async #register(
    set: ValidatorSet,
    chain: ChainView,
    at: { readonly member: MemberView; readonly pod: PodView; readonly request: ChainRequest },
  ): Promise<SpareReport> {
    const { member, pod, request } = at;
    const { kube, control } = this.#ports;
    const owner = ownerOf(set, member.ordinal);
    const problem = (reason: string, message: string): SpareReport => ({
      member: member.name,
      reason,
      message: `${member.name}: ${message}`.slice(0, 500),
      isProblem: true,
      isNew: true,
    });
    const { consensusKey: key = "", networkKey = "", address } = member;
    const endorsement = set.spec.endorsements?.find((each) => each.key === key)?.signature;
    if (set.spec.requireEndorsement === true && endorsement === undefined) {
      const fix = `let ${owner.name} sign it: quorate endorse ${set.metadata.name} ${member.name}`;
      return problem("AwaitingEndorsement", fix);
    }
    const sponsor = await readSponsor(kube, set, owner);
    if ("reason" in sponsor) return problem(sponsor.reason, sponsor.message);
    const bond = BigInt(set.spec.genesis.seatPower);
    const registration: SpareRegistration = { owner: owner.key, key, networkKey, address, bond };
    const asked = { owner: owner.key, address, bond: String(bond) };
    const to = hostPort(pod.ip, PORTS.control);
    let signed: NodeRegistration;
    try {
      signed = await control.signRegistration(to, networkKey, asked);
    } catch (error) {
      return problem("SpareUnanswered", error instanceof Error ? error.message : String(error));
    }
    const transaction = registrationBytes({
      chainId: chain.chainId,
      registration,
      signed,
      sponsor,
      endorsement,
    });
    if (!this.#ports.leads()) return problem("LeaseStale", "the lease was not renewed in time");
    return told(member, await this.#ports.chain.submit(request, transaction), problem);
  }

  #remember(key: string, report: SpareReport): void {
    const waitMs = report.isProblem
      ? Math.min(WAIT_MOST_MS, (this.#waiting.get(key)?.waitMs ?? WAIT_FIRST_MS / 2) * 2)
      : WAIT_FIRST_MS;
    const untilMs = this.#ports.clock.monotonic() + waitMs;
    this.#waiting.set(key, { waitMs, untilMs, report });
  }
}

/** It has keys, and the chain does not know them. */
function isWaiting(
  { consensusKey, networkKey, retired }: MemberView,
  { known }: ChainView,
): boolean {
  if (consensusKey === undefined || networkKey === undefined) return false;
  return !retired && !known.has(consensusKey);
}

/** The set's own pod of a member that waits, where its node can sign for this very chain. */
function signerOf(
  { observation, objects, identities }: Observed,
  chain: ChainView,
  member: MemberView,
): PodView | undefined {
  const { pods, set, genesisHash } = observation;
  // The chain was asked about recorded keys only.
  if (!isWaiting(member, chain) || !isRecorded(objects, member)) return undefined;
  const identity = identities.find((answer) => answer.member === member.name)?.identity;
  // It signs only once it has pinned this very chain.
  if (identity === undefined || identity.genesisHash !== genesisHash) return undefined;
  const object = objects.find(
    ({ kind, metadata }) => kind === "Pod" && metadata.name === member.name,
  );
  if (object === undefined || !isOwnPod(object, set.metadata.uid)) return undefined;
  return pods.find((pod) => pod.name === member.name && isReachable(pod));
}

/** The transaction with every signature that it needs (rule SPONSOR). */
function registrationBytes(parts: {
  readonly chainId: string;
  readonly registration: SpareRegistration;
  readonly signed: NodeRegistration;
  readonly sponsor: AccountKey;
  readonly endorsement: string | undefined;
}): Uint8Array {
  const { chainId, registration, signed, sponsor, endorsement } = parts;
  const { nonce, possession, networkSignature } = signed;
  const subject = registrationDigest(chainId, registration);
  return encodeTransaction({
    kind: "register-spare",
    registration,
    possession: {
      statement: { kind: "endorsement", nonce, subject },
      author: registration.key,
      signature: fromHex(possession),
    },
    networkSignature: fromHex(networkSignature),
    sponsorSignature: sponsor.sign(registrationSigningBytes(chainId, "sponsor", registration)),
    ownerSignature: endorsement === undefined ? undefined : fromHex(endorsement),
  });
}

function told(
  { name }: MemberView,
  outcome: SubmitOutcome,
  problem: (reason: string, message: string) => SpareReport,
): SpareReport {
  switch (outcome.kind) {
    case "executed": {
      if (outcome.code !== "OK") return problem("SpareRefused", `the chain says ${outcome.code}`);
      const message = `${name} is a spare since height ${outcome.height}`;
      return { member: name, reason: "SpareRegistered", message, isProblem: false, isNew: true };
    }
    case "refused":
      return problem("SpareRefused", `no node takes it: ${outcome.code}: ${outcome.message}`);
    case "unknown":
      return problem("SpareUnanswered", outcome.message);
  }
}
