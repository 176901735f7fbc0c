import { describe, expect, test } from "vitest";
import { Model } from "../../test/margin/model.ts";
import { randomFrom } from "../../test/margin/random.ts";
import { RANDOM_MARKETS, RandomBlocks } from "../../test/margin/random-blocks.ts";
import {
  accounts,
  bundle,
  key,
  MARKET,
  PARAMETERS,
  place,
  START_MS,
  trade,
  USD,
  World,
} from "../../test/margin/world.ts";
import { toHex } from "../kernel/bytes.ts";
import { applyMarginBlock, genesisLeaves, marginTotals } from "./engine.ts";
import type { MarginState } from "./state.ts";
import { MARKET_AMOUNTS, type MarginBlock, type MarginEvent, type OutcomeBound } from "./types.ts";

const NAMES = ["a", "b", "c", "d", "e", "f", "g", "h"];

function randomWorld(fund: bigint): { world: World; model: Model } {
  const balances = Object.fromEntries(NAMES.map((name, index) => [name, 900n * BigInt(index + 1)]));
  const genesis = {
    markets: RANDOM_MARKETS,
    accounts: accounts(balances),
    insuranceFund: fund * USD,
  };
  // Short spans, so that a walk of a minute passes through every state.
  const parameters = {
    ...PARAMETERS,
    resumeGraceMs: 2_000,
    callDeadlineMs: 4_000,
    gainLockMs: 8_000,
    termsDelayMs: 3_000,
    ...{ outflowWindowMs: 20_000, withdrawalMinimum: 300n * USD, bondLagMs: 4_000 },
    capFallPpm: 90_000_000n,
  };
  return { world: new World(genesis, parameters), model: new Model(genesis, parameters, START_MS) };
}

function summary(state: MarginState): unknown {
  const sorted = Array.from(state.accounts).sort(([one], [two]) => (one < two ? -1 : 1));
  return {
    fund: state.fund,
    budget: state.caps.budget,
    oracles: state.markets.map(({ oracle, nextSequence }) => [
      oracle.price,
      oracle.state,
      oracle.resumingSinceMs,
      oracle.freshSlots,
      oracle.quorumSlot,
      nextSequence,
    ]),
    funding: state.markets.map(({ funding, fundingClaims }) => [
      funding.interval,
      funding.sampleSlot,
      funding.lastRate,
      fundingClaims,
    ]),
    terms: state.markets.map(({ terms, parameters }) => [
      terms.mode,
      terms.scheduled?.fromMs,
      terms.scheduled?.opens,
      ...MARKET_AMOUNTS.map((name) => parameters[name]),
    ]),
    accounts: sorted.map(([account, each]) => ({
      key: account,
      balance: each.balance,
      positions: each.positions.map(({ market, size, cost, fundingIndex }) => {
        const index = state.markets[market]?.funding.index ?? 0n;
        return [market, size, cost, size * (fundingIndex - index)];
      }),
      orders: each.orders.map(({ market, clientId, size, sequence }) => [
        market,
        clientId,
        size,
        sequence,
      ]),
      stage: [each.stage, each.deadlineMs, each.debt, each.waited, each.misses],
      locks: each.locks.map(({ untilMs, amount }) => [untilMs, amount]),
    })),
  };
}

function modelSummary(model: Model): unknown {
  return {
    fund: model.fund,
    budget: model.budget,
    oracles: model.oracles.map((oracle) => [
      oracle.price,
      oracle.state,
      oracle.since,
      oracle.freshSlots,
      oracle.quorumSlot,
      oracle.sequence,
    ]),
    funding: model.markets.map((_, market) => [
      model.running[market],
      model.premiums[market]?.at(-1)?.slot ?? model.sampledTo[market],
      model.paid[market]?.at(-1)?.rate ?? 0n,
      model.holders.reduce((sum, { owed }) => sum + (owed[market] ?? 0n), 0n),
    ]),
    terms: model.markets.map((numbers, market) => [
      model.modes[market],
      model.plans[market]?.from,
      model.plans[market]?.opens,
      ...MARKET_AMOUNTS.map((name) => numbers[name]),
    ]),
    accounts: model.holders.map((holder) => ({
      key: holder.key,
      balance: holder.balance,
      positions: holder.size
        .map((size, market) => [market, size, holder.cost[market], holder.owed[market]])
        .filter(([, size]) => size !== 0n),
      orders: model
        .ordersOf(holder)
        .map(({ market, id, size, sequence }) => [market, id, size, sequence]),
      stage: [holder.stage, holder.deadline, holder.debt, holder.waited, holder.misses],
      locks: holder.locks.map(({ until, amount }) => [until, amount]),
    })),
  };
}

/** The model tells them in the order of the classes. */
function told({ cap, epoch, remainder }: OutcomeBound): string {
  return `${cap}/${epoch}/${remainder}`;
}

/** The walk is only worth something if it meets every rule. */
const MUST_OCCUR = [
  ...["fill", "stage", "liquidation", "close-out", "deficit", "deficit by fund", "deficit by cut"],
  ...["close-out with equity left", "debt-repaid", "withdrawal", "deposit", "oracle-outlier"],
  ...["funding 1", "funding 0", "funding -1", "funding-payment", "funding dust"],
  ...["self-trade", "margin", "nothing-to-reduce", "ladder"],
  ...["healthy>called", "called>reduce-only", "called>liquidating", "called>healthy"],
  ...["market open", "market reduce-only", "market paused", "MARKET_PAUSED", "MARKET_REDUCE_ONLY"],
  ...["terms scheduled", "terms cancelled", "terms noticed", "terms in-effect"],
  ...["healthy>liquidating", "liquidating>reduce-only", "liquidating>healthy"],
  ...["reduce-only>liquidating", "reduce-only>healthy", "stale", "resuming", "fresh"],
  ...["OK", "UNKNOWN_MARKET", "UNKNOWN_ACCOUNT", "ORDER_NOT_FOUND", "SIZE_OUT_OF_RANGE"],
  ...["DUPLICATE_CLIENT_ID", "PRICE_NOT_FRESH", "PRICE_OUT_OF_BAND", "NOTHING_TO_REDUCE"],
  ...["POST_ONLY_WOULD_TAKE", "ACCOUNT_REDUCE_ONLY", "INSUFFICIENT_MARGIN"],
  ...["AMOUNT_OUT_OF_RANGE", "WITHDRAWALS_SHUT", "INSUFFICIENT_COLLATERAL"],
  ...["OUTFLOW_CAP_REACHED", "OPEN_INTEREST_CAP_REACHED", "POSITION_LIMIT_REACHED"],
];

function labelsOf(event: MarginEvent): string[] {
  const { kind } = event;
  if (kind === "stage") return [kind, `${event.from}>${event.to}`];
  if (kind === "order-cancelled") return [event.reason];
  if (kind === "index-price") return [event.state];
  if (kind === "market-mode") return [`market ${event.to}`];
  if (kind === "market-terms") return [`terms ${event.step}`];
  if (kind === "funding") return [kind, `funding ${Math.sign(Number(event.rate))}`];
  if (kind === "funding-payment") return event.dust > 0n ? [kind, "funding dust"] : [kind];
  if (kind !== "deficit") return [kind];
  const byFund = event.paidByFund > 0n ? ["deficit by fund"] : [];
  return [kind, ...byFund, ...(event.paidByCut > 0n ? ["deficit by cut"] : [])];
}

function moneyOf(state: MarginState): bigint {
  const { balances, fund, fundingPools } = marginTotals(state);
  return balances + fund + fundingPools;
}

/** Deposits less withdrawals of the block: all that may change the sum of money. */
function inflowOf(events: readonly MarginEvent[]): bigint {
  return events.reduce((sum, event) => {
    if (event.kind === "deposit") return sum + event.amount;
    return event.kind === "withdrawal" ? sum - event.amount : sum;
  }, 0n);
}

function checkDeficits(events: readonly MarginEvent[]): void {
  for (const event of events) {
    if (event.kind !== "deficit") continue;
    expect(event.paidByFund + event.paidByCut).toBe(event.deficit);
    expect(event.cuts.reduce((sum, { amount }) => sum + amount, 0n)).toBe(event.paidByCut);
  }
}

describe("against a plain model", () => {
  test("rule LADDER: in random blocks engine and model agree and conserve to the unit", () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 40; seed += 1) {
      const { world, model } = randomWorld(BigInt((seed % 4) * 500));
      const blocks = new RandomBlocks(randomFrom(seed), NAMES);
      let expected = moneyOf(world.state);
      for (let height = 1; height <= 120; height += 1) {
        const block = blocks.next(world);
        world.apply(block);
        const codes = model.apply(block);
        const where = `seed ${seed}, height ${height}`;
        expect(
          world.outcomes.map((each) => each.map(({ code }) => code)),
          where,
        ).toEqual(codes);
        expect(summary(world.state), where).toEqual(modelSummary(model));
        const bounds = world.outcomes.flat().flatMap(({ bound }) => bound ?? []);
        expect(bounds.map(told).sort(), where).toEqual(model.bounds.map(told).sort());
        checkDeficits(world.events);
        expected += inflowOf(world.events);
        const totals = marginTotals(world.state);
        expect(moneyOf(world.state), where).toBe(expected);
        expect(totals.lots, where).toEqual([0n, 0n]);
        const open = world.state.markets.map(({ openInterest }) => openInterest);
        expect(open, where).toEqual(totals.openInterest);
        expect(totals.debt, where).toBe(world.state.totalDebt);
        for (const label of world.events.flatMap(labelsOf)) seen.add(label);
        for (const code of codes.flat()) seen.add(code);
        const solvent = world.eventsOf("close-out").length > world.eventsOf("deficit").length;
        if (solvent) seen.add("close-out with equity left");
      }
    }
    expect(MUST_OCCUR.filter((label) => !seen.has(label))).toEqual([]);
  }, 120_000);

  test("leaf changes lead from block to block to exactly the leaves of the state", () => {
    for (let seed = 101; seed <= 106; seed += 1) {
      const { world } = randomWorld(500n);
      const blocks = new RandomBlocks(randomFrom(seed), NAMES);
      const leaves = new Map<string, string>();
      for (const { key: leaf, value } of genesisLeaves(world.state)) leaves.set(leaf, hexOf(value));
      for (let height = 1; height <= 100; height += 1) {
        world.apply(blocks.next(world));
        for (const { key: leaf, value } of world.changes) {
          expect(value !== undefined || leaves.has(leaf), `removes ${leaf}`).toBe(true);
          if (value === undefined) leaves.delete(leaf);
          else leaves.set(leaf, hexOf(value));
        }
        const all = genesisLeaves(world.state).map((leaf) => [leaf.key, hexOf(leaf.value)]);
        const kept = Array.from(leaves).sort(([one], [two]) => (one < two ? -1 : 1));
        expect(kept).toEqual(all);
      }
    }
  });

  test("a block leaves the state before it as it was, and replays to the same result", () => {
    const { world } = randomWorld(500n);
    const blocks = new RandomBlocks(randomFrom(7), NAMES);
    const past: { state: MarginState; block: MarginBlock; before: unknown; after: unknown }[] = [];
    for (let height = 1; height <= 150; height += 1) {
      const { state } = world;
      const before = summary(state);
      const block = blocks.next(world);
      world.apply(block);
      past.push({ state, block, before, after: summary(world.state) });
    }
    for (const { state, block, before, after } of past) {
      expect(summary(state)).toEqual(before);
      expect(summary(applyMarginBlock(state, block).state)).toEqual(after);
    }
  });
});

function hexOf(value: Uint8Array | undefined): string {
  return value === undefined ? "" : toHex(value);
}

describe("order of a block", () => {
  const PRICE = 100_000n;

  test("rule ORDER: the block's price is in force before its orders", () => {
    const world = new World({ accounts: accounts({ a: 10_000n }) });
    world.block({ prices: [PRICE] });
    expect(world.act([110_000n], bundle("a", place("buy", 1n, 110_000n)))).toEqual(["OK"]);
  });

  test("rule ORDER: a deposit counts before the ladder of its block", () => {
    const world = new World({ accounts: accounts({ a: 4_100n, b: 100_000n }) });
    world.block({ prices: [PRICE] });
    trade(world, { long: "a", short: "b", size: 100n, price: PRICE });
    world.block({ prices: [97_000n], deposits: [{ account: key("a"), amount: 5_000n * USD }] });
    expect(world.view("a").stage).toBe("healthy");
    expect(world.eventsOf("stage")).toEqual([]);
  });

  test("rule ORDER: the ladder comes before the orders of its block", () => {
    const world = new World({ accounts: accounts({ a: 4_100n, b: 100_000n, c: 100_000n }) });
    world.block({ prices: [PRICE] });
    trade(world, { long: "a", short: "b", size: 100n, price: PRICE });
    const bid = place("buy", 100n, 97_900n);
    world.block({ prices: [97_900n], bundles: [bundle("c", bid)] });
    expect(world.eventsOf("liquidation")).toMatchObject([{ account: key("a"), filled: 0n }]);
    expect(world.size("c")).toBe(0n);
    world.block({ prices: [97_900n] });
    expect(world.eventsOf("liquidation")).toMatchObject([{ account: key("a"), filled: 25n }]);
  });

  test("rule ORDER: every cancel of a block comes before every order", () => {
    const world = new World({ accounts: accounts({ a: 10_000n, b: 10_000n }) });
    world.block({ prices: [PRICE] });
    world.act([PRICE], bundle("a", place("sell", 1n, PRICE, { clientId: 5 })));
    const codes = world.act(
      [PRICE],
      bundle("b", place("buy", 1n, PRICE, { timeInForce: "ioc" })),
      bundle("a", { kind: "cancel", market: 0, clientId: 5 }),
    );
    expect(codes).toEqual(["OK", "OK"]);
    expect(world.outcomes[0]?.[0]).toMatchObject({ filled: 0n, resting: 0n });
    expect(world.size("b")).toBe(0n);
  });

  test("rule ORDER: withdrawals come last, after the orders that need the money", () => {
    const world = new World({ accounts: accounts({ a: 10_000n }) });
    world.block({ prices: [PRICE] });
    const all = { kind: "withdraw", amount: 10_000n * USD } as const;
    const codes = world.act([PRICE], bundle("a", all, place("buy", 10n, PRICE)));
    expect(codes).toEqual(["INSUFFICIENT_COLLATERAL", "OK"]);
  });

  test("rule ORDER: one account under water shuts the withdrawals of all", () => {
    const world = new World({
      markets: RANDOM_MARKETS,
      accounts: accounts({ a: 4_100n, b: 100_000n, c: 100_000n }),
    });
    world.block({ prices: [PRICE, 3_333n] });
    trade(world, { long: "a", short: "b", size: 100n, price: PRICE, prices: [PRICE, 3_333n] });
    world.act(
      [PRICE, 3_333n],
      bundle("c", place("sell", 1n, 3_333n, { market: 1 })),
      bundle("a", place("buy", 1n, 3_333n, { market: 1, timeInForce: "ioc" })),
    );
    // The second market falls silent, so that the breach of the first cannot be closed out.
    for (let slot = 1; slot <= 6; slot += 1) world.block({ prices: [PRICE] });
    const withdrawal = { kind: "withdraw", amount: 1n } as const;
    const bundles = [bundle("d", withdrawal)];
    const deposits = [{ account: key("d"), amount: 5n * USD }];
    world.block({ prices: [PRICE], deposits, bundles });
    expect(world.outcomes[0]?.[0]?.code).toBe("OK");
    expect(world.act([90_000n], ...bundles)).toEqual(["WITHDRAWALS_SHUT"]);
    expect(world.view("a").equity).toBeLessThan(0n);
    expect(world.eventsOf("close-out")).toEqual([]);
  });

  test("rule ORDER: realised gains are withdrawable after the lock, unrealised ones never", () => {
    const world = new World({ accounts: accounts({ a: 10_000n, b: 100_000n }) });
    world.block({ prices: [PRICE] });
    trade(world, { long: "a", short: "b", size: 10n, price: PRICE });
    for (let step = 0; step < 5; step += 1) world.block({ prices: [110_000n] });
    const fees = 5n * USD;
    // Equity has grown by 1,000 USD; only what was paid in is free.
    expect(world.view("a").freeCollateral).toBe(10_000n * USD - fees);
    trade(world, { long: "b", short: "a", size: 10n, price: 110_000n });
    expect(world.view("a")).toMatchObject({ positions: [], equity: 11_000n * USD - fees });
    expect(world.view("a").freeCollateral).toBe(10_000n * USD - fees);
    const closedAt = world.nowMs;
    while (world.nowMs < closedAt + 60_000) world.block({ prices: [110_000n] });
    expect(world.view("a").freeCollateral).toBe(10_000n * USD - fees);
    while (world.nowMs < closedAt + 67_500) world.block({ prices: [110_000n] });
    expect(world.view("a").freeCollateral).toBe(11_000n * USD - fees);
    const all = { kind: "withdraw", amount: 11_000n * USD - fees } as const;
    expect(world.act([110_000n], bundle("a", all))).toEqual(["OK"]);
    expect(world.view("a")).toMatchObject({ balance: 0n, equity: 0n });
  });

  test("rule ORDER: a halt of the chain consumes no lock", () => {
    const world = new World({ accounts: accounts({ a: 10_000n, b: 100_000n }) });
    world.block({ prices: [PRICE] });
    trade(world, { long: "a", short: "b", size: 10n, price: PRICE });
    world.block({ prices: [101_000n] });
    trade(world, { long: "b", short: "a", size: 10n, price: 101_000n });
    const locked = world.view("a").freeCollateral;
    world.block({ prices: [101_000n], afterMs: 600_000, creditMs: 1_000 });
    const { equity, freeCollateral } = world.view("a");
    expect(freeCollateral).toBe(locked);
    expect(freeCollateral).toBeLessThan(equity);
    const all = { kind: "withdraw", amount: equity } as const;
    expect(world.act([101_000n], bundle("a", all))).toEqual(["INSUFFICIENT_COLLATERAL"]);
    for (let step = 0; step < 70; step += 1) world.block({ prices: [101_000n] });
    expect(world.view("a").freeCollateral).toBe(equity);
  });
});

describe("genesis", () => {
  test("a market out of place, or initial margin below maintenance, is a broken invariant", () => {
    expect(() => new World({ markets: [{ ...MARKET, id: 1 }] })).toThrow(
      "market 1 stands at place 0",
    );
    const upsideDown = { ...MARKET, initialMarginPpm: 10_000n };
    expect(() => new World({ markets: [upsideDown] })).toThrow("initial below maintenance");
  });
});
