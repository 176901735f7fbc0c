import { describe, expect, test } from "vitest";
import { Reader } from "../kernel/codec.ts";
import { stateInnerHash } from "../kernel/merkle.ts";
import { ZERO_DIGEST } from "../kernel/scalars.ts";
import type { AttestedResult } from "../kernel/statements.ts";
import {
  type ChunkRoot,
  encodeManifest,
  readManifest,
  type SnapshotManifest,
  verifyManifest,
} from "./snapshot-manifest.ts";

const EMPTY: ChunkRoot = { kind: "empty", hash: ZERO_DIGEST, leaves: 0, bytes: 4 };
const leaf = (digit: string): ChunkRoot => ({
  kind: "leaf",
  hash: digit.repeat(64),
  leaves: 1,
  bytes: 40,
});
const inner = (digit: string): ChunkRoot => ({
  kind: "inner",
  hash: digit.repeat(64),
  leaves: 2,
  bytes: 80,
});

function certified(stateRoot: string): AttestedResult {
  return {
    epoch: 1,
    height: 64,
    blockId: ZERO_DIGEST,
    timestampMs: 1,
    stateRoot,
    receiptsRoot: ZERO_DIGEST,
    nextSetHash: ZERO_DIGEST,
  };
}

function manifestOf(chunks: readonly ChunkRoot[], stateRoot: string): SnapshotManifest {
  return { height: 64, stateRoot, bits: Math.log2(chunks.length), chunks };
}

describe("snapshot manifest", () => {
  test("a lone leaf moves up past empty neighbours, an inner node does not", () => {
    const lone = leaf("a");
    const one = manifestOf([EMPTY, EMPTY, lone, EMPTY], lone.hash);
    expect(verifyManifest(one, certified(lone.hash)).ok).toBe(true);

    const deep = inner("b");
    const root = stateInnerHash(ZERO_DIGEST, stateInnerHash(deep.hash, ZERO_DIGEST));
    const two = manifestOf([EMPTY, EMPTY, deep, EMPTY], root);
    expect(verifyManifest(two, certified(root)).ok).toBe(true);
    expect(verifyManifest(manifestOf(two.chunks, deep.hash), certified(deep.hash))).toMatchObject({
      error: { code: "MANIFEST_FORGED" },
    });
  });

  test("the canonical bytes read back", () => {
    const manifest = manifestOf([EMPTY, leaf("a"), inner("b"), EMPTY], "c".repeat(64));
    const reader = new Reader(encodeManifest(manifest));
    expect(readManifest(reader)).toEqual(manifest);
    reader.end();
  });

  const good = manifestOf([leaf("a"), inner("b")], stateInnerHash("a".repeat(64), "b".repeat(64)));
  const withFirst = (fields: Partial<ChunkRoot>): SnapshotManifest => ({
    ...good,
    chunks: [{ ...leaf("a"), ...fields }, inner("b")],
  });
  test.each<[string, string, SnapshotManifest]>([
    ["another height", "MANIFEST_HEIGHT", { ...good, height: 65 }],
    ["another root", "MANIFEST_ROOT", { ...good, stateRoot: "d".repeat(64) }],
    ["a chunk too few", "MANIFEST_SHAPE", { ...good, chunks: good.chunks.slice(1) }],
    ["a depth that does not fit", "MANIFEST_SHAPE", { ...good, bits: 2 }],
    ["a depth above the bound", "MANIFEST_SHAPE", { ...good, bits: 17 }],
    ["an empty chunk with a hash", "MANIFEST_CHUNK", withFirst({ kind: "empty" })],
    ["a leaf that counts two", "MANIFEST_CHUNK", withFirst({ leaves: 2 })],
    ["an inner node that counts one", "MANIFEST_CHUNK", withFirst({ kind: "inner" })],
    ["a chunk above the bound", "MANIFEST_CHUNK", withFirst({ bytes: 2 ** 21 + 1 })],
    ["a chunk without bytes", "MANIFEST_CHUNK", withFirst({ bytes: 4 })],
    ["another hash", "MANIFEST_FORGED", withFirst({ hash: "d".repeat(64) })],
    [
      "chunks that changed places",
      "MANIFEST_FORGED",
      { ...good, chunks: good.chunks.toReversed() },
    ],
  ])("%s is refused as %s", (_, code, manifest) => {
    expect(verifyManifest(good, certified(good.stateRoot)).ok).toBe(true);
    expect(verifyManifest(manifest, certified(good.stateRoot))).toMatchObject({ error: { code } });
  });
});
