import { setTimeout as pause } from "node:timers/promises";
import { AccountKey } from "@quorate/client/account-key";
import { connect, type QuorateClient } from "@quorate/client/client";
import { Latencies } from "../main-job/latencies.ts";
import { SAMPLE_PRICES } from "../main-job/options.ts";
import { Orders } from "../main-job/orders.ts";
import { readPrices } from "../main-job/price-file.ts";
import { eventually } from "../network/eventually.ts";
import { Network } from "../network/network.ts";
import { loadGenesis } from "./load-genesis.ts";
import { type LoadOptions, ORDERS_PER_BUNDLE } from "./options.ts";
import { processUsage } from "./process-usage.ts";

const VALIDATORS = 4;
/** One price stands for a whole run of usual length: the load is the orders, not the prices. */
const TICK_MS = 60_000;
const SLOT_MS = 500;
const FIRST_PRICE_MS = 60_000;

export interface LoadFigures {
  readonly wantedOrdersPerSecond: number;
  readonly seconds: number;
  readonly bundles: number;
  readonly committedOrders: number;
  readonly committedOrdersPerSecond: number;
  readonly filledLots: string;
  /** From sending a bundle to its verified certificate. */
  readonly latencyMs: { readonly p50: number; readonly p90: number; readonly p99: number };
  /** Codes of bundles that were refused or not answered, with how often. */
  readonly failures: Readonly<Record<string, number>>;
  readonly nodes: readonly {
    readonly name: string;
    /** Share of one processor during the run, percent. */
    readonly cpuPercent: number;
    readonly residentMiB: number;
  }[];
}

interface Pair {
  readonly maker: AccountKey;
  readonly taker: AccountKey;
  readonly orders: Orders;
  readonly client: QuorateClient;
}

/** Starts a network in `folder`, loads it, stops it. */
export async function runLoad(options: LoadOptions, folder: string): Promise<LoadFigures> {
  const keys = Array.from({ length: VALIDATORS }, () => ({
    maker: AccountKey.generate(),
    taker: AccountKey.generate(),
  }));
  const startMs = Date.now();
  const accounts = keys.flatMap(({ maker, taker }) => [maker.publicKey, taker.publicKey]);
  const network = await Network.start({
    folder,
    validators: VALIDATORS,
    spares: 0,
    sources: (index) => [source(startMs, index)],
    genesis: (born) =>
      loadGenesis(born, accounts, { genesisTimeMs: startMs - SLOT_MS, tickMs: SLOT_MS }),
  });
  const pairs = await Promise.all(keys.map((pair, at) => connectPair(network, pair, at)));
  try {
    return await load(options, network, pairs);
  } finally {
    for (const { client } of pairs) client.close();
    await network.stop();
  }
}

function source(startMs: number, index: number) {
  return {
    market: 0,
    kind: "replay",
    file: SAMPLE_PRICES,
    startMs: startMs - FIRST_PRICE_MS,
    tickMs: TICK_MS,
    seed: index,
    noisePpm: 0,
    delayMs: 0,
    outages: [],
  } as const;
}

/** Each pair speaks to another validator first, so that all four lanes carry the load. */
async function connectPair(
  network: Network,
  keys: Pick<Pair, "maker" | "taker">,
  at: number,
): Promise<Pair> {
  const { endpoints } = network;
  const client = await connect({
    genesis: { file: network.genesisFile },
    endpoints: [...endpoints.slice(at), ...endpoints.slice(0, at)],
  });
  return { ...keys, client, orders: new Orders(client) };
}

async function load(
  { rate, seconds }: LoadOptions,
  network: Network,
  pairs: readonly Pair[],
): Promise<LoadFigures> {
  const price = await firstPrice(pairs);
  const everyMs = (ORDERS_PER_BUNDLE * 1_000) / rate;
  const bundles = Math.ceil((seconds * 1_000) / everyMs);
  const before = usages(network);
  const startMs = performance.now();
  const results: Promise<Committed>[] = [];
  for (let number = 0; number < bundles; number += 1) {
    const waitMs = startMs + number * everyMs - performance.now();
    if (waitMs > 0) await pause(waitMs);
    results.push(sendBundle(pairs, number, price));
  }
  const committed = await Promise.all(results);
  const elapsedMs = performance.now() - startMs;
  const after = usages(network);
  const orders = committed.reduce((sum, one) => sum + one.orders, 0);
  const latencies = pairs.flatMap((pair) => pair.orders.latencies.all);
  return {
    wantedOrdersPerSecond: rate,
    seconds,
    bundles,
    committedOrders: orders,
    committedOrdersPerSecond: Math.round((orders * 10_000) / elapsedMs) / 10,
    filledLots: String(committed.reduce((sum, one) => sum + one.filled, 0n)),
    latencyMs: percentiles(latencies),
    failures: failures(pairs),
    nodes: network.validators.map(({ place }, at) => ({
      name: place.name,
      cpuPercent: Math.round(
        (((after[at]?.cpuMs ?? 0) - (before[at]?.cpuMs ?? 0)) * 100) / elapsedMs,
      ),
      residentMiB: after[at]?.residentMiB ?? 0,
    })),
  };
}

function firstPrice(pairs: readonly Pair[]): Promise<bigint> {
  return eventually(
    async () => {
      const market = await pairs[0]?.client.market(0);
      return market?.value?.state === "fresh" ? readPrices(SAMPLE_PRICES)[1]?.price : undefined;
    },
    { what: "a fresh index price", timeoutMs: 20_000 },
  );
}

interface Committed {
  readonly orders: number;
  readonly filled: bigint;
}

/**
 * Makers and takers in turn: a maker's bundle puts orders into the book on one side, the taker's
 * next one takes as many from it, and the sides change, so that the book and the positions stay
 * small.
 */
async function sendBundle(
  pairs: readonly Pair[],
  number: number,
  price: bigint,
): Promise<Committed> {
  const turn = Math.floor(number / 2);
  const pair = pairs[turn % pairs.length];
  if (pair === undefined) throw new Error("a load has pairs");
  const isMaker = number % 2 === 0;
  const sells = Math.floor(turn / pairs.length) % 2 === 0;
  const bundle = pair.orders.bundle(isMaker ? pair.maker : pair.taker);
  for (let order = 0; order < ORDERS_PER_BUNDLE; order += 1) {
    bundle.place({
      market: 0,
      clientId: number * ORDERS_PER_BUNDLE + order,
      side: sells === isMaker ? "sell" : "buy",
      size: 1n,
      price,
      timeInForce: isMaker ? "gtc" : "ioc",
    });
  }
  const certified = await pair.orders.send(bundle);
  const outcomes = certified?.receipt.outcomes ?? [];
  const accepted = outcomes.filter(({ code }) => code === "OK");
  return {
    orders: accepted.length,
    filled: accepted.reduce((sum, { filled }) => sum + filled, 0n),
  };
}

function percentiles(latencies: readonly number[]): LoadFigures["latencyMs"] {
  const all = new Latencies();
  for (const ms of latencies) all.add(ms);
  return { p50: all.percentile(50), p90: all.percentile(90), p99: all.percentile(99) };
}

function failures(pairs: readonly Pair[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const { orders } of pairs) {
    for (const [code, count] of orders.failures) sums.set(code, (sums.get(code) ?? 0) + count);
  }
  return Object.fromEntries(sums);
}

function usages(network: Network) {
  return network.validators.map(({ process: { pid } }) =>
    pid === undefined ? undefined : processUsage(pid),
  );
}
