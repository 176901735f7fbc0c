import type { QuorateClient } from "@quorate/client/client";
import type { FundingState, TermsState } from "@quorate/client/margin-reads";
import type {
  Digest,
  Epoch,
  Height,
  MicroUsd,
  Millis,
  Power,
  PublicKey,
} from "@quorate/node/kernel/scalars";
import type { SwapRecord } from "@quorate/node/ledger/types";
import type { MarketLeaf } from "@quorate/node/margin/leaves";
import type {
  AmountChange,
  Lots,
  MarketMode,
  OracleState,
  Side,
  Ticks,
  TimeInForce,
} from "@quorate/node/margin/types";
import type { CommandOutput } from "../output.ts";
import { instant, parseCounter, ppmAsPercent, usd } from "../quantities.ts";
import { facts, table } from "../table.ts";
import { findMarket, type MarketName, nameOf } from "./market-name.ts";

export interface SparesDocument {
  readonly command: "query spares";
  readonly spares: readonly {
    readonly key: PublicKey;
    readonly networkKey: PublicKey;
    readonly address: string;
    readonly owner: PublicKey;
    readonly bondMicroUsd: MicroUsd;
    readonly registeredAtHeight: Height;
    /** By its owner's signature. */
    readonly endorsed: boolean;
    /** Newest height whose certified root it attested; null where there is none. */
    readonly attestedHeight: Height | null;
  }[];
}

export async function querySpares(
  client: Pick<QuorateClient, "spares">,
): Promise<CommandOutput & { readonly document: SparesDocument }> {
  const leaves = await client.spares();
  const spares = leaves.flatMap(({ value }) => {
    if (value === undefined) return [];
    const { key, networkKey, address, owner, bond, registeredAt, endorsed, attested } = value;
    return [
      {
        key,
        networkKey,
        address,
        owner,
        bondMicroUsd: bond,
        registeredAtHeight: registeredAt,
        endorsed,
        attestedHeight: attested === 0 ? null : attested,
      },
    ];
  });
  const rows = spares.map((spare) => [
    spare.key.slice(0, 16),
    spare.owner.slice(0, 16),
    spare.address,
    usd(spare.bondMicroUsd),
    String(spare.registeredAtHeight),
    spare.attestedHeight === null ? "" : String(spare.attestedHeight),
    spare.endorsed ? "endorsed" : "",
  ]);
  const columns = [
    { title: "key", align: "left" },
    { title: "owner", align: "left" },
    { title: "address", align: "left" },
    { title: "bond USD", align: "right" },
    { title: "registered", align: "right" },
    { title: "attested", align: "right" },
    { title: "", align: "left" },
  ] as const;
  return {
    document: { command: "query spares", spares },
    lines: rows.length === 0 ? ["no spares"] : table(columns, rows),
  };
}

export interface SwapsDocument {
  readonly command: "query swaps";
  readonly swaps: readonly {
    readonly epoch: Epoch;
    readonly height: Height;
    readonly cause: SwapRecord["cause"];
    /** Null where the set grows. */
    readonly leaver: PublicKey | null;
    /** Null where the member stays, muted or unmuted, or where the set shrinks. */
    readonly newcomer: PublicKey | null;
    /** Id of the transaction that caused it. */
    readonly proof: Digest;
    readonly newcomerRegisteredAtHeight: Height;
    readonly power: Power;
  }[];
}

export async function querySwaps(
  client: Pick<QuorateClient, "swaps">,
): Promise<CommandOutput & { readonly document: SwapsDocument }> {
  const leaves = await client.swaps();
  const swaps = leaves.flatMap(({ value }) => {
    if (value === undefined) return [];
    const { epoch, height, cause, leaver, newcomer, proof, newcomerRegisteredAt, power } = value;
    return [
      {
        epoch,
        height,
        cause,
        leaver: leaver ?? null,
        newcomer: newcomer ?? null,
        proof,
        newcomerRegisteredAtHeight: newcomerRegisteredAt,
        power,
      },
    ];
  });
  const rows = swaps.map((swap) => [
    String(swap.epoch),
    String(swap.height),
    swap.cause,
    swap.leaver?.slice(0, 16) ?? "",
    swap.newcomer?.slice(0, 16) ?? "",
    swap.newcomer === null ? "" : String(swap.newcomerRegisteredAtHeight),
    swap.proof.slice(0, 16),
  ]);
  const columns = [
    { title: "epoch", align: "right" },
    { title: "height", align: "right" },
    { title: "cause", align: "left" },
    { title: "out", align: "left" },
    { title: "in", align: "left" },
    { title: "registered", align: "right" },
    { title: "proof", align: "left" },
  ] as const;
  return {
    document: { command: "query swaps", swaps },
    lines: rows.length === 0 ? ["the set has not changed since genesis"] : table(columns, rows),
  };
}

export interface MarketDocument {
  readonly command: "query market";
  readonly market: MarketName;
  readonly height: Height;
  readonly timestampMs: Millis;
  /** Null before the first. */
  readonly indexPriceTicks: Ticks | null;
  readonly oracle: OracleState;
  readonly microUsdPerLotTick: bigint;
  readonly initialMarginPpm: bigint;
  readonly maintenanceMarginPpm: bigint;
  readonly takerFeePpm: bigint;
  readonly liquidationFeePpm: bigint;
  readonly priceBandPpm: bigint;
  readonly orderLotsMax: Lots;
  readonly positionLotsMax: Lots;
  readonly corruptMovePpm: bigint;
  /** What may be traded, by decision of the owners. */
  readonly mode: MarketMode;
  /** Null: no change of this market is scheduled. */
  readonly scheduled: {
    /** Block time, on the ledger's clock, until it holds; 0 where it waits for accounts. */
    readonly holdsInMs: Millis;
    readonly opens: boolean;
    readonly amounts: readonly AmountChange[];
    /** The new initial margin holds; the higher maintenance margin follows after a call. */
    readonly isNoticed: boolean;
  } | null;
  /** Null: the market has no funding. Rates are ppm of notional; above 0 longs pay shorts. */
  readonly funding: {
    readonly intervalMs: Millis;
    readonly capPpm: bigint;
    readonly lastRatePpm: bigint;
    /** Of the running interval, if no more samples came. */
    readonly ratePpm: bigint;
    readonly samples: number;
    /** Block time, on the ledger's clock, until the rate is fixed. */
    readonly nextInMs: Millis;
  } | null;
  /** Newest report of each member. */
  readonly reports: readonly {
    readonly author: PublicKey;
    readonly slot: number;
    readonly priceTicks: Ticks;
    readonly includedMs: Millis;
  }[];
}

export async function queryMarket(
  client: Pick<QuorateClient, "market" | "funding" | "terms" | "genesis">,
  given: string,
): Promise<CommandOutput & { readonly document: MarketDocument }> {
  const market = nameOf(findMarket(client.genesis, given));
  const [leaf, fundingState, termsState] = await Promise.all([
    client.market(market.id),
    client.funding(market.id),
    client.terms(market.id),
  ]);
  const { value, height, timestampMs } = leaf;
  if (value === undefined) throw new Error(`a certified state without market ${market.id}`);
  const price = value.price === 0n ? null : value.price;
  const perLot = price === null ? 0n : price * value.microUsdPerLotTick;
  const { microUsdPerLotTick, initialMarginPpm, maintenanceMarginPpm, takerFeePpm } = value;
  const { liquidationFeePpm, priceBandPpm, orderLotsMax, state: oracle } = value;
  const { positionLotsMax, corruptMovePpm } = value;
  const funding = fundingOf(value, fundingState);
  const { mode } = termsState.terms;
  const scheduled = scheduledOf(termsState);
  const reports = value.reports.map(({ author, slot, price: priceTicks, includedMs }) => ({
    author,
    slot,
    priceTicks,
    includedMs,
  }));
  return {
    document: {
      command: "query market",
      market,
      height,
      timestampMs,
      indexPriceTicks: price,
      oracle,
      microUsdPerLotTick,
      initialMarginPpm,
      maintenanceMarginPpm,
      takerFeePpm,
      liquidationFeePpm,
      priceBandPpm,
      orderLotsMax,
      positionLotsMax,
      corruptMovePpm,
      mode,
      scheduled,
      funding,
      reports,
    },
    lines: [
      ...facts([
        ["market", `${market.name} (${market.id})`],
        ["at height", `${height}, ${instant(timestampMs)}`],
        ["index price", price === null ? "none yet" : `${price} ticks, ${usd(perLot)} USD a lot`],
        ["oracle", `${oracle}, ${reports.length} reports`],
        ["initial margin", ppmAsPercent(initialMarginPpm)],
        ["maintenance margin", ppmAsPercent(maintenanceMarginPpm)],
        ["taker fee", ppmAsPercent(takerFeePpm)],
        ["price band", ppmAsPercent(priceBandPpm)],
        ["largest order", `${orderLotsMax} lots`],
        ["largest position", `${positionLotsMax} lots`],
        ["open interest", capText(corruptMovePpm)],
        ["mode", mode],
        ...scheduledLines(scheduled),
        ...fundingLines(funding),
      ]),
    ],
  };
}

function scheduledOf({ terms, holdsInMs = 0 }: TermsState): MarketDocument["scheduled"] {
  if (terms.scheduled === undefined) return null;
  const { opens, amounts, initialBefore } = terms.scheduled;
  return { holdsInMs, opens, amounts, isNoticed: initialBefore > 0n };
}

function scheduledLines(scheduled: MarketDocument["scheduled"]): [string, string][] {
  if (scheduled === null) return [];
  const { holdsInMs, opens, amounts, isNoticed } = scheduled;
  const changes = [
    ...(opens ? ["open"] : []),
    ...amounts.map(({ name, value }) => `${name} ${value}`),
  ];
  const when = isNoticed
    ? "accounts are called by the new margin"
    : `in ${holdsInMs / 1_000} s of the chain's clock`;
  return [["scheduled", `${changes.join(", ")}; ${when}`]];
}

function fundingOf(
  { fundingIntervalMs, fundingCapPpm: capPpm }: MarketLeaf,
  { lastRatePpm, ratePpm, samples, nextInMs }: FundingState,
): MarketDocument["funding"] {
  if (nextInMs === undefined) return null;
  const intervalMs = Number(fundingIntervalMs);
  return { intervalMs, capPpm, lastRatePpm, ratePpm, samples, nextInMs };
}

function fundingLines(funding: MarketDocument["funding"]): [string, string][] {
  if (funding === null) return [["funding", "none"]];
  const { intervalMs, capPpm, lastRatePpm, ratePpm, samples, nextInMs } = funding;
  const paying = lastRatePpm < 0n ? "shorts paid longs" : "longs paid shorts";
  const span = `every ${intervalMs / 1_000} s, at most ${ppmAsPercent(capPpm)}`;
  return [
    ["funding", `${span}; the next in ${nextInMs / 1_000} s of the chain's clock`],
    ["last rate", lastRatePpm === 0n ? "0 %" : `${ppmAsPercent(lastRatePpm)}, ${paying}`],
    ["rate so far", `${ppmAsPercent(ratePpm)}, of ${samples} samples`],
  ];
}

/** Rule CAPS. */
function capText(corruptMovePpm: bigint): string {
  if (corruptMovePpm === 0n) return "not capped";
  return `capped as if a corrupt quorum moved the price by ${ppmAsPercent(corruptMovePpm)}`;
}

export interface OrderShowDocument {
  readonly command: "order show";
  readonly account: PublicKey;
  readonly market: MarketName;
  readonly clientId: number;
  readonly height: Height;
  readonly timestampMs: Millis;
  /** Null: the chain proves that no such order is open. */
  readonly order: {
    readonly side: Side;
    readonly openLots: Lots;
    readonly priceTicks: Ticks;
    readonly timeInForce: TimeInForce;
    readonly reduceOnly: boolean;
  } | null;
}

export async function showOrder(
  client: Pick<QuorateClient, "order" | "genesis">,
  given: { readonly account: PublicKey; readonly market: string; readonly clientId: string },
): Promise<CommandOutput & { readonly document: OrderShowDocument }> {
  const { account } = given;
  const market = nameOf(findMarket(client.genesis, given.market));
  const clientId = parseCounter(given.clientId, "--client-id");
  const { value, height, timestampMs } = await client.order({
    market: market.id,
    account,
    clientId,
  });
  const order =
    value === undefined
      ? null
      : {
          side: value.side,
          openLots: value.size,
          priceTicks: value.price,
          timeInForce: value.timeInForce,
          reduceOnly: value.reduceOnly,
        };
  const said =
    order === null
      ? "is not open"
      : `to ${order.side}: ${order.openLots} lots open at ${order.priceTicks} ticks, ` +
        `${order.timeInForce}${order.reduceOnly ? ", reduce-only" : ""}`;
  return {
    document: { command: "order show", account, market, clientId, height, timestampMs, order },
    lines: [`order ${clientId} in ${market.name} ${said} (height ${height})`],
  };
}
