import { describe, expect, test } from "vitest";
import { type Random, randomFrom } from "../../test/margin/random.ts";
import {
  accounts,
  bundle,
  key,
  MEMBERS,
  PARAMETERS,
  place,
  START_MS,
  trade,
  World,
} from "../../test/margin/world.ts";
import { GENESIS_ORACLE, stepOracle } from "./oracle.ts";

const CLOCK = { parameters: PARAMETERS, genesisTimeMs: START_MS };

function report(member: number, slot: number, price: bigint, market = 0) {
  const { key: author, power } = MEMBERS[member]!;
  return { author, power, market, slot, price };
}

function oracleOf(world: World) {
  return world.state.markets[0]!.oracle;
}

describe("index price", () => {
  test("rule STALE: three of four report a price, two do not", () => {
    const world = new World();
    world.block({ reports: [report(0, 1, 100n), report(1, 1, 101n)] });
    expect(oracleOf(world)).toMatchObject({ price: 0n, state: "stale" });
    world.block({ reports: [report(2, 2, 105n)] });
    expect(oracleOf(world)).toMatchObject({ price: 101n, state: "fresh" });
    expect(world.eventsOf("index-price")).toEqual([
      { kind: "index-price", market: 0, price: 101n, state: "fresh", reports: 3 },
    ]);
  });

  test("the median of an even number of reports is the lower one", () => {
    const world = new World();
    const reports = [
      report(0, 1, 104n),
      report(1, 1, 103n),
      report(2, 1, 102n),
      report(3, 1, 101n),
    ];
    world.block({ reports });
    expect(oracleOf(world).price).toBe(102n);
  });

  test("a report counts by the member's power", () => {
    const members = MEMBERS.map((member, index) => ({
      ...member,
      power: index === 3 ? 250n : 100n,
    }));
    const world = new World();
    const reports = [
      report(0, 1, 100n),
      report(1, 1, 101n),
      report(2, 1, 102n),
      report(3, 1, 103n),
    ];
    world.block({ reports, members });
    // 550 in all: 100 + 100 + 100 is above the half of it, 100 + 100 is not.
    expect(oracleOf(world).price).toBe(102n);
  });

  test("an older slot, a future slot and a price of 0 are void", () => {
    const world = new World();
    world.block({ prices: [100n], afterMs: 3_000 });
    const void_ = [report(0, 2, 200n), report(1, 6, 200n), report(2, 4, 0n)];
    world.block({ reports: void_ });
    expect(oracleOf(world).price).toBe(100n);
    const prices = Array.from(oracleOf(world).reports.values(), ({ price }) => price);
    expect(prices).toEqual([100n, 100n, 100n, 100n]);
  });

  test("rule STALE: a report of an old slot does not count, however late it arrives", () => {
    const world = new World();
    world.block({
      afterMs: 60_000,
      reports: [0, 1, 2, 3].map((member) => report(member, 5, 100n)),
    });
    expect(oracleOf(world).state).toBe("stale");
  });

  test("rule STALE: reports of authors who left the set are void", () => {
    const world = new World();
    world.block({ prices: [100n] });
    const members = [
      ...MEMBERS.slice(2),
      { key: key("v5"), power: 100n },
      { key: key("v6"), power: 100n },
    ];
    world.block({ members });
    expect(oracleOf(world)).toMatchObject({ price: 100n, state: "stale" });
    expect(Array.from(oracleOf(world).reports.keys())).toEqual(
      members.slice(0, 2).map((m) => m.key),
    );
    const stranger = { author: key("x1"), power: 400n, market: 0, slot: world.slot, price: 5n };
    world.block({ members, reports: [stranger] });
    expect(oracleOf(world).state).toBe("stale");
  });

  test("a report far from the median is an outlier event", () => {
    const world = new World();
    world.block({ reports: [report(0, 1, 1_000n), report(1, 1, 1_100n), report(2, 1, 1_000n)] });
    expect(world.eventsOf("oracle-outlier")).toEqual([]);
    world.block({ reports: [report(3, 2, 1_101n)] });
    expect(world.eventsOf("oracle-outlier")).toEqual([
      { kind: "oracle-outlier", market: 0, author: key("v4"), price: 1_101n },
    ]);
  });

  test("rule STALE: up to f of power that lies cannot move the price out of the honest range", () => {
    for (let seed = 1; seed <= 3_000; seed += 1) checkLiars(randomFrom(seed));
  });
});

/** Random powers, random members report, and members of at most f power report anything. */
function checkLiars(random: Random): void {
  const count = random.between(4, 12);
  const members = Array.from({ length: count }, (_, index) => ({
    key: key(`m${String.fromCharCode(65 + index)}`),
    power: BigInt(random.between(1, 1_000)),
  }));
  const totalPower = members.reduce((sum, { power }) => sum + power, 0n);
  const faulty = totalPower - ((2n * totalPower) / 3n + 1n);
  let lying = 0n;
  const honest: bigint[] = [];
  const reports = members.flatMap(({ key: author, power }) => {
    const lies = lying + power <= faulty && random.chance(0.5);
    if (lies) lying += power;
    const price = lies ? BigInt(random.between(1, 1_000_000)) : BigInt(random.between(900, 1_100));
    if (!lies && random.chance(0.1)) return [];
    if (!lies) honest.push(price);
    return [{ author, power, market: 0, slot: 1, price }];
  });
  const timestampMs = START_MS + 1_500;
  const base = {
    height: 1,
    timestampMs,
    clockMs: timestampMs,
    deposits: [],
    acts: [],
    bundles: [],
  };
  const caps = { costOfCorruption: 0n, creditMs: 1_500 };
  const block = { ...base, ...caps, totalPower, members, reports };
  const { oracle } = stepOracle(GENESIS_ORACLE, { id: 0, isPaused: false }, block, CLOCK);
  const reporting = reports.reduce((sum, { power }) => sum + power, 0n);
  expect(oracle.state).toBe(reporting * 3n > totalPower * 2n ? "fresh" : "stale");
  if (oracle.state === "stale") return;
  const sorted = honest.toSorted((one, two) => Number(one - two));
  expect(oracle.price).toBeGreaterThanOrEqual(sorted[0]!);
  expect(oracle.price).toBeLessThanOrEqual(sorted.at(-1)!);
}

describe("gaps", () => {
  test("rule STALE: after a gap, fresh slots and a grace come first", () => {
    const world = new World();
    world.block({ prices: [100n] });
    world.block({ afterMs: 6_000 });
    expect(oracleOf(world).state).toBe("stale");
    world.block({ prices: [101n] });
    const resumedAt = world.nowMs;
    expect(oracleOf(world)).toMatchObject({ state: "resuming", price: 101n, freshSlots: 1 });
    while (world.nowMs < resumedAt + 9_000) {
      world.block({ prices: [101n] });
      expect(oracleOf(world).state).toBe("resuming");
    }
    world.block({ prices: [101n] });
    expect(oracleOf(world)).toMatchObject({ state: "fresh", freshSlots: 0, resumingSinceMs: 0 });
  });

  test("rule STALE: a halt of the chain consumes no grace", () => {
    const world = new World({}, { oracleReportMsMax: 20_000, freshSlotsToResume: 2 });
    world
      .block({ prices: [100n] })
      .block({ afterMs: 21_000 })
      .block({ prices: [100n] });
    // No gap of prices, but only one second of the ledger's clock: the grace takes ten.
    world.block({ prices: [100n], afterMs: 15_000, creditMs: 1_000 });
    expect(oracleOf(world)).toMatchObject({ state: "resuming", freshSlots: 2 });
    for (let step = 0; step < 8; step += 1) world.block({ prices: [100n] });
    expect(oracleOf(world).state).toBe("resuming");
    world.block({ prices: [100n] });
    expect(oracleOf(world).state).toBe("fresh");
  });

  test("rule STALE: the grace alone is not enough without fresh slots", () => {
    const world = new World({}, { oracleReportMsMax: 20_000 });
    world
      .block({ prices: [100n] })
      .block({ afterMs: 21_000 })
      .block({ prices: [100n] });
    world.block({ afterMs: 9_000 });
    world.block({ afterMs: 2_000, prices: [100n] });
    expect(oracleOf(world)).toMatchObject({ state: "resuming", freshSlots: 2 });
    world.block({ prices: [100n] });
    expect(oracleOf(world).state).toBe("fresh");
  });

  test("rule STALE: a chain that stood still resumes through the grace at its first block", () => {
    const world = new World();
    world.block({ prices: [100n] });
    world.block({ afterMs: 5_001, prices: [70n] });
    expect(oracleOf(world)).toMatchObject({ state: "resuming", price: 70n });
    const quick = new World();
    quick.block({ prices: [100n] }).block({ afterMs: 5_000, prices: [70n] });
    expect(oracleOf(quick)).toMatchObject({ state: "fresh", price: 70n });
  });

  test("rule STALE: stale admits cancels only; resuming only reducing orders", () => {
    const world = new World({ accounts: accounts({ a: 100_000n, b: 100_000n }) });
    world.block({ prices: [100_000n] });
    trade(world, { long: "a", short: "b", size: 10n, price: 100_000n });
    const rest = place("buy", 1n, 99_000n, { clientId: 77 });
    expect(world.act([100_000n], bundle("a", rest))).toEqual(["OK"]);
    world.block({ afterMs: 6_000 });
    const sell = place("sell", 5n, 100_000n);
    const buy = place("buy", 5n, 100_000n);
    const withdrawal = { kind: "withdraw", amount: 1n } as const;
    expect(world.act([], bundle("a", sell, buy, withdrawal))).toEqual([
      "PRICE_NOT_FRESH",
      "PRICE_NOT_FRESH",
      "PRICE_NOT_FRESH",
    ]);
    expect(world.act([100_000n], bundle("a", sell, buy, withdrawal))).toEqual([
      "OK",
      "PRICE_NOT_FRESH",
      "PRICE_NOT_FRESH",
    ]);
    const cancel = { kind: "cancel", market: 0, clientId: 77 } as const;
    world.block({ afterMs: 6_000, bundles: [bundle("a", cancel)] });
    expect(oracleOf(world).state).toBe("stale");
    expect(world.outcomes[0]?.[0]?.code).toBe("OK");
  });
});
