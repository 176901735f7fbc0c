import { describe, expect, test } from "vitest";
import {
  accounts,
  bundle,
  key,
  MARKET,
  PARAMETERS,
  place,
  trade,
  World,
} from "../../test/margin/world.ts";
import { DecodeError, Reader, Writer } from "../kernel/codec.ts";
import { genesisLeaves } from "./engine.ts";
import { finishMarginLoad, MARGIN_KINDS, openMarginLoad } from "./load-state.ts";
import type { MarginState } from "./state.ts";
import { decodeTerms, encodeTerms, readMarketAct, writeMarketAct } from "./terms-codec.ts";
import type { MarketAct, MarketMode } from "./types.ts";

const PRICE = 100_000n;
const { termsDelayMs, callDeadlineMs, resumeGraceMs } = PARAMETERS;

/** `a` is long 100 lots, 100,000 USD, with 4,500 USD: I is 4,000, M 2,000. */
function leveraged(): World {
  const world = new World({ accounts: accounts({ a: 4_500n, b: 1_000_000n, c: 50_000n }) });
  world.block({ prices: [PRICE] });
  trade(world, { long: "a", short: "b", size: 100n, price: PRICE });
  return world;
}

function act(world: World, decided: MarketAct, prices: readonly bigint[] = [PRICE]): void {
  world.block({ prices, acts: [{ market: 0, act: decided }] });
}

function schedule(
  world: World,
  amounts: Partial<
    Record<
      | "initialMarginPpm"
      | "maintenanceMarginPpm"
      | "takerFeePpm"
      | "fundingIntervalMs"
      | "fundingSampleMs",
      bigint
    >
  >,
  opens = false,
): void {
  const names = [
    "initialMarginPpm",
    "maintenanceMarginPpm",
    "takerFeePpm",
    "fundingIntervalMs",
    "fundingSampleMs",
  ] as const;
  const list = names.flatMap((name) => {
    const value = amounts[name];
    return value === undefined ? [] : [{ name, value }];
  });
  act(world, { kind: "schedule", opens, amounts: list });
}

/** Blocks of a second until `ms` have passed; returns the steps that were told, with their time. */
function run(world: World, ms: number, prices: readonly bigint[] = [PRICE]): [number, string][] {
  const from = world.clockMs;
  const told: [number, string][] = [];
  while (world.clockMs < from + ms) {
    world.block({ prices });
    for (const { step } of world.eventsOf("market-terms")) told.push([world.clockMs - from, step]);
  }
  return told;
}

function parametersOf({ state }: World) {
  const market = state.markets[0];
  if (market === undefined) throw new Error("no market");
  return market.parameters;
}

function modeOf({ state }: World): MarketMode | undefined {
  return state.markets[0]?.terms.mode;
}

describe("the timelock", () => {
  test("rule PARAMETERS: amounts hold after the timelock, not a block before", () => {
    const world = leveraged();
    schedule(world, { takerFeePpm: 900n });
    expect(run(world, termsDelayMs - 1_000)).toEqual([]);
    expect(parametersOf(world).takerFeePpm).toBe(MARKET.takerFeePpm);
    expect(run(world, 1_000)).toEqual([[1_000, "in-effect"]]);
    expect(parametersOf(world)).toEqual({ ...MARKET, takerFeePpm: 900n });
    expect(world.state.markets[0]?.terms.scheduled).toBeUndefined();
  });

  test("rule PARAMETERS: a halt of the chain consumes nothing of the timelock", () => {
    const world = leveraged();
    schedule(world, { takerFeePpm: 900n });
    world.block({ prices: [PRICE], afterMs: 10 * termsDelayMs, creditMs: 1_000 });
    expect(parametersOf(world).takerFeePpm).toBe(MARKET.takerFeePpm);
  });

  test("what is scheduled can be cancelled until it holds", () => {
    const world = leveraged();
    schedule(world, { takerFeePpm: 900n });
    run(world, termsDelayMs - 2_000);
    act(world, { kind: "cancel" });
    expect(world.eventsOf("market-terms")).toMatchObject([{ step: "cancelled" }]);
    expect(run(world, termsDelayMs)).toEqual([]);
    expect(parametersOf(world)).toEqual(MARKET);
  });

  test("a lower initial margin frees, a higher one calls with its own deadline", () => {
    const world = leveraged();
    schedule(world, { initialMarginPpm: 60_000n });
    run(world, termsDelayMs);
    expect(world.eventsOf("stage")).toMatchObject([
      { from: "healthy", to: "called", deadlineMs: world.clockMs + callDeadlineMs },
    ]);
    schedule(world, { initialMarginPpm: 40_000n });
    run(world, termsDelayMs);
    expect(world.view("a").stage).toBe("healthy");
  });
});

describe("a higher maintenance margin", () => {
  /** Under these `a`, with 4,450 USD after the fee, is far below maintenance. */
  const RAISE = { initialMarginPpm: 100_000n, maintenanceMarginPpm: 80_000n };

  test("rule PARAMETERS: no change makes an account liquidatable without the grace", () => {
    const world = leveraged();
    schedule(world, RAISE);
    expect(run(world, termsDelayMs)).toEqual([[termsDelayMs, "noticed"]]);
    expect(parametersOf(world)).toEqual({ ...MARKET, initialMarginPpm: 100_000n });
    expect(world.view("a")).toMatchObject({
      stage: "called",
      deadlineMs: world.clockMs + callDeadlineMs,
    });
    expect(run(world, callDeadlineMs - 1_000)).toEqual([]);
    expect(world.view("a").stage).toBe("called");
    expect(world.size("a")).toBe(100n);
    expect(run(world, 1_000)).toEqual([[1_000, "in-effect"]]);
    expect(world.eventsOf("stage")).toMatchObject([{ from: "called", to: "liquidating" }]);
    expect(parametersOf(world)).toEqual({ ...MARKET, ...RAISE });
  });

  test("who tops up within the grace is left alone", () => {
    const world = leveraged();
    schedule(world, RAISE);
    run(world, termsDelayMs + callDeadlineMs - 2_000);
    world.block({ prices: [PRICE], deposits: [{ account: key("a"), amount: 6_000_000_000n }] });
    run(world, 5_000);
    expect(world.view("a")).toMatchObject({ stage: "healthy", maintenanceMargin: 8_000_000_000n });
    expect(world.size("a")).toBe(100n);
  });

  test("rule PARAMETERS: a gap of the price begins the grace anew", () => {
    const world = leveraged();
    schedule(world, RAISE);
    run(world, termsDelayMs + callDeadlineMs - 9_000);
    // No report for longer than one lives: stale, then resuming until its own grace is over.
    run(world, 8_000, []);
    expect(world.state.markets[0]?.oracle.state).toBe("stale");
    const resumed = run(world, resumeGraceMs + callDeadlineMs - 1_000);
    expect(resumed.map(([, step]) => step)).toEqual(["noticed"]);
    expect(world.size("a")).toBe(100n);
    expect(parametersOf(world).maintenanceMarginPpm).toBe(MARKET.maintenanceMarginPpm);
    const [[noticedMs = 0] = []] = resumed;
    const rest = run(world, noticedMs + callDeadlineMs);
    expect(rest.map(([, step]) => step)).toEqual(["in-effect"]);
  });

  test("without a fresh price at its time it waits, and nobody is called", () => {
    const world = leveraged();
    schedule(world, RAISE);
    run(world, termsDelayMs - 9_000);
    expect(run(world, 30_000, [])).toEqual([]);
    expect(parametersOf(world)).toEqual(MARKET);
    expect(world.view("a").stage).toBe("healthy");
  });

  test("cancelled within the grace, the initial margin is what it was", () => {
    const world = leveraged();
    schedule(world, RAISE);
    run(world, termsDelayMs + 5_000);
    expect(parametersOf(world).initialMarginPpm).toBe(100_000n);
    act(world, { kind: "cancel" });
    expect(parametersOf(world)).toEqual(MARKET);
    expect(world.view("a").stage).toBe("healthy");
  });

  test("a lower initial margin beside it waits for the end of the grace", () => {
    const world = leveraged();
    schedule(world, { initialMarginPpm: 35_000n, maintenanceMarginPpm: 30_000n });
    run(world, termsDelayMs + 5_000);
    expect(parametersOf(world).initialMarginPpm).toBe(MARKET.initialMarginPpm);
    run(world, callDeadlineMs);
    expect(parametersOf(world).initialMarginPpm).toBe(35_000n);
  });
});

describe("restrictions", () => {
  test("rule PARAMETERS: reduce-only holds at once, for orders alone", () => {
    const world = leveraged();
    act(world, { kind: "restrict", mode: "reduce-only" });
    expect(world.eventsOf("market-mode")).toEqual([
      { kind: "market-mode", market: 0, from: "open", to: "reduce-only" },
    ]);
    const codes = world.act(
      [PRICE],
      bundle("c", place("sell", 10n, PRICE)),
      bundle("a", place("sell", 10n, PRICE), place("buy", 10n, PRICE - 10n)),
      bundle("a", place("sell", 10n, PRICE, { reduceOnly: true })),
    );
    expect(codes).toEqual(["MARKET_REDUCE_ONLY", "OK", "MARKET_REDUCE_ONLY", "OK"]);
    // The ladder goes on: the same price that breaches an account in an open market.
    world.block({ prices: [96_000n] });
    expect(world.view("a").stage).toBe("liquidating");
  });

  test("rule PARAMETERS: a paused market has no price: nothing is placed or liquidated", () => {
    const world = leveraged();
    world.act([PRICE], bundle("c", place("sell", 10n, PRICE, { clientId: 7 })));
    act(world, { kind: "restrict", mode: "paused" });
    const codes = world.act(
      [90_000n],
      bundle("c", { kind: "cancel", market: 0, clientId: 7 }),
      bundle("c", place("sell", 10n, PRICE), { kind: "withdraw", amount: 1n }),
      bundle("a", place("sell", 10n, PRICE), { kind: "withdraw", amount: 1n }),
    );
    expect(codes).toEqual(["OK", "MARKET_PAUSED", "OK", "MARKET_PAUSED", "PRICE_NOT_FRESH"]);
    expect(world.state.markets[0]?.oracle).toMatchObject({ state: "stale", price: PRICE });
    expect(world.view("a").stage).toBe("healthy");
  });

  test("rule PARAMETERS: a pause ends as a gap does, with fresh slots and the grace", () => {
    const world = leveraged();
    act(world, { kind: "restrict", mode: "paused" });
    run(world, 5_000, [97_000n]);
    act(world, { kind: "restrict", mode: "reduce-only" }, [97_000n]);
    expect(world.state.markets[0]?.oracle.state).toBe("resuming");
    run(world, resumeGraceMs - 1_000, [97_000n]);
    expect(world.size("a")).toBe(100n);
    expect(world.view("a").stage).toBe("called");
    run(world, 1_000, [97_000n]);
    expect(world.view("a").stage).toBe("liquidating");
  });

  test("rule PARAMETERS: a market opens after the timelock, though it is paused till then", () => {
    const world = leveraged();
    act(world, { kind: "restrict", mode: "paused" });
    schedule(world, { takerFeePpm: 900n }, true);
    expect(run(world, termsDelayMs - 1_000)).toEqual([]);
    expect(modeOf(world)).toBe("paused");
    expect(run(world, 1_000)).toEqual([[1_000, "in-effect"]]);
    expect(world.eventsOf("market-mode")).toMatchObject([{ from: "paused", to: "open" }]);
    expect(parametersOf(world).takerFeePpm).toBe(900n);
  });

  test("opened with a higher maintenance margin, it is open while the grace runs", () => {
    const world = leveraged();
    act(world, { kind: "restrict", mode: "paused" });
    schedule(world, { initialMarginPpm: 100_000n, maintenanceMarginPpm: 80_000n }, true);
    run(world, termsDelayMs);
    expect(modeOf(world)).toBe("open");
    const told = run(world, resumeGraceMs + callDeadlineMs + 5_000).map(([, step]) => step);
    expect(told).toEqual(["noticed", "in-effect"]);
  });

  test("rule PARAMETERS: a restriction takes a scheduled opening back, and leaves the amounts", () => {
    const world = leveraged();
    act(world, { kind: "restrict", mode: "reduce-only" });
    schedule(world, { takerFeePpm: 900n }, true);
    act(world, { kind: "restrict", mode: "paused" });
    expect(world.eventsOf("market-terms")).toMatchObject([{ step: "cancelled", amounts: [] }]);
    run(world, termsDelayMs);
    expect(modeOf(world)).toBe("paused");
    expect(parametersOf(world).takerFeePpm).toBe(900n);
    schedule(world, {}, true);
    act(world, { kind: "restrict", mode: "paused" });
    expect(world.state.markets[0]?.terms.scheduled).toBeUndefined();
  });
});

describe("funding under other spans", () => {
  test("nothing of the running interval is paid, and the next one is whole", () => {
    const markets = [{ ...MARKET, fundingIntervalMs: 20_000n, fundingSampleMs: 1_000n }];
    const world = new World({ markets, accounts: accounts({ a: 50_000n, b: 1_000_000n }) });
    world.block({ prices: [PRICE] });
    trade(world, { long: "a", short: "b", size: 10n, price: PRICE });
    world.act([PRICE], bundle("b", place("buy", 50n, PRICE + 500n)));
    schedule(world, { fundingIntervalMs: 16_000n, fundingSampleMs: 2_000n });
    run(world, termsDelayMs);
    expect(world.state.markets[0]?.funding).toMatchObject({ samples: [] });
    const changedMs = world.clockMs;
    const paid: number[] = [];
    for (let block = 0; block < 30; block += 1) {
      world.block({ prices: [PRICE] });
      if (world.eventsOf("funding").length > 0) paid.push(world.clockMs);
    }
    const from = changedMs - world.state.genesisTimeMs;
    const firstMs = (Math.floor(from / 16_000) + 1) * 16_000 + world.state.genesisTimeMs;
    expect(paid).toEqual([firstMs, firstMs + 16_000]);
    schedule(world, { fundingIntervalMs: 0n });
    run(world, termsDelayMs);
    expect(world.state.markets[0]?.funding).toMatchObject({ interval: 0, sampleSlot: -1 });
    run(world, 40_000);
    expect(world.eventsOf("funding")).toEqual([]);
  });
});

describe("bytes", () => {
  test("terms survive their leaf at every step, and a state without them does not load", () => {
    const world = leveraged();
    act(world, { kind: "restrict", mode: "paused" });
    schedule(world, { initialMarginPpm: 100_000n, maintenanceMarginPpm: 80_000n }, true);
    for (let block = 0; block < 130; block += 1) {
      world.block({ prices: [PRICE] });
      const terms = world.state.markets[0]?.terms;
      if (terms === undefined) throw new Error("no terms");
      expect(decodeTerms(encodeTerms(terms))).toEqual(terms);
    }
    expect(world.state.markets[0]?.terms.scheduled?.initialBefore).toBe(40_000n);
    expect(() => load(world.state, "terms/0")).toThrow(/terms\/0/);
  });

  test.each([
    ["open as a restriction", [0, 0]],
    [
      "numbers out of order",
      [1, 0, 0, 0, 0, 2, 2, ...new Array(16).fill(0), 1, ...new Array(16).fill(0)],
    ],
    [
      "a number twice",
      [1, 0, 0, 0, 0, 2, 1, ...new Array(16).fill(0), 1, ...new Array(16).fill(0)],
    ],
    ["a number that no market has", [1, 0, 0, 0, 0, 1, 14, ...new Array(16).fill(0)]],
    ["a fourth act", [3]],
  ])("an act with %s is refused", (_name, bytes) => {
    expect(() => readMarketAct(new Reader(Uint8Array.from(bytes)), "act")).toThrow(DecodeError);
  });

  test("an act survives its bytes", () => {
    const acts: MarketAct[] = [
      { kind: "restrict", mode: "paused" },
      { kind: "cancel" },
      { kind: "schedule", opens: true, amounts: [{ name: "takerFeePpm", value: 7n }] },
    ];
    for (const each of acts) {
      const writer = new Writer();
      writeMarketAct(writer, each);
      expect(readMarketAct(new Reader(writer.finish()), "act")).toEqual(each);
    }
  });
});

function load(state: MarginState, without: string): MarginState {
  const loading = openMarginLoad();
  for (const { key, value } of genesisLeaves(state)) {
    const [kind = "", ...rest] = key.split("/");
    if (key === without || value === undefined) continue;
    MARGIN_KINDS.get(kind)?.(loading, rest.join("/"), value);
  }
  const steps = finishMarginLoad(loading, { parameters: PARAMETERS, genesisTimeMs: 0 });
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}
