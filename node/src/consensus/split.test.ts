import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { keyOf, TestChain } from "../../test/ledger/test-chain.ts";
import { defined } from "../kernel/assert.ts";
import type { PublicKey } from "../kernel/scalars.ts";
import type { SignedStatement } from "../kernel/statements.ts";
import { hasQuorum, validatorSet } from "../kernel/validator-set.ts";
import { splitGroups } from "./split.ts";

const chain = new TestChain();
chain.block();
const { result } = defined(chain.last, "a block");

function setOf(powers: readonly bigint[]) {
  const [one] = chain.state.set.members;
  const member = defined(one, "a member");
  const members = powers.map((power, index) => ({ ...member, key: keyOf(`m${index}`), power }));
  return validatorSet(1, members);
}

function attests(author: PublicKey, root: number): SignedStatement {
  const stateRoot = root.toString(16).padStart(64, "0");
  const statement = { kind: "attestation", result: { ...result, stateRoot } } as const;
  return { statement, author, signature: new Uint8Array(64) };
}

/** `roots[i]`: what member i attested; 0: not heard. */
function heard(roots: readonly number[]): ReadonlyMap<PublicKey, SignedStatement> {
  const said = roots.flatMap((root, index) => {
    return root === 0 ? [] : [[keyOf(`m${index}`), attests(keyOf(`m${index}`), root)] as const];
  });
  return new Map(said);
}

describe("rule SPLIT", () => {
  test("rule SPLIT: two of four against two is a split, one against three is none", () => {
    const set = setOf([100n, 100n, 100n, 100n]);
    const groups = defined(splitGroups(set, heard([1, 1, 2, 2])), "a split");
    expect(groups.map(({ members }) => members.length)).toEqual([2, 2]);
    expect(splitGroups(set, heard([1, 1, 1, 2]))).toBeUndefined();
    // One is still to be heard: with it a quorum may agree.
    expect(splitGroups(set, heard([1, 1, 2, 0]))).toBeUndefined();
    expect(splitGroups(set, heard([1, 2, 3, 0]))?.length).toBe(3);
    expect(splitGroups(set, heard([0, 0, 0, 0]))).toBeUndefined();
  });

  test("rule SPLIT: found exactly where no member still to be heard can make a quorum", () => {
    const power = fc.bigInt({ min: 1n, max: 120n });
    const voices = fc.array(fc.tuple(power, fc.nat({ max: 3 })), { minLength: 4, maxLength: 9 });
    fc.assert(
      fc.property(voices, (all) => {
        const set = setOf(all.map(([each]) => each));
        const roots = all.map(([, root]) => root);
        // All who may still come say the same: with each root, also one that nobody has named.
        const isPossible = [1, 2, 3, 4].some((root) => {
          const keys = roots.flatMap((said, index) => {
            return said === 0 || said === root ? [keyOf(`m${index}`)] : [];
          });
          return hasQuorum(set, keys);
        });
        expect(splitGroups(set, heard(roots)) === undefined).toBe(isPossible);
      }),
      { numRuns: 300 },
    );
  });

  test("rule SPLIT: while at most f lie and the others agree there is none", () => {
    const liars = fc.array(fc.nat({ max: 3 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(liars, (lies) => {
        const set = setOf(Array.from({ length: 10 }, () => 100n));
        const roots = [...lies, ...Array.from({ length: 7 }, () => 1)];
        expect(splitGroups(set, heard(roots))).toBeUndefined();
      }),
    );
  });
});
