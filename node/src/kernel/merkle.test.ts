import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "../crypto/sha256.ts";
import { toHex } from "./bytes.ts";
import {
  listProof,
  listRangeProof,
  listRoot,
  listTree,
  verifyListProof,
  verifyListRange,
} from "./merkle.ts";

const leaves = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 40 });

/** RFC 6962 §2.1 word for word. */
function merkleTreeHash(list: readonly Uint8Array[]): Uint8Array {
  const [only] = list;
  if (only !== undefined && list.length === 1) return sha256(Uint8Array.of(0), only);
  let size = 1;
  while (size * 2 < list.length) size *= 2;
  const [left, right] = [list.slice(0, size), list.slice(size)];
  return sha256(Uint8Array.of(1), merkleTreeHash(left), merkleTreeHash(right));
}

describe("range proofs", () => {
  test("the tree's root is the RFC's, for every length", () => {
    for (let length = 1; length <= 70; length += 1) {
      const list = Array.from({ length }, (_, index) => Uint8Array.of(index));
      expect(listRoot(list)).toBe(toHex(merkleTreeHash(list)));
    }
  });

  test("every range is proven at its place; another leaf, place, count or path is not", () => {
    fc.assert(
      fc.property(leaves, fc.nat(), fc.nat(), fc.nat(), (drawn, from, span, pick) => {
        // Equal leaves are proven at each other's place, rightly.
        const list = drawn.map((leaf, index) => Uint8Array.from([index, ...leaf]));
        const first = from % list.length;
        const end = first + 1 + (span % (list.length - first));
        const range = list.slice(first, end);
        const root = listRoot(list);
        const proof = listRangeProof(listTree(list), first, end);
        expect(verifyListRange(root, range, proof)).toBe(true);
        const changed = range.map((leaf, at) => {
          return at === pick % range.length ? Uint8Array.from([...leaf, 1]) : leaf;
        });
        const { path } = proof;
        const wrong: readonly (readonly [readonly Uint8Array[], typeof proof])[] = [
          [changed, proof],
          [[...range, new Uint8Array()], proof],
          [range.slice(1), proof],
          [range, { ...proof, first: first - 1 }],
          [range, { ...proof, first: list.length }],
          [range, { ...proof, first: Number.NaN }],
          [range, { ...proof, path: [...path, new Uint8Array(32)] }],
          ...(path.length > 0 ? [[range, { ...proof, path: path.slice(1) }] as const] : []),
          ...(path.length > 0
            ? [[range, { ...proof, path: path.map((hash) => hash.subarray(1)) }] as const]
            : []),
        ];
        for (const [given, claim] of wrong) expect(verifyListRange(root, given, claim)).toBe(false);
      }),
    );
  });

  test("nothing is proven by nothing, nor a list beyond its bound", () => {
    const root = listRoot([Uint8Array.of(1)]);
    expect(verifyListRange(root, [], { first: 0, count: 0, path: [] })).toBe(false);
    const leaf = Uint8Array.of(1);
    expect(verifyListRange(root, [leaf], { first: 0, count: 2 ** 25, path: [] })).toBe(false);
  });

  test("a range costs few hashes: at most two a level", () => {
    const list = Array.from({ length: 1_000 }, (_, index) => Uint8Array.of(index & 0xff));
    expect(listRangeProof(listTree(list), 313, 700).path.length).toBeLessThanOrEqual(20);
  });
});

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
