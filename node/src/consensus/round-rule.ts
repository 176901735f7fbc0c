import type { Statement } from "../kernel/statements.ts";
import { highestHqcRound } from "./certificates.ts";
import type { Block } from "./types.ts";

type Vote = Extract<Statement, { readonly kind: "vote" }>;

/**
 * R2, the arithmetic of rounds: a block follows its certificate, or the timeout certificate of the
 * round before, and then no timed-out member names a certificate above the block's.
 */
export function followsRounds({ epoch, round, qc, tc }: Block): boolean {
  if (qc.epoch !== epoch || qc.round >= round) return false;
  if (round === qc.round + 1) return true;
  if (tc === undefined || tc.epoch !== epoch || round !== tc.round + 1) return false;
  return qc.round >= highestHqcRound(tc);
}

/**
 * E6: the vote names other rounds than its block, or the block follows nothing. Only rounds are
 * judged: what voters may see differently (who leads, clocks, lanes) is no evidence.
 */
export function breaksVoteRule(vote: Vote, block: Block): boolean {
  const { epoch, round, qc } = block;
  if (vote.epoch !== epoch || vote.round !== round || vote.qcRound !== qc.round) return true;
  return !followsRounds(block);
}
