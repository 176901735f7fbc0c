import { ed25519 } from "@quorate/node/crypto/ed25519";
import { fromHex } from "@quorate/node/kernel/bytes";
import { faultyPower, findMember, powerOf } from "@quorate/node/kernel/validator-set";
import { ownerRotationSigningBytes } from "@quorate/node/ledger/transaction";
import type { ValidatorRotation } from "../api/v1alpha1/types.ts";
import { downMembers, faultBudget } from "./budget.ts";
import { fitSpares, mayMute } from "./candidate.ts";
import type { Refusal } from "./decision.ts";
import { commonTraits } from "./failure-domains.ts";
import { instantMs } from "./instant.ts";
import { maintenanceOf } from "./maintenance.ts";
import { type CandidateInput, type Guard, nameOf } from "./policy-input.ts";

const DAY_MS = 86_400_000;
/** Back-off after a refused rotation of the same member doubles up to this (rule S15). */
const BACK_OFF_MS_MAX = 3_600_000;
/** A refused proof is sent again after so long, however often it was refused. */
const RESEND_MS = 10_000;

function refusal(
  { candidate: { member } }: CandidateInput,
  said: Omit<Refusal, "member">,
): Refusal {
  return { ...said, member };
}

/** When the operator sent it; the chain's own swaps and people's are not its acts. */
function submittedMs({ status }: ValidatorRotation): number | undefined {
  return status?.initiator === "Operator" ? instantMs(status.times.Submitted) : undefined;
}

/**
 * CAUSE: a wrong root, an invalid proposal, an outlier is no cause; only the owner may sign one.
 */
export const hasCause: Guard = {
  id: "CAUSE",
  refuse: (input) => {
    if (input.candidate.cause !== undefined) return undefined;
    const name = nameOf(input.observation, input.candidate.member);
    const found = input.candidate.verdict?.kind ?? "this";
    const fix = "its owner may sign a ValidatorRotation with cause Owner";
    const message = `${found} of ${name} is no cause for a swap: ${fix}`;
    return refusal(input, { rule: "CAUSE", reason: "NoCause", message });
  },
};

/**
 * S6: misconduct needs two conflicting signatures that were verified here; no metric is a proof.
 */
export const misconductIsProven: Guard = {
  id: "S6",
  refuse: (input) => {
    const { cause, verdict } = input.candidate;
    if (cause !== "Misconduct") return undefined;
    if (verdict?.certainty === "Confirmed" && verdict.proof !== undefined) return undefined;
    const message = "peers count conflicting signatures; without a verified proof nothing follows";
    return refusal(input, { rule: "S6", reason: "NoProof", message });
  },
};

/** S7: silence needs the chain's record and observers of at least f+1, the accused not counted. */
export const silenceIsConfirmed: Guard = {
  id: "S7",
  refuse: (input) => {
    const { cause, verdict } = input.candidate;
    if (cause !== "Silence" || verdict?.certainty === "Confirmed") return undefined;
    const says = verdict?.signals.map(({ kind }) => kind).join(", ") ?? "nobody";
    const message = `only ${says} says so: the chain's record and observers of f+1 are needed`;
    return refusal(input, { rule: "S7", reason: "Suspected", message });
  },
};

/** The accused still sits, under the set that an owner signed for; a condemned key is judged. */
export const isSeated: Guard = {
  id: "CAUSE",
  refuse: (input) => {
    const { candidate, chain, observation } = input;
    const { member, cause, request } = candidate;
    if (findMember(chain.set, member) === undefined) {
      const message = `${nameOf(observation, member)} holds no seat`;
      return refusal(input, { rule: "CAUSE", reason: "NotAMember", message });
    }
    if (request !== undefined && request.spec.setHash !== chain.setHash) {
      const message = `signed for set ${request.spec.setHash.slice(0, 8)}: sign it again`;
      return refusal(input, { rule: "CAUSE", reason: "SetChanged", message });
    }
    if (cause !== "Silence" && chain.liveness.get(member)?.isCondemned === true) {
      const message = "the chain has condemned the key already: its swap is under way";
      return refusal(input, { rule: "RATE", reason: "AlreadyCondemned", message });
    }
    return undefined;
  },
};

/** CAUSE (c): the seat's owner signed these very bytes; a stranger's wish is never sent. */
export const ownerSigned: Guard = {
  id: "CAUSE",
  refuse: (input) => {
    const { candidate, chain } = input;
    const { member, request } = candidate;
    const seat = findMember(chain.set, member);
    if (request === undefined || seat === undefined) return undefined;
    const { setHash, ownerSignature } = request.spec;
    if (setHash !== chain.setHash) return undefined;
    if (ownerSignature !== undefined) {
      const { nonce, signature } = ownerSignature;
      const rotation = { kind: "owner-rotation", member, setHash, nonce } as const;
      const bytes = ownerRotationSigningBytes(chain.chainId, rotation);
      if (ed25519.verify(seat.owner, bytes, fromHex(signature))) return undefined;
    }
    const fix = "sign with the seat owner's key, for this chain: `quorate rotate`";
    const message = `${request.metadata.name}: the signature is not its owner's: ${fix}`;
    return refusal(input, { rule: "CAUSE", reason: "NotTheOwner", message });
  },
};

/**
 * SWAP, S16: one rotation in flight; the next only after the last is effective. A condemned key
 * whose swap the chain holds back (no fit spare, no approval) is not in flight: it may wait long.
 */
export const nothingInFlight: Guard = {
  id: "SWAP",
  refuse: (input) => {
    const isHeldBack = ({ cause, member }: ValidatorRotation["spec"]): boolean =>
      cause === "Misconduct" && input.chain.liveness.get(member)?.isCondemned === true;
    const flying = input.observation.rotations.find(
      ({ spec, status }) => status?.phase === "Submitted" && !isHeldBack(spec),
    );
    if (flying === undefined) return undefined;
    const message = `${flying.metadata.name} is submitted and not yet effective`;
    return refusal(input, { rule: "SWAP", reason: "RotationInFlight", message });
  },
};

/**
 * SWAP: without a fit spare a silence record still mutes, a proof still slashes; an owner's
 * signature would be spent for nothing, and so would a record against a member muted already.
 */
export const hasEffect: Guard = {
  id: "SWAP",
  refuse: (input) => {
    const { candidate, chain } = input;
    const { cause, member } = candidate;
    if (cause === undefined || cause === "Misconduct") return undefined;
    if (fitSpares(chain, cause, member).length > 0) return undefined;
    if (cause === "Silence" && mayMute(chain, member)) return undefined;
    const fix = "raise spec.spares, or wait until a spare is in sync";
    const message = `no spare is fit for the seat of ${nameOf(input.observation, member)}: ${fix}`;
    return refusal(input, { rule: "SWAP", reason: "NoFitSpare", message });
  },
};

/** S8: more than f bad at once have one cause that a rotation does not cure. */
export const isNotCorrelated: Guard = {
  id: "S8",
  refuse: (input) => {
    const { candidate, chain, observation, findings } = input;
    if (candidate.cause === "Misconduct") return undefined;
    const bad = [...downMembers(findings)];
    if (powerOf(chain.set, bad) <= faultyPower(chain.set)) return undefined;
    const names = bad.map((key) => nameOf(observation, key)).join(", ");
    const common = commonTraits(observation, chain, bad);
    const share = common.length === 0 ? "they share nothing that others lack" : common.join(", ");
    const message = `${names} are bad at once, more than f: ${share}`;
    return refusal(input, { rule: "S8", reason: "CorrelatedFailure", message });
  },
};

/**
 * S1: the power of the union of unreachable, leaving and draining, at the on-chain set, is at most
 * f. Proven misconduct is removed even above f, as long as the chain commits.
 */
export const staysInBudget: Guard = {
  id: "S1",
  refuse: (input) => {
    const { candidate, chain, observation, findings } = input;
    if (candidate.cause === "Misconduct") return undefined;
    const { used, f } = faultBudget(observation, chain, findings, [candidate.member]);
    if (BigInt(used) <= BigInt(f)) return undefined;
    const message = `unreachable, leaving and draining hold ${used}, at most f = ${f} may`;
    return refusal(input, { rule: "S1", reason: "FaultBudgetSpent", message });
  },
};

/** S1: who is away on purpose, within f, is not rotated for its silence; the rest may go on. */
export const isNotInMaintenance: Guard = {
  id: "S1",
  refuse: (input) => {
    const { candidate, observation } = input;
    if (candidate.cause !== "Silence") return undefined;
    const work = maintenanceOf(observation).away.find(({ key }) => key === candidate.member);
    if (work === undefined) return undefined;
    const message = `${work.member} is in maintenance: ${work.message}`;
    return refusal(input, { rule: "S1", reason: "InMaintenance", message });
  },
};

/** RATE: between silence swaps the chain cools down; proofs are exempt. */
export const chainIsCool: Guard = {
  id: "RATE",
  refuse: (input) => {
    const { candidate, chain, observation } = input;
    if (candidate.cause !== "Silence" || chain.coolDownMs <= 0) return undefined;
    const message = `silence changed the set a short time ago: ${chain.coolDownMs} ms to wait`;
    const againAtMs = observation.nowMs + chain.coolDownMs;
    return refusal(input, { rule: "RATE", reason: "CoolDown", message, againAtMs });
  },
};

/** S15: between two rotations of the operator lies its own cool-down; proofs are exempt. */
export const operatorIsCool: Guard = {
  id: "S15",
  refuse: (input) => {
    const { observation, candidate } = input;
    if (candidate.cause === "Misconduct") return undefined;
    const sent = observation.rotations.map(submittedMs).filter((ms) => ms !== undefined);
    const cooldownMs = observation.set.spec.healing.cooldownSeconds * 1_000;
    const againAtMs = Math.max(0, ...sent) + cooldownMs;
    if (sent.length === 0 || observation.nowMs >= againAtMs) return undefined;
    const message = `healing.cooldownSeconds: ${againAtMs - observation.nowMs} ms to wait`;
    return refusal(input, { rule: "S15", reason: "OperatorCoolDown", message, againAtMs });
  },
};

/** S15: so many rotations in 24 h; the next one waits for a person. Proofs are exempt. */
export const dayHasBudget: Guard = {
  id: "S15",
  refuse: (input) => {
    const { observation, candidate } = input;
    if (candidate.cause === "Misconduct") return undefined;
    const { dailyBudget } = observation.set.spec.healing;
    const sent = observation.rotations
      .map(submittedMs)
      .filter((ms) => ms !== undefined && observation.nowMs - ms < DAY_MS) as readonly number[];
    if (sent.length < dailyBudget) return undefined;
    const fix = "find out why, then raise healing.dailyBudget";
    const message = `${sent.length} rotations in 24 h, at most ${dailyBudget}: ${fix}`;
    const againAtMs = Math.min(...sent) + DAY_MS;
    return refusal(input, { rule: "S15", reason: "DailyBudgetSpent", message, againAtMs });
  },
};

/**
 * S15: each refused act of the operator doubles the wait before the next one of that cause against
 * that member; what others asked for delays nothing. A proof is sent again after a short spacing.
 */
export const memberBackedOff: Guard = {
  id: "S15",
  refuse: (input) => {
    const { observation, candidate } = input;
    const { nowMs } = observation;
    const accused = candidate.member;
    const failed = observation.rotations
      .filter(({ spec: { cause, member } }) => cause === candidate.cause && member === accused)
      .filter(({ status }) => status?.initiator === "Operator" && status.phase === "Refused")
      .map(({ status }) => instantMs(status?.times.Refused))
      .filter((ms) => ms !== undefined && nowMs - ms < DAY_MS) as readonly number[];
    if (failed.length === 0) return undefined;
    const { cooldownSeconds, intervalSeconds } = observation.set.spec.healing;
    const baseMs = Math.max(cooldownSeconds, intervalSeconds) * 1_000;
    const doubled = Math.min(BACK_OFF_MS_MAX, baseMs * 2 ** (failed.length - 1));
    const waitMs = candidate.cause === "Misconduct" ? RESEND_MS : doubled;
    const againAtMs = Math.max(...failed) + waitMs;
    if (nowMs >= againAtMs) return undefined;
    const message = `refused ${failed.length} times: ${againAtMs - nowMs} ms to wait`;
    return refusal(input, { rule: "S15", reason: "BackOff", message, againAtMs });
  },
};

/** Observe: the operator says what it would do, and does nothing (rule S19). */
export const modeActs: Guard = {
  id: "S19",
  refuse: (input) => {
    if (input.observation.set.spec.mode !== "Observe") return undefined;
    const message = "mode is Observe: it would act, set mode to Approve or Auto to let it";
    return refusal(input, { rule: "S19", reason: "ObserveMode", message });
  },
};
