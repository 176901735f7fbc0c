import { describe, expect, test } from "vitest";
import { Solo } from "../../test/consensus/craft.ts";
import { CHAIN_ID, keyOf, signStub } from "../../test/consensus/stub-keys.ts";
import { repairStatement } from "../kernel/repair.ts";
import { ZERO_DIGEST } from "../kernel/scalars.ts";
import type { Statement } from "../kernel/statements.ts";
import { READINESS_NONCE } from "../ledger/transaction.ts";
import { goesOnFrom } from "./hand-over.ts";
import { Turn } from "./turn.ts";

/** A member whose owner has a plan for epoch 1, at a height that it has not come to. */
function planned(): Solo {
  const solo = new Solo();
  const repair = { epoch: 1, height: 5, stateRoot: "aa".repeat(32), version: 2 };
  solo.state = { ...solo.state, config: { ...solo.state.config, repair } };
  return solo;
}

function repairOf(epoch: number): Statement {
  const result = {
    ...{ epoch, height: 5, timestampMs: 1, blockId: "bb".repeat(32) },
    ...{ stateRoot: "aa".repeat(32), receiptsRoot: "cc".repeat(32), nextSetHash: ZERO_DIGEST },
  };
  return repairStatement(CHAIN_ID, { epoch, result, version: 2 });
}

const READINESS: Statement = {
  kind: "endorsement",
  nonce: READINESS_NONCE + 4,
  subject: "dd".repeat(32),
};

describe("rule SPLIT, endorsements", () => {
  test.each([
    ["a readiness", READINESS],
    ["a repair of another epoch", repairOf(2)],
  ])("rule SPLIT: %s, replayed, does not take the place of the member's repair", (_, other) => {
    const solo = planned();
    solo.receive("c", { kind: "statement", signed: signStub(keyOf("b"), other) });
    expect(solo.state.repair.endorsements.size).toBe(0);
    const wanted = signStub(keyOf("b"), repairOf(1));
    solo.receive("b", { kind: "statement", signed: wanted });
    expect(solo.state.repair.endorsements.get(keyOf("b"))).toEqual(wanted);
  });

  test("rule SPLIT: an older epoch's result is gone on from only where this epoch began there", () => {
    const solo = planned();
    const nextSet = { ...solo.state.set, epoch: 2 };
    const began = {
      ...{ epoch: 1, height: 5, timestampMs: 1, blockId: "bb".repeat(32) },
      ...{ stateRoot: "aa".repeat(32), receiptsRoot: "cc".repeat(32), nextSetHash: ZERO_DIGEST },
    };
    const proof = { certificate: { result: began, signatures: [] }, nextSet };
    const chain = { ...solo.state.chain, epochProofs: [proof] };
    const turn = new Turn({ ...solo.state, set: nextSet, chain }, 0);
    expect(goesOnFrom(turn, began)).toBe(true);
    expect(goesOnFrom(turn, { ...began, height: 4 })).toBe(false);
    expect(goesOnFrom(turn, { ...began, epoch: 2, height: 6 })).toBe(true);
  });

  test("rule SPLIT: the own readiness does not replace the own endorsement of the repair", () => {
    const solo = planned();
    const own = signStub(keyOf("a"), repairOf(1));
    solo.input({ kind: "signed", signed: own });
    solo.input({ kind: "signed", signed: signStub(keyOf("a"), READINESS) });
    expect(solo.state.repair.endorsements.get(keyOf("a"))).toEqual(own);
    solo.input({ kind: "refused", statement: READINESS });
    expect(solo.state.halted).toBeUndefined();
  });
});
