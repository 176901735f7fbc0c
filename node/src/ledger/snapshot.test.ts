import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OWNERS, RandomLedger } from "../../test/ledger/random-ledger.ts";
import { loaderOf, type Snapshot, snapshotOf } from "../../test/ledger/snapshots.ts";
import { keyOf, TestChain } from "../../test/ledger/test-chain.ts";
import { randomFrom } from "../../test/margin/random.ts";
import { sha256Hex } from "../crypto/sha256.ts";
import { defined } from "../kernel/assert.ts";
import { concatBytes } from "../kernel/bytes.ts";
import { DecodeError, Reader, Writer } from "../kernel/codec.ts";
import type { Steps } from "../kernel/steps.ts";
import { LEAVES_PER_STEP, readChunk } from "./chunk.ts";
import {
  describeSnapshot,
  describeSteps,
  encodeChunk,
  openLedgerLoader,
  verifyChunk,
} from "./snapshot.ts";
import {
  CHUNK_BYTES_MAX,
  encodeManifest,
  readManifest,
  type SnapshotManifest,
  verifyManifest,
} from "./snapshot-manifest.ts";
import {
  joinSubtrees,
  type StateTree,
  SUBTREES_PER_STEP,
  subtree,
  treeRoot,
  updateTree,
} from "./state-tree.ts";

const chain = new TestChain({ owners: OWNERS });
const blocks = new RandomLedger(randomFrom(3));
for (let count = 0; count < 60; count += 1) chain.block(blocks.next(chain));
const snapshot = snapshotOf(chain.state);
const { manifest, chunks } = snapshot;
const certified = defined(chain.last, "a block").result;

/** The leaves of a chunk as (key, value). */
function leavesOf(bytes: Uint8Array): { key: string; value: Uint8Array }[] {
  const reader = new Reader(bytes);
  const leaves = reader.list("leaves", 10_000, (input) => ({
    key: input.text("key", 1_000),
    value: input.bytes("value", 1_000_000),
  }));
  reader.end();
  return leaves;
}

function chunkOf(leaves: readonly { key: string; value: Uint8Array }[]): Uint8Array {
  return new Writer().list(leaves, (out, { key, value }) => out.text(key).bytes(value)).finish();
}

const most = Math.max(...manifest.chunks.map(({ leaves }) => leaves));
/** The chunk with the most leaves. */
const full = manifest.chunks.findIndex(({ leaves }) => leaves === most);
const bytes = defined(chunks[full], "a chunk");
const leaves = leavesOf(bytes);
const code = (of: SnapshotManifest, index: number, changed: Uint8Array): string => {
  const verdict = verifyChunk(of, index, changed);
  return verdict.ok ? "OK" : verdict.error.code;
};

/** What the steps come to, and how many there were. */
function stepped<T>(steps: Steps<T>): { readonly value: T; readonly steps: number } {
  for (let count = 1; ; count += 1) {
    const step = steps.next();
    if (step.done === true) return { value: step.value, steps: count };
  }
}

describe("snapshots", () => {
  test("every chunk verifies alone, in whatever order the leaves hash, and all keys are there", () => {
    expect(manifest.bits).toBeGreaterThan(2);
    expect(verifyManifest(manifest, certified)).toEqual({ ok: true, value: undefined });
    const keys: string[] = [];
    chunks.forEach((chunk, index) => {
      expect(code(manifest, index, chunk)).toBe("OK");
      expect(chunk.length).toBe(manifest.chunks[index]?.bytes);
      keys.push(...leavesOf(chunk).map(({ key }) => key));
    });
    expect(keys).toContain("chain");
    expect(keys).toContain(`account/${keyOf("account rich")}`);
    let tree: StateTree;
    for (const chunk of chunks) tree = updateTree(tree, leavesOf(chunk));
    expect(treeRoot(tree)).toBe(manifest.stateRoot);
  });

  test("a manifest of many chunks is made, and its tree joined, some subtrees a step", () => {
    const many = Array.from({ length: 20_000 }, (_, at) => ({
      key: `kv/${at.toString(16).padStart(8, "0")}`,
      value: Uint8Array.of(1),
    }));
    const tree = updateTree(undefined, many);
    const state = { ...chain.state, tree, stateRoot: treeRoot(tree) };
    const bits = 13;
    const trees = Array.from({ length: 2 ** bits }, (_, index) => subtree(tree, bits, index));
    const joined = stepped(joinSubtrees(trees, bits));
    expect(treeRoot(joined.value)).toBe(state.stateRoot);
    // Of the levels with fewer subtrees than a step has, none is a step of its own.
    const least = (2 ** bits - 2 * SUBTREES_PER_STEP) / SUBTREES_PER_STEP;
    expect(joined.steps).toBeGreaterThanOrEqual(least);
    const described = stepped(describeSteps(state, 400));
    const { length } = described.value.chunks;
    expect(length).toBeGreaterThanOrEqual(2 ** 10);
    expect(described.value).toEqual(describeSnapshot(state, 400));
    expect(described.steps).toBeGreaterThanOrEqual((2 * length) / SUBTREES_PER_STEP);
  });

  test("a chunk is the same in memory that is used again, and in its own where that is too short", () => {
    const scratch = new Uint8Array(bytes.length).fill(0xff);
    for (const [index, chunk] of chunks.entries()) {
      const encoded = encodeChunk(chain.state, manifest, index, scratch);
      expect(encoded).toEqual(chunk);
      expect(encoded.buffer === scratch.buffer).toBe(chunk.length <= scratch.length);
    }
    expect(encodeChunk(chain.state, manifest, full, new Uint8Array(bytes.length - 1))).toEqual(
      bytes,
    );
  });

  test("a manifest at any depth is of the same state", () => {
    for (const chunkBytes of [1, 600, 5_000, 1_000_000]) {
      const other = describeSnapshot(chain.state, chunkBytes);
      expect(verifyManifest(other, certified).ok).toBe(true);
      const index = other.chunks.findIndex(({ kind }) => kind !== "empty");
      expect(code(other, index, encodeChunk(chain.state, other, index))).toBe("OK");
    }
    expect(describeSnapshot(chain.state, 1_000_000).bits).toBe(0);
    expect(describeSnapshot(chain.state, 1).bits).toBe(16);
  });

  const [first, second, third] = leaves;
  if (first === undefined || second === undefined || third === undefined) throw new Error("three");
  const header = (count: number): Uint8Array => new Writer().u32(count).finish();
  const neighbour = leavesOf(defined(chunks[full ^ 1], "a chunk"))[0];
  test.each<[string, string, Uint8Array]>([
    ["no byte at all", "CHUNK_MALFORMED", new Uint8Array()],
    ["a missing last byte", "CHUNK_MALFORMED", bytes.subarray(0, -1)],
    ["a byte too many", "CHUNK_MALFORMED", concatBytes([bytes, Uint8Array.of(0)])],
    ["a count too high", "CHUNK_MALFORMED", concatBytes([header(most + 1), bytes.subarray(4)])],
    ["a count that no memory holds", "CHUNK_MALFORMED", header(0xffff_ffff)],
    [
      "a length that no memory holds",
      "CHUNK_MALFORMED",
      concatBytes([header(1), header(0xffff_ffff)]),
    ],
    ["above the bound", "CHUNK_OVERSIZED", new Uint8Array(2 ** 21 + 1)],
    ["a missing leaf", "CHUNK_CORRUPT", chunkOf(leaves.slice(1))],
    [
      "another value",
      "CHUNK_CORRUPT",
      chunkOf([{ ...first, value: third.value }, ...leaves.slice(1)]),
    ],
    ["another order", "CHUNK_UNORDERED", chunkOf([second, first, ...leaves.slice(2)])],
    ["a leaf twice", "CHUNK_UNORDERED", chunkOf([first, first, ...leaves.slice(1)])],
    [
      "one key with two values",
      "CHUNK_UNORDERED",
      chunkOf([first, { ...first, value: third.value }]),
    ],
    [
      "a leaf of the chunk beside it",
      "CHUNK_FOREIGN_LEAF",
      chunkOf([...leaves, defined(neighbour, "a leaf")]),
    ],
    ["the chunk beside it", "CHUNK_FOREIGN_LEAF", defined(chunks[full ^ 1], "a chunk")],
    ["an empty chunk", "CHUNK_CORRUPT", chunkOf([])],
  ])("%s is refused as %s", (_, refused, changed) => {
    expect(code(manifest, full, changed)).toBe(refused);
  });

  test("an extra leaf of the right place is refused", () => {
    const extra = Array.from({ length: 5_000 }, (_, number) => `key/${keyOf(String(number))}`);
    const value = new Uint8Array(8);
    const codes = extra.map((key) => {
      const all = [...leaves, { key, value }].toSorted((one, two) =>
        hashOf(one.key) < hashOf(two.key) ? -1 : 1,
      );
      return code(manifest, full, chunkOf(all));
    });
    expect(new Set(codes)).toEqual(new Set(["CHUNK_FOREIGN_LEAF", "CHUNK_CORRUPT"]));
  });

  test("a chunk that no manifest names is refused", () => {
    expect(code(manifest, manifest.chunks.length, bytes)).toBe("CHUNK_UNKNOWN");
    expect(code(manifest, -1, bytes)).toBe("CHUNK_UNKNOWN");
  });

  test("where the hash is right and the declaration is not, the manifest is at fault", () => {
    for (const lie of [{ leaves: most + 1 }, { bytes: bytes.length - 1 }]) {
      const wrong = manifest.chunks.map((chunk, index) =>
        index === full ? { ...chunk, ...lie } : chunk,
      );
      const lying = { ...manifest, chunks: wrong };
      expect(verifyManifest(lying, certified).ok).toBe(true);
      expect(code(lying, full, bytes)).toBe("MANIFEST_FALSE");
      expect(code(lying, full, bytes.subarray(0, -1))).toBe("CHUNK_MALFORMED");
    }
  });

  test("any change of one byte of a chunk is refused", () => {
    const change = fc.record({
      index: fc.nat(chunks.length - 1),
      at: fc.nat(5_000),
      by: fc.integer({ min: 1, max: 255 }),
    });
    fc.assert(
      fc.property(change, ({ index, at, by }) => {
        const changed = defined(chunks[index], "a chunk").slice();
        const place = at % changed.length;
        changed[place] = (changed[place] ?? 0) ^ by;
        expect(code(manifest, index, changed)).not.toBe("OK");
      }),
      { numRuns: 600 },
    );
  });

  test("any change of one byte of a manifest is refused, at the latest by the chunk it is about", () => {
    const encoded = encodeManifest(manifest);
    const change = fc.record({
      at: fc.nat(encoded.length - 1),
      by: fc.integer({ min: 1, max: 255 }),
    });
    fc.assert(
      fc.property(change, ({ at, by }) => {
        const changed = encoded.slice();
        changed[at] = (changed[at] ?? 0) ^ by;
        expect(isTaken(changed)).toBe(false);
      }),
      { numRuns: 400 },
    );
    expect(isTaken(encoded)).toBe(true);
  });

  const loadedAtOnce = () => {
    const loader = loaderOf(chain, snapshot);
    for (const [index, chunk] of chunks.entries()) loader.add(index, chunk);
    const state = loader.finish();
    return state.ok ? state.value : state.error;
  };

  test("the loader takes no state that is not whole, and says what is missing", () => {
    const loader = loaderOf(chain, snapshot);
    const needed = manifest.chunks.findIndex(({ kind }) => kind !== "empty");
    expect(loader.finish()).toMatchObject({
      error: { code: "CHUNK_MISSING", field: `chunks[${needed}]` },
    });
    chunks.forEach((chunk, index) => {
      expect(loader.add(index, chunk).ok).toBe(true);
      expect(loader.add(index, chunk).ok).toBe(true);
    });
    expect(loader.finish().ok).toBe(true);
  });

  test("one chunk from two peers at once is taken once, whichever is read first", () => {
    const loader = loaderOf(chain, snapshot);
    for (const [index, chunk] of chunks.entries()) {
      const [one, two] = [loader.addSteps(index, chunk), loader.addSteps(index, chunk)];
      // In turns, as the event loop gives them.
      for (let isOpen = true; isOpen; ) {
        const steps = [one.next(), two.next()];
        isOpen = steps.some(({ done }) => done !== true);
      }
    }
    const state = loader.finish();
    expect(state.ok && state.value).toEqual(loadedAtOnce());
  });

  test("a long chunk is read in steps, whatever the manifest said of its length", () => {
    const many = Array.from({ length: 3_000 }, (_, at) => ({
      key: `kv/${at.toString(16).padStart(8, "0")}`,
      value: Uint8Array.of(1),
    }));
    const state = { ...chain.state, tree: updateTree(undefined, many) };
    const whole = describeSnapshot(state, CHUNK_BYTES_MAX);
    expect(whole.bits).toBe(0);
    const steps = readChunk(whole, 0, encodeChunk(state, whole, 0));
    let count = 0;
    while (steps.next().done !== true) count += 1;
    expect(count).toBeGreaterThanOrEqual(3_000 / LEAVES_PER_STEP - 1);
  });

  test("a refused chunk leaves the loader as it was", () => {
    const loader = loaderOf(chain, snapshot);
    const corrupt = chunkOf([{ ...first, value: third.value }, ...leaves.slice(1)]);
    expect(loader.add(full, corrupt)).toMatchObject({ error: { code: "CHUNK_CORRUPT" } });
    for (const [index, chunk] of chunks.entries()) expect(loader.add(index, chunk).ok).toBe(true);
    const state = loader.finish();
    expect(state.ok && state.value.stateRoot).toBe(chain.state.stateRoot);
  });

  /** A certified state with other leaves: what a quorum of another program would have signed. */
  const loadChanged = (key: string, value: Uint8Array | undefined): string => {
    const tree = updateTree(chain.state.tree, [{ key, value }]);
    const state = { ...chain.state, tree, stateRoot: treeRoot(tree) };
    const other = snapshotOf(state);
    const loader = openLedgerLoader({
      genesis: chain.genesis,
      chainId: chain.chainId,
      manifest: other.manifest,
      certified: { ...certified, stateRoot: state.stateRoot },
      block: { round: 1 },
    });
    for (const [index, chunk] of other.chunks.entries()) {
      const added = loader.add(index, chunk);
      if (!added.ok) return added.error.code;
    }
    const loaded = loader.finish();
    return loaded.ok ? "OK" : loaded.error.code;
  };
  const seat = `seat/${defined(chain.keys[0], "a key")}`;
  const read = (key: string): Uint8Array =>
    defined(
      chunks.flatMap((chunk) => leavesOf(chunk)).find((leaf) => leaf.key === key),
      key,
    ).value;
  const stranger = keyOf("stranger");
  test.each<[string, string, string, Uint8Array | undefined]>([
    ["a kind that no state has", "LEAF_UNKNOWN", "secret/1", new Uint8Array(8)],
    ["a name where none belongs", "LEAF_UNKNOWN", "chain/1", read("chain")],
    ["no name where one belongs", "LEAF_UNKNOWN", "seat", read(seat)],
    ["a seat under another key", "LEAF_MALFORMED", `seat/${stranger}`, read(seat)],
    ["a seat that does not decode", "LEAF_MALFORMED", seat, read(seat).subarray(1)],
    ["a number with a leading zero", "LEAF_MALFORMED", "mark/01", new Uint8Array(64)],
    ["an account that is no key", "LEAF_MALFORMED", "account/12", new Uint8Array(53)],
    ["a position of nobody", "LEAF_MISSING", `position/0/${stranger}`, new Uint8Array(48).fill(1)],
    ["an empty position", "LEAF_MALFORMED", `position/0/${stranger}`, new Uint8Array(48)],
    [
      "a position in no market",
      "LEAF_MISSING",
      `position/7/${keyOf("account rich")}`,
      new Uint8Array(48).fill(1),
    ],
    ["a nonce scope that is none", "LEAF_MALFORMED", "nonce/x", new Uint8Array(18)],
    ["a window without its highest", "LEAF_MALFORMED", "nonce/deposit", new Uint8Array(12)],
    ["no chain", "LEAF_MISSING", "chain", undefined],
    ["no set", "LEAF_MISSING", "set", undefined],
    ["no liveness", "LEAF_MISSING", "liveness", undefined],
    ["no leavers", "LEAF_MISSING", "leavers", undefined],
    ["no fund", "LEAF_MISSING", "fund", undefined],
    ["no caps", "LEAF_MISSING", "caps", undefined],
    ["no market", "LEAF_MISSING", "market/0", undefined],
    ["no funding", "LEAF_MISSING", "funding/0", undefined],
    ["a gap in the marks", "STATE_CONTRADICTION", `mark/${chain.state.height - 2}`, undefined],
    ["the set of another epoch", "STATE_CONTRADICTION", "set", foreignSet()],
    ["another chain", "STATE_FOREIGN", "chain", foreignChain()],
    ["another version", "STATE_VERSION", "chain", foreignVersion()],
  ])("a certified state with %s is refused as %s", (_, refused, key, value) => {
    expect(loadChanged(`key/${stranger}`, new Uint8Array(8))).toBe("OK");
    expect(loadChanged(key, value)).toBe(refused);
  });

  function foreignSet(): Uint8Array {
    const set = read("set").slice();
    set[7] = (set[7] ?? 0) + 1;
    return set;
  }
  function foreignChain(): Uint8Array {
    return concatBytes([new Uint8Array(32).fill(9), read("chain").subarray(32)]);
  }
  function foreignVersion(): Uint8Array {
    const leaf = read("chain").slice();
    leaf[39] = 77;
    return leaf;
  }
});

function hashOf(key: string): string {
  return sha256Hex(new Writer().text(key).finish());
}

/** Whether a node would come to a state by these bytes of a manifest. */
function isTaken(encoded: Uint8Array): boolean {
  let read: SnapshotManifest;
  try {
    const reader = new Reader(encoded);
    read = readManifest(reader);
    reader.end();
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
  if (!verifyManifest(read, certified).ok) return false;
  const of: Snapshot = { manifest: read, chunks };
  return of.chunks.every((chunk, index) => verifyChunk(read, index, chunk).ok);
}
