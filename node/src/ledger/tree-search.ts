import { sha256Hex } from "../crypto/sha256.ts";
import { toHex } from "../kernel/bytes.ts";
import { keyBit, stateKeyHash } from "../kernel/merkle.ts";
import type { Digest } from "../kernel/scalars.ts";
import type { TreeNode, TreePath } from "../kernel/tree-node.ts";
import { genesisLeaves } from "../margin/engine.ts";
import { ledgerChanges } from "./leaf-changes.ts";
import type { LedgerState } from "./state.ts";
import { type StateTree, treeRoot } from "./state-tree.ts";

/** The node at the path; the leaf or the empty subtree that stands there or above. */
export function treeNodeAt(tree: StateTree, path: TreePath): TreeNode {
  let node = tree;
  for (const step of path) {
    // A leaf that has a subtree for itself is found on every path down to its own key.
    if (node?.kind !== "inner") break;
    node = step === "0" ? node.left : node.right;
  }
  if (node === undefined) return { kind: "empty" };
  if (node.kind === "inner") {
    return { kind: "inner", left: treeRoot(node.left), right: treeRoot(node.right) };
  }
  const keyHash = toHex(node.keyHash);
  const isBelow = Array.from(path).every((step, depth) => String(keyBit(keyHash, depth)) === step);
  if (!isBelow) return { kind: "empty" };
  return { kind: "leaf", keyHash, valueHash: sha256Hex(node.value) };
}

/**
 * The leaf's key as node/spec/encoding.md writes it, found among all leaves of the state: the tree
 * holds their hashes alone. A leaf that this state lacks is named by the hash.
 */
export function findKeyName(state: LedgerState, keyHash: Digest): string {
  const scopes = new Set([...state.nonces.values()].flatMap((bucket) => [...bucket.keys()]));
  const leaves = [...ledgerChanges(undefined, state, scopes), ...genesisLeaves(state.margin)];
  const found = leaves.find(({ key }) => stateKeyHash(key) === keyHash);
  return found?.key ?? `sha256:${keyHash}`;
}
