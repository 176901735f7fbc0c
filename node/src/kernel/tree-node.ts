import type { Reader, Writer } from "./codec.ts";
import { DecodeError } from "./codec.ts";
import { keyBit, stateInnerHash, stateLeafHash } from "./merkle.ts";
import { type Digest, ZERO_DIGEST } from "./scalars.ts";

/** One node of a state tree as a peer shows it: enough to compute its hash, and to go on below. */
export type TreeNode =
  | { readonly kind: "empty" }
  | { readonly kind: "leaf"; readonly keyHash: Digest; readonly valueHash: Digest }
  | { readonly kind: "inner"; readonly left: Digest; readonly right: Digest };

/** Where a node stands: "0" is left, "1" is right, from the root on; "" is the root. */
export type TreePath = string;

export const TREE_PATH_MAX = 256;

export function isTreePath(path: string): boolean {
  return path.length <= TREE_PATH_MAX && /^[01]*$/.test(path);
}

export function treeNodeHash(node: TreeNode): Digest {
  if (node.kind === "empty") return ZERO_DIGEST;
  if (node.kind === "leaf") return stateLeafHash(node.keyHash, node.valueHash);
  return stateInnerHash(node.left, node.right);
}

const KINDS = ["empty", "leaf", "inner"] as const satisfies readonly TreeNode["kind"][];

/** The two digests of a node; none for an empty one. */
export function treeNodeParts(node: TreeNode): readonly Digest[] {
  if (node.kind === "empty") return [];
  return node.kind === "leaf" ? [node.keyHash, node.valueHash] : [node.left, node.right];
}

export function treeNodeOf(kind: number, parts: readonly Digest[]): TreeNode | undefined {
  const [first, second] = parts;
  const name = KINDS[kind];
  if (name === "empty" && parts.length === 0) return { kind: name };
  if (parts.length !== 2 || first === undefined || second === undefined) return undefined;
  if (name === "leaf") return { kind: name, keyHash: first, valueHash: second };
  return name === "inner" ? { kind: name, left: first, right: second } : undefined;
}

export function treeNodeKind({ kind }: TreeNode): number {
  return KINDS.indexOf(kind);
}

export function writeTreeNode(writer: Writer, node: TreeNode): void {
  writer.u8(treeNodeKind(node));
  for (const part of treeNodeParts(node)) writer.hex32(part);
}

export function readTreeNode(reader: Reader, field: string): TreeNode {
  const kind = reader.u8(`${field}.kind`);
  const parts = kind === 0 ? [] : [reader.hex32(`${field}.first`), reader.hex32(`${field}.second`)];
  const node = treeNodeOf(kind, parts);
  if (node === undefined) throw new DecodeError(field, `${kind} is no kind of tree node`);
  return node;
}

export function readTreePath(reader: Reader, field: string): TreePath {
  const path = reader.text(field, TREE_PATH_MAX);
  if (!isTreePath(path)) throw new DecodeError(field, "is not a path of 0 and 1");
  return path;
}

interface Children {
  readonly left: Digest;
  readonly right: Digest;
}

/** Hashes one level below: a leaf that has a subtree for itself stays itself on its own side. */
function childrenOf(node: TreeNode, depth: number): Children {
  if (node.kind === "inner") return node;
  if (node.kind === "empty") return { left: ZERO_DIGEST, right: ZERO_DIGEST };
  const hash = treeNodeHash(node);
  const isLeft = keyBit(node.keyHash, depth) === 0;
  return isLeft ? { left: hash, right: ZERO_DIGEST } : { left: ZERO_DIGEST, right: hash };
}

/** What two different nodes at one path say about the first leaf in which their trees differ. */
export type Comparison =
  /** It is below: on this path, where the other tree's node has this hash. */
  | { readonly kind: "below"; readonly path: TreePath; readonly expected: Digest }
  | { readonly kind: "leaf"; readonly keyHash: Digest };

export function compareTreeNodes(own: TreeNode, other: TreeNode, path: TreePath): Comparison {
  if (own.kind === "inner" || other.kind === "inner") {
    const [here, there] = [own, other].map((node) => childrenOf(node, path.length));
    const isLeft = here?.left !== there?.left;
    const expected = (isLeft ? there?.left : there?.right) ?? ZERO_DIGEST;
    return { kind: "below", path: `${path}${isLeft ? "0" : "1"}`, expected };
  }
  const leaves = [own, other].flatMap((node) => (node.kind === "leaf" ? [node.keyHash] : []));
  return { kind: "leaf", keyHash: leaves.toSorted()[0] ?? ZERO_DIGEST };
}
