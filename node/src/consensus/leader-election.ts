import { sha256Hex } from "../crypto/sha256.ts";
import { assert, defined } from "../kernel/assert.ts";
import { compareText } from "../kernel/bytes.ts";
import { Writer } from "../kernel/codec.ts";
import type { Digest, PublicKey, Round } from "../kernel/scalars.ts";
import { faultyPower, findMember, powerOf, type ValidatorSet } from "../kernel/validator-set.ts";
import type { Block } from "./types.ts";

/** Who failed as leader and has not voted since, after the committed block of `round`. */
export interface Election {
  readonly round: Round;
  /** Round of the failure, by key, oldest failure first. */
  readonly failed: ReadonlyMap<PublicKey, Round>;
}

export interface Electorate {
  readonly set: ValidatorSet;
  readonly order: readonly PublicKey[];
}

/** Longer gaps (a partition) count their newest rounds only: everybody failed in them alike. */
const GAP_ROUNDS_MAX = 64;
/** Elections look back n-1 rounds; older ones are needed only while rounds pass without commits. */
const ELECTIONS_MAX = 256;

/** The epoch's fixed permutation of its members: nobody chooses his place. */
export function leaderOrder(chainId: Digest, set: ValidatorSet): readonly PublicKey[] {
  const ranked = set.members.map(({ key }) => {
    const writer = new Writer().text("quorate/v1/leader-order").hex32(chainId).u64(set.epoch);
    return { key, rank: sha256Hex(writer.hex32(key).finish()) };
  });
  return ranked.toSorted((left, right) => compareText(left.rank, right.rank)).map(({ key }) => key);
}

/** Failed leaders that are passed over: oldest failure first, never more than f with the muted. */
function passedOver(set: ValidatorSet, election: Election): ReadonlySet<PublicKey> {
  const muted = set.members.filter((member) => member.muted).map(({ key }) => key);
  const passed = new Set(muted);
  for (const key of election.failed.keys()) {
    if (powerOf(set, [...passed, key]) <= faultyPower(set)) passed.add(key);
  }
  return passed;
}

/**
 * Leader of a round: its place in the permutation, or a substitute if that member is muted or
 * failed and has not voted since (rule PACE). It reads only blocks of round - (n-1) and older,
 * which every node has committed when it enters the round, unless rounds failed in between: then
 * nodes may disagree, and that costs a round, never safety.
 */
export function leaderOf(
  electorate: Electorate,
  elections: readonly Election[],
  round: Round,
): PublicKey {
  const { set, order } = electorate;
  const horizon = round - (set.members.length - 1);
  const election = defined(
    elections.findLast((each) => each.round <= horizon) ?? elections[0],
    "the election of the epoch's genesis",
  );
  const passed = passedOver(set, election);
  const own = defined(order[round % order.length], "a member for every round");
  if (!passed.has(own)) return own;
  const eligible = order.filter((key) => !passed.has(key));
  // Everybody muted: a set that the ledger never makes; plain round robin keeps it alive.
  if (eligible.length === 0) return own;
  // Substitutes take turns, so that one slow substitute does not lead two rounds of every cycle.
  const turn = Math.floor(round / order.length) % eligible.length;
  return defined(eligible[turn], "a substitute");
}

/** Rounds in which members of the chain proved, inside this block, that they voted. */
function votesIn(block: Block): readonly (readonly [PublicKey, Round])[] {
  const certified = block.qc.signatures.map(({ author }) => [author, block.qc.round] as const);
  const late = block.signsOfLife.flatMap(({ author, statement }) => {
    const { kind } = statement;
    const voted = kind === "vote" || kind === "order-vote" || kind === "timeout";
    return voted ? [[author, statement.round] as const] : [];
  });
  return [...certified, ...late];
}

/** The elections after one more committed block. */
export function electAfter(
  electorate: Electorate,
  elections: readonly Election[],
  block: Block,
): readonly Election[] {
  const last = defined(elections.at(-1), "the election of the epoch's genesis");
  assert(block.round > last.round, "blocks are committed in order of their rounds");
  const failed = new Map(last.failed);
  for (const [author, round] of votesIn(block)) {
    const failedAt = failed.get(author);
    if (failedAt !== undefined && round > failedAt) failed.delete(author);
  }
  const first = Math.max(block.qc.round + 1, block.round - GAP_ROUNDS_MAX);
  for (let round = first; round < block.round; round += 1) {
    const leader = leaderOf(electorate, elections, round);
    // A new failure moves to the end: who failed longest ago is passed over first.
    if (failed.has(leader) || findMember(electorate.set, leader) === undefined) continue;
    failed.set(leader, round);
  }
  return [...elections, { round: block.round, failed }].slice(-ELECTIONS_MAX);
}
