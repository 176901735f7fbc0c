import type {
  MarginAction,
  MarginBlock,
  MarginGenesis,
  MarketParameters,
  OracleReport,
} from "../../node/src/margin/types.ts";
import { Random } from "../main-job/random.ts";

export const START_MS = 1_700_000_000_000;
export const BLOCK_MS = 500;
const START_PRICE = 100_000n;
const BALANCE = 1_000_000_000_000n;
/** Resting orders of one market that are kept: older ones are cancelled. */
const RESTING_MAX = 4_000;

const MEMBERS = ["c1", "c2", "c3", "c4"].map((byte) => ({ key: byte.repeat(32), power: 100n }));
const TOTAL_POWER = MEMBERS.reduce((sum, { power }) => sum + power, 0n);

function marketOf(id: number): MarketParameters {
  return {
    id,
    name: `BENCH-${id}`,
    microUsdPerLotTick: 10_000n,
    initialMarginPpm: 40_000n,
    maintenanceMarginPpm: 20_000n,
    takerFeePpm: 500n,
    liquidationFeePpm: 5_000n,
    liquidationSharePpm: 250_000n,
    priceBandPpm: 50_000n,
    orderLotsMax: 100_000n,
    positionLotsMax: 1_000_000_000n,
    corruptMovePpm: 300_000n,
    fundingIntervalMs: 28_800_000n,
    fundingSampleMs: 60_000n,
    fundingCapPpm: 3_000n,
    fundingImpactNotional: 10_000_000_000n,
  };
}

export interface MarginInputOptions {
  readonly seed: number;
  readonly accounts: number;
  readonly markets: number;
  readonly ordersPerBlock: number;
}

interface Resting {
  readonly account: string;
  readonly clientId: number;
}

/** Blocks of orders around a walking price, drawn from the seed: half rest, half take. */
export class MarginInput {
  readonly genesis: MarginGenesis;
  readonly #options: MarginInputOptions;
  readonly #keys: readonly string[];
  readonly #random: () => number;
  readonly #prices: bigint[];
  readonly #resting: Resting[][];
  #height = 0;
  #clientId = 0;

  constructor(options: MarginInputOptions) {
    this.#options = options;
    this.#random = generator(options.seed);
    const markets = Array.from({ length: options.markets }, (_, id) => marketOf(id));
    this.#prices = markets.map(() => START_PRICE);
    this.#resting = markets.map(() => []);
    this.#keys = Array.from({ length: options.accounts }, () => this.#key());
    const accounts = this.#keys.map((account) => ({ account, balance: BALANCE }));
    this.genesis = { markets, accounts, insuranceFund: 0n };
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #key(): string {
    const words = Array.from({ length: 8 }, () => this.#below(2 ** 32));
    return words.map((word) => word.toString(16).padStart(8, "0")).join("");
  }

  /** The next block: every price moves by a tick or stays. */
  next(): MarginBlock {
    this.#height += 1;
    const timestampMs = START_MS + this.#height * BLOCK_MS;
    const bundles: { account: string; actions: MarginAction[] }[] = [];
    this.#prices.forEach((price, market) => {
      this.#prices[market] = price + BigInt(this.#below(3) - 1);
      bundles.push(...this.#cancels(market));
    });
    for (let order = 0; order < this.#options.ordersPerBlock; order += 1) {
      bundles.push(this.#order());
    }
    return {
      height: this.#height,
      timestampMs,
      clockMs: timestampMs,
      totalPower: TOTAL_POWER,
      costOfCorruption: 10n ** 24n,
      creditMs: BLOCK_MS,
      members: MEMBERS,
      reports: this.#reports(),
      acts: [],
      deposits: [],
      bundles,
    };
  }

  #reports(): OracleReport[] {
    return this.#prices.flatMap((price, market) =>
      MEMBERS.map(({ key: author, power }) => {
        return { author, power, market, slot: this.#height >> 1, price };
      }),
    );
  }

  #cancels(market: number): { account: string; actions: MarginAction[] }[] {
    const resting = this.#resting[market] ?? [];
    const left = resting.splice(0, Math.max(0, resting.length - RESTING_MAX));
    return left.map(({ account, clientId }) => {
      return { account, actions: [{ kind: "cancel", market, clientId }] };
    });
  }

  #order(): { account: string; actions: MarginAction[] } {
    const account = this.#keys[this.#below(this.#keys.length)] ?? "";
    const market = this.#below(this.#prices.length);
    const clientId = this.#clientId;
    this.#clientId += 1;
    const side = this.#below(2) === 0 ? "buy" : "sell";
    const takes = this.#below(2) === 0;
    // A taker reaches over the price by ten ticks, a maker stays up to fifty away from it.
    const offset = BigInt(takes ? 10 : -1 - this.#below(50));
    const price = (this.#prices[market] ?? START_PRICE) + (side === "buy" ? offset : -offset);
    if (!takes) this.#resting[market]?.push({ account, clientId });
    const size = BigInt(1 + this.#below(20));
    const timeInForce = takes ? "ioc" : "gtc";
    const terms = { market, clientId, side, size, price, timeInForce } as const;
    const rest = { reduceOnly: false, selfTrade: "cancel-maker", untilMs: 0 } as const;
    return { account, actions: [{ kind: "place", ...terms, ...rest }] };
  }
}

/** Millions of draws: `Random` (a hash a draw) only gives the seed of this one (xorshift32). */
function generator(seed: number): () => number {
  let state = new Random(seed, "margin-bench").between(1, 2 ** 31 - 1);
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
