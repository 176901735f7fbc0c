import { sha256, sha256Into } from "../crypto/sha256.ts";
import { assert } from "../kernel/assert.ts";
import { asciiText } from "../kernel/bytes.ts";

export const DIGEST_BYTES = 32;
/** Key hash and leaf hash of one leaf. */
export const PAIR_BYTES = 2 * DIGEST_BYTES;

/** One leaf: its place, its hash, and its record as it stands in pages and chunks. */
export interface LeafItem {
  readonly keyHash: Uint8Array;
  readonly leafHash: Uint8Array;
  /** u32 length and key text, u32 length and value. */
  readonly record: Uint8Array;
}

/**
 * The leaves of one small subtree in one piece of memory: its hash, then key hash and leaf hash of
 * each leaf in order of the key hashes, then the records in the same order. Never changed in place.
 */
export interface Page {
  readonly kind: "page";
  /** At least 1. */
  readonly leaves: number;
  readonly data: Uint8Array;
}

const leafInput = new Uint8Array(1 + PAIR_BYTES);
const innerInput = new Uint8Array(1 + PAIR_BYTES);
innerInput[0] = 1;

function lengthAt(bytes: Uint8Array, offset: number): number {
  const high = ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
  const low = ((bytes[offset + 2] ?? 0) << 8) | (bytes[offset + 3] ?? 0);
  return high * 0x1_0000 + low;
}

/** Where the record at `offset` ends; undefined if that is beyond the bytes that are there. */
export function recordEnd(view: DataView, offset: number): number | undefined {
  if (offset + 4 > view.byteLength) return undefined;
  const valueAt = offset + 4 + view.getUint32(offset);
  if (valueAt + 4 > view.byteLength) return undefined;
  const end = valueAt + 4 + view.getUint32(valueAt);
  return end > view.byteLength ? undefined : end;
}

/** Length of the key part of the record at `offset`, with its length field. */
function keyPart(bytes: Uint8Array, offset: number): number {
  return 4 + lengthAt(bytes, offset);
}

export function recordKey(record: Uint8Array): string {
  return asciiText(record.subarray(4, keyPart(record, 0)));
}

export function recordValue(record: Uint8Array): Uint8Array {
  return record.subarray(keyPart(record, 0) + 4);
}

/** Hashes a record into `out`: key hash at `offset`, leaf hash behind it. */
export function hashRecord(record: Uint8Array, out: Uint8Array, offset: number): void {
  const end = keyPart(record, 0);
  sha256Into(leafInput, 1, record.subarray(0, end));
  sha256Into(leafInput, 1 + DIGEST_BYTES, record.subarray(end + 4));
  out.set(leafInput.subarray(1, 1 + DIGEST_BYTES), offset);
  sha256Into(out, offset + DIGEST_BYTES, leafInput);
}

export function innerHashOf(left: Uint8Array, right: Uint8Array): Uint8Array {
  innerInput.set(left, 1);
  innerInput.set(right, 1 + DIGEST_BYTES);
  return sha256(innerInput);
}

export function bitOf(keyHash: Uint8Array, depth: number): 0 | 1 {
  const byte = keyHash[depth >> 3] ?? 0;
  return ((byte >> (7 - (depth & 7))) & 1) === 1 ? 1 : 0;
}

/** The first `bits` bits, at most 16, as a number. */
export function prefixOf(keyHash: Uint8Array, bits: number): number {
  return (((keyHash[0] ?? 0) << 8) | (keyHash[1] ?? 0)) >> (16 - bits);
}

export function compareHashes(left: Uint8Array, right: Uint8Array): number {
  for (let index = 0; index < DIGEST_BYTES; index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** First place in [from, to) whose key hash has a 1 at `depth`; the key hashes are in order. */
export function turnOf(
  items: readonly LeafItem[],
  depth: number,
  from: number,
  to: number,
): number {
  let middle = from;
  for (; middle < to; middle += 1) {
    const item = items[middle];
    if (item !== undefined && bitOf(item.keyHash, depth) === 1) break;
  }
  return middle;
}

export const EMPTY_HASH = new Uint8Array(DIGEST_BYTES);

/** Hash of the subtree at `depth` that has the leaves [from, to): a lone leaf moves up. */
export function foldItems(
  items: readonly LeafItem[],
  depth: number,
  from = 0,
  to = items.length,
): Uint8Array {
  const first = items[from];
  if (from === to || first === undefined) return EMPTY_HASH;
  if (to - from === 1) return first.leafHash;
  assert(depth < 256, "two keys share a SHA-256 digest");
  const middle = turnOf(items, depth, from, to);
  const left = foldItems(items, depth + 1, from, middle);
  return innerHashOf(left, foldItems(items, depth + 1, middle, to));
}

/** The page of the leaves, which are in order and share the first `depth` bits. */
export function packPage(items: readonly LeafItem[], depth: number): Page {
  const records = items.reduce((sum, { record }) => sum + record.length, 0);
  const data = new Uint8Array(DIGEST_BYTES + items.length * PAIR_BYTES + records);
  data.set(foldItems(items, depth));
  let pair = DIGEST_BYTES;
  let offset = DIGEST_BYTES + items.length * PAIR_BYTES;
  for (const { keyHash, leafHash, record } of items) {
    data.set(keyHash, pair);
    data.set(leafHash, pair + DIGEST_BYTES);
    data.set(record, offset);
    pair += PAIR_BYTES;
    offset += record.length;
  }
  return { kind: "page", leaves: items.length, data };
}

export function pageHash({ data }: Page): Uint8Array {
  return data.subarray(0, DIGEST_BYTES);
}

/** The records of the page, one behind the other. */
export function pageRecords({ data, leaves }: Page): Uint8Array {
  return data.subarray(DIGEST_BYTES + leaves * PAIR_BYTES);
}

/** Views of the page's leaves, in order. */
export function pageItems({ data, leaves }: Page): LeafItem[] {
  const items: LeafItem[] = [];
  let offset = DIGEST_BYTES + leaves * PAIR_BYTES;
  for (let index = 0; index < leaves; index += 1) {
    const pair = DIGEST_BYTES + index * PAIR_BYTES;
    const middle = pair + DIGEST_BYTES;
    const valueAt = offset + keyPart(data, offset);
    const end = valueAt + 4 + lengthAt(data, valueAt);
    items.push({
      keyHash: data.subarray(pair, middle),
      leafHash: data.subarray(middle, middle + DIGEST_BYTES),
      record: data.subarray(offset, end),
    });
    offset = end;
  }
  return items;
}
