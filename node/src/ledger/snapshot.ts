import { Writer } from "../kernel/codec.ts";
import { ok, type Refusal, type Result } from "../kernel/result.ts";
import { atOnce } from "../kernel/steps.ts";
import { kindOf, readChunk } from "./chunk.ts";
import { type LedgerLoader, Loader, type LoaderContext } from "./ledger-loader.ts";
import {
  CHUNK_HEADER_BYTES,
  SNAPSHOT_BITS_MAX,
  type SnapshotManifest,
} from "./snapshot-manifest.ts";
import type { LedgerState } from "./state.ts";
import {
  childTrees,
  type StateTree,
  subtree,
  treeBytes,
  treeLeaves,
  treeRecords,
  treeRoot,
} from "./state-tree.ts";

function chunkLength(tree: StateTree): number {
  return CHUNK_HEADER_BYTES + treeBytes(tree);
}

/**
 * The manifest of a state at the smallest depth at which no chunk is longer than `chunkBytes`, or
 * at the greatest depth. One state has one manifest: nodes with the same `chunkBytes` agree.
 */
export function describeSnapshot(state: LedgerState, chunkBytes: number): SnapshotManifest {
  const { height, stateRoot, tree } = state;
  let bits = 0;
  let trees: StateTree[] = [tree];
  while (bits < SNAPSHOT_BITS_MAX && trees.some((each) => chunkLength(each) > chunkBytes)) {
    bits += 1;
    trees = childTrees(trees, bits - 1);
  }
  const chunks = trees.map((each) => ({
    kind: kindOf(treeLeaves(each)),
    hash: treeRoot(each),
    leaves: treeLeaves(each),
    bytes: chunkLength(each),
  }));
  return { height, stateRoot, bits, chunks };
}

/**
 * The leaves of one chunk in order of their key hashes; of the state that the manifest describes.
 */
export function encodeChunk(
  state: LedgerState,
  manifest: SnapshotManifest,
  index: number,
): Uint8Array {
  const tree = subtree(state.tree, manifest.bits, index);
  const bytes = new Uint8Array(chunkLength(tree));
  bytes.set(new Writer().u32(treeLeaves(tree)).finish());
  let offset = CHUNK_HEADER_BYTES;
  for (const records of treeRecords(tree)) {
    bytes.set(records, offset);
    offset += records.length;
  }
  return bytes;
}

/** Whether the bytes are that chunk of the manifest, leaf by leaf; nothing else is needed. */
export function verifyChunk(
  manifest: SnapshotManifest,
  index: number,
  bytes: Uint8Array,
): Result<void, Refusal> {
  const chunk = atOnce(readChunk(manifest, index, bytes));
  return chunk.ok ? ok(undefined) : chunk;
}

export function openLedgerLoader(context: LoaderContext): LedgerLoader {
  return new Loader(context);
}
