import type { Height, MicroUsd, Millis, PublicKey } from "@quorate/node/kernel/scalars";
import type { Genesis } from "@quorate/node/ledger/genesis-file";
import { decodeChain, leafKeys } from "@quorate/node/ledger/leaves";
import {
  openInterestCap,
  outflowCap,
  outflowEpoch,
  outflowInWindow,
} from "@quorate/node/margin/caps";
import { fundingRate } from "@quorate/node/margin/funding";
import {
  type AccountLeaf,
  accountKey,
  CAPS_KEY,
  decodeAccount,
  decodeCaps,
  decodeFund,
  decodeFunding,
  decodeMarket,
  decodeOrder,
  decodePosition,
  FUND_KEY,
  type FundLeaf,
  fundingKey,
  type MarketLeaf,
  marketKey,
  type OrderLeaf,
  orderKey,
  type PositionLeaf,
  positionKey,
  termsKey,
} from "@quorate/node/margin/leaves";
import {
  equityOf,
  initialMargin,
  maintenanceMargin,
} from "@quorate/node/margin/margin-requirement";
import type { Funding, Position, Terms } from "@quorate/node/margin/state";
import { decodeTerms } from "@quorate/node/margin/terms-codec";
import type { MarketId } from "@quorate/node/margin/types";
import { type CertifiedLeaf, readLeaf, type StateReader } from "./leaf.ts";

/** An account with what follows from it at the index prices of the same height. */
export interface AccountState {
  readonly account: PublicKey;
  readonly height: Height;
  /** Block time of that height. */
  readonly timestampMs: Millis;
  readonly leaf: AccountLeaf;
  /** By market id. */
  readonly positions: readonly Position[];
  readonly equity: MicroUsd;
  readonly initialMargin: MicroUsd;
  readonly maintenanceMargin: MicroUsd;
}

/** How often leaves are asked for again until they are all of one height. */
const ROUNDS_MAX = 8;

/**
 * The account with its positions and margin, all proven at one height; undefined where the chain
 * proves that it has no such account. Throws as `QuorateClient.state`.
 */
export async function readAccount(
  reader: StateReader,
  account: PublicKey,
): Promise<AccountState | undefined> {
  for (let round = 1; ; round += 1) {
    const [leaf, positions, markets, funding] = await Promise.all([
      readLeaf(reader, accountKey(account), decodeAccount),
      eachMarket(reader.genesis, (id) =>
        readLeaf(reader, positionKey(id, account), decodePosition),
      ),
      eachMarket(reader.genesis, (id) => readMarket(reader, id)),
      eachMarket(reader.genesis, (id) => readLeaf(reader, fundingKey(id), decodeFunding)),
    ]);
    if (leaf.value === undefined) return undefined;
    const heights = [leaf, ...positions, ...markets, ...funding].map(({ height }) => height);
    // Blocks that come in between put the leaves at different heights: equity needs one.
    if (round < ROUNDS_MAX && heights.some((height) => height !== leaf.height)) continue;
    return valued(reader.genesis, account, { leaf, positions, markets, funding });
  }
}

interface AccountLeaves {
  readonly leaf: CertifiedLeaf<AccountLeaf>;
  readonly positions: readonly CertifiedLeaf<PositionLeaf>[];
  readonly markets: readonly CertifiedLeaf<MarketLeaf>[];
  readonly funding: readonly CertifiedLeaf<Funding>[];
}

function valued(
  genesis: Genesis,
  account: PublicKey,
  { leaf, positions, markets, funding }: AccountLeaves,
): AccountState | undefined {
  if (leaf.value === undefined) return undefined;
  const held = positions.flatMap(({ value }, market) =>
    value === undefined ? [] : [{ market, ...value }],
  );
  // Genesis says how a market began; its numbers of now are in its leaf (rule PARAMETERS).
  const priced = genesis.margin.markets.map((began, at) => ({
    parameters: { ...began, ...markets[at]?.value },
    oracle: { price: markets[at]?.value?.price ?? 0n },
    funding: { index: funding[at]?.value?.index ?? 0n },
  }));
  const whole = { ...leaf.value, positions: held, orders: [] };
  return {
    account,
    height: leaf.height,
    timestampMs: leaf.timestampMs,
    leaf: leaf.value,
    positions: held,
    equity: equityOf(whole, priced),
    initialMargin: initialMargin(whole, priced),
    maintenanceMargin: maintenanceMargin(whole, priced),
  };
}

function eachMarket<T>(genesis: Genesis, read: (id: MarketId) => Promise<T>): Promise<T[]> {
  return Promise.all(genesis.margin.markets.map(({ id }) => read(id)));
}

export async function readMarket(
  reader: StateReader,
  id: MarketId,
): Promise<CertifiedLeaf<MarketLeaf>> {
  return readLeaf(reader, marketKey(id), decodeMarket);
}

/** Funding of a market at one height (node/spec/margin.md §5.1). */
export interface FundingState {
  readonly height: Height;
  /** Block time of that height. */
  readonly timestampMs: Millis;
  /** Ppm of notional, of the last interval that was paid; above 0 longs paid. */
  readonly lastRatePpm: bigint;
  /** Of the running interval, if no more samples came. */
  readonly ratePpm: bigint;
  readonly samples: number;
  /** On the ledger's clock: at least so much block time is left; undefined: no funding. */
  readonly nextInMs: Millis | undefined;
  /** Micro-USD x ppm that a long lot has paid since genesis. */
  readonly index: bigint;
}

/** Funding with its clock, proven at one height. Throws as `QuorateClient.state`. */
export async function readFunding(reader: StateReader, id: MarketId): Promise<FundingState> {
  const began = reader.genesis.margin.markets[id];
  for (let round = 1; ; round += 1) {
    const [funding, market, chain] = await Promise.all([
      readLeaf(reader, fundingKey(id), decodeFunding),
      readMarket(reader, id),
      readLeaf(reader, leafKeys.chain, decodeChain),
    ]);
    if (funding.value === undefined || chain.value === undefined || began === undefined) {
      throw new Error(`a certified state without funding of market ${id} or clock`);
    }
    const isApart = [market, chain].some(({ height }) => height !== funding.height);
    if (round < ROUNDS_MAX && isApart) continue;
    const parameters = { ...began, ...market.value };
    const { index, lastRate, interval, samples } = funding.value;
    const spanMs = Number(parameters.fundingIntervalMs);
    const dueMs = reader.genesis.genesisTimeMs + (interval + 1) * spanMs;
    return {
      height: funding.height,
      timestampMs: funding.timestampMs,
      lastRatePpm: lastRate,
      ratePpm: fundingRate(samples, parameters),
      samples: samples.length,
      nextInMs: spanMs === 0 ? undefined : Math.max(0, dueMs - chain.value.clockMs),
      index,
    };
  }
}

export interface TermsState {
  readonly terms: Terms;
  readonly height: Height;
  /** Block time of that height. */
  readonly timestampMs: Millis;
  /** On the ledger's clock: at least so much block time is left; undefined: nothing scheduled. */
  readonly holdsInMs: Millis | undefined;
}

/** What owners decided about a market (rule PARAMETERS). Throws as `QuorateClient.state`. */
export async function readTerms(reader: StateReader, id: MarketId): Promise<TermsState> {
  for (let round = 1; ; round += 1) {
    const [leaf, chain] = await Promise.all([
      readLeaf(reader, termsKey(id), decodeTerms),
      readLeaf(reader, leafKeys.chain, decodeChain),
    ]);
    const { height, timestampMs, value: terms } = leaf;
    if (terms === undefined || chain.value === undefined) {
      throw new Error(`a certified state without terms of market ${id} or clock`);
    }
    if (round < ROUNDS_MAX && height !== chain.height) continue;
    const { clockMs } = chain.value;
    const { scheduled } = terms;
    const holdsInMs = scheduled === undefined ? undefined : Math.max(0, scheduled.fromMs - clockMs);
    return { terms, height, timestampMs, holdsInMs };
  }
}

export interface OrderName {
  readonly market: MarketId;
  readonly account: PublicKey;
  /** As the account chose it. */
  readonly clientId: number;
}

/** One open order; value undefined where the chain proves that it is not open. */
export async function readOrder(
  reader: StateReader,
  order: OrderName,
): Promise<CertifiedLeaf<OrderLeaf>> {
  return readLeaf(reader, orderKey(order), decodeOrder);
}

export async function readFund(reader: StateReader): Promise<CertifiedLeaf<FundLeaf>> {
  return readLeaf(reader, FUND_KEY, decodeFund);
}

/** Rule CAPS at one height, in micro-USD. */
export interface CapsState {
  readonly height: Height;
  /** Block time of that height. */
  readonly timestampMs: Millis;
  /** What may leave the chain in any window, minimums aside, and how much of it has left. */
  readonly outflowCap: MicroUsd;
  readonly outflow: MicroUsd;
  /** Epoch of the outflow, as refusals name it. */
  readonly epoch: number;
  /** What a move of all prices may shift between longs and shorts. */
  readonly openInterestCap: MicroUsd;
}

/** The caps, proven at one height. Throws as `QuorateClient.state`. */
export async function readCaps(reader: StateReader): Promise<CapsState> {
  const parameters = reader.genesis.parameters.margin;
  for (let round = 1; ; round += 1) {
    const [caps, chain] = await Promise.all([
      readLeaf(reader, CAPS_KEY, decodeCaps),
      readLeaf(reader, leafKeys.chain, decodeChain),
    ]);
    if (caps.value === undefined || chain.value === undefined) {
      throw new Error("a certified state without caps or clock");
    }
    // Blocks that come in between: the window is that of the clock at the same height.
    if (round < ROUNDS_MAX && caps.height !== chain.height) continue;
    const { clockMs } = chain.value;
    return {
      height: caps.height,
      timestampMs: caps.timestampMs,
      outflowCap: outflowCap(caps.value, parameters),
      outflow: outflowInWindow(caps.value, { clockMs, parameters }),
      epoch: outflowEpoch(clockMs, parameters),
      openInterestCap: openInterestCap(caps.value, parameters),
    };
  }
}
