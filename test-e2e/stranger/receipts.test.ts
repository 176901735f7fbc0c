import { expect, test } from "vitest";
import { listRoot } from "../../node/src/kernel/merkle.ts";
import { resultLeaves } from "../../node/src/ledger/receipt.ts";
import { TestChain } from "../../node/test/ledger/test-chain.ts";
import { receiptsRoot, rewardsIn } from "./receipts.ts";

test("the root of a block's leaves is the one that the chain certifies, for any number of them", () => {
  for (let count = 0; count < 20; count += 1) {
    const leaves = Array.from({ length: count }, (_, index) => Uint8Array.of(index, count));
    expect(receiptsRoot(leaves)).toBe(listRoot(leaves));
  }
});

test("rewards are read from a block's leaves as the chain paid them", () => {
  const rotation = { rewardPeriodMs: 1_000, rewardPpm: 500_000n };
  const chain = new TestChain({ owners: ["a", "b", "c", "d"], rewardPot: 9_000n, rotation });
  chain.run(1_000, { transactions: [chain.silenceRecord(chain.keys[0] ?? "")] });
  const leaves = chain.last === undefined ? [] : resultLeaves(chain.last);
  expect(receiptsRoot(leaves)).toBe(chain.last?.result.receiptsRoot);
  const paid = chain.events("reward").map(({ key, owner, amount }) => ({ key, owner, amount }));
  expect(paid).toHaveLength(4);
  expect(rewardsIn(leaves)).toEqual(paid);
});
