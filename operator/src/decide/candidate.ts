import { sha256Hex } from "@quorate/node/crypto/sha256";
import { asciiBytes, compareText } from "@quorate/node/kernel/bytes";
import { faultyPower, findMember } from "@quorate/node/kernel/validator-set";
import type { RotationCause, ValidatorRotation } from "../api/v1alpha1/types.ts";
import type { Findings, Verdict } from "../detect/verdict.ts";
import type { ChainSpare, ChainView, Observation } from "../observe/observation.ts";
import type { RotationPlan } from "./decision.ts";

/** A rotation that somebody or something asks for, before any rule was asked. */
export interface Candidate {
  readonly member: string;
  /** Undefined where what is wrong is no cause for a swap (rule CAUSE). */
  readonly cause: RotationCause | undefined;
  /** What was found; undefined where an owner asks. */
  readonly verdict: Verdict | undefined;
  /** The object by which an owner asks. */
  readonly request: ValidatorRotation | undefined;
}

const CAUSES: Readonly<Partial<Record<Verdict["kind"], RotationCause>>> = {
  Misconduct: "Misconduct",
  Silence: "Silence",
};
/** Misconduct before silence before an owner's wish; what is no cause comes last, to be told. */
const ORDER: readonly (RotationCause | undefined)[] = ["Misconduct", "Silence", "Owner", undefined];

function fromVerdicts({ verdicts }: Findings): readonly Candidate[] {
  return verdicts
    .filter(({ kind }) => kind in CAUSES || kind === "WrongRoot")
    .map((verdict) => {
      const { kind, member } = verdict;
      return { member, cause: CAUSES[kind], verdict, request: undefined };
    });
}

function fromOwners({ rotations }: Observation): readonly Candidate[] {
  return rotations
    .filter(({ spec, status }) => {
      const waits = status === undefined || status.phase === "Planned";
      return spec.cause === "Owner" && spec.ownerSignature !== undefined && waits;
    })
    .map((request) => {
      const { member } = request.spec;
      return { member, cause: "Owner" as const, verdict: undefined, request };
    });
}

/** Deterministic: by cause, then the longest silence first, then by key. */
export function candidatesOf(
  observation: Observation,
  findings: Findings,
  chain: ChainView,
): readonly Candidate[] {
  const silentMs = (key: string) => chain.liveness.get(key)?.msSilent ?? 0;
  return [...fromVerdicts(findings), ...fromOwners(observation)].sort(
    (left, right) =>
      ORDER.indexOf(left.cause) - ORDER.indexOf(right.cause) ||
      silentMs(right.member) - silentMs(left.member) ||
      compareText(left.member, right.member),
  );
}

/** What a plan does, to whom, why and under which set. Anything else is another plan. */
export function planHash(
  plan: Pick<RotationPlan, "cause" | "member" | "setHash" | "effect">,
): string {
  const { cause, member, setHash, effect } = plan;
  return sha256Hex(asciiBytes(`quorate/v1/plan ${cause} ${member} ${setHash} ${effect}`));
}

/**
 * What an approval names: this plan in this very object. The API server chooses the uid, so nobody
 * approves a plan before it is there, and the plan of the next incident has another hash.
 */
export function approvalHash(plan: string, uid: string | undefined): string {
  return sha256Hex(asciiBytes(`quorate/v1/approval ${plan} ${uid ?? "unborn"}`));
}

/** Spares that the chain may pick, as far as the operator can see (rules PICK, FIT). */
export function fitSpares(
  chain: ChainView,
  cause: RotationCause,
  member: string,
): readonly ChainSpare[] {
  const owner = findMember(chain.set, member)?.owner;
  return chain.spares.filter((spare) => spare.fit && (cause !== "Owner" || spare.owner === owner));
}

/** Whether the chain would mute the member: at most f are muted (rule SWAP). */
export function mayMute(chain: ChainView, member: string): boolean {
  const seat = findMember(chain.set, member);
  if (seat === undefined || seat.muted) return false;
  const muted = chain.set.members.reduce((sum, each) => (each.muted ? sum + each.power : sum), 0n);
  return muted + seat.power <= faultyPower(chain.set);
}

export function effectOf(
  chain: ChainView,
  cause: RotationCause,
  member: string,
): RotationPlan["effect"] {
  if (fitSpares(chain, cause, member).length > 0) return "Swap";
  return cause === "Silence" ? "Mute" : "Slash";
}

export function planOf(
  chain: ChainView,
  cause: RotationCause,
  { member, verdict, request }: Candidate,
): RotationPlan {
  const { setHash } = chain;
  const effect = effectOf(chain, cause, member);
  const found = verdict?.signals.map(({ kind, says }) => `${kind}: ${says}`).join("; ");
  const why = found ?? `the owner signed it (${request?.metadata.name})`;
  const without = effect === "Swap" ? "" : "; no spare is fit, so the seat stays";
  const signature = request?.spec.ownerSignature;
  return {
    cause,
    member,
    epoch: chain.set.epoch,
    setHash,
    hash: planHash({ cause, member, setHash, effect }),
    proof: verdict?.proof,
    effect,
    message: `${why}${without}`,
    ...(signature === undefined ? {} : { ownerSignature: signature }),
    ...(request === undefined ? {} : { request }),
  };
}
