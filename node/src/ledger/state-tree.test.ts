import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { keyOf, TestChain } from "../../test/ledger/test-chain.ts";
import { verifyTreeProof } from "../kernel/merkle.ts";
import { ZERO_DIGEST } from "../kernel/scalars.ts";
import type { LeafChange } from "../margin/types.ts";
import {
  decodeChain,
  decodeCondemned,
  decodeJailed,
  decodeOwner,
  decodeSeat,
  decodeSet,
  decodeSpare,
  decodeSwap,
  decodeTombstone,
  decodeUnbonding,
  leafKeys,
} from "./leaves.ts";
import { decodeLiveness } from "./liveness-leaf.ts";
import { decodeNonces } from "./nonces.ts";
import { proveState, proveTree, type StateTree, treeRoot, updateTree } from "./state-tree.ts";
import { misconductProof } from "./transaction.ts";

const change: fc.Arbitrary<LeafChange> = fc.record({
  key: fc.nat({ max: 60 }).map((number) => `k/${number}`),
  value: fc.option(fc.uint8Array({ maxLength: 6 }), { nil: undefined }),
});

function rebuilt(entries: ReadonlyMap<string, Uint8Array>): StateTree {
  // One by one, and in another order than any update had.
  return [...entries]
    .toReversed()
    .reduce<StateTree>((tree, [key, value]) => updateTree(tree, [{ key, value }]), undefined);
}

describe("state tree", () => {
  test("any sequence of updates has the root of a tree built from scratch, and its proofs", () => {
    const blocks = fc.array(fc.array(change, { maxLength: 20 }), { maxLength: 8 });
    fc.assert(
      fc.property(blocks, (changes) => {
        const entries = new Map<string, Uint8Array>();
        let tree: StateTree;
        for (const block of changes) {
          const before = tree;
          const root = treeRoot(before);
          tree = updateTree(tree, block);
          for (const { key, value } of block) {
            if (value === undefined) entries.delete(key);
            else entries.set(key, value);
          }
          expect(treeRoot(before)).toBe(root);
        }
        const root = treeRoot(tree);
        expect(root).toBe(treeRoot(rebuilt(entries)));
        expect(root === ZERO_DIGEST).toBe(entries.size === 0);
        for (let number = 0; number <= 60; number += 1) {
          const key = `k/${number}`;
          const { value, proof } = proveTree(tree, key);
          expect(value).toEqual(entries.get(key));
          expect(verifyTreeProof(root, { key, value }, proof)).toBe(true);
          const lie = value === undefined ? Uint8Array.of(9) : undefined;
          expect(verifyTreeProof(root, { key, value: lie }, proof)).toBe(false);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("each state's leaves are provable and decode to what the state holds", () => {
    const chain = new TestChain();
    const spare = chain.addSpare("spare", "a");
    const { state } = chain;
    const proven = (key: string): Uint8Array => {
      const { value, proof } = proveState(state, key);
      expect(verifyTreeProof(state.stateRoot, { key, value }, proof)).toBe(true);
      return value ?? new Uint8Array();
    };
    const seat = keyOf("seat0");
    expect(decodeSeat(proven(leafKeys.seat(seat)))).toEqual(state.seats.get(seat));
    expect(decodeSpare(proven(leafKeys.spare(spare)))).toEqual(state.spares.get(spare));
    const owner = keyOf("owner a");
    expect(decodeOwner(proven(leafKeys.owner(owner)))).toEqual(state.owners.get(owner));
    expect(decodeSet(proven(leafKeys.set))).toEqual(state.set);
    expect(decodeLiveness(proven(leafKeys.liveness)).liveness).toEqual(state.liveness);
    expect(decodeChain(proven(leafKeys.chain))).toMatchObject({
      chainId: chain.chainId,
      height: state.height,
      genesisMoney: state.genesisMoney,
    });
    expect(proveState(state, leafKeys.seat(spare)).value).toBeUndefined();
  });

  test("rule RETURN: reason and proof of a swap stay in the state", () => {
    const chain = new TestChain();
    chain.addSpare("spare", "a");
    const guilty = keyOf("seat0");
    const [first, second] = chain.doubleVote(guilty);
    if (!first || !second) throw new Error("a pair");
    const proof = misconductProof(chain.chainId, first, second);
    const faucet = { kind: "faucet", account: keyOf("x"), amount: 1n, nonce: 3 } as const;
    chain.block({ transactions: [proof, faucet] });
    const { state } = chain;
    const swap = decodeSwap(proveState(state, leafKeys.swap(2)).value ?? new Uint8Array());
    expect(swap).toEqual(state.swaps[0]);
    expect(swap).toMatchObject({ cause: "misconduct", leaver: guilty, proof: chain.id(proof) });
    const tombstone = proveState(state, leafKeys.tombstone(guilty)).value ?? new Uint8Array();
    expect(decodeTombstone(tombstone)).toEqual(state.tombstones.get(guilty));
    const nonces = proveState(state, leafKeys.nonce(`faucet/${keyOf("x")}`)).value;
    expect(decodeNonces(nonces ?? new Uint8Array()).highest).toBe(3);
    expect(proveState(state, leafKeys.seat(guilty)).value).toBeUndefined();
  });

  test("jailed, unbonding and condemned keys are leaves too", () => {
    const chain = new TestChain({ owners: ["a", "b", "c", "d"] });
    const [one = "", two = "", three = ""] = ["seat0", "seat1", "seat2"].map(keyOf);
    const spares = ["s1", "s2"].map((name) => chain.addSpare(name, "a"));
    const beats = () => spares.map((spare) => chain.heartbeat(spare));
    const proof = (key: string) => {
      const [first, second] = chain.doubleVote(key);
      if (!first || !second) throw new Error("a pair");
      return misconductProof(chain.chainId, first, second);
    };
    const voters = chain.without(one);
    for (let count = 0; count < 11; count += 1) chain.block({ voters, signsOfLife: beats() });
    chain.block({ voters, transactions: [chain.silenceRecord(one)] });
    chain.block({ signsOfLife: beats(), transactions: [proof(keyOf("s2")), proof(two)] });
    chain.block({ transactions: [proof(three)] });
    const { state } = chain;
    const leaf = (key: string) => proveState(state, key).value ?? new Uint8Array();
    expect(decodeJailed(leaf(leafKeys.jailed(one)))).toEqual(state.jailed.get(one));
    const unbonding = decodeUnbonding(leaf(leafKeys.unbonding(keyOf("s2"))));
    expect(unbonding).toEqual(state.unbonding.get(keyOf("s2")));
    const condemned = decodeCondemned(leaf(leafKeys.condemned(three)));
    expect(condemned).toEqual(state.condemned.get(three));
    expect(condemned.needsApproval).toBe(true);
  });

  test("executing a block leaves the state before it as it was, and gives one result", () => {
    const chain = new TestChain();
    chain.addSpare("spare", "a");
    const before = chain.state;
    const copy = structuredClone(before);
    const [first, second] = chain.doubleVote(keyOf("seat1"));
    if (!first || !second) throw new Error("a pair");
    const faucet = { kind: "faucet", account: keyOf("x"), amount: 1n, nonce: 3 } as const;
    const transactions = [misconductProof(chain.chainId, first, second), faucet];
    chain.block({ transactions });
    const once = chain.last?.result;
    expect(before).toEqual(copy);
    chain.state = before;
    chain.block({ transactions });
    expect({ ...chain.last?.result, blockId: "" }).toEqual({ ...once, blockId: "" });
    expect(chain.state.set.epoch).toBe(before.set.epoch + 1);
  });
});
