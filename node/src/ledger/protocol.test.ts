import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BOTH, ONLY_TWO } from "../../test/ledger/protocol-two.ts";
import { type BlockOptions, keyOf, scheme, TestChain } from "../../test/ledger/test-chain.ts";
import { totalPower } from "../kernel/validator-set.ts";
import { genesisLeaves } from "../margin/engine.ts";
import { checkTransaction } from "./check-transaction.ts";
import { ledgerChanges } from "./leaf-changes.ts";
import { decodeChain, decodeReadiness, leafKeys } from "./leaves.ts";
import { findProtocol, newestVersion, PROTOCOLS, versionAt } from "./protocol.ts";
import { readyVersion } from "./readiness.ts";
import { proveState, treeRoot, updateTree } from "./state-tree.ts";
import { encodeTransaction } from "./transaction.ts";

const SEATS = ["seat0", "seat1", "seat2", "seat3"].map(keyOf);

function faucet(amount: bigint, nonce: number) {
  return { kind: "faucet", account: keyOf("x"), amount, nonce } as const;
}

/** A chain on which three of four have signalled version 2. */
function scheduled(options: ConstructorParameters<typeof TestChain>[0] = {}): TestChain {
  const chain = new TestChain({ protocols: BOTH, ...options });
  chain.block();
  chain.block({ transactions: SEATS.slice(0, 3).map((seat) => chain.readiness(seat, 2)) });
  return chain;
}

function runTo(chain: TestChain, height: number, options: BlockOptions = {}): void {
  while (chain.state.height < height) chain.block(options);
}

describe("rule VERSION", () => {
  test("rule VERSION: production holds version 1, and chains begin with it", () => {
    expect(newestVersion(PROTOCOLS)).toBe(1);
    const chain = new TestChain();
    expect(chain.state.protocol).toEqual({ version: 1, activation: undefined });
    chain.block();
    const leaf = decodeChain(proveState(chain.state, leafKeys.chain).value ?? new Uint8Array());
    expect(leaf.protocol).toEqual({ version: 1, activation: undefined });
  });

  test("rule VERSION: the height is fixed when more than 2/3 of the power has signalled", () => {
    const chain = new TestChain({ protocols: BOTH });
    chain.block();
    for (const seat of SEATS.slice(0, 2)) {
      expect(chain.block({ transactions: [chain.readiness(seat, 2)] })).toEqual(["OK"]);
    }
    expect(chain.state.protocol.activation).toBeUndefined();
    chain.block({ transactions: [chain.readiness(SEATS[2] ?? "", 2)] });
    const height = chain.state.height + 10;
    expect(chain.state.protocol.activation).toEqual({ version: 2, height });
    const step = { step: "scheduled", version: 2, height };
    expect(chain.events("protocol")).toEqual([{ kind: "protocol", ...step }]);
    const { value } = proveState(chain.state, leafKeys.readiness(SEATS[2] ?? ""));
    expect(decodeReadiness(value ?? new Uint8Array())).toEqual({ version: 2, height: height - 11 });
    const leaf = decodeChain(proveState(chain.state, leafKeys.chain).value ?? new Uint8Array());
    expect(leaf.protocol).toEqual(chain.state.protocol);
  });

  test("rule VERSION: readiness below the quorum before the height withdraws the activation", () => {
    const chain = scheduled();
    const { activation } = chain.state.protocol;
    chain.block();
    chain.block({ transactions: [chain.readiness(SEATS[1] ?? "", 1)] });
    expect(chain.state.protocol).toEqual({ version: 1, activation: undefined });
    expect(chain.events("protocol")).toEqual([
      { kind: "protocol", step: "withdrawn", ...activation },
    ]);
    chain.protocols = PROTOCOLS;
    runTo(chain, (activation?.height ?? 0) + 5);
    expect(chain.state.protocol.version).toBe(1);
    chain.protocols = BOTH;
    chain.block({ transactions: [chain.readiness(SEATS[1] ?? "", 2)] });
    expect(chain.state.protocol.activation?.height).toBe(chain.state.height + 10);
  });

  test("rule VERSION: from the height on the new rules and layouts hold, not before", () => {
    const chain = scheduled({ owners: ["a", "a", "b", "b"] });
    const height = chain.state.protocol.activation?.height ?? 0;
    const owner = leafKeys.owner(keyOf("owner a"));
    runTo(chain, height - 2);
    expect(chain.block({ transactions: [faucet(3n, 1)] })).toEqual(["OK"]);
    expect(versionAt(chain.state, height - 1)).toBe(1);
    expect(versionAt(chain.state, height)).toBe(2);
    // Admission judges by the version of the block that is next.
    const next = encodeTransaction(faucet(3n, 2));
    expect(checkTransaction(chain.state, next, scheme, BOTH)).toMatchObject({
      error: { code: "ODD_AMOUNT" },
    });
    expect(checkTransaction(chain.state, next, scheme, PROTOCOLS)).toMatchObject({
      error: { code: "PROTOCOL_UNSUPPORTED" },
    });
    expect(proveState(chain.state, owner).value?.length).toBe(96);
    expect(chain.block({ transactions: [faucet(3n, 2), faucet(4n, 3)] })).toEqual([
      "ODD_AMOUNT",
      "OK",
    ]);
    expect(chain.state.height).toBe(height);
    expect(chain.state.protocol).toEqual({ version: 2, activation: undefined });
    expect(chain.events("protocol")).toEqual([
      { kind: "protocol", step: "active", version: 2, height },
    ]);
    expect(proveState(chain.state, owner).value?.[0]).toBe(2);
    const odd = encodeTransaction(faucet(5n, 4));
    expect(checkTransaction(chain.state, odd, scheme, BOTH)).toMatchObject({ ok: false });
  });

  test("rule VERSION: the first block writes every leaf in the new layouts", () => {
    const chain = scheduled({ owners: ["a", "a", "b", "b"] });
    const spare = chain.addSpare("spare", "a");
    const height = chain.state.protocol.activation?.height ?? 0;
    runTo(chain, height - 1, { signsOfLife: [] });
    // A spare that goes in that very block leaves no leaf behind.
    chain.block({ transactions: [chain.proofAgainst(spare)] });
    chain.block();
    const layouts = BOTH[1]?.layouts;
    // The mark of the newest block becomes a leaf with the next one.
    const sealed = { ...chain.state, marks: chain.state.marks.slice(0, -1) };
    const whole = ledgerChanges(undefined, sealed, new Map(), layouts);
    const leaves = [...whole, ...genesisLeaves(chain.state.margin)];
    expect(treeRoot(updateTree(undefined, leaves))).toBe(chain.state.stateRoot);
  });

  test("rule VERSION: a binary that lacks the version of a block does not execute it", () => {
    const chain = scheduled();
    const height = chain.state.protocol.activation?.height ?? 0;
    runTo(chain, height - 1);
    chain.protocols = PROTOCOLS;
    const before = chain.state;
    expect(() => chain.block()).toThrow("protocol 2");
    expect(chain.state).toBe(before);
    expect(findProtocol(PROTOCOLS, 2)).toBeUndefined();
    chain.protocols = BOTH;
    chain.block();
    chain.protocols = ONLY_TWO;
    chain.block();
    expect(chain.state.protocol.version).toBe(2);
  });

  test("rule VERSION: nobody repeats an older word of a member, or speaks for it", () => {
    const chain = new TestChain({ protocols: BOTH });
    chain.block();
    const [seat = "", other = ""] = SEATS;
    const first = chain.readiness(seat, 2);
    chain.block({ transactions: [first] });
    chain.block({ transactions: [chain.readiness(seat, 1)] });
    expect(readyVersion(chain.state, seat)).toBe(1);
    expect(chain.block({ transactions: [first] })).toEqual(["READINESS_OUT_OF_ORDER"]);
    const ahead = chain.readiness(seat, 2, chain.state.height + 5);
    expect(chain.block({ transactions: [ahead] })).toEqual(["READINESS_OUT_OF_ORDER"]);
    const low = chain.readiness(seat, 2, -5);
    expect(chain.block({ transactions: [low] })).toEqual(["BAD_READINESS"]);
    const { endorsement } = chain.readiness(seat, 2);
    const raised = { kind: "readiness", version: 3, endorsement } as const;
    expect(chain.block({ transactions: [raised] })).toEqual(["BAD_READINESS"]);
    const stolen = {
      kind: "readiness",
      version: 2,
      endorsement: { ...endorsement, author: other },
    } as const;
    expect(chain.block({ transactions: [stolen] })).toEqual(["BAD_SIGNATURE"]);
    expect(chain.block({ transactions: [chain.readiness(keyOf("nobody"), 2)] })).toEqual([
      "NOT_A_MEMBER",
    ]);
    expect(chain.block({ transactions: [chain.readiness(seat, 0)] })).toEqual([
      "READINESS_BELOW_ACTIVE",
    ]);
    expect(chain.state.readiness.size).toBe(1);
  });

  test("rule VERSION: a leaver's word leaves with it, and the newcomer has to speak", () => {
    const chain = scheduled();
    const leaver = SEATS[0] ?? "";
    chain.addSpare("spare", "a");
    chain.block({ transactions: [chain.ownerRotation(leaver, keyOf("owner a"))] });
    expect(chain.state.set.epoch).toBe(2);
    expect(chain.state.readiness.has(leaver)).toBe(false);
    expect(chain.state.protocol.activation).toBeUndefined();
    expect(chain.events("protocol")).toMatchObject([{ step: "withdrawn" }]);
  });

  test("rule VERSION: an activation stands exactly while more than 2/3 are ready", () => {
    const word = fc.record({ seat: fc.nat({ max: 3 }), version: fc.integer({ min: 1, max: 3 }) });
    const powers = fc.array(fc.bigInt({ min: 80n, max: 110n }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(powers, fc.array(word, { maxLength: 25 }), (weights, words) => {
        const options = { powers: weights, activationDelayBlocks: 1_000, protocols: BOTH };
        const chain = new TestChain(options);
        chain.block();
        const model = new Map<string, number>();
        const total = totalPower(chain.state.set);
        for (const { seat, version } of words) {
          const key = SEATS[seat] ?? "";
          chain.block({ transactions: [chain.readiness(key, version)] });
          model.set(key, version);
          const ready = chain.state.set.members
            .filter((member) => (model.get(member.key) ?? 1) >= 2)
            .reduce((sum, { power }) => sum + power, 0n);
          expect(chain.state.protocol.activation !== undefined).toBe(3n * ready > 2n * total);
        }
      }),
      { numRuns: 25 },
    );
  });
});
