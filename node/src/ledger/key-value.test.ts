import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { keyOf, scheme, TestChain, testGenesis } from "../../test/ledger/test-chain.ts";
import { verifyTreeProof } from "../kernel/merkle.ts";
import { checkTransaction } from "./check-transaction.ts";
import { encodeGenesis, parseGenesis } from "./genesis.ts";
import { putLeafKey } from "./key-value.ts";
import { proveState } from "./state-tree.ts";
import { encodeTransaction } from "./transaction.ts";
import type { Transaction } from "./types.ts";

const put = (key: readonly number[], value: readonly number[]): Transaction => {
  return { kind: "put", key: Uint8Array.from(key), value: Uint8Array.from(value) };
};

function genesisCode(options: Parameters<typeof testGenesis>[0]): string {
  const parsed = parseGenesis(encodeGenesis(testGenesis(options)));
  return parsed.ok ? "OK" : parsed.error.code;
}

describe("key-value puts", () => {
  test("a chain without keyValue in its genesis takes no put, at the door and in a block", () => {
    const chain = new TestChain();
    const checked = checkTransaction(chain.state, encodeTransaction(put([1], [2])), scheme);
    expect(!checked.ok && checked.error.code).toBe("KEY_VALUE_CLOSED");
    const { tree } = chain.state;
    expect(chain.block({ transactions: [put([1], [2])] })).toEqual(["KEY_VALUE_CLOSED"]);
    expect(proveState(chain.state, "kv/01").value).toBeUndefined();
    expect(tree).toBeDefined();
  });

  test("only a genesis marked dev may have keyValue, within the bound of a transaction", () => {
    const keyValue = { valueBytesMax: 1_024 };
    expect(genesisCode({ keyValue })).toBe("OK");
    expect(genesisCode({ keyValue: { valueBytesMax: 0 } })).toBe("GENESIS_INVALID");
    expect(genesisCode({ keyValue: { valueBytesMax: 32_769 } })).toBe("GENESIS_INVALID");
    const production = JSON.parse(Buffer.from(encodeGenesis(testGenesis({ keyValue }))).toString());
    const text = JSON.stringify({ ...production, dev: false, parameters: {} });
    const parsed = parseGenesis(new Uint8Array(Buffer.from(text)));
    expect(!parsed.ok && parsed.error.code).toBe("GENESIS_KEY_VALUE");
  });

  test("an empty key and a value above the bound are refused, each by its field", () => {
    const chain = new TestChain({ keyValue: { valueBytesMax: 3 } });
    const transactions = [put([], [1]), put([1], [1, 2, 3, 4]), put([1], [1, 2, 3]), put([2], [])];
    expect(chain.block({ transactions })).toEqual(["PUT_SIZE", "PUT_SIZE", "OK", "OK"]);
    expect(chain.last?.receipts.map(({ field }) => field)).toEqual(["key", "value", "", ""]);
  });

  test("the state holds what a map would hold, proven, and money stays as it is", () => {
    const key = fc.uint8Array({ minLength: 1, maxLength: 2 });
    const entry = fc.record({ key, value: fc.uint8Array({ maxLength: 8 }) });
    fc.assert(
      fc.property(fc.array(fc.array(entry, { maxLength: 6 }), { maxLength: 6 }), (blocks) => {
        const chain = new TestChain({ keyValue: { valueBytesMax: 8 } });
        const before = chain.state;
        const model = new Map<string, Uint8Array>();
        for (const block of blocks) {
          const transactions = block.map((each): Transaction => ({ kind: "put", ...each }));
          expect(chain.block({ transactions })).toEqual(block.map(() => "OK"));
          for (const each of block) model.set(putLeafKey(each.key), each.value);
        }
        for (const [leaf, value] of model) {
          const proven = proveState(chain.state, leaf);
          expect(proven.value).toEqual(value);
          const { stateRoot } = chain.state;
          expect(verifyTreeProof(stateRoot, { key: leaf, value }, proven.proof)).toBe(true);
        }
        expect(chain.state.margin.accounts).toEqual(before.margin.accounts);
        expect(chain.state.margin.accounts.has(keyOf("account rich"))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});
