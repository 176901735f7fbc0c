import { sha256Hex } from "../crypto/sha256.ts";
import { defined } from "../kernel/assert.ts";
import { keyBit, stateKeyHash } from "../kernel/merkle.ts";
import type { Digest } from "../kernel/scalars.ts";
import type { TreeNode, TreePath } from "../kernel/tree-node.ts";
import { childTrees, type StateTree, treeLeaves, treeRecords, treeRoot } from "./state-tree.ts";
import { recordKey, recordValue } from "./tree-page.ts";

function below(tree: StateTree, depth: number, step: 0 | 1): StateTree {
  return childTrees([tree], depth)[step];
}

/** The one record of a subtree of one leaf. */
function onlyRecord(tree: StateTree): Uint8Array {
  const [record] = treeRecords(tree);
  return defined(record, "the record of a leaf");
}

/** The node at the path; a leaf that has a subtree for itself stands on all of its own path. */
export function treeNodeAt(tree: StateTree, path: TreePath): TreeNode {
  let node = tree;
  for (let depth = 0; depth < path.length; depth += 1) {
    node = below(node, depth, path.charAt(depth) === "0" ? 0 : 1);
  }
  const leaves = treeLeaves(node);
  if (leaves === 0) return { kind: "empty" };
  if (leaves > 1) {
    const [left, right] = childTrees([node], path.length);
    return { kind: "inner", left: treeRoot(left), right: treeRoot(right) };
  }
  const record = onlyRecord(node);
  const keyHash = stateKeyHash(recordKey(record));
  return { kind: "leaf", keyHash, valueHash: sha256Hex(recordValue(record)) };
}

/** The leaf's key as node/spec/encoding.md writes it; one that the tree lacks, by its hash. */
export function findKeyName(tree: StateTree, keyHash: Digest): string {
  let node = tree;
  for (let depth = 0; treeLeaves(node) > 1; depth += 1) {
    node = below(node, depth, keyBit(keyHash, depth));
  }
  if (treeLeaves(node) === 0) return `sha256:${keyHash}`;
  const key = recordKey(onlyRecord(node));
  return stateKeyHash(key) === keyHash ? key : `sha256:${keyHash}`;
}
