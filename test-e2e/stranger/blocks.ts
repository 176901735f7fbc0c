import { NO_DIGEST, sha256 } from "./bytes.ts";
import { flag, join, key, list, Scanner, text, u64 } from "./layout.ts";
import type { Result, Signed } from "./statements.ts";
import { resultBytes, scanSigned, statementBytes } from "./statements.ts";

/** node/spec/encoding-consensus.md: blocks, batches and the certificates inside them. */
export interface AuthorSignature {
  readonly author: string;
  readonly signature: Uint8Array;
}

export interface QuorumCertificate {
  readonly epoch: number;
  readonly round: number;
  readonly blockId: string;
  readonly qcRound: number;
  readonly signatures: readonly AuthorSignature[];
}

export interface TimeoutCertificate {
  readonly epoch: number;
  readonly round: number;
  readonly timeouts: readonly (AuthorSignature & { readonly hqcRound: number })[];
  readonly highestQc: QuorumCertificate;
}

export interface BatchReference {
  readonly author: string;
  readonly sequence: number;
  readonly digest: string;
}

export interface Block {
  readonly epoch: number;
  readonly round: number;
  readonly height: number;
  readonly proposer: string;
  readonly timestampMs: number;
  readonly qc: QuorumCertificate;
  readonly tc: TimeoutCertificate | undefined;
  readonly cut: readonly BatchReference[];
  readonly signsOfLife: readonly Signed[];
}

export interface Batch {
  readonly author: string;
  readonly sequence: number;
  readonly previous: string;
  readonly transactions: readonly Uint8Array[];
}

const BLOCK = "quorate/v1/block";
const BATCH = "quorate/v1/batch";

function qcBytes(qc: QuorumCertificate): Uint8Array {
  return join(
    u64(qc.epoch),
    u64(qc.round),
    key(qc.blockId),
    u64(qc.qcRound),
    list(qc.signatures, ({ author, signature }) => join(key(author), signature)),
  );
}

function scanQc(scanner: Scanner): QuorumCertificate {
  return {
    epoch: scanner.u64(),
    round: scanner.u64(),
    blockId: scanner.key(),
    qcRound: scanner.u64(),
    signatures: scanner.list(() => ({ author: scanner.key(), signature: scanner.signature() })),
  };
}

function tcBytes(tc: TimeoutCertificate): Uint8Array {
  return join(
    u64(tc.epoch),
    u64(tc.round),
    list(tc.timeouts, ({ author, signature, hqcRound }) =>
      join(key(author), signature, u64(hqcRound)),
    ),
    qcBytes(tc.highestQc),
  );
}

function scanTimeouts(scanner: Scanner): Omit<TimeoutCertificate, "highestQc"> {
  return {
    epoch: scanner.u64(),
    round: scanner.u64(),
    timeouts: scanner.list(() => ({
      author: scanner.key(),
      signature: scanner.signature(),
      hqcRound: scanner.u64(),
    })),
  };
}

export function blockBytes(block: Block): Uint8Array {
  return join(
    text(BLOCK),
    u64(block.epoch),
    u64(block.round),
    u64(block.height),
    key(block.proposer),
    u64(block.timestampMs),
    qcBytes(block.qc),
    flag(block.tc !== undefined),
    block.tc === undefined ? new Uint8Array() : tcBytes(block.tc),
    list(block.cut, ({ author, sequence, digest }) =>
      join(key(author), u64(sequence), key(digest)),
    ),
    list(block.signsOfLife, ({ statement, author, signature }) =>
      join(statementBytes(statement), key(author), signature),
    ),
  );
}

/** A block up to the timeouts of its timeout certificate: what rule R2 computes with. */
export type BlockHead = Omit<Block, "cut" | "signsOfLife" | "tc"> & {
  readonly tc: Omit<TimeoutCertificate, "highestQc"> | undefined;
};

function scanHead(scanner: Scanner): BlockHead {
  if (scanner.text() !== BLOCK) throw new Error("the bytes are of no block");
  return {
    epoch: scanner.u64(),
    round: scanner.u64(),
    height: scanner.u64(),
    proposer: scanner.key(),
    timestampMs: scanner.u64(),
    qc: scanQc(scanner),
    tc: scanner.flag() ? scanTimeouts(scanner) : undefined,
  };
}

/** The head alone; whatever follows it is not looked at. */
export function scanBlockHead(value: Uint8Array): BlockHead {
  return scanHead(new Scanner(value, "block"));
}

export function scanBlock(value: Uint8Array): Block {
  const scanner = new Scanner(value, "block");
  const { tc, ...head } = scanHead(scanner);
  const block: Block = {
    ...head,
    tc: tc && { ...tc, highestQc: scanQc(scanner) },
    cut: scanner.list(() => ({
      author: scanner.key(),
      sequence: scanner.u64(),
      digest: scanner.key(),
    })),
    signsOfLife: scanner.list(() => scanSigned(scanner)),
  };
  scanner.end();
  return block;
}

export function scanBatch(value: Uint8Array): Batch {
  const scanner = new Scanner(value, "batch");
  if (scanner.text() !== BATCH) throw new Error("the bytes are of no batch");
  const batch: Batch = {
    author: scanner.key(),
    sequence: scanner.u64(),
    previous: scanner.key(),
    transactions: scanner.list(() => scanner.bytes()),
  };
  scanner.end();
  return batch;
}

/** Id of a block and digest of a batch: of the bytes as received. */
export const idOf = (received: Uint8Array): string => sha256(received);

/** Id that the first block of an epoch has as its parent; `last` ended the epoch before. */
export function epochGenesisId(chainId: string, epoch: number, last: Result | undefined): string {
  const before =
    last === undefined ? NO_DIGEST : sha256(text("quorate/v1/result"), resultBytes(last));
  return sha256(text("quorate/v1/epoch-genesis"), key(chainId), u64(epoch), key(before));
}
