import type { SwapRecord } from "@quorate/node/ledger/types";
import type {
  RotationPhase,
  ValidatorRotation,
  ValidatorRotationStatus,
} from "../api/v1alpha1/types.ts";
import { approvalHash, planHash } from "../decide/candidate.ts";
import type { Ground } from "../decide/decision.ts";
import type { ChainView, Observation } from "../observe/observation.ts";

/** A transaction of which nothing was seen for so long was lost: a new attempt is a new object. */
const LOST_MS = 60_000;

/** RFC 3339 in UTC with milliseconds, as all times in status. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}

/** The status with a new phase and the moment at which it began. */
export function enter(
  status: ValidatorRotationStatus,
  phase: RotationPhase,
  change: { readonly nowMs: number; readonly message: string },
): ValidatorRotationStatus {
  const { nowMs, message } = change;
  return { ...status, phase, message, times: { ...status.times, [phase]: timestamp(nowMs) } };
}

export type SeatSwap = SwapRecord & { readonly leaver: string; readonly newcomer: string };

/**
 * Swaps that take one key out and seat another: `mute` and `unmute` keep the member, and growing and
 * shrinking, which owners sign, are no rotation.
 */
export function seatSwaps({ swaps }: ChainView): readonly SeatSwap[] {
  return swaps.flatMap((swap) => {
    const { leaver, newcomer } = swap;
    return leaver === undefined || newcomer === undefined ? [] : [{ ...swap, leaver, newcomer }];
  });
}

/** What the chain's record of a swap says in a rotation's status. */
export function withSwap(
  status: ValidatorRotationStatus,
  swap: SwapRecord,
  chain: ChainView,
): ValidatorRotationStatus {
  return {
    ...status,
    epoch: swap.epoch,
    ...(swap.newcomer === undefined ? {} : { newcomer: swap.newcomer }),
    ...(chain.set.epoch === swap.epoch ? { setHashAfter: chain.setHash } : {}),
    heights: { ...status.heights, committed: swap.height },
  };
}

/**
 * Where a rotation stands by what this pass knows: the chain is asked, nothing is sent again (rule
 * S16). The same value where nothing changed. `grounds`: what this pass found, where it could see.
 */
export function follow(
  observation: Observation,
  rotation: ValidatorRotation,
  grounds?: readonly Ground[],
): ValidatorRotationStatus | undefined {
  const { status } = rotation;
  const reading = observation.chain;
  if (status === undefined || reading.kind !== "verified") return status;
  const { chain } = reading;
  switch (status.phase) {
    case "Planned":
      return followPlan(observation, rotation, { status, chain, grounds });
    case "Submitted":
      return followSubmitted(observation, rotation, { status, chain });
    case "Effective":
      return followEffective(observation, rotation, { status, chain });
    case "Replaced":
    case "Refused":
    case "Expired":
      return status;
  }
}

interface Followed {
  readonly status: ValidatorRotationStatus;
  readonly chain: ChainView;
}

/** A plan lives as long as what it was made from: the same finding, and the same effect. */
function isGrounded(
  { metadata, spec }: ValidatorRotation,
  { planHash: hash }: ValidatorRotationStatus,
  grounds: readonly Ground[] | undefined,
): boolean {
  if (grounds === undefined || spec.cause === "Owner") return true;
  return grounds.some(
    ({ cause, member, effect }) =>
      cause === spec.cause &&
      member === spec.member &&
      hash === approvalHash(planHash({ ...spec, effect }), metadata.uid),
  );
}

/** The swap that took this member's seat since the rotation was decided, if one did. */
function swapOf({ spec, status }: ValidatorRotation, chain: ChainView): SwapRecord | undefined {
  if (spec.setHash === chain.setHash) return undefined;
  const since = status?.heights?.submitted ?? 0;
  return seatSwaps(chain).findLast(
    ({ leaver, height }) => leaver === spec.member && height > since,
  );
}

function followPlan(
  { nowMs }: Observation,
  rotation: ValidatorRotation,
  { status, chain, grounds }: Followed & { readonly grounds: readonly Ground[] | undefined },
): ValidatorRotationStatus {
  const swap = swapOf(rotation, chain);
  if (swap !== undefined) {
    const message = `the chain swapped it for ${swap.cause} before anybody acted on this plan`;
    const taken = withSwap({ ...status, initiator: "Chain" }, swap, chain);
    return enter(taken, "Effective", { nowMs, message });
  }
  if (rotation.spec.setHash !== chain.setHash) {
    return enter(status, "Expired", { nowMs, message: "the set changed: this plan is void" });
  }
  if (!isGrounded(rotation, status, grounds)) {
    const message = "what was found is gone or would have another effect now: this plan is void";
    return enter(status, "Expired", { nowMs, message });
  }
  const expiresMs = Date.parse(status.expiresAt ?? "");
  if (Number.isNaN(expiresMs) || nowMs < expiresMs) return status;
  return enter(status, "Expired", { nowMs, message: "nobody approved it in time" });
}

function followSubmitted(
  { nowMs }: Observation,
  rotation: ValidatorRotation,
  { status, chain }: Followed,
): ValidatorRotationStatus {
  const { cause, member, setHash } = rotation.spec;
  const swap = swapOf(rotation, chain);
  if (swap !== undefined) {
    const message = `epoch ${swap.epoch} began at height ${swap.height} (${swap.cause})`;
    return enter(withSwap(status, swap, chain), "Effective", { nowMs, message });
  }
  // Condemned: its swap waits for an approval, a fit spare or the next epoch (rule RATE).
  if (chain.liveness.get(member)?.isCondemned === true) {
    const message = "waiting: the key is condemned, its swap needs a fit spare or an approval";
    return status.message === message ? status : { ...status, message };
  }
  // A proof names no set: another set does not make it void.
  const isProof = cause === "Misconduct" && chain.set.members.some(({ key }) => key === member);
  if (setHash !== chain.setHash && !isProof) {
    const muted = chain.set.members.some(({ key, muted: is }) => key === member && is);
    const message = muted
      ? "no spare was fit: the chain muted the member as leader, it stays seated"
      : "the set changed before it was executed: nothing came of it";
    return enter(status, "Refused", { nowMs, message });
  }
  const sentMs = Date.parse(status.times.Submitted ?? "");
  if (Number.isNaN(sentMs) || nowMs - sentMs < LOST_MS) return status;
  const message = `nothing of it was seen on the chain within ${LOST_MS / 1_000} s`;
  return enter(status, "Refused", { nowMs, message });
}

/**
 * Replaced: the leaver's pod is gone, or told to go (on a dead machine nobody can say more, rule
 * S14), and there are as many registered spares as wanted.
 */
function followEffective(
  { nowMs, members, pods, set }: Observation,
  { spec }: ValidatorRotation,
  { status, chain }: Followed,
): ValidatorRotationStatus {
  const leaver = members.find(({ consensusKey }) => consensusKey === spec.member);
  const stays = pods.some(({ member, terminating }) => member === leaver?.name && !terminating);
  if (stays) return status;
  const own = new Set(members.map(({ consensusKey }) => consensusKey));
  const spares = chain.spares.filter(({ key }) => own.has(key)).length;
  if (spares < set.spec.spares) return status;
  return enter(status, "Replaced", { nowMs, message: `${spares} spare(s) stand ready again` });
}
