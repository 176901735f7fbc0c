import { describe, expect, test } from "vitest";
import { accounts, bundle, key, place, trade, USD, World } from "../../test/margin/world.ts";
import { toHex } from "../kernel/bytes.ts";
import { DecodeError } from "../kernel/codec.ts";
import { genesisLeaves } from "./engine.ts";
import { GENESIS_FUNDING } from "./funding.ts";
import {
  accountKey,
  decodeAccount,
  decodeFund,
  decodeFunding,
  decodeMarket,
  decodeOrder,
  decodePosition,
  encodeFunding,
  encodePosition,
  FUND_KEY,
  fundingKey,
  marketKey,
  orderKey,
  positionKey,
} from "./leaves.ts";

function leavesOf(world: World): Map<string, Uint8Array> {
  return new Map(genesisLeaves(world.state).map(({ key: leaf, value }) => [leaf, value!]));
}

describe("leaves", () => {
  test("every kind is read back as it was written", () => {
    const world = new World({ accounts: accounts({ a: 10_000n, b: 10_000n }), insuranceFund: 7n });
    world.block({ prices: [100_000n] });
    trade(world, { long: "a", short: "b", size: 3n, price: 100_000n });
    const rest = place("sell", 2n, 101_000n, { clientId: 42, timeInForce: "post-only" });
    world.act([100_000n], bundle("a", rest));
    const leaves = leavesOf(world);
    const account = world.state.accounts.get(key("a"))!;
    const { positions: _positions, orders: _orders, ...plain } = account;
    expect(decodeAccount(leaves.get(accountKey(key("a")))!)).toEqual(plain);
    expect(decodePosition(leaves.get(positionKey(0, key("b")))!)).toEqual({
      size: -3n,
      cost: -3_000n * USD,
      fundingIndex: 0n,
    });
    const funding = { index: -7n, lastRate: -3n, interval: 4, sampleSlot: -1, samples: [2n, -1n] };
    expect(decodeFunding(encodeFunding(funding))).toEqual(funding);
    expect(leaves.get(fundingKey(0))).toEqual(encodeFunding(GENESIS_FUNDING));
    const order = { market: 0, account: key("a"), clientId: 42 };
    expect(orderKey(order)).toBe(`order/0/${key("a")}/42`);
    expect(decodeOrder(leaves.get(orderKey(order))!)).toEqual({
      side: "sell",
      size: 2n,
      price: 101_000n,
      timeInForce: "post-only",
      reduceOnly: false,
      sequence: 1,
      untilMs: 0,
    });
    expect(decodeMarket(leaves.get(marketKey(0))!)).toMatchObject({
      name: "SPX-PERP",
      orderLotsMax: 100_000n,
      price: 100_000n,
      state: "fresh",
      quorumSlot: 3,
      nextSequence: 2,
      reports: [{ author: key("v1"), slot: 3 }, {}, {}, {}],
    });
    expect(decodeFund(leaves.get(FUND_KEY)!)).toEqual({ fund: 7n + 1_500_000n, totalDebt: 0n });
  });

  test("the layouts of the spec, byte by byte", () => {
    const world = new World({ accounts: accounts({ a: 1n }), insuranceFund: 2n });
    const leaves = leavesOf(world);
    const balance = "000000000000000000000000000f4240";
    const zero = "00".repeat(16);
    expect(toHex(leaves.get(accountKey(key("a")))!)).toBe(
      `${balance}00${"00".repeat(8)}${zero}${"00".repeat(12 + 8)}${zero}`,
    );
    expect(toHex(leaves.get(FUND_KEY)!)).toBe(`${"00".repeat(15)}02${zero}`);
    expect(toHex(leaves.get(fundingKey(0))!)).toBe("00".repeat(16 + 16 + 8 + 8 + 4));
    const position = { size: 1n, cost: 2n, fundingIndex: -1n };
    expect(toHex(encodePosition(position))).toBe(
      `${"00".repeat(15)}01${"00".repeat(15)}02${"ff".repeat(16)}`,
    );
  });

  test("bytes that no encoder writes are refused", () => {
    const leaves = leavesOf(new World({ accounts: accounts({ a: 1n }) }));
    const account = leaves.get(accountKey(key("a")))!;
    account[16] = 4;
    expect(() => decodeAccount(account)).toThrow(DecodeError);
    expect(() => decodeFund(new Uint8Array(31))).toThrow(DecodeError);
    expect(() => decodePosition(new Uint8Array(49))).toThrow("bytes too many");
  });
});
