import { decodeBatch, decodeBlock } from "@quorate/node/consensus/codec";
import type { Batch, Block } from "@quorate/node/consensus/types";
import { sha256Hex } from "@quorate/node/crypto/sha256";
import type { Digest, Height } from "@quorate/node/kernel/scalars";
import { isNodeError, NodeUnavailableError, ProofError } from "./errors.ts";
import { nodeError } from "./grpc-errors.ts";
import type { CallLimits, ClaimedBlock, QueryNode } from "./query-node.ts";
import type { Trust } from "./trust.ts";

/** A block below a certified one: its id is the hash of the bytes, and its child names that id. */
export interface VerifiedBlock {
  readonly height: Height;
  readonly id: Digest;
  readonly block: Block;
  /** Canonical bytes, as hashed. */
  readonly bytes: Uint8Array;
  /** In the order of the block's cut. */
  readonly batches: readonly Batch[];
}

/** Blocks fetched and proven at once. */
const SEGMENT = 64;
/** Not every height has a certificate: this far beyond the wanted ones a node is asked for one. */
const BEYOND = 64;

export interface Span {
  readonly from: Height;
  readonly to: Height;
}

/**
 * The blocks from `from` on, at most 64 and not beyond `to`, proven by a certificate of the last or
 * of one above it. Throws ProofError for what does not fit together.
 */
export async function provenBlocks(
  trust: Trust,
  node: QueryNode,
  { from, to }: Span,
  limits: CallLimits,
): Promise<readonly VerifiedBlock[]> {
  const waiting: VerifiedBlock[] = [];
  const signal = AbortSignal.any([limits.signal, AbortSignal.timeout(limits.timeoutMs)]);
  const last = Math.min(to, from + SEGMENT - 1);
  for await (const claimed of node.blocks(from, last + BEYOND, signal)) {
    const block = open(claimed, node);
    check(block.height === from + waiting.length, node, "blocks", "heights are not consecutive");
    waiting.push(block);
    if (claimed.certificate !== undefined) {
      await trust.accept(node, claimed.certificate, limits);
      const { result } = claimed.certificate;
      const isOfBlock = result.height === block.height && result.blockId === block.id;
      check(isOfBlock, node, "certificate", "it certifies another block");
    } else if (trust.light.lastBlockOf(block.block.epoch) !== block.id) {
      continue;
    }
    const proven = belowCertified(waiting, trust, node);
    if (block.height >= last || limits.signal.aborted) return proven.slice(0, last - from + 1);
  }
  const fix = `it proved no block at or above height ${last}`;
  throw new NodeUnavailableError({ code: "HEIGHT_NOT_CERTIFIED", field: "blocks", fix }, node.name);
}

/** The last of them is certified: each must be the parent of the next. */
function belowCertified(
  blocks: readonly VerifiedBlock[],
  trust: Trust,
  node: QueryNode,
): readonly VerifiedBlock[] {
  for (const [index, parent] of blocks.entries()) {
    const child = blocks[index + 1];
    if (child === undefined) break;
    // An epoch starts from its own first certificate; the end of the one before is proven apart.
    const parentId =
      child.block.epoch === parent.block.epoch
        ? child.block.qc.blockId
        : trust.light.lastBlockOf(parent.block.epoch);
    const height = `height ${parent.height}`;
    check(parentId === parent.id, node, "block", `${height} is not the parent of the next`);
  }
  return blocks;
}

function open(claimed: ClaimedBlock, node: QueryNode): VerifiedBlock {
  try {
    const block = decodeBlock(claimed.block);
    const isWhole =
      block.height === claimed.height &&
      block.cut.length === claimed.batches.length &&
      block.cut.every(({ digest }, at) => {
        const batch = claimed.batches[at];
        return batch !== undefined && sha256Hex(batch) === digest;
      });
    check(isWhole, node, "block", `the batches are not those of the cut at ${claimed.height}`);
    return {
      height: claimed.height,
      id: sha256Hex(claimed.block),
      block,
      bytes: claimed.block,
      batches: claimed.batches.map(decodeBatch),
    };
  } catch (error) {
    if (isNodeError(error)) throw error;
    throw nodeError(error, node.name);
  }
}

function check(holds: boolean, node: QueryNode, field: string, fix: string): void {
  if (!holds) throw new ProofError({ code: "BLOCK_NOT_PROVEN", field, fix }, node.name);
}
