import { describe, expect, test } from "vitest";
import { scheme, TestChain } from "../../test/ledger/test-chain.ts";
import { ZERO_DIGEST } from "../kernel/scalars.ts";
import type { SignatureScheme } from "../kernel/statements.ts";
import { executeBlock } from "../ledger/execute-block.ts";
import { PROTOCOLS } from "../ledger/protocol.ts";
import { encodeTransaction } from "../ledger/transaction.ts";
import type { ExecutableBlock, Transaction } from "../ledger/types.ts";
import { executeAgain } from "./re-execution.ts";

/** Counts what is checked. */
function counting(): { readonly scheme: SignatureScheme; readonly checked: () => number } {
  let checked = 0;
  const verify: SignatureScheme["verify"] = (author, message, signature) => {
    checked += 1;
    return scheme.verify(author, message, signature);
  };
  return { scheme: { verify }, checked: () => checked };
}

function blockOf(chain: TestChain, transactions: readonly Transaction[]): ExecutableBlock {
  const [lane = ""] = chain.keys;
  return {
    epoch: chain.state.set.epoch,
    round: 1_000,
    height: chain.state.height + 1,
    blockId: "ab".repeat(32),
    timestampMs: chain.state.timestampMs + 250,
    proposer: lane,
    voters: chain.keys,
    signsOfLife: [],
    transactions: transactions.map((each) => ({ lane, bytes: encodeTransaction(each) })),
    ordering: new Uint8Array(0),
  };
}

describe("execution after a restart", () => {
  test("a certified block without forgeries is executed without checking a signature", () => {
    const chain = new TestChain();
    chain.run(1_000);
    const [member = ""] = chain.keys;
    const block = blockOf(chain, [chain.proofAgainst(member)]);
    const full = executeBlock(chain.state, block, scheme);
    const { scheme: watched, checked } = counting();
    const again = executeAgain(chain.state, block, {
      certified: full.result,
      scheme: watched,
      protocols: PROTOCOLS,
    });
    expect(again.result).toEqual(full.result);
    expect(again.receipts.map(({ code }) => code)).toEqual(["OK"]);
    expect(checked()).toBe(0);
  });

  test("rule EVIDENCE: a forged proof in a certified block moves nothing, then as now", () => {
    const chain = new TestChain();
    chain.run(1_000);
    const [member = ""] = chain.keys;
    const honest = chain.proofAgainst(member);
    if (honest.kind !== "misconduct-proof") throw new Error("another transaction");
    const first = { ...honest.first, signature: new Uint8Array(64) };
    const block = blockOf(chain, [{ ...honest, first }]);
    const full = executeBlock(chain.state, block, scheme);
    const again = executeAgain(chain.state, block, {
      certified: full.result,
      scheme,
      protocols: PROTOCOLS,
    });
    expect(full.receipts.map(({ code }) => code)).not.toEqual(["OK"]);
    expect(again.result).toEqual(full.result);
    expect(again.result.nextSetHash).toBe(ZERO_DIGEST);
    expect(again.receipts).toEqual(full.receipts);
  });
});
