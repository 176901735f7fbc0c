import { defined } from "../../src/kernel/assert.ts";
import type {
  AmountChange,
  MarginAction,
  MarginBlock,
  MarketParameters,
  Quote,
} from "../../src/margin/types.ts";
import type { Random } from "./random.ts";
import { key, MARKET, MEMBERS, USD, type World } from "./world.ts";

/** Two markets with awkward steps, so that every rounding bites. */
export const RANDOM_MARKETS: readonly MarketParameters[] = [
  {
    ...MARKET,
    positionLotsMax: 150n,
    corruptMovePpm: 100_000n,
    fundingIntervalMs: 4_000n,
    fundingSampleMs: 500n,
    fundingCapPpm: 9_001n,
    fundingImpactNotional: 20_000_000_000n,
  },
  {
    ...MARKET,
    corruptMovePpm: 60_000n,
    id: 1,
    name: "ODD-PERP",
    microUsdPerLotTick: 777n,
    initialMarginPpm: 100_003n,
    maintenanceMarginPpm: 51_001n,
    liquidationSharePpm: 333_333n,
    priceBandPpm: 100_000n,
    fundingIntervalMs: 2_001n,
    fundingSampleMs: 667n,
    fundingCapPpm: 20_003n,
    fundingImpactNotional: 7_777_777n,
  },
];

/** Bonds that rise and fall every few blocks: the outflow cap is a quarter of them, or less. */
function costAt(height: number): bigint {
  const step = BigInt(Math.floor(height / 7));
  return (40_000n - ((step * step * 7_919n) % 39_000n)) * USD;
}

/** The maintenance margin stays below the initial one, as genesis rules demand. */
function soundAmounts(
  { initialMarginPpm }: MarketParameters,
  amounts: readonly AmountChange[],
): readonly AmountChange[] {
  if (amounts.some(({ name }) => name === "initialMarginPpm")) return amounts;
  return amounts.map((each) => {
    const isHigh = each.name === "maintenanceMarginPpm" && each.value >= initialMarginPpm;
    return isHigh ? { ...each, value: initialMarginPpm - 1n } : each;
  });
}

/**
 * A market walk with jumps, outages and stubborn bidders, and accounts that trade at high leverage.
 */
export class RandomBlocks {
  readonly #random: Random;
  readonly #names: readonly string[];
  readonly #prices: bigint[] = [100_000n, 3_333n];
  #outage = 0;
  #clientId = 0;

  constructor(random: Random, names: readonly string[]) {
    this.#random = random;
    this.#names = names;
  }

  next(world: World): MarginBlock {
    const random = this.#random;
    if (random.chance(0.02)) this.#outage = random.between(1, 30);
    if (this.#outage > 0) this.#outage -= 1;
    this.#prices.forEach((price, market) => {
      const ppm = random.chance(0.03)
        ? random.between(-200_000, 200_000)
        : random.between(-5_000, 5_000);
      const moved = price + (price * BigInt(ppm)) / 1_000_000n;
      this.#prices[market] = moved < 100n ? 100n : moved;
    });
    const afterMs = random.chance(0.02) ? random.between(5_000, 9_000) : random.between(1, 900);
    const members = random.chance(0.02) ? MEMBERS.slice(0, 3) : MEMBERS;
    const creditMs = Math.min(afterMs, 700);
    const costOfCorruption = costAt(world.height + 1);
    const block = world.blockOf({ afterMs, creditMs, members, costOfCorruption });
    const reports = this.#outage > 0 ? [] : this.#reports(world);
    const deposits = random.chance(0.05)
      ? [
          {
            account: key(random.pick([...this.#names, "new"])),
            amount: BigInt(random.between(1, 3_000)) * USD,
          },
        ]
      : [];
    const bundles = Array.from({ length: random.between(0, 8) }, () => this.#bundle(world));
    return { ...block, reports, deposits, bundles, acts: this.#acts(world) };
  }

  /** Decisions of the owners that the ledger would let through. */
  #acts(world: World): MarginBlock["acts"] {
    const random = this.#random;
    if (random.chance(0.93)) return [];
    const market = random.between(0, 1);
    const { parameters, terms } = defined(world.state.markets[market], `market ${market}`);
    if (terms.mode === "open" && random.chance(0.15)) {
      return [{ market, act: { kind: "restrict", mode: random.pick(["reduce-only", "paused"]) } }];
    }
    if (terms.scheduled !== undefined) {
      if (random.chance(0.1)) return [{ market, act: { kind: "cancel" } }];
      const mode = random.pick(["reduce-only", "paused"] as const);
      return random.chance(0.1) ? [{ market, act: { kind: "restrict", mode } }] : [];
    }
    const opens = terms.mode !== "open";
    if (opens && random.chance(0.7)) {
      return [{ market, act: { kind: "schedule", opens, amounts: [] } }];
    }
    const scale = (value: bigint): bigint => (value * BigInt(random.between(70, 150))) / 100n;
    const maintenance = scale(parameters.maintenanceMarginPpm);
    const amounts: AmountChange[] = [
      { name: "initialMarginPpm", value: maintenance + scale(30_000n) },
      { name: "maintenanceMarginPpm", value: maintenance },
      { name: "takerFeePpm", value: BigInt(random.between(0, 900)) },
      {
        name: "positionLotsMax",
        value: BigInt(random.between(100, 400)) * 1_000n ** BigInt(market),
      },
    ];
    const sample = BigInt(random.pick([400, 500, 667]));
    const spans: AmountChange[] = [
      { name: "fundingIntervalMs", value: sample * BigInt(random.between(0, 8)) },
      { name: "fundingSampleMs", value: sample },
    ];
    const all = [...amounts.filter(() => random.chance(0.7)), ...(random.chance(0.4) ? spans : [])];
    const isSound =
      all.every(({ name }) => name !== "initialMarginPpm") ||
      all.some(({ name }) => name === "maintenanceMarginPpm");
    if (!isSound || (!opens && all.length === 0)) return [];
    return [{ market, act: { kind: "schedule", opens, amounts: soundAmounts(parameters, all) } }];
  }

  #reports(world: World): MarginBlock["reports"] {
    const random = this.#random;
    return MEMBERS.flatMap(({ key: author, power }) =>
      this.#prices.flatMap((price, market) => {
        if (random.chance(0.15)) return [];
        const lie = random.chance(0.02) ? BigInt(random.between(-50, 50)) * 1_000n : 0n;
        const slot = Math.max(0, world.slot + random.between(-1, 1));
        return [
          { author, power, market, slot, price: price + lie + BigInt(random.between(-2, 2)) },
        ];
      }),
    );
  }

  #bundle(world: World): MarginBlock["bundles"][number] {
    const random = this.#random;
    const account = key(random.chance(0.02) ? "nobody" : random.pick(this.#names));
    const actions = Array.from({ length: random.between(1, 4) }, () =>
      this.#action(world, account),
    );
    return { account, actions };
  }

  #action(world: World, account: string): MarginAction {
    const random = this.#random;
    const orders = world.state.accounts.get(account)?.orders ?? [];
    if (random.chance(0.2) && orders.length > 0) {
      const { market, clientId } = random.pick(orders);
      return { kind: "cancel", market, clientId: random.chance(0.1) ? clientId + 1 : clientId };
    }
    if (random.chance(0.1))
      return { kind: "withdraw", amount: BigInt(random.between(-20, 2_000)) * USD };
    if (random.chance(0.02)) return { kind: "cancel-all" };
    const market = random.chance(0.01) ? 2 : random.between(0, 1);
    if (random.chance(0.05)) {
      const quotes = Array.from({ length: random.between(0, 4) }, () => this.#terms(market));
      return { kind: "quote", market, quotes };
    }
    const timeInForce = random.pick(["gtc", "gtc", "gtt", "ioc", "fok", "post-only"] as const);
    const endsMs = world.nowMs + random.between(-500, 6_000);
    return {
      kind: "place",
      market,
      ...this.#terms(market),
      timeInForce,
      reduceOnly: random.chance(0.15),
      selfTrade: random.pick(["cancel-maker", "cancel-taker", "cancel-both", "decrement"] as const),
      untilMs: timeInForce === "gtt" || random.chance(0.01) ? endsMs : 0,
    };
  }

  #terms(market: number): Quote {
    const random = this.#random;
    const index = this.#prices[market] ?? 1n;
    const offset = (index * BigInt(random.between(-30_000, 30_000))) / 1_000_000n;
    const wild = random.chance(0.02) ? index : 0n;
    this.#clientId += random.chance(0.97) ? 1 : 0;
    return {
      clientId: this.#clientId,
      side: random.pick(["buy", "sell"] as const),
      size: BigInt(random.chance(0.02) ? 0 : random.between(1, market === 0 ? 60 : 20_000)),
      price: index + offset + wild,
    };
  }
}
