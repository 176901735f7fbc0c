import { Writer } from "../../src/kernel/codec.ts";
import { atOnce } from "../../src/kernel/steps.ts";
import { readChunkItems } from "../../src/ledger/chunk.ts";
import type { ChunkRoot } from "../../src/ledger/snapshot-manifest.ts";
import { buildTree, treeRoot } from "../../src/ledger/state-tree.ts";
import type { LeafChange } from "../../src/margin/types.ts";
import { recordOf } from "./large-accounts.ts";

interface Entry {
  readonly hash: Uint8Array;
  readonly record: Uint8Array;
}

/** Leaves sorted into the chunks of a snapshot at a given depth, with no tree of all of them. */
export class LargeChunks {
  readonly bits: number;
  readonly #buckets: Entry[][];
  /** Of all records so far. */
  bytes = 0;

  constructor(bits: number) {
    this.bits = bits;
    this.#buckets = Array.from({ length: 2 ** bits }, () => []);
  }

  put(leaf: LeafChange): void {
    const entry = recordOf(leaf);
    const { hash } = entry;
    const prefix = (((hash[0] ?? 0) << 8) | (hash[1] ?? 0)) >> (16 - this.bits);
    this.#buckets[prefix]?.push(entry);
    this.bytes += entry.record.length;
  }

  /** Every chunk in its turn, given to `take`; returns what a manifest says of them. */
  encode(take: (index: number, chunk: Uint8Array) => void): readonly ChunkRoot[] {
    return this.#buckets.map((bucket, index): ChunkRoot => {
      bucket.sort((one, two) => Buffer.compare(one.hash, two.hash));
      const header = new Writer().u32(bucket.length).finish();
      const encoded = Buffer.concat([header, ...bucket.map(({ record }) => record)]);
      take(index, encoded);
      const items = atOnce(readChunkItems(this.bits, index, encoded));
      if (!items.ok) throw new Error(items.error.fix);
      const hash = treeRoot(buildTree(items.value, this.bits));
      const kind = bucket.length === 0 ? "empty" : bucket.length === 1 ? "leaf" : "inner";
      return { kind, hash, leaves: bucket.length, bytes: encoded.length };
    });
  }
}
