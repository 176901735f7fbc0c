import { sha256 } from "../crypto/sha256.ts";
import { assert, defined } from "../kernel/assert.ts";
import { fromHex, toHex } from "../kernel/bytes.ts";
import { stateKeyHash, type TreeProof } from "../kernel/merkle.ts";
import { type Digest, ZERO_DIGEST } from "../kernel/scalars.ts";
import type { LeafChange } from "../margin/types.ts";

/**
 * Persistent compact sparse Merkle tree over sha256(key): a leaf stands at the shortest prefix that
 * it has for itself. An update copies only the paths to changed leaves, so that the states of many
 * heights stand side by side; roots and proofs are those of kernel/merkle.ts.
 */
export type StateTree = Leaf | Inner | undefined;

interface Leaf {
  readonly kind: "leaf";
  readonly hash: Uint8Array;
  readonly keyHash: Uint8Array;
  readonly value: Uint8Array;
}

interface Inner {
  readonly kind: "inner";
  readonly hash: Uint8Array;
  readonly left: StateTree;
  readonly right: StateTree;
}

const LEAF = Uint8Array.of(0);
const INNER = Uint8Array.of(1);
const EMPTY = new Uint8Array(32);

interface Change {
  readonly keyHash: Uint8Array;
  readonly value: Uint8Array | undefined;
}

function bit(keyHash: Uint8Array, depth: number): 0 | 1 {
  const byte = keyHash[depth >> 3] ?? 0;
  return ((byte >> (7 - (depth & 7))) & 1) === 1 ? 1 : 0;
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  for (let index = 0; index < 32; index += 1) {
    if (left[index] !== right[index]) return false;
  }
  return true;
}

function leafOf({ keyHash, value }: Change): StateTree {
  if (value === undefined) return undefined;
  return { kind: "leaf", hash: sha256(LEAF, keyHash, sha256(value)), keyHash, value };
}

function innerOf(left: StateTree, right: StateTree): StateTree {
  // Compact: a lone leaf moves up to the shortest prefix that is its own.
  if (left === undefined && right?.kind !== "inner") return right;
  if (right === undefined && left?.kind !== "inner") return left;
  const hash = sha256(INNER, left?.hash ?? EMPTY, right?.hash ?? EMPTY);
  return { kind: "inner", hash, left, right };
}

/** Subtree at `depth` with the changes applied; their keys are distinct and all belong below it. */
function update(node: StateTree, changes: readonly Change[], depth: number): StateTree {
  const first = changes[0];
  if (first === undefined) return node;
  if (node?.kind !== "inner") {
    if (changes.length === 1 && (node === undefined || same(node.keyHash, first.keyHash))) {
      return leafOf(first);
    }
    // A leaf in the way takes part in the split, unless a change replaces it.
    const replaced = changes.some(({ keyHash }) => node && same(node.keyHash, keyHash));
    const all = node === undefined || replaced ? changes : [...changes, node];
    return split(undefined, undefined, all, depth);
  }
  return split(node.left, node.right, changes, depth);
}

function split(
  left: StateTree,
  right: StateTree,
  changes: readonly Change[],
  depth: number,
): StateTree {
  assert(depth < 256, "two keys share a SHA-256 digest");
  const lefts = changes.filter(({ keyHash }) => bit(keyHash, depth) === 0);
  const rights = changes.filter(({ keyHash }) => bit(keyHash, depth) === 1);
  return innerOf(update(left, lefts, depth + 1), update(right, rights, depth + 1));
}

/** The tree after the changes; of several changes of one key the last counts. */
export function updateTree(tree: StateTree, changes: readonly LeafChange[]): StateTree {
  const last = new Map(changes.map(({ key, value }) => [key, value]));
  const hashed = [...last].map(([key, value]) => ({ keyHash: fromHex(stateKeyHash(key)), value }));
  return update(tree, hashed, 0);
}

export function treeRoot(tree: StateTree): Digest {
  return tree === undefined ? ZERO_DIGEST : toHex(tree.hash);
}

export interface TreeEntry {
  /** Undefined: the state has no such key, and the proof shows it. */
  readonly value: Uint8Array | undefined;
  readonly proof: TreeProof;
}

/** Value and proof of presence, or proof of absence, as `verifyTreeProof` checks them. */
export function proveTree(tree: StateTree, key: string): TreeEntry {
  const keyHash = fromHex(stateKeyHash(key));
  const siblings: Digest[] = [];
  let node = tree;
  while (node?.kind === "inner") {
    const goesLeft: boolean = bit(keyHash, siblings.length) === 0;
    siblings.push(treeRoot(goesLeft ? node.right : node.left));
    node = goesLeft ? node.left : node.right;
  }
  if (node === undefined) return { value: undefined, proof: { siblings } };
  const leaf = defined(node, "leaf at the end of a path");
  if (same(leaf.keyHash, keyHash)) return { value: leaf.value, proof: { siblings } };
  const other = { keyHash: toHex(leaf.keyHash), valueHash: toHex(sha256(leaf.value)) };
  return { value: undefined, proof: { siblings, other } };
}

/** State leaf `key` (node/spec/encoding.md, State) with its proof against this state's root. */
export function proveState(state: { readonly tree: StateTree }, key: string): TreeEntry {
  return proveTree(state.tree, key);
}
