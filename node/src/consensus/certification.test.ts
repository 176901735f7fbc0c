import { expect, test } from "vitest";
import { Solo } from "../../test/consensus/craft.ts";
import { keyOf, signStub } from "../../test/consensus/stub-keys.ts";

const powers = { a: 1n, b: 4n, c: 4n, d: 1n, e: 1n, f: 1n };

/** A node that has executed height 1 with what the others may attest there. */
function executed(): Solo {
  const solo = new Solo(powers);
  solo.state = { ...solo.state, chain: { ...solo.state.chain, executed: 1 } };
  return solo;
}

function attest(solo: Solo, name: string, stateRoot: string): void {
  const result = {
    epoch: 1,
    height: 1,
    blockId: "1".repeat(64),
    timestampMs: 5,
    stateRoot: stateRoot.repeat(64),
    receiptsRoot: "2".repeat(64),
    nextSetHash: "0".repeat(64),
  };
  const signed = signStub(keyOf(name), { kind: "attestation", result });
  solo.receive(name, { kind: "statement", signed });
}

function wrongRoots(solo: Solo): string[] {
  return solo.effects.flatMap((effect) => {
    if (effect.kind !== "observe" || effect.event.kind !== "wrong-root") return [];
    const { author, height } = effect.event;
    return [`${Object.keys(powers).find((name) => keyOf(name) === author)} at ${height}`];
  });
}

test("a member whose result is not the quorum's is noted once a height, early or late", () => {
  const solo = executed();
  attest(solo, "e", "4");
  attest(solo, "b", "3");
  attest(solo, "c", "3");
  expect(wrongRoots(solo)).toEqual([]);
  attest(solo, "d", "3");
  expect(solo.state.chain.certified).toBe(1);
  expect(wrongRoots(solo)).toEqual(["e at 1"]);
  attest(solo, "f", "5");
  attest(solo, "f", "5");
  attest(solo, "e", "4");
  expect(wrongRoots(solo)).toEqual(["e at 1", "f at 1"]);
  expect(solo.misconduct()).toEqual([]);
  expect(solo.state.halted).toBeUndefined();
});

test("without a quorum nobody is wrong", () => {
  const solo = executed();
  for (const [name, root] of [
    ["b", "3"],
    ["c", "4"],
    ["d", "5"],
    ["e", "3"],
  ] as const) {
    attest(solo, name, root);
  }
  expect(solo.state.chain.certified).toBe(0);
  expect(wrongRoots(solo)).toEqual([]);
});
