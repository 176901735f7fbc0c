import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { listProof, listRoot, verifyListProof } from "./merkle.ts";

const leaves = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 40 });

describe("list proofs (RFC 6962)", () => {
  test("every leaf is proven at its place, and no other leaf is", () => {
    fc.assert(
      fc.property(leaves, fc.nat(), fc.uint8Array({ maxLength: 40 }), (list, pick, other) => {
        const index = pick % list.length;
        const leaf = list[index] ?? new Uint8Array();
        const proof = listProof(list, index);
        const root = listRoot(list);
        expect(verifyListProof(root, leaf, proof)).toBe(true);
        const same = other.length === leaf.length && other.every((byte, at) => byte === leaf[at]);
        expect(verifyListProof(root, other, proof)).toBe(same);
      }),
    );
  });

  test("a path of another length, index or count is refused", () => {
    const list = [1, 2, 3, 4, 5].map((byte) => Uint8Array.of(byte));
    const proof = listProof(list, 2);
    const leaf = Uint8Array.of(3);
    const root = listRoot(list);
    expect(verifyListProof(root, leaf, { ...proof, index: 3 })).toBe(false);
    expect(verifyListProof(root, leaf, { ...proof, index: 5 })).toBe(false);
    expect(verifyListProof(root, leaf, { ...proof, count: 4 })).toBe(false);
    expect(verifyListProof(root, leaf, { ...proof, path: proof.path.slice(1) })).toBe(false);
    expect(verifyListProof(root, leaf, { ...proof, path: [...proof.path, root] })).toBe(false);
  });

  test("the published root of a one-leaf tree (RFC 9162 test data: the empty entry)", () => {
    expect(listRoot([new Uint8Array()])).toBe(
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    );
  });
});
