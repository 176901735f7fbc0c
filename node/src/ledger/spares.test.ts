import { describe, expect, test } from "vitest";
import { keyOf, sign, TestChain } from "../../test/ledger/test-chain.ts";
import { OWNER_SPARES_MAX, ownerSparesMax } from "./registration.ts";
import { returnSigningBytes } from "./transaction.ts";

const FOUR = ["a", "b", "c", "d"];

/** Four owners with seats of power 1, so that many bonds of 1 fit. */
function smallChain(): TestChain {
  const chain = new TestChain({ owners: FOUR, powers: [1n, 1n, 1n, 1n] });
  chain.block();
  return chain;
}

function registerMany(chain: TestChain, owner: string, names: readonly string[]) {
  const transactions = names.map((name) =>
    chain.register(chain.registration(name, owner, 1n), { owner: "none" }),
  );
  return chain.block({ transactions });
}

const junk = (count: number) => Array.from({ length: count }, (_, index) => `junk${index}`);

describe("rule SPONSOR", () => {
  test("rule SPONSOR: one sponsor key takes no other owner's places for spares", () => {
    const chain = smallChain();
    const codes = registerMany(chain, "a", junk(OWNER_SPARES_MAX + 1));
    expect(codes.filter((code) => code === "OK")).toHaveLength(OWNER_SPARES_MAX);
    expect(codes.at(-1)).toBe("SPARES_FULL");
    expect(registerMany(chain, "b", ["good"])).toEqual(["OK"]);
  });

  test("rule SPONSOR: many owners share the places evenly, each has one at least", () => {
    const { state } = new TestChain();
    const shareOf = (count: number) =>
      ownerSparesMax({
        ...state,
        genesis: {
          ...state.genesis,
          owners: Array.from({ length: count }, (_, index) => {
            const key = keyOf(`owner ${index}`);
            return { key, sponsorKey: key, treasury: 0n };
          }),
        },
      });
    expect([1, 8, 9, 128, 300].map(shareOf)).toEqual([16, 16, 14, 1, 1]);
  });

  test("rule SPONSOR: an endorsed spare displaces its owner's oldest unendorsed one", () => {
    const chain = smallChain();
    registerMany(chain, "b", ["others"]);
    registerMany(chain, "a", junk(OWNER_SPARES_MAX));
    const wanted = chain.register(chain.registration("wanted", "a", 1n));
    expect(chain.block({ transactions: [wanted] })).toEqual(["OK"]);
    expect(chain.state.spares.has(keyOf("junk0"))).toBe(false);
    expect(chain.state.spares.has(keyOf("others"))).toBe(true);
    expect(chain.state.unbonding.get(keyOf("junk0"))).toMatchObject({ amount: 1n, sponsored: 1n });
    expect(chain.state.spares.size).toBe(OWNER_SPARES_MAX + 1);
    // Endorsed spares are not displaced.
    const more = junk(OWNER_SPARES_MAX).map((name) =>
      chain.register(chain.registration(`more ${name}`, "a", 1n)),
    );
    const codes = chain.block({ transactions: more });
    expect(codes.filter((code) => code === "OK")).toHaveLength(OWNER_SPARES_MAX - 1);
    expect(codes.at(-1)).toBe("SPARES_FULL");
  });

  test("rule SPONSOR: a return needs a place like an endorsed registration", () => {
    const chain = smallChain();
    const dead = keyOf("seat0");
    const spare = chain.register(chain.registration("spare", "a", 1n));
    chain.block({ transactions: [spare] });
    chain.silence(dead, [keyOf("spare")]);
    const record = chain.silenceRecord(dead);
    expect(chain.block({ voters: chain.without(dead), transactions: [record] })).toEqual(["OK"]);
    chain.run(5_000);
    const endorsed = junk(OWNER_SPARES_MAX).map((name) =>
      chain.register(chain.registration(name, "a", 1n)),
    );
    chain.block({ transactions: endorsed });
    const fields = { kind: "return-spare" as const, key: dead, nonce: 1 };
    const back = {
      ...fields,
      signature: sign(keyOf("owner a"), returnSigningBytes(chain.chainId, fields)),
    };
    expect(chain.block({ transactions: [back] })).toEqual(["SPARES_FULL"]);
    expect(chain.state.jailed.has(dead)).toBe(true);
  });

  test("rule SPONSOR: a bond of genesis that returns as a spare gives the sponsor nothing", () => {
    const chain = new TestChain();
    const [first, second] = [keyOf("seat0"), keyOf("seat1")];
    const owner = keyOf("owner a");
    const spare = chain.addSpare("s1", "a");
    chain.silence(first, [spare]);
    const voters = chain.without(first);
    expect(chain.block({ voters, transactions: [chain.silenceRecord(first)] })).toEqual(["OK"]);
    chain.run(6_000);
    const fields = { kind: "return-spare" as const, key: first, nonce: 1 };
    const signature = sign(owner, returnSigningBytes(chain.chainId, fields));
    expect(chain.block({ transactions: [{ ...fields, signature }] })).toEqual(["OK"]);
    chain.block({ signsOfLife: [chain.heartbeat(first)] });
    // Back in a seat by the owner's signature, and out again: its bond returns to the treasury.
    expect(chain.block({ transactions: [chain.ownerRotation(second, owner, 2)] })).toEqual(["OK"]);
    chain.addSpare("s2", "a");
    expect(chain.block({ transactions: [chain.ownerRotation(first, owner, 3)] })).toEqual(["OK"]);
    chain.run(125_000, { spanMs: 900 });
    expect(chain.state.unbonding.size).toBe(0);
    expect(chain.state.owners.get(owner)?.sponsored).toBe(200n);
  });

  test("rule SPONSOR: what was slashed never comes back to the sponsor's limit", () => {
    const chain = new TestChain();
    const spare = chain.addSpare("spare", "a");
    expect(chain.block({ transactions: [chain.proofAgainst(spare)] })).toEqual(["OK"]);
    expect(chain.state.unbonding.get(spare)).toMatchObject({ amount: 95n, sponsored: 95n });
    chain.run(125_000, { spanMs: 900 });
    expect(chain.state.owners.get(keyOf("owner a"))?.sponsored).toBe(5n);
  });
});
