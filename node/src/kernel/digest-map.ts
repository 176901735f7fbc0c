import type { Digest, Height } from "./scalars.ts";
import type { Steps } from "./steps.ts";

/**
 * An immutable map from digests: a 16-ary trie over the hex digits that copies only the path it
 * changes. A `Map` of 100,000 transactions cannot be copied at every step.
 */
export interface DigestMap<V> {
  readonly root: Node<V>;
  readonly size: number;
}

interface Leaf<V> {
  readonly key: Digest;
  readonly value: V;
}
interface Branch<V> {
  readonly children: readonly Node<V>[];
  /** What a `Survey` found out about the values below, for it alone: no part of the map's value. */
  note: unknown;
  /** What `sumSteps` found below, and for which amount: no part of the map's value. */
  sum: { readonly of: unknown; readonly total: bigint } | undefined;
}
type Node<V> = Leaf<V> | Branch<V> | undefined;

function isLeaf<V>(node: Leaf<V> | Branch<V>): node is Leaf<V> {
  return "key" in node;
}

/** Value of a lower-case hex digit: "0" is 48, "a" is 97. */
function digit(key: Digest, depth: number): number {
  const code = key.charCodeAt(depth);
  return code < 97 ? code - 48 : code - 87;
}

export function emptyDigestMap<V>(): DigestMap<V> {
  return { root: undefined, size: 0 };
}

export function getDigest<V>(map: DigestMap<V>, key: Digest): V | undefined {
  let node = map.root;
  for (let depth = 0; node !== undefined; depth += 1) {
    if (isLeaf(node)) return node.key === key ? node.value : undefined;
    node = node.children[digit(key, depth)];
  }
  return undefined;
}

function withChild<V>(branch: Branch<V>, at: number, child: Node<V>): Branch<V> {
  const children = branch.children.slice();
  children[at] = child;
  return { children, note: undefined, sum: undefined };
}

const BARE: Branch<never> = {
  children: Array.from({ length: 16 }, () => undefined),
  note: undefined,
  sum: undefined,
};

function insert<V>(node: Node<V>, leaf: Leaf<V>, depth: number): Node<V> {
  if (node === undefined) return leaf;
  if (!isLeaf(node)) {
    const at = digit(leaf.key, depth);
    return withChild(node, at, insert(node.children[at], leaf, depth + 1));
  }
  if (node.key === leaf.key) return leaf;
  const branch = withChild<V>(BARE, digit(node.key, depth), node);
  return insert(branch, leaf, depth);
}

function remove<V>(node: Node<V>, key: Digest, depth: number): Node<V> {
  if (node === undefined || isLeaf(node)) return undefined;
  const at = digit(key, depth);
  const branch = withChild(node, at, remove(node.children[at], key, depth + 1));
  return branch.children.every((child) => child === undefined) ? undefined : branch;
}

export function setDigest<V>(map: DigestMap<V>, key: Digest, value: V): DigestMap<V> {
  const size = getDigest(map, key) === undefined ? map.size + 1 : map.size;
  return { root: insert(map.root, { key, value }, 0), size };
}

export function deleteDigest<V>(map: DigestMap<V>, key: Digest): DigestMap<V> {
  if (getDigest(map, key) === undefined) return map;
  return { root: remove(map.root, key, 0), size: map.size - 1 };
}

/** Entries in the order of their keys. */
export function* digestEntries<V>(map: DigestMap<V>): Generator<readonly [Digest, V]> {
  const open: Node<V>[] = [map.root];
  while (open.length > 0) {
    const node = open.pop();
    if (node === undefined) continue;
    if (isLeaf(node)) yield [node.key, node.value];
    else open.push(...node.children.toReversed());
  }
}

/**
 * A question to all values that many of them need not be asked again: `N` says for which questions.
 * It follows from the values alone, so that whoever holds the same map finds the same.
 */
export interface Survey<V, N> {
  readonly of: (value: V) => N;
  /** What holds for all of several groups. */
  readonly join: (notes: readonly N[]) => N;
  /** The note, where it is one of this survey. */
  readonly read: (note: unknown) => N | undefined;
  /** Whether the note answers today's question for everything below it. */
  readonly settles: (note: N) => boolean;
}

/** Values that are looked at between two yields: far below a millisecond of work. */
export const VALUES_PER_STEP = 128;

/**
 * Notes for the whole map, some values a step: for a map that was just loaded. Without them the
 * first question looks at every value at once.
 */
export function* noteAll<V, N>(map: DigestMap<V>, survey: Survey<V, N>): Steps<void> {
  let count = 0;
  function* visit(branch: Branch<V>): Steps<N> {
    const notes: N[] = [];
    for (const child of branch.children) {
      if (child === undefined) continue;
      if (!isLeaf(child)) {
        notes.push(yield* visit(child));
        continue;
      }
      count += 1;
      if (count % VALUES_PER_STEP === 0) yield;
      notes.push(survey.of(child.value));
    }
    const note = survey.join(notes);
    branch.note = note;
    return note;
  }
  const { root } = map;
  if (root !== undefined && !isLeaf(root)) yield* visit(root);
}

/**
 * The sum of an amount over all values, some values a step. A group that has not changed since the
 * same function was last asked is not looked at again: after a block, only what the block changed.
 */
export function* sumSteps<V>(map: DigestMap<V>, of: (value: V) => bigint): Steps<bigint> {
  let count = 0;
  function* visit(branch: Branch<V>): Steps<bigint> {
    if (branch.sum?.of === of) return branch.sum.total;
    let total = 0n;
    for (const child of branch.children) {
      if (child === undefined) continue;
      if (!isLeaf(child)) {
        total += yield* visit(child);
        continue;
      }
      count += 1;
      if (count % VALUES_PER_STEP === 0) yield;
      total += of(child.value);
    }
    branch.sum = { of, total };
    return total;
  }
  const { root } = map;
  if (root === undefined) return 0n;
  return isLeaf(root) ? of(root.value) : yield* visit(root);
}

/** The entries that no note settles. What is found out of a group stays with its node. */
export function unsettledEntries<V, N>(
  map: DigestMap<V>,
  survey: Survey<V, N>,
): readonly (readonly [Digest, V])[] {
  const found: (readonly [Digest, V])[] = [];
  const visit = (node: Leaf<V> | Branch<V>): N => {
    if (isLeaf(node)) {
      const note = survey.of(node.value);
      if (!survey.settles(note)) found.push([node.key, node.value]);
      return note;
    }
    const known = survey.read(node.note);
    if (known !== undefined && survey.settles(known)) return known;
    const notes: N[] = [];
    for (const child of node.children) if (child !== undefined) notes.push(visit(child));
    const note = survey.join(notes);
    node.note = note;
    return note;
  };
  if (map.root !== undefined) visit(map.root);
  return found;
}

/** A height as a key of the trie: low digits first, so that consecutive heights branch at once. */
export function heightKey(height: Height): string {
  return Array.from(height.toString(16).padStart(14, "0")).reverse().join("");
}
