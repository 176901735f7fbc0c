import { expect, test } from "vitest";
import { observe } from "../../test/scene.ts";
import type { MemberStatus, ValidatorSet, ValidatorSetStatus } from "../api/v1alpha1/types.ts";
import { missingWord } from "./keys-die.ts";

/** A set with seats of these powers in a chain of `total`; a quorum is two thirds of it and one. */
function waiting(powers: readonly bigint[], total: bigint): ValidatorSet {
  const { set } = observe({ spec: { deletionPolicy: "Delete" } });
  const quorum = String((total * 2n) / 3n + 1n);
  const members = powers.map((power) => ({ power: String(power) }) as MemberStatus);
  const faultBudget = { total: String(total), quorum } as ValidatorSetStatus["faultBudget"];
  const status = { genesisHash: "ab12cd34".repeat(8), members, faultBudget };
  return { ...set, status: status as unknown as ValidatorSetStatus };
}

test.each([
  [[10n, 10n, 10n, 10n, 0n], 40n, "4 of them hold seats in chain ab12cd34, power 40 of 40: the"],
  [[10n, 10n], 70n, "power 20 of 70: others go on without them, rotate these seats out first"],
  [[10n, 10n, 10n], 70n, "power 30 of 70: others hold the rest, which is no quorum"],
  [[0n], 40n, "none of them holds a seat in chain ab12cd34"],
  [[], 0n, "no set of a verified chain has them yet"],
])("rule MANY: what others lose with keys of power %o of %o is said", (powers, total, said) => {
  expect(missingWord(waiting(powers, total))).toContain(said);
});

test("a status that an older operator wrote in part stops no deletion from being told", () => {
  const { status: _, ...set } = waiting([], 0n);
  expect(missingWord({ ...set, status: {} as ValidatorSetStatus })).toContain("destroy-keys=");
  expect(missingWord(set)).toContain("destroy-keys=");
});
