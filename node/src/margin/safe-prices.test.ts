import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256Hex } from "../crypto/sha256.ts";
import { PersistentMap } from "../kernel/persistent-map.ts";
import { equityOf, initialMargin, type PricedMarket } from "./margin-requirement.ts";
import { safePriceSurvey, safePricesOf } from "./safe-prices.ts";
import { type Account, EMPTY_ACCOUNT, type Position } from "./state.ts";
import type { MarketParameters } from "./types.ts";

const RATES = [36_000n, 400_000n, 1_000_000n, 1_500_000n];
const UNITS = [100n, 1n, 7n, 30n];

/** The funding index of market `id` is the given one, times `id + 1`. */
function marketsAt(prices: readonly bigint[], paid = 0n): readonly PricedMarket[] {
  return prices.map((price, id) => {
    const parameters: MarketParameters = {
      ...{ id, name: `M${id}`, microUsdPerLotTick: UNITS[id] ?? 1n },
      ...{ initialMarginPpm: RATES[id] ?? 1n, maintenanceMarginPpm: 1n, takerFeePpm: 0n },
      ...{ liquidationFeePpm: 0n, liquidationSharePpm: 1n, priceBandPpm: 1n, orderLotsMax: 1n },
      ...{ positionLotsMax: 1n, corruptMovePpm: 0n, fundingIntervalMs: 0n, fundingSampleMs: 1n },
      ...{ fundingCapPpm: 0n, fundingImpactNotional: 1n },
    };
    return { parameters, oracle: { price }, funding: { index: paid * BigInt(id + 1) } };
  });
}

/** The rule itself (node/spec/margin.md §7.1): who needs a look. */
function standsBadly(account: Account, markets: readonly PricedMarket[]): boolean {
  if (account.stage !== "healthy") return true;
  return equityOf(account, markets) < initialMargin(account, markets);
}

const price = fc.bigInt({ min: 1n, max: 2_000n });
const paid = fc.bigInt({ min: -3_000_000_000n, max: 3_000_000_000n });
const prices = fc.array(price, { minLength: 4, maxLength: 4 });
const sizes = fc.array(fc.bigInt({ min: -60n, max: 60n }), { minLength: 4, maxLength: 4 });
const stage = fc.constantFrom("healthy", "healthy", "healthy", "healthy", "called" as const);

/** `slack` is what equity has above the initial margin at the prices of the moment. */
function accountOf(
  lots: readonly bigint[],
  slack: bigint,
  markets: readonly PricedMarket[],
): Account {
  const positions = lots.flatMap((size, market): Position[] =>
    size === 0n ? [] : [{ market, size, cost: 0n, fundingIndex: 0n }],
  );
  const bare = { ...EMPTY_ACCOUNT, positions };
  return { ...bare, balance: slack - equityOf(bare, markets) + initialMargin(bare, markets) };
}

const slack = fc.oneof(
  fc.bigInt({ min: -3n, max: 8n }),
  fc.bigInt({ min: -1_000n, max: 2_000_000n }),
);

describe("safe prices", () => {
  test("within its safe prices an account needs no act of the ladder", () => {
    let inside = 0;
    fc.assert(
      fc.property(
        prices,
        sizes,
        slack,
        fc.array(fc.tuple(prices, paid)),
        (now, lots, spare, later) => {
          const markets = marketsAt(now);
          const account = accountOf(lots, spare, markets);
          const safe = safePricesOf(account, markets, "rates");
          expect(safe.covers(markets)).toBe(!standsBadly(account, markets));
          // The worst corners of what is safe, and prices from anywhere.
          const corners = ["low", "high"].map((end) =>
            now.map((at, market) => {
              const range = safe.ranges?.get(market);
              const edge = end === "low" ? range?.low : range?.high;
              return edge === undefined || edge > 4_000n ? at + 2_000n : edge;
            }),
          );
          // Those of the funding index, one market after the other.
          const paidOut = [...(safe.ranges ?? [])].flatMap(
            ([market, { fundingLow, fundingHigh }]) =>
              [fundingLow, fundingHigh].map((edge) =>
                corners.map((each) => [each, edge / BigInt(market + 1)] as const),
              ),
          );
          const unpaid = corners.map((each) => [each, 0n] as const);
          for (const [each, at] of [...unpaid, ...paidOut.flat(), ...later]) {
            const moved = marketsAt(each, at);
            if (!safe.covers(moved)) continue;
            inside += 1;
            expect(standsBadly(account, moved)).toBe(false);
          }
        },
      ),
      { numRuns: 1_000 },
    );
    expect(inside).toBeGreaterThan(500);
  });

  test("the other direction is safe however far a price goes", () => {
    const markets = marketsAt([1_000n, 1_000n, 1_000n, 1_000n]);
    const long = safePricesOf(accountOf([5n, 0n, 0n, 0n], 100n, markets), markets, "rates");
    expect(long.covers(marketsAt([9_000_000n, 1n, 1n, 1n]))).toBe(true);
    expect(long.covers(marketsAt([990n, 1n, 1n, 1n]))).toBe(false);
    const short = safePricesOf(accountOf([-5n, 0n, 0n, 0n], 100n, markets), markets, "rates");
    expect(short.covers(marketsAt([1n, 1n, 1n, 1n]))).toBe(true);
  });

  test("who pays funding is safe up to a sum of it, who is paid however long it goes on", () => {
    const at = [1_000n, 1_000n, 1_000n, 1_000n];
    const markets = marketsAt(at);
    const long = safePricesOf(accountOf([5n, 0n, 0n, 0n], 100n, markets), markets, "rates");
    expect(long.covers(marketsAt(at, -(10n ** 20n)))).toBe(true);
    expect(long.covers(marketsAt(at, 2_000_000n))).toBe(true);
    expect(long.covers(marketsAt(at, 3_000_000n))).toBe(false);
    const short = safePricesOf(accountOf([-5n, 0n, 0n, 0n], 100n, markets), markets, "rates");
    expect(short.covers(marketsAt(at, 10n ** 20n))).toBe(true);
    expect(short.covers(marketsAt(at, -3_000_000n))).toBe(false);
  });

  test("every account that stands badly is found after any moves and changes", () => {
    const change = fc.record({ name: fc.integer({ min: 0, max: 60 }), sizes, slack, stage });
    const step = fc.record({ prices, paid, changes: fc.array(change, { maxLength: 12 }) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        let accounts = new PersistentMap<Account>();
        for (const { prices: now, paid: index, changes } of steps) {
          const markets = marketsAt(now, index);
          for (const each of changes) {
            const account = accountOf(each.sizes, each.slack, markets);
            const key = sha256Hex(Uint8Array.of(each.name));
            accounts = accounts.with(key, { ...account, stage: each.stage });
          }
          const found = accounts.unsettled(safePriceSurvey(markets)).map(([key]) => key);
          const bad = [...accounts].filter(([, each]) => standsBadly(each, markets));
          expect(found).toEqual(bad.map(([key]) => key));
        }
      }),
      { numRuns: 300 },
    );
  });

  test("a map that was just loaded is noted in steps, and the first question finds what it would find without", () => {
    const markets = marketsAt([1_000n, 1_000n, 1_000n, 1_000n]);
    const rich = accountOf([3n, -2n, 0n, 0n], 1_000_000n, markets);
    const poor = accountOf([3n, -2n, 0n, 0n], -1n, markets);
    const build = () =>
      PersistentMap.of(
        Array.from({ length: 700 }, (_, name) => {
          const key = sha256Hex(Uint8Array.of(name, name >> 8));
          return [key, name % 233 === 0 ? poor : rich] as const;
        }),
      );
    const [noted, fresh] = [build(), build()];
    let looks = 0;
    let most = 0;
    const counted = (real: ReturnType<typeof safePriceSurvey>) => (account: Account) => {
      looks += 1;
      return real.of(account);
    };
    const real = safePriceSurvey(markets);
    for (
      const steps = noted.noteAll({ ...real, of: counted(real) });
      steps.next().done !== true;
      looks = 0
    ) {
      most = Math.max(most, looks);
    }
    expect(most).toBeLessThanOrEqual(128);
    looks = 0;
    const moved = safePriceSurvey(marketsAt([999n, 1_000n, 1_000n, 1_000n]));
    const again = { ...moved, of: counted(moved) };
    expect(noted.unsettled(again).map(([key]) => key)).toEqual(
      fresh.unsettled(moved).map(([key]) => key),
    );
    expect(noted.unsettled(again)).toHaveLength(4);
    // Only the groups of those four are looked at, twice.
    expect(looks).toBeLessThan(2 * 700 * 0.2);
  });

  test("who stands well is looked at once, not at every price", () => {
    const markets = marketsAt([1_000n, 1_000n, 1_000n, 1_000n]);
    const rich = accountOf([3n, -2n, 0n, 0n], 1_000_000n, markets);
    const accounts = PersistentMap.of(
      Array.from({ length: 500 }, (_, name) => [sha256Hex(Uint8Array.of(name, name >> 8)), rich]),
    );
    let looks = 0;
    const survey = (at: readonly bigint[]) => {
      const real = safePriceSurvey(marketsAt(at));
      const of = (account: Account) => {
        looks += 1;
        return real.of(account);
      };
      return { ...real, of };
    };
    expect(accounts.unsettled(survey([1_000n, 1_000n, 1n, 1n]))).toEqual([]);
    expect(looks).toBe(500);
    expect(accounts.unsettled(survey([1_010n, 1_010n, 5n, 5n]))).toEqual([]);
    expect(looks).toBe(500);
    const next = accounts.with(sha256Hex(Uint8Array.of(1, 0)), rich);
    expect(next.unsettled(survey([1_020n, 990n, 5n, 5n]))).toEqual([]);
    expect(looks).toBeLessThan(600);
  });
});
