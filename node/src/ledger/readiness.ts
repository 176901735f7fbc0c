import type { PublicKey } from "../kernel/scalars.ts";
import { verifyStatement } from "../kernel/statements.ts";
import { hasQuorum } from "../kernel/validator-set.ts";
import type { LedgerState } from "./state.ts";
import { READINESS_NONCE, readinessDigest } from "./transaction.ts";
import type { Transaction } from "./types.ts";
import { change, type Verdict, type Work, withEntry } from "./work.ts";

/** The highest version that a member's binary holds, as far as the chain knows (rule VERSION). */
export function readyVersion(
  { readiness, protocol }: Pick<LedgerState, "readiness" | "protocol">,
  member: PublicKey,
): number {
  return readiness.get(member)?.version ?? protocol.version;
}

/**
 * A member says which version its binary holds: higher before an upgrade, lower when the old binary
 * is put back. The nonce of its endorsement orders what it said: nobody repeats an older word.
 */
export function applyReadiness(
  work: Work,
  { version, endorsement }: Extract<Transaction, { kind: "readiness" }>,
): Verdict {
  const { state } = work;
  const { author, statement } = endorsement;
  if (!state.seats.has(author)) {
    const fix = "only a member signals the version of its binary";
    return { code: "NOT_A_MEMBER", field: "endorsement.author", fix };
  }
  const { version: active } = state.protocol;
  if (version < active) {
    const fix = `version ${active} is active: nobody runs without it any more`;
    return { code: "READINESS_BELOW_ACTIVE", field: "version", fix };
  }
  const names =
    statement.kind === "endorsement" &&
    statement.subject === readinessDigest(state.chainId, version);
  if (!names || statement.nonce < READINESS_NONCE) {
    const fix = `endorse readinessDigest(chainId, version) under nonce ${READINESS_NONCE} + height`;
    return { code: "BAD_READINESS", field: "endorsement", fix };
  }
  const height = statement.nonce - READINESS_NONCE;
  const last = state.readiness.get(author);
  if (height > state.height || (last !== undefined && height <= last.height)) {
    const fix = `name a height above ${last?.height ?? 0}, and not above ${state.height}`;
    return { code: "READINESS_OUT_OF_ORDER", field: "endorsement.nonce", fix };
  }
  if (!verifyStatement(work.scheme, state.chainId, endorsement)) {
    const fix = "the member's consensus key signs the endorsement";
    return { code: "BAD_SIGNATURE", field: "endorsement", fix };
  }
  change(work, { readiness: withEntry(state.readiness, author, { version, height }) });
  return undefined;
}

/** Records of members that left say nothing about the set. */
function forgetLeavers(work: Work): void {
  const { readiness, seats } = work.state;
  const kept = [...readiness].filter(([key]) => seats.has(key));
  if (kept.length < readiness.size) change(work, { readiness: new Map(kept) });
}

function isReady(state: LedgerState, version: number): boolean {
  const ready = state.set.members.filter(({ key }) => readyVersion(state, key) >= version);
  return hasQuorum(
    state.set,
    ready.map(({ key }) => key),
  );
}

/**
 * The last thing of a block, on the set of the next one: a quorum that is ready fixes the height of
 * the activation; below a quorum it is withdrawn, and the old version goes on (rule VERSION).
 */
export function judgeActivation(work: Work): void {
  forgetLeavers(work);
  const { state } = work;
  const { protocol, height } = state;
  const { version, activation } = protocol;
  if (activation !== undefined) {
    if (isReady(state, activation.version)) return;
    change(work, { protocol: { version, activation: undefined } });
    work.events.push({ kind: "protocol", step: "withdrawn", ...activation });
    return;
  }
  if (state.readiness.size === 0 || !isReady(state, version + 1)) return;
  const { activationDelayBlocks } = state.genesis.parameters.consensus;
  const next = { version: version + 1, height: height + activationDelayBlocks };
  change(work, { protocol: { version, activation: next } });
  work.events.push({ kind: "protocol", step: "scheduled", ...next });
}
