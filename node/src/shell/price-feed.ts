import { readFile } from "node:fs/promises";
import type { Millis } from "../kernel/scalars.ts";
import type { Ticks } from "../margin/types.ts";
import type { ReplicaInput } from "../replica/types.ts";
import type { PriceConfig } from "./config.ts";
import { FatalError } from "./fatal-error.ts";
import { parsePriceSeries, replayedPrice } from "./price-source.ts";

export interface PriceFeedOptions {
  readonly now: () => Millis;
  readonly genesisTimeMs: Millis;
  /** Reporting interval of the chain. */
  readonly slotMs: Millis;
  readonly push: (input: Extract<ReplicaInput, { readonly kind: "price" }>) => void;
  /** The price that is shown now, undefined while there is none: for metrics. */
  readonly shown: (market: number, price: Ticks | undefined) => void;
}

interface Source {
  readonly config: PriceConfig;
  readonly series: readonly Ticks[];
}

/** Throws FatalError PRICE_FILE_... naming file, row and column. */
async function loadSource(config: PriceConfig): Promise<Source> {
  let text: string;
  try {
    text = await readFile(config.file, "utf8");
  } catch (cause) {
    const problem = `prices: ${config.file} can't be read`;
    throw unreadable(problem, cause);
  }
  const series = parsePriceSeries(text);
  if (series.ok) return { config, series: series.value };
  const { code, field, fix } = series.error;
  throw new FatalError(code, `${config.file}: ${field}`, fix);
}

function unreadable(problem: string, cause: unknown): FatalError {
  const fix = "name a readable CSV file in prices[].file";
  return new FatalError("PRICE_FILE_UNREADABLE", problem, fix, { cause });
}

/** Asks every source once a slot, at the slot's beginning, and hands the price to the replica. */
export class PriceFeed {
  readonly #options: PriceFeedOptions;
  readonly #sources: readonly Source[];
  #timer: NodeJS.Timeout | undefined;

  private constructor(options: PriceFeedOptions, sources: readonly Source[]) {
    this.#options = options;
    this.#sources = sources;
  }

  static async load(
    options: PriceFeedOptions,
    configs: readonly PriceConfig[],
  ): Promise<PriceFeed> {
    return new PriceFeed(options, await Promise.all(configs.map(loadSource)));
  }

  start(): void {
    if (this.#sources.length > 0) this.#ask();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #ask(): void {
    const { now, genesisTimeMs, slotMs, push, shown } = this.#options;
    const nowMs = now();
    const slot = Math.floor((nowMs - genesisTimeMs) / slotMs);
    for (const { config, series } of this.#sources) {
      const price = replayedPrice(config, series, nowMs);
      shown(config.market, price);
      if (price !== undefined && slot >= 0) {
        push({ kind: "price", market: config.market, slot, price });
      }
    }
    const nextMs = genesisTimeMs + (slot + 1) * slotMs;
    this.#timer = setTimeout(() => this.#ask(), Math.max(1, nextMs - nowMs));
  }
}
