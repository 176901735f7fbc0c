import type { Height, MicroUsd, Millis, PublicKey } from "@quorate/node/kernel/scalars";
import type { Genesis } from "@quorate/node/ledger/genesis-file";
import { decodeChain, leafKeys } from "@quorate/node/ledger/leaves";
import {
  openInterestCap,
  outflowCap,
  outflowEpoch,
  outflowInWindow,
} from "@quorate/node/margin/caps";
import {
  type AccountLeaf,
  accountKey,
  CAPS_KEY,
  decodeAccount,
  decodeCaps,
  decodeFund,
  decodeMarket,
  decodeOrder,
  decodePosition,
  FUND_KEY,
  type FundLeaf,
  type MarketLeaf,
  marketKey,
  type OrderLeaf,
  orderKey,
  positionKey,
} from "@quorate/node/margin/leaves";
import {
  equityOf,
  initialMargin,
  maintenanceMargin,
} from "@quorate/node/margin/margin-requirement";
import type { Position } from "@quorate/node/margin/state";
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
    const [leaf, positions, markets] = await Promise.all([
      readLeaf(reader, accountKey(account), decodeAccount),
      eachMarket(reader.genesis, (id) =>
        readLeaf(reader, positionKey(id, account), decodePosition),
      ),
      eachMarket(reader.genesis, (id) => readMarket(reader, id)),
    ]);
    if (leaf.value === undefined) return undefined;
    const heights = [leaf, ...positions, ...markets].map(({ height }) => height);
    // Blocks that come in between put the leaves at different heights: equity needs one.
    if (round < ROUNDS_MAX && heights.some((height) => height !== leaf.height)) continue;
    return valued(reader.genesis, account, { leaf, positions, markets });
  }
}

interface AccountLeaves {
  readonly leaf: CertifiedLeaf<AccountLeaf>;
  readonly positions: readonly CertifiedLeaf<{ readonly size: bigint; readonly cost: bigint }>[];
  readonly markets: readonly CertifiedLeaf<MarketLeaf>[];
}

function valued(
  genesis: Genesis,
  account: PublicKey,
  { leaf, positions, markets }: AccountLeaves,
): AccountState | undefined {
  if (leaf.value === undefined) return undefined;
  const held = positions.flatMap(({ value }, market) =>
    value === undefined ? [] : [{ market, ...value }],
  );
  const priced = genesis.margin.markets.map((parameters, at) => ({
    parameters,
    oracle: { price: markets[at]?.value?.price ?? 0n },
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
