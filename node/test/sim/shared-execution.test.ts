import { describe, expect, test } from "vitest";
import { sha256Hex } from "../../src/crypto/sha256.ts";
import { asciiBytes } from "../../src/kernel/bytes.ts";
import { executeBlock } from "../../src/ledger/execute-block.ts";
import { LEAF_LAYOUTS } from "../../src/ledger/leaf-layouts.ts";
import { PROTOCOL_1, PROTOCOLS } from "../../src/ledger/protocol.ts";
import type { LedgerState } from "../../src/ledger/state.ts";
import type { ExecutableBlock } from "../../src/ledger/types.ts";
import { BOTH } from "../ledger/protocol-two.ts";
import { scheme, TestChain } from "../ledger/test-chain.ts";
import { isSame, SharedExecution } from "./shared-execution.ts";

const { state: start } = new TestChain();

function blockAfter(state: LedgerState): ExecutableBlock {
  const { members, epoch } = state.set;
  const height = state.height + 1;
  return {
    ...{ epoch, round: height, height, blockId: sha256Hex(asciiBytes(`block ${height}`)) },
    timestampMs: state.timestampMs + 200,
    proposer: members[0]?.key ?? "",
    voters: members.map(({ key }) => key),
    ...{ signsOfLife: [], transactions: [], ordering: asciiBytes("order") },
  };
}

describe("shared execution", () => {
  test("nodes that come to the same state by themselves get one result: what each comes to", () => {
    const shared = new SharedExecution();
    const first = shared.execute(start, blockAfter(start), scheme, PROTOCOLS);
    const other = new TestChain().state;
    expect(other).not.toBe(start);
    expect(shared.execute(other, blockAfter(other), scheme, PROTOCOLS)).toBe(first);
    const alone = executeBlock(start, blockAfter(start), scheme, PROTOCOLS);
    expect(isSame(first, alone)).toBe(true);
    expect(shared.execute(alone.state, blockAfter(alone.state), scheme, PROTOCOLS)).toBe(
      shared.execute(first.state, blockAfter(first.state), scheme, PROTOCOLS),
    );
  });

  test("who differs in state, block, scheme or binary executes by itself", () => {
    const shared = new SharedExecution();
    const block = blockAfter(start);
    const first = shared.execute(start, block, scheme, PROTOCOLS);
    const heir = { ...start, clockMs: start.clockMs + 1 };
    const later = { ...block, ordering: asciiBytes("another") };
    const strict = { verify: () => false };
    expect(shared.execute(heir, block, scheme, PROTOCOLS)).not.toBe(first);
    expect(shared.execute(start, later, scheme, PROTOCOLS)).not.toBe(first);
    expect(shared.execute(start, block, strict, PROTOCOLS)).not.toBe(first);
    expect(shared.execute(start, block, scheme, BOTH)).not.toBe(first);
  });

  test("maps in another order, and more or other entries, are not the same", () => {
    const map = (...entries: [string, unknown][]) => new Map(entries);
    expect(isSame(map(["a", 1], ["b", [2n]]), map(["a", 1], ["b", [2n]]))).toBe(true);
    expect(isSame(map(["a", 1], ["b", 2]), map(["b", 2], ["a", 1]))).toBe(false);
    expect(isSame({ a: 1, b: undefined }, { a: 1 })).toBe(false);
    expect(isSame({ a: 1, b: undefined }, { a: 1, c: undefined })).toBe(false);
    expect(isSame(asciiBytes("ab"), asciiBytes("ac"))).toBe(false);
    expect(isSame([1, 2], [1])).toBe(false);
  });

  test("a block that comes to another result the second time ends the run", () => {
    const shared = new SharedExecution();
    let time = 0;
    const encode = (state: LedgerState) => {
      time += 1;
      return new Uint8Array([...LEAF_LAYOUTS.chain.encode(state), time]);
    };
    const layouts = { ...LEAF_LAYOUTS, chain: { ...LEAF_LAYOUTS.chain, encode } };
    const faulty = [{ ...PROTOCOL_1, layouts }];
    expect(() => {
      for (let node = 0; node < 9; node += 1) {
        shared.execute(start, blockAfter(start), scheme, faulty);
      }
    }).toThrow("another result the second time");
  });
});
