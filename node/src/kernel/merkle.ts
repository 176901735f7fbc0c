import { sha256, sha256Hex } from "../crypto/sha256.ts";
import { assert, defined } from "./assert.ts";
import { fromHex, toHex } from "./bytes.ts";
import { Writer } from "./codec.ts";
import { type Digest, ZERO_DIGEST } from "./scalars.ts";

/** Leaves and inner nodes are hashed in different domains (RFC 6962 §2.1): 0x00 and 0x01. */
const LEAF = Uint8Array.of(0);
const INNER = Uint8Array.of(1);
/** Bytes of a hash. */
const HASH = 32;

function leafHash(leaf: Uint8Array): Uint8Array {
  return sha256(LEAF, leaf);
}

function innerHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(INNER, left, right);
}

/** Path from one leaf of a list to the list's root. */
export interface ListProof {
  readonly index: number;
  readonly count: number;
  /** Sibling hashes, leaf upwards. */
  readonly path: readonly Digest[];
}

/** Largest power of two below `count` (RFC 6962 §2.1). */
function split(count: number): number {
  let size = 1;
  while (size * 2 < count) size *= 2;
  return size;
}

/**
 * All hashes of a list's Merkle tree (RFC 6962 §2.1), made once: root and proofs then cost nothing.
 * Level 0 has the leaves' hashes, 32 bytes each, end to end; the level above has those of the
 * pairs, and a last one without a partner as it is, which is the RFC's tree.
 */
export interface ListTree {
  readonly leaves: readonly Uint8Array[];
  readonly levels: readonly Uint8Array[];
}

export function listTree(leaves: readonly Uint8Array[]): ListTree {
  const bottom = new Uint8Array(leaves.length * HASH);
  for (const [index, leaf] of leaves.entries()) bottom.set(leafHash(leaf), index * HASH);
  const levels = [bottom];
  let below = bottom;
  while (below.length > HASH) {
    const count = below.length / HASH;
    const level = new Uint8Array(Math.ceil(count / 2) * HASH);
    for (let index = 0; index < count; index += 2) {
      const left = below.subarray(index * HASH, (index + 1) * HASH);
      const right = below.subarray((index + 1) * HASH, (index + 2) * HASH);
      level.set(right.length === 0 ? left : innerHash(left, right), (index / 2) * HASH);
    }
    levels.push(level);
    below = level;
  }
  return { leaves, levels };
}

/** Hash of the subtree over the leaves `start` to `end`, as `split` cuts them. */
function subtree({ levels }: ListTree, start: number, end: number): Uint8Array {
  let level = 0;
  while (2 ** level < end - start) level += 1;
  const at = (start / 2 ** level) * HASH;
  return defined(levels[level], `level ${level}`).subarray(at, at + HASH);
}

/** ZERO_DIGEST for the empty list. */
export function listTreeRoot(tree: ListTree): Digest {
  const { length } = tree.leaves;
  return length === 0 ? ZERO_DIGEST : toHex(subtree(tree, 0, length));
}

/** Merkle tree hash of a list (RFC 6962 §2.1); ZERO_DIGEST for the empty list. */
export function listRoot(leaves: readonly Uint8Array[]): Digest {
  return listTreeRoot(listTree(leaves));
}

export function listProof(leaves: readonly Uint8Array[], index: number): ListProof {
  return listTreeProof(listTree(leaves), index);
}

export function listTreeProof(tree: ListTree, index: number): ListProof {
  const count = tree.leaves.length;
  assert(index >= 0 && index < count, `no leaf ${index} among ${count}`);
  const path: Digest[] = [];
  let start = 0;
  let end = count;
  while (end - start > 1) {
    const middle = start + split(end - start);
    if (index < middle) {
      path.push(toHex(subtree(tree, middle, end)));
      end = middle;
    } else {
      path.push(toHex(subtree(tree, start, middle)));
      start = middle;
    }
  }
  return { index, count, path: path.reverse() };
}

/** Proves leaves that stand next to each other in a list, with about one hash for each of them. */
export interface ListRangeProof {
  /** Index of the first of them. */
  readonly first: number;
  /** Leaves of the whole list. */
  readonly count: number;
  /** Hashes of the largest subtrees outside the range, left to right. */
  readonly path: readonly Uint8Array[];
}

export function listRangeProof(tree: ListTree, first: number, end: number): ListRangeProof {
  const count = tree.leaves.length;
  assert(first >= 0 && first < end && end <= count, `no leaves ${first} to ${end} of ${count}`);
  const path: Uint8Array[] = [];
  const visit = (from: number, to: number): void => {
    if (from >= first && to <= end) return;
    if (to <= first || from >= end) {
      path.push(subtree(tree, from, to));
      return;
    }
    const middle = from + split(to - from);
    visit(from, middle);
    visit(middle, to);
  };
  visit(0, count);
  return { first, count, path };
}

/** Longest list that a range is proven of: bounds the work that a proof can ask for. */
const RANGE_COUNT_MAX = 2 ** 24;

export function verifyListRange(
  root: Digest,
  leaves: readonly Uint8Array[],
  { first, count, path }: ListRangeProof,
): boolean {
  const end = first + leaves.length;
  const isInside = Number.isSafeInteger(first) && first >= 0 && end <= count;
  if (leaves.length === 0 || !isInside || count > RANGE_COUNT_MAX) return false;
  let used = 0;
  const fold = (from: number, to: number): Uint8Array | undefined => {
    if (to <= first || from >= end) {
      used += 1;
      const hash = path[used - 1];
      return hash?.length === HASH ? hash : undefined;
    }
    const leaf = leaves[from - first];
    if (to - from === 1) return leaf && leafHash(leaf);
    const middle = from + split(to - from);
    const left = fold(from, middle);
    const right = fold(middle, to);
    return left && right && innerHash(left, right);
  };
  const hash = fold(0, count);
  return hash !== undefined && used === path.length && toHex(hash) === root;
}

export function verifyListProof(root: Digest, leaf: Uint8Array, proof: ListProof): boolean {
  if (proof.index < 0 || proof.index >= proof.count) return false;
  const turns: boolean[] = [];
  let start = 0;
  let end = proof.count;
  while (end - start > 1) {
    const middle = start + split(end - start);
    const goesLeft = proof.index < middle;
    turns.push(goesLeft);
    if (goesLeft) end = middle;
    else start = middle;
  }
  if (turns.length !== proof.path.length) return false;
  let hash = leafHash(leaf);
  for (const sibling of proof.path) {
    const other = fromHex(sibling);
    hash = turns.pop() === true ? innerHash(hash, other) : innerHash(other, hash);
  }
  return toHex(hash) === root;
}

/**
 * Path in the state tree: a binary trie over sha256(key), where a leaf stands at the shortest
 * prefix that it has for itself (a compact sparse Merkle tree). Empty subtrees hash to ZERO_DIGEST.
 */
export interface TreeProof {
  /** Siblings, root downwards; the n-th belongs to bit n of sha256(key). */
  readonly siblings: readonly Digest[];
  /** The leaf found at the end: for a proof of absence another key's leaf, or nothing. */
  readonly other?: { readonly keyHash: Digest; readonly valueHash: Digest };
}

export function stateKeyHash(key: string): Digest {
  return sha256Hex(new Writer().text(key).finish());
}

/** Hash of a leaf: both key and value are bound. */
export function stateLeafHash(keyHash: Digest, valueHash: Digest): Digest {
  return sha256Hex(LEAF, fromHex(keyHash), fromHex(valueHash));
}

export function stateInnerHash(left: Digest, right: Digest): Digest {
  return sha256Hex(INNER, fromHex(left), fromHex(right));
}

export function keyBit(keyHash: Digest, depth: number): 0 | 1 {
  const nibble = Number.parseInt(keyHash.charAt(depth >> 2), 16);
  return ((nibble >> (3 - (depth & 3))) & 1) === 1 ? 1 : 0;
}

/** Proves that `key` has `value`, or, with undefined, that the state has no such key. */
export function verifyTreeProof(
  root: Digest,
  entry: { readonly key: string; readonly value: Uint8Array | undefined },
  proof: TreeProof,
): boolean {
  const keyHash = stateKeyHash(entry.key);
  if (proof.siblings.length > 256) return false;
  let hash: Digest;
  if (entry.value !== undefined) {
    if (proof.other !== undefined) return false;
    hash = stateLeafHash(keyHash, sha256Hex(entry.value));
  } else if (proof.other === undefined) {
    hash = ZERO_DIGEST;
  } else {
    const { other } = proof;
    if (other.keyHash === keyHash) return false;
    for (let depth = 0; depth < proof.siblings.length; depth += 1) {
      if (keyBit(other.keyHash, depth) !== keyBit(keyHash, depth)) return false;
    }
    hash = stateLeafHash(other.keyHash, other.valueHash);
  }
  for (let depth = proof.siblings.length - 1; depth >= 0; depth -= 1) {
    const sibling = defined(proof.siblings[depth], `sibling ${depth}`);
    hash =
      keyBit(keyHash, depth) === 0 ? stateInnerHash(hash, sibling) : stateInnerHash(sibling, hash);
  }
  return hash === root;
}
