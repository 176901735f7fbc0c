import { describe, expect, test } from "vitest";
import { BOTH } from "../../test/ledger/protocol-two.ts";
import { keyOf, TestChain } from "../../test/ledger/test-chain.ts";
import { defined } from "../kernel/assert.ts";
import type { AttestedResult } from "../kernel/statements.ts";
import { genesisLeaves } from "../margin/engine.ts";
import { ledgerChanges } from "./leaf-changes.ts";
import { leafKeys } from "./leaves.ts";
import { PROTOCOLS } from "./protocol.ts";
import { repairLedger } from "./repair.ts";
import { proveState, treeRoot, updateTree } from "./state-tree.ts";
import { misconductProof } from "./transaction.ts";

const [SEAT = "", SECOND = ""] = ["seat0", "seat1"].map(keyOf);

function atHeight(chain: TestChain, height: number): AttestedResult {
  return { ...defined(chain.last, "a block").result, height };
}

describe("rule SPLIT in the ledger", () => {
  test("rule SPLIT: the same set goes on in the next epoch, and the tree says so", () => {
    const chain = new TestChain();
    chain.run(1_000);
    const before = chain.state;
    const after = repairLedger(before, { epoch: 1, version: 1 }, PROTOCOLS);
    expect(after.set).toEqual({ ...before.set, epoch: 2 });
    expect(after.height).toBe(before.height);
    expect(proveState(after, leafKeys.voids("1")).value).toBeDefined();
    const leaves = [...ledgerChanges(undefined, after, new Map()), ...genesisLeaves(after.margin)];
    expect(treeRoot(updateTree(undefined, leaves))).toBe(after.stateRoot);
    expect(() => repairLedger(after, { epoch: 1, version: 1 }, PROTOCOLS)).toThrow("epoch 1");
  });

  test("rule SPLIT: results of the abandoned epoch above its root are never evidence", () => {
    const chain = new TestChain();
    chain.run(1_000);
    const { height } = chain.state;
    const pair = (key: string, at: number) => {
      const [first, second] = ["11", "22"].map((digit) => {
        const result = { ...atHeight(chain, at), epoch: 1, stateRoot: digit.repeat(32) };
        return chain.signed(key, { kind: "attestation", result });
      });
      return misconductProof(chain.chainId, defined(first, "one"), defined(second, "two"));
    };
    chain.state = repairLedger(chain.state, { epoch: 1, version: 1 }, PROTOCOLS);
    expect(chain.block({ transactions: [pair(SEAT, height + 1)] })).toEqual(["EVIDENCE_VOID"]);
    expect(chain.state.tombstones.size).toBe(0);
    // Below it, and of other kinds, evidence stays what it was.
    expect(chain.block({ transactions: [pair(SECOND, height)] })).toEqual(["OK"]);
    const [first, second] = chain.doubleVote(SEAT, 1, 900);
    const votes = misconductProof(chain.chainId, defined(first, "one"), defined(second, "two"));
    expect(chain.block({ transactions: [votes] })).toEqual(["OK"]);
  });

  test("rule SPLIT: the repair names the version, and every member speaks anew", () => {
    const chain = new TestChain({ protocols: BOTH });
    chain.block();
    const seats = ["seat0", "seat1", "seat2"].map(keyOf);
    chain.block({ transactions: seats.map((seat) => chain.readiness(seat, 2)) });
    const { state } = chain;
    expect(state.protocol.activation).toBeDefined();
    const back = repairLedger(state, { epoch: 1, version: 1 }, BOTH);
    expect(back.protocol).toEqual({ version: 1, activation: undefined });
    expect(back.readiness.size).toBe(0);
    chain.state = repairLedger(state, { epoch: 1, version: 2 }, BOTH);
    chain.block();
    expect(chain.state.protocol).toEqual({ version: 2, activation: undefined });
    expect(() => repairLedger(state, { epoch: 1, version: 3 }, BOTH)).toThrow("names 3");
  });
});
