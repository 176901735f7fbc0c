import { Writer } from "../kernel/codec.ts";
import { ok, type Refusal, type Result } from "../kernel/result.ts";
import { atOnce, type Steps } from "../kernel/steps.ts";
import { kindOf, readChunk } from "./chunk.ts";
import { type LedgerLoader, Loader, type LoaderContext } from "./ledger-loader.ts";
import {
  CHUNK_HEADER_BYTES,
  type ChunkRoot,
  SNAPSHOT_BITS_MAX,
  type SnapshotManifest,
} from "./snapshot-manifest.ts";
import type { LedgerState } from "./state.ts";
import {
  childTrees,
  type StateTree,
  SUBTREES_PER_STEP,
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
export function* describeSteps(state: LedgerState, chunkBytes: number): Steps<SnapshotManifest> {
  const { height, stateRoot, tree } = state;
  let bits = 0;
  let trees: readonly StateTree[] = [tree];
  while (bits < SNAPSHOT_BITS_MAX && trees.some((each) => chunkLength(each) > chunkBytes)) {
    const below: StateTree[] = [];
    for (const some of bunches(trees)) {
      below.push(...childTrees(some, bits));
      yield;
    }
    trees = below;
    bits += 1;
  }
  const chunks: ChunkRoot[] = [];
  for (const some of bunches(trees)) {
    chunks.push(...some.map(describeChunk));
    yield;
  }
  return { height, stateRoot, bits, chunks };
}

/** All of `describeSteps` at once. */
export function describeSnapshot(state: LedgerState, chunkBytes: number): SnapshotManifest {
  return atOnce(describeSteps(state, chunkBytes));
}

function* bunches(trees: readonly StateTree[]): Generator<readonly StateTree[], void> {
  for (let from = 0; from < trees.length; from += SUBTREES_PER_STEP) {
    yield trees.slice(from, from + SUBTREES_PER_STEP);
  }
}

function describeChunk(tree: StateTree): ChunkRoot {
  const leaves = treeLeaves(tree);
  return { kind: kindOf(leaves), hash: treeRoot(tree), leaves, bytes: chunkLength(tree) };
}

/**
 * The leaves of one chunk in order of their key hashes; of the state that the manifest describes.
 * Into the front of `into` where it has the room: chunks by the thousand, each in memory of its
 * own, have V8 collect the whole heap every 64 MiB of them.
 */
export function encodeChunk(
  state: LedgerState,
  manifest: SnapshotManifest,
  index: number,
  into?: Uint8Array,
): Uint8Array {
  const tree = subtree(state.tree, manifest.bits, index);
  const length = chunkLength(tree);
  const hasRoom = into !== undefined && into.length >= length;
  const bytes = hasRoom ? into.subarray(0, length) : new Uint8Array(length);
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
