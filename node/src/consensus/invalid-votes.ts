import type { Digest } from "../kernel/scalars.ts";
import type { SignedStatement } from "../kernel/statements.ts";
import { reportInvalidVote } from "./evidence.ts";
import { breaksVoteRule, followsRounds } from "./round-rule.ts";
import { ballotsAt } from "./state.ts";
import { keepEntries, type Turn, withEntry } from "./turn.ts";
import type { SignedBlock } from "./types.ts";

/** Blocks that nobody may vote for, kept to show who did. */
const INVALID_MAX = 64;
/** ... of one proposer: another one's offence is not crowded out. */
const INVALID_OF_ONE_MAX = 4;
/** A late vote for a block that is committed by now. */
const COMMITTED_LOOKED_AT = 16;

function blockNamed(turn: Turn, id: Digest): SignedBlock | undefined {
  const { blocks, invalid } = turn.epoch;
  const known = blocks.get(id)?.signed ?? invalid.get(id);
  if (known !== undefined) return known;
  const newest = turn.chain.committed.slice(-COMMITTED_LOOKED_AT);
  return newest.find(({ signed }) => signed.id === id)?.signed;
}

function judge(turn: Turn, vote: SignedStatement, signed: SignedBlock): void {
  if (vote.statement.kind !== "vote" || !breaksVoteRule(vote.statement, signed.block)) return;
  reportInvalidVote(turn, vote, signed);
}

/** E6 on a verified vote, if the block that it names is here. */
export function judgeVote(turn: Turn, vote: SignedStatement): void {
  if (vote.statement.kind !== "vote") return;
  const signed = blockNamed(turn, vote.statement.blockId);
  if (signed !== undefined) judge(turn, vote, signed);
}

/** E6 on a block whose proposer's signature is verified: the votes for it may have come first. */
export function judgeVotesFor(turn: Turn, signed: SignedBlock): void {
  if (!followsRounds(signed.block)) keepInvalid(turn, signed);
  for (const vote of ballotsAt(turn.epoch, signed.block.round).votes.values()) {
    const { statement } = vote;
    if (statement.kind === "vote" && statement.blockId === signed.id) judge(turn, vote, signed);
  }
}

function keepInvalid(turn: Turn, signed: SignedBlock): void {
  const { invalid } = turn.epoch;
  const { proposer } = signed.block;
  const same = Array.from(invalid).filter(([, { block }]) => block.proposer === proposer);
  const crowded = same.length >= INVALID_OF_ONE_MAX ? same : Array.from(invalid);
  const full = same.length >= INVALID_OF_ONE_MAX || invalid.size >= INVALID_MAX;
  const oldest = full ? crowded[0]?.[0] : undefined;
  const kept = oldest === undefined ? invalid : keepEntries(invalid, (id) => id !== oldest);
  turn.changeEpoch({ invalid: withEntry(kept, signed.id, signed) });
}
