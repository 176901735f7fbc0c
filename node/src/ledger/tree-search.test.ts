import fc from "fast-check";
import { expect, test } from "vitest";
import { stateKeyHash } from "../kernel/merkle.ts";
import { compareTreeNodes, treeNodeHash } from "../kernel/tree-node.ts";
import { type StateTree, treeRoot, updateTree } from "./state-tree.ts";
import { treeNodeAt } from "./tree-search.ts";

function treeOf(entries: ReadonlyMap<string, number>): StateTree {
  const changes = [...entries].map(([key, value]) => ({ key, value: Uint8Array.of(value) }));
  return updateTree(undefined, changes);
}

/** As two nodes do that ask one another. */
function firstDifference(left: StateTree, right: StateTree): string | undefined {
  if (treeRoot(left) === treeRoot(right)) return undefined;
  for (let path = "", questions = 1; ; questions += 1) {
    expect(questions).toBeLessThanOrEqual(257);
    const found = compareTreeNodes(treeNodeAt(left, path), treeNodeAt(right, path), path);
    if (found.kind === "leaf") return found.keyHash;
    path = found.path;
    expect(treeNodeHash(treeNodeAt(right, path))).toBe(found.expected);
  }
}

const entries = fc.dictionary(fc.constantFrom(...Array.from("abcdefghijkl")), fc.nat({ max: 2 }));

test("rule SPLIT: two trees that ask one another find the first leaf in which they differ", () => {
  fc.assert(
    fc.property(entries, entries, (one, two) => {
      const [left, right] = [new Map(Object.entries(one)), new Map(Object.entries(two))];
      const trees = [treeOf(left), treeOf(right)] as const;
      expect(treeNodeHash(treeNodeAt(trees[0], ""))).toBe(treeRoot(trees[0]));
      const found = firstDifference(...trees);
      const differing = [...new Set([...left.keys(), ...right.keys()])]
        .filter((key) => left.get(key) !== right.get(key))
        .map(stateKeyHash);
      expect(found).toBe(differing.toSorted()[0]);
    }),
    { numRuns: 300 },
  );
});
