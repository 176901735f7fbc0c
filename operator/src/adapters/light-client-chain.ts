import { connect, type QuorateClient } from "@quorate/client/client";
import {
  ChainRefusalError,
  QuorateError,
  RefusedError,
  UnreachableError,
} from "@quorate/client/errors";
import { fromHex, toHex } from "@quorate/node/kernel/bytes";
import { DecodeError } from "@quorate/node/kernel/codec";
import { type ValidatorSet, validatorSetHash } from "@quorate/node/kernel/validator-set";
import { genesisHash } from "@quorate/node/ledger/genesis";
import { decodeSet, encodeSet } from "@quorate/node/ledger/leaves";
import type { Clock } from "@quorate/runtime/clock";
import type { ChainReading } from "../observe/observation.ts";
import type { ChainPort, ChainRequest, SubmitOutcome, VerifiedChain } from "../ports.ts";
import { ChainMemory } from "./chain-state.ts";

/**
 * A pass waits this long for the chain at most; a node that is slower is asked after the others.
 */
const TIMEOUTS = { attemptMs: 1_500, totalMs: 6_000 } as const;
/** A node that lags is asked again so often, after a block's time each. */
const LAG_TRIES = 4;
const LAG_MS = 250;
const NOTHING_VERIFIED = { checkpoint: "", checkpointEpoch: 0, checkpointTimeMs: 0 } as const;

/** Chains by the light client, each kept open between passes. */
export class LightClientChain implements ChainPort {
  readonly #clock: Clock;
  readonly #chains = new Map<string, OpenChain>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async read(request: ChainRequest): Promise<VerifiedChain> {
    try {
      return await (await this.#open(request)).read(request);
    } catch (error) {
      return unreachable(messageOf(error));
    }
  }

  async submit(request: ChainRequest, transaction: Uint8Array): Promise<SubmitOutcome> {
    return (await this.#open(request)).submit(transaction);
  }

  close(): void {
    for (const chain of this.#chains.values()) chain.close();
    this.#chains.clear();
  }

  async #open(request: ChainRequest): Promise<OpenChain> {
    const id = genesisHash(request.genesis);
    const chain = this.#chains.get(id) ?? new OpenChain(this.#clock);
    this.#chains.set(id, chain);
    await chain.connect(request);
    return chain;
  }
}

function unreachable(message: string): VerifiedChain {
  const reading: ChainReading = { kind: "unreachable", message: message.slice(0, 500) };
  return { reading, proofs: [], ...NOTHING_VERIFIED };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A checkpoint of status, as a set; undefined where there is none or it is no such thing. */
function decodedSet(hex: string): ValidatorSet | undefined {
  if (hex === "") return undefined;
  try {
    return decodeSet(fromHex(hex));
  } catch (error) {
    if (error instanceof DecodeError || error instanceof RangeError) return undefined;
    throw error;
  }
}

class OpenChain {
  readonly #clock: Clock;
  #client: QuorateClient | undefined;
  #endpoints = "";
  readonly #memory = new ChainMemory(() => this.#open());
  /** Newest verified header: its height, its block time, and when it was seen. */
  #newest = { height: 0, timeMs: 0, seenAt: 0 };
  /** A person's checkpoint that was found on the way. */
  #confirmed = "";

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Other pods, other connections; what was verified goes on. */
  async connect({ genesis, endpoints, checkpoint }: ChainRequest): Promise<void> {
    const names = endpoints.toSorted().join(" ");
    if (this.#client !== undefined && names === this.#endpoints) return;
    const own = this.#client?.trustedSet;
    const kept = decodedSet(checkpoint);
    const start = own === undefined || (kept?.epoch ?? 0) > own.epoch ? kept : own;
    const next = await connect({
      genesis,
      endpoints,
      timeouts: TIMEOUTS,
      ...(start === undefined ? {} : { checkpoint: start }),
    });
    this.close();
    this.#client = next;
    this.#endpoints = names;
  }

  async read(request: ChainRequest): Promise<VerifiedChain> {
    const client = this.#open();
    const expired = await this.#trustProblem(client, request);
    if (expired !== undefined) return { reading: expired, proofs: [], ...NOTHING_VERIFIED };
    const [view, proofs] = await Promise.all([
      this.#readNewest(request.keys),
      client.evidence().catch((error: unknown) => {
        if (error instanceof UnreachableError) return [];
        throw error;
      }),
    ]);
    const wrong = this.#personProblem(client, request);
    if (wrong !== undefined) return unreachable(wrong);
    const now = this.#clock.monotonic();
    const { height, timeMs } = view;
    if (height > this.#newest.height) this.#newest = { height, timeMs, seenAt: now };
    if (height < this.#newest.height) {
      return unreachable(`nodes show height ${height}, ${this.#newest.height} was verified`);
    }
    const sinceProgressMs = now - this.#newest.seenAt;
    const set = client.trustedSet;
    return {
      reading: { kind: "verified", chain: { ...view, sinceProgressMs } },
      proofs: proofs.map(({ accused, evidence, transaction }) => ({
        accused,
        evidence,
        transaction,
      })),
      checkpoint: toHex(encodeSet(set)),
      checkpointEpoch: set.epoch,
      checkpointTimeMs: timeMs,
    };
  }

  /** A node that is a few blocks behind what was verified is no reason to be blind: ask again. */
  async #readNewest(keys: readonly string[]) {
    let view = await this.#memory.read(keys);
    for (let tries = 1; view.height < this.#newest.height && tries <= LAG_TRIES; tries += 1) {
      await this.#clock.sleep(LAG_MS);
      view = await this.#memory.read(keys);
    }
    return view;
  }

  async submit(transaction: Uint8Array): Promise<SubmitOutcome> {
    try {
      const { height } = await this.#open().submit(transaction);
      return { kind: "executed", code: "OK", height };
    } catch (error) {
      if (error instanceof ChainRefusalError) {
        return { kind: "executed", code: error.code, height: error.height };
      }
      if (error instanceof RefusedError && error.isUnanimous) {
        return { kind: "refused", code: error.code, message: error.fix };
      }
      if (error instanceof QuorateError) return { kind: "unknown", message: error.message };
      throw error;
    }
  }

  close(): void {
    this.#client?.close();
    this.#client = undefined;
  }

  #open(): QuorateClient {
    if (this.#client === undefined) throw new Error("the chain was closed");
    return this.#client;
  }

  /**
   * VERIFIED-READ: where the last verified header is older than the trust period, whoever held the
   * old keys may have sold them. Only a person's checkpoint on the way makes it good again.
   */
  async #trustProblem(
    client: QuorateClient,
    request: ChainRequest,
  ): Promise<ChainReading | undefined> {
    const { checkpointTimeMs, trustPeriodMs, person } = request;
    const born = client.genesis.genesisTimeMs;
    const lastMs = Math.max(this.#newest.timeMs, checkpointTimeMs, born);
    const ageMs = this.#clock.now() - lastMs;
    if (ageMs <= trustPeriodMs) return undefined;
    const expired: ChainReading = { kind: "checkpoint-expired", ageMs };
    if (person === undefined) return expired;
    const name = `${person.epoch}/${person.setHash}`;
    if (this.#confirmed === name) return undefined;
    if (client.trustedSet.epoch < person.epoch) await client.follow(person.epoch);
    const set = client.setOf(person.epoch);
    if (set === undefined || validatorSetHash(set) !== person.setHash) return expired;
    this.#confirmed = name;
    return undefined;
  }

  /** A person's word against what was verified: one of the two is wrong, and nobody acts. */
  #personProblem(client: QuorateClient, { person }: ChainRequest): string | undefined {
    const set = person === undefined ? undefined : client.setOf(person.epoch);
    if (person === undefined || set === undefined) return undefined;
    const hash = validatorSetHash(set);
    if (hash === person.setHash) return undefined;
    return `spec.checkpoint names set ${person.setHash} for epoch ${person.epoch}, it is ${hash}`;
  }
}
