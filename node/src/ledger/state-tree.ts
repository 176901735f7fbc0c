import { sha256 } from "../crypto/sha256.ts";
import { fromHex, toHex } from "../kernel/bytes.ts";
import { Writer } from "../kernel/codec.ts";
import { stateKeyHash, type TreeProof } from "../kernel/merkle.ts";
import { type Digest, ZERO_DIGEST } from "../kernel/scalars.ts";
import type { Steps } from "../kernel/steps.ts";
import type { LeafChange } from "../margin/types.ts";
import {
  bitOf,
  compareHashes,
  EMPTY_HASH,
  foldItems,
  hashRecord,
  innerHashOf,
  type LeafItem,
  type Page,
  packPage,
  pageHash,
  pageItems,
  pageRecords,
  recordValue,
  turnOf,
} from "./tree-page.ts";

/**
 * Persistent compact sparse Merkle tree over sha256(key): a leaf stands at the shortest prefix that
 * it has for itself. An update copies only the paths to changed leaves, so that the states of many
 * heights stand side by side; roots and proofs are those of kernel/merkle.ts. Subtrees of few
 * leaves are pages, which hold key, value and hashes in one piece: millions of leaves are then few
 * objects.
 */
export type StateTree = Page | Inner | undefined;

interface Inner {
  readonly kind: "inner";
  readonly hash: Uint8Array;
  /** Number of leaves below: more than PAGE_LEAVES. */
  readonly leaves: number;
  /** Sum of the lengths of their records. */
  readonly bytes: number;
  readonly left: StateTree;
  readonly right: StateTree;
}

/** A subtree of at most so many leaves is one page. Of no effect on hashes and proofs. */
const PAGE_LEAVES = 8;

/** A leaf to write, or, without item, the key hash of a leaf to remove. */
interface Change {
  readonly keyHash: Uint8Array;
  readonly item: LeafItem | undefined;
}

export function treeLeaves(tree: StateTree): number {
  return tree?.leaves ?? 0;
}

/** Length of all records of the tree. */
export function treeBytes(tree: StateTree): number {
  if (tree === undefined) return 0;
  return tree.kind === "inner" ? tree.bytes : pageRecords(tree).length;
}

function hashOf(tree: StateTree): Uint8Array {
  if (tree === undefined) return EMPTY_HASH;
  return tree.kind === "inner" ? tree.hash : pageHash(tree);
}

/** The subtree at `depth` over two others: a page again where few leaves are left. */
function join(left: StateTree, right: StateTree, depth: number): StateTree {
  const leaves = treeLeaves(left) + treeLeaves(right);
  if (leaves === 0) return undefined;
  if (leaves <= PAGE_LEAVES) return packPage([...itemsOf(left), ...itemsOf(right)], depth);
  const bytes = treeBytes(left) + treeBytes(right);
  const hash = innerHashOf(hashOf(left), hashOf(right));
  return { kind: "inner", hash, leaves, bytes, left, right };
}

function itemsOf(tree: StateTree): readonly LeafItem[] {
  if (tree === undefined) return [];
  if (tree.kind === "page") return pageItems(tree);
  return [...itemsOf(tree.left), ...itemsOf(tree.right)];
}

/** The subtree at `depth` with these leaves, in order of their key hashes, all below it. */
export function buildTree(
  items: readonly LeafItem[],
  depth: number,
  from = 0,
  to = items.length,
): StateTree {
  if (from === to) return undefined;
  if (to - from <= PAGE_LEAVES) return packPage(items.slice(from, to), depth);
  const middle = turnOf(items, depth, from, to);
  const left = buildTree(items, depth + 1, from, middle);
  return join(left, buildTree(items, depth + 1, middle, to), depth);
}

/** Subtrees that are joined or split between two yields: about a millisecond of work. */
export const SUBTREES_PER_STEP = 256;

/** The tree over all 2^bits subtrees at depth `bits`; the inverse of `childTrees`. */
export function* joinSubtrees(trees: readonly StateTree[], bits: number): Steps<StateTree> {
  let level = trees;
  for (let depth = bits - 1; depth >= 0; depth -= 1) {
    const above: StateTree[] = [];
    for (let index = 0; index < level.length; index += 2) {
      above.push(join(level[index], level[index + 1], depth));
      if (above.length % SUBTREES_PER_STEP === 0) yield;
    }
    level = above;
  }
  return level[0];
}

function merge(items: readonly LeafItem[], changes: readonly Change[]): LeafItem[] {
  const merged: LeafItem[] = [];
  let next = 0;
  for (const { keyHash, item } of changes) {
    let old = items[next];
    while (old !== undefined && compareHashes(old.keyHash, keyHash) < 0) {
      merged.push(old);
      next += 1;
      old = items[next];
    }
    if (old !== undefined && compareHashes(old.keyHash, keyHash) === 0) next += 1;
    if (item !== undefined) merged.push(item);
  }
  return merged.concat(items.slice(next));
}

/** Subtree at `depth` with the changes applied; in order of their key hashes, each key once. */
function update(tree: StateTree, changes: readonly Change[], depth: number): StateTree {
  if (changes.length === 0) return tree;
  if (tree?.kind !== "inner") return buildTree(merge(itemsOf(tree), changes), depth);
  const first = changes.findIndex(({ keyHash }) => bitOf(keyHash, depth) === 1);
  const middle = first === -1 ? changes.length : first;
  const left = update(tree.left, changes.slice(0, middle), depth + 1);
  return join(left, update(tree.right, changes.slice(middle), depth + 1), depth);
}

function changeOf(key: string, value: Uint8Array | undefined): Change {
  const writer = new Writer().text(key);
  if (value === undefined) return { keyHash: sha256(writer.finish()), item: undefined };
  const record = writer.bytes(value).finish();
  const pair = new Uint8Array(64);
  hashRecord(record, pair, 0);
  const item = { keyHash: pair.subarray(0, 32), leafHash: pair.subarray(32), record };
  return { keyHash: item.keyHash, item };
}

/** The tree after the changes; of several changes of one key the last counts. */
export function updateTree(tree: StateTree, changes: readonly LeafChange[]): StateTree {
  const last = new Map(changes.map(({ key, value }) => [key, value]));
  const hashed = Array.from(last, ([key, value]) => changeOf(key, value));
  hashed.sort((one, two) => compareHashes(one.keyHash, two.keyHash));
  return update(tree, hashed, 0);
}

export function treeRoot(tree: StateTree): Digest {
  return tree === undefined ? ZERO_DIGEST : toHex(hashOf(tree));
}

/** The subtrees one level below those at `depth`: where a page stands higher, it is split. */
export function childTrees(trees: readonly StateTree[], depth: number): StateTree[] {
  return trees.flatMap((node) => childrenOf(node, depth));
}

/** The subtree of all keys whose hash begins with the `bits` bits of `index`. */
export function subtree(tree: StateTree, bits: number, index: number): StateTree {
  let node = tree;
  for (let depth = 0; depth < bits; depth += 1) {
    const [left, right] = childrenOf(node, depth);
    node = ((index >> (bits - 1 - depth)) & 1) === 0 ? left : right;
  }
  return node;
}

function childrenOf(node: StateTree, depth: number): readonly [StateTree, StateTree] {
  if (node === undefined) return [undefined, undefined];
  if (node.kind === "inner") return [node.left, node.right];
  const items = pageItems(node);
  const middle = turnOf(items, depth, 0, items.length);
  return [
    buildTree(items, depth + 1, 0, middle),
    buildTree(items, depth + 1, middle, items.length),
  ];
}

/** The records of all leaves in order of their key hashes, in pieces of a few leaves. */
export function* treeRecords(tree: StateTree): Generator<Uint8Array, void> {
  const open: StateTree[] = [tree];
  while (open.length > 0) {
    const node = open.pop();
    if (node === undefined) continue;
    if (node.kind === "page") yield pageRecords(node);
    else open.push(node.right, node.left);
  }
}

export interface TreeEntry {
  /** Undefined: the state has no such key, and the proof shows it. */
  readonly value: Uint8Array | undefined;
  readonly proof: TreeProof;
}

/** Value of a key. */
export function readTree(tree: StateTree, key: string): Uint8Array | undefined {
  const keyHash = sha256(new Writer().text(key).finish());
  let node = tree;
  for (let depth = 0; node?.kind === "inner"; depth += 1) {
    node = bitOf(keyHash, depth) === 0 ? node.left : node.right;
  }
  const found = itemsOf(node).find((item) => compareHashes(item.keyHash, keyHash) === 0);
  return found === undefined ? undefined : recordValue(found.record);
}

/** Value and proof of presence, or proof of absence, as `verifyTreeProof` checks them. */
export function proveTree(tree: StateTree, key: string): TreeEntry {
  const keyHash = fromHex(stateKeyHash(key));
  const siblings: Digest[] = [];
  let node = tree;
  while (node?.kind === "inner") {
    const goesLeft: boolean = bitOf(keyHash, siblings.length) === 0;
    siblings.push(treeRoot(goesLeft ? node.right : node.left));
    node = goesLeft ? node.left : node.right;
  }
  const leaf = proveItem(itemsOf(node), keyHash, siblings);
  if (leaf === undefined) return { value: undefined, proof: { siblings } };
  const value = recordValue(leaf.record);
  if (compareHashes(leaf.keyHash, keyHash) === 0) return { value, proof: { siblings } };
  const other = { keyHash: toHex(leaf.keyHash), valueHash: toHex(sha256(value)) };
  return { value: undefined, proof: { siblings, other } };
}

/** Goes on within a page: adds its siblings, returns the leaf at the end of the path. */
function proveItem(
  items: readonly LeafItem[],
  keyHash: Uint8Array,
  siblings: Digest[],
): LeafItem | undefined {
  let from = 0;
  let to = items.length;
  while (to - from > 1) {
    const depth = siblings.length;
    const middle = turnOf(items, depth, from, to);
    const goesLeft = bitOf(keyHash, depth) === 0;
    const [start, end] = goesLeft ? [middle, to] : [from, middle];
    siblings.push(toHex(foldItems(items, depth + 1, start, end)));
    if (goesLeft) to = middle;
    else from = middle;
  }
  return from === to ? undefined : items[from];
}

/** State leaf `key` (node/spec/encoding.md, State) with its proof against this state's root. */
export function proveState(state: { readonly tree: StateTree }, key: string): TreeEntry {
  return proveTree(state.tree, key);
}
