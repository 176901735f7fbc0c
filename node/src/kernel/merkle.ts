import { sha256, sha256Hex } from "../crypto/sha256.ts";
import { assert, defined } from "./assert.ts";
import { fromHex, toHex } from "./bytes.ts";
import { Writer } from "./codec.ts";
import { type Digest, ZERO_DIGEST } from "./scalars.ts";

/** Leaves and inner nodes are hashed in different domains (RFC 6962 §2.1): 0x00 and 0x01. */
const LEAF = Uint8Array.of(0);
const INNER = Uint8Array.of(1);

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

function subtreeRoot(hashes: readonly Uint8Array[], start: number, end: number): Uint8Array {
  if (end - start === 1) return defined(hashes[start], `leaf ${start}`);
  const middle = start + split(end - start);
  return innerHash(subtreeRoot(hashes, start, middle), subtreeRoot(hashes, middle, end));
}

/** Merkle tree hash of a list (RFC 6962 §2.1); ZERO_DIGEST for the empty list. */
export function listRoot(leaves: readonly Uint8Array[]): Digest {
  if (leaves.length === 0) return ZERO_DIGEST;
  return toHex(subtreeRoot(leaves.map(leafHash), 0, leaves.length));
}

export function listProof(leaves: readonly Uint8Array[], index: number): ListProof {
  assert(index >= 0 && index < leaves.length, `no leaf ${index} among ${leaves.length}`);
  const hashes = leaves.map(leafHash);
  const path: Digest[] = [];
  let start = 0;
  let end = leaves.length;
  while (end - start > 1) {
    const middle = start + split(end - start);
    if (index < middle) {
      path.push(toHex(subtreeRoot(hashes, middle, end)));
      end = middle;
    } else {
      path.push(toHex(subtreeRoot(hashes, start, middle)));
      start = middle;
    }
  }
  return { index, count: leaves.length, path: path.reverse() };
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
