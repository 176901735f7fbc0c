import { sha256Hex } from "../crypto/sha256.ts";
import { assert, defined } from "../kernel/assert.ts";
import { compareText } from "../kernel/bytes.ts";
import { Writer } from "../kernel/codec.ts";
import type { Digest, PublicKey, Round } from "../kernel/scalars.ts";
import { faultyPower, findMember, powerOf, type ValidatorSet } from "../kernel/validator-set.ts";
import type { Block } from "./types.ts";

/** How a member stands that failed as a leader (R10). */
export interface Standing {
  /** Round of its newest failure. */
  readonly failedAt: Round;
  /** Failures that are not forgiven yet: the pause after a failure doubles with each. */
  readonly strikes: number;
  /** A vote, order vote or timeout of its own, of a round above the failure, is on the chain. */
  readonly voted: boolean;
  /** A block that it proposed in a round above the failure is on the chain. */
  readonly led: boolean;
}

/** Who failed as leader, after the committed block of `round`. */
export interface Election {
  readonly round: Round;
  /** By key, oldest failure first. */
  readonly failed: ReadonlyMap<PublicKey, Standing>;
}

export interface Electorate {
  readonly set: ValidatorSet;
  readonly order: readonly PublicKey[];
}

/** Longer gaps (a partition) count their newest rounds only: everybody failed in them alike. */
const GAP_ROUNDS_MAX = 64;
/** R10: rounds without leading after the second failure; doubled for each further one. */
const PAUSE_ROUNDS = 256;
const PAUSE_ROUNDS_MAX = 4_096;
/** Failures that count: the sixth is the first that costs the longest rest. */
const STRIKES_MAX = 6;
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

/**
 * Rounds that a member rests after its failure, whether it votes or not. The first failure costs
 * none: a member that was gone and is back leads again after its first vote. Further ones double,
 * so that a member that votes and never proposes wins a vanishing share of the rounds.
 */
function pauseRounds(strikes: number): number {
  if (strikes < 2) return 0;
  return Math.min(PAUSE_ROUNDS * 2 ** (strikes - 2), PAUSE_ROUNDS_MAX);
}

/**
 * Failed leaders in the order in which they are passed over: who is gone, then who may be a liar.
 */
function unfit({ failed }: Election, round: Round): readonly PublicKey[] {
  const gone: PublicKey[] = [];
  const resting: (readonly [PublicKey, Standing])[] = [];
  for (const [key, standing] of failed) {
    if (!standing.voted) gone.push(key);
    else if (round < standing.failedAt + pauseRounds(standing.strikes)) {
      resting.push([key, standing]);
    }
  }
  if (resting.length === 0) return gone;
  resting.sort(([, left], [, right]) => right.strikes - left.strikes);
  return [...gone, ...resting.map(([key]) => key)];
}

/** Failed leaders that are passed over: never more than f with the muted. */
function passedOver(set: ValidatorSet, election: Election, round: Round): ReadonlySet<PublicKey> {
  const passed = new Set<PublicKey>();
  let power = 0n;
  for (const member of set.members) {
    if (!member.muted) continue;
    passed.add(member.key);
    power += member.power;
  }
  if (election.failed.size === 0) return passed;
  const most = faultyPower(set);
  for (const key of unfit(election, round)) {
    const more = passed.has(key) ? 0n : (findMember(set, key)?.power ?? 0n);
    if (power + more > most) continue;
    passed.add(key);
    power += more;
  }
  return passed;
}

/**
 * Leader of a round: its place in the permutation, or a substitute if that member is muted or
 * failed and has not voted since, or rests after repeated failures (rule PACE, R10). It reads only
 * blocks of round - (n-1) and older, which every node has committed when it enters the round,
 * unless rounds failed in between: then nodes may disagree, and that costs a round, never safety.
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
  const passed = passedOver(set, election, round);
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

/**
 * Leaders of the rounds between a block and its parent: their rounds made no block of the chain.
 */
function failedLeaders(
  electorate: Electorate,
  elections: readonly Election[],
  block: Block,
): ReadonlyMap<PublicKey, Round> {
  const leaders = new Map<PublicKey, Round>();
  const first = Math.max(block.qc.round + 1, block.round - GAP_ROUNDS_MAX);
  for (let round = first; round < block.round; round += 1) {
    const leader = leaderOf(electorate, elections, round);
    if (!leaders.has(leader)) leaders.set(leader, round);
  }
  return leaders;
}

/** What the votes and the proposal of a committed block say about those who failed before. */
function forgive(failed: Map<PublicKey, Standing>, block: Block): void {
  for (const [author, round] of votesIn(block)) {
    const standing = failed.get(author);
    if (standing === undefined || round <= standing.failedAt) continue;
    failed.set(author, { ...standing, voted: true });
  }
  const proposer = failed.get(block.proposer);
  if (proposer !== undefined && block.round > proposer.failedAt) {
    failed.set(block.proposer, { ...proposer, led: true });
  }
  for (const [key, { failedAt, voted, led }] of failed) {
    if (voted && led && block.round - failedAt >= PAUSE_ROUNDS_MAX) failed.delete(key);
  }
}

/** The elections after one more committed block. */
export function electAfter(
  electorate: Electorate,
  elections: readonly Election[],
  block: Block,
): readonly Election[] {
  const { set } = electorate;
  const last = defined(elections.at(-1), "the election of the epoch's genesis");
  assert(block.round > last.round, "blocks are committed in order of their rounds");
  const failed = new Map(last.failed);
  forgive(failed, block);
  const leaders = failedLeaders(electorate, elections, block);
  // Where more than f failed it was the network, and nobody has to rest for that.
  const guilty = powerOf(set, leaders.keys()) <= faultyPower(set);
  for (const [leader, failedAt] of leaders) {
    const before = failed.get(leader);
    if (before?.voted === false) continue;
    const strikes = Math.min((before?.strikes ?? 0) + (guilty ? 1 : 0), STRIKES_MAX);
    // A new failure moves to the end: who failed longest ago is passed over first.
    failed.delete(leader);
    failed.set(leader, { failedAt, strikes, voted: false, led: false });
  }
  return [...elections, { round: block.round, failed }].slice(-ELECTIONS_MAX);
}
