import { sha256Hex } from "../crypto/sha256.ts";
import { readSignatures } from "../kernel/certificates.ts";
import { DecodeError, Reader } from "../kernel/codec.ts";
import { ok, type Refusal, type Result, refuse } from "../kernel/result.ts";
import type { Digest, Epoch, Round } from "../kernel/scalars.ts";
import type { Statement } from "../kernel/statements.ts";
import { MEMBERS_MAX } from "../kernel/validator-set.ts";
import type { Transaction } from "./types.ts";

export type InvalidVoteProof = Extract<Transaction, { kind: "invalid-vote-proof" }>;
type Vote = Extract<Statement, { kind: "vote" }>;

/** What rule R2 computes with: the head of a block, up to its timeout certificate. */
export interface BlockRounds {
  readonly epoch: Epoch;
  readonly round: Round;
  readonly qc: { readonly epoch: Epoch; readonly round: Round };
  readonly tc:
    | { readonly epoch: Epoch; readonly round: Round; readonly hqcRounds: readonly Round[] }
    | undefined;
}

/**
 * Reads a block's head; layout in node/spec/encoding-consensus.md. What follows the timeout
 * certificate is not looked at: the id is of all bytes, and R2's arithmetic is of these alone.
 * Throws DecodeError.
 */
export function readBlockRounds(bytes: Uint8Array): BlockRounds {
  const reader = new Reader(bytes);
  const domain = reader.text("domain", 64);
  if (domain !== "quorate/v1/block") throw new DecodeError("domain", `${domain} is no block`);
  const [epoch, round] = [reader.u64("epoch"), reader.u64("round")];
  reader.u64("height");
  reader.hex32("proposer");
  reader.u64("timestampMs");
  const qc = readQcRounds(reader, "qc");
  if (!reader.bool("tc")) return { epoch, round, qc, tc: undefined };
  const tc = { epoch: reader.u64("tc.epoch"), round: reader.u64("tc.round") };
  const hqcRounds = reader.list("tc.timeouts", MEMBERS_MAX, (input, field) => {
    input.hex32(`${field}.author`);
    input.fixed(`${field}.signature`, 64);
    return input.u64(`${field}.hqcRound`);
  });
  return { epoch, round, qc, tc: { ...tc, hqcRounds } };
}

function readQcRounds(reader: Reader, field: string): BlockRounds["qc"] {
  const [epoch, round] = [reader.u64(`${field}.epoch`), reader.u64(`${field}.round`)];
  reader.hex32(`${field}.blockId`);
  reader.u64(`${field}.qcRound`);
  readSignatures(reader, `${field}.signatures`);
  return { epoch, round };
}

/**
 * Whether the vote breaks R2 by rounds alone: it names other rounds than the block, or the block
 * follows neither its certificate nor its timeout certificate. Whatever a voter may have seen
 * differently (who leads, clocks, lanes, signatures) is not judged.
 */
export function breaksVoteRule(vote: Vote, block: BlockRounds): boolean {
  const { epoch, round, qc, tc } = block;
  if (vote.epoch !== epoch || vote.round !== round || vote.qcRound !== qc.round) return true;
  if (qc.epoch !== epoch || qc.round >= round) return true;
  if (round === qc.round + 1) return false;
  if (tc === undefined || tc.epoch !== epoch || tc.round + 1 !== round) return true;
  return tc.hqcRounds.some((hqcRound) => qc.round < hqcRound);
}

/**
 * E6, before the signature is looked at: a vote together with the bytes of the block that it names.
 * Refusals: FOREIGN_CHAIN, NOT_MISCONDUCT, FOREIGN_BLOCK, BLOCK_MALFORMED.
 */
export function judgeInvalidVote(chainId: Digest, proof: InvalidVoteProof): Result<void, Refusal> {
  const { statement } = proof.vote;
  if (proof.chainId !== chainId) {
    const fix = `the proof is of chain ${proof.chainId}: submit it there`;
    return refuse("FOREIGN_CHAIN", "chainId", fix);
  }
  if (statement.kind !== "vote") {
    const fix = `a ${statement.kind} is no vote: E6 is about votes`;
    return refuse("NOT_MISCONDUCT", "vote.statement.kind", fix);
  }
  if (sha256Hex(proof.block) !== statement.blockId) {
    const fix = "send the very bytes of the block that the vote names: their SHA-256 is its id";
    return refuse("FOREIGN_BLOCK", "block", fix);
  }
  try {
    if (breaksVoteRule(statement, readBlockRounds(proof.block))) return ok(undefined);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return refuse("BLOCK_MALFORMED", `block.${error.field}`, `no block: ${error.message}`);
  }
  return refuse("NOT_MISCONDUCT", "block", "its rounds follow rule R2: an honest key may vote so");
}
