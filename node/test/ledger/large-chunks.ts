import { defined } from "../../src/kernel/assert.ts";
import { Reader, Writer } from "../../src/kernel/codec.ts";
import { atOnce } from "../../src/kernel/steps.ts";
import { readChunkItems } from "../../src/ledger/chunk.ts";
import { encodeChain, leafKeys } from "../../src/ledger/leaves.ts";
import type { ChunkRoot } from "../../src/ledger/snapshot-manifest.ts";
import type { LedgerState } from "../../src/ledger/state.ts";
import { buildTree, treeRecords, treeRoot } from "../../src/ledger/state-tree.ts";
import { encodeMarket, marketKey } from "../../src/margin/leaves.ts";
import type { LeafChange } from "../../src/margin/types.ts";
import { randomFrom } from "../margin/random.ts";
import { type LargeTotals, pairOfAccounts, recordOf } from "./large-accounts.ts";

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

/** What a large state is made of: one seed, one state. */
export interface LargePlan {
  /** Depth of the chunks. */
  readonly bits: number;
  /** Accounts are added until their leaves have so many bytes. */
  readonly bytes: number;
  readonly seed: number;
}

/** The leaves of a small state, and of so many accounts besides that there are enough bytes. */
export function fillChunks(
  state: LedgerState,
  { bits, bytes, seed }: LargePlan,
): { readonly chunks: LargeChunks; readonly totals: LargeTotals } {
  const chunks = new LargeChunks(bits);
  const random = randomFrom(seed);
  const { markets } = state.margin;
  const priced = markets.map(({ parameters, oracle }) => ({ parameters, price: oracle.price }));
  const sequences = markets.map(({ nextSequence }) => nextSequence);
  const totals: LargeTotals = { accounts: 0, leaves: 0, balances: 0n, sequences };
  while (chunks.bytes < bytes) {
    for (const leaf of pairOfAccounts(random, priced, totals)) chunks.put(leaf);
  }
  const deposited = state.deposited + totals.balances;
  const changed = new Map<string, Uint8Array>([
    [leafKeys.chain, encodeChain({ ...state, deposited })],
  ]);
  markets.forEach((market, id) => {
    const nextSequence = defined(sequences[id], "a market");
    changed.set(marketKey(id), encodeMarket({ ...market, nextSequence }));
  });
  for (const records of treeRecords(state.tree)) {
    const reader = new Reader(records);
    for (let left = records.length; left > 0; ) {
      const key = reader.text("key", 1_000);
      const value = reader.bytes("value", 1_000_000);
      chunks.put({ key, value: changed.get(key) ?? value });
      left -= 8 + key.length + value.length;
    }
  }
  return { chunks, totals };
}
