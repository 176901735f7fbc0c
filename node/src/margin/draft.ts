import { assert, defined } from "../kernel/assert.ts";
import { divCeil, maximum, PPM } from "../kernel/fixed-point.ts";
import type { MicroUsd, Millis, PublicKey } from "../kernel/scalars.ts";
import {
  fillAccount,
  type LockClock,
  settlePosition,
  withOrder,
  withoutOrder,
  withReplacedOrder,
} from "./account.ts";
import { DraftAccounts } from "./draft-accounts.ts";
import { equityOf, marketOf, positionSize } from "./margin-requirement.ts";
import type { OpenOrder } from "./open-order.ts";
import type { OrderBook } from "./order-book.ts";
import type { Account, Caps, Funding, MarginState, Market, Oracle, Terms } from "./state.ts";
import type {
  CancelReason,
  Lots,
  MarginEvent,
  MarketId,
  MarketParameters,
  Ticks,
} from "./types.ts";

/** One market while a block is applied. The book is copied at its first change. */
export interface MarketDraft {
  parameters: MarketParameters;
  terms: Terms;
  oracle: Oracle;
  funding: Funding;
  nextSequence: number;
  book: OrderBook;
  isBookOwn: boolean;
  openInterest: Lots;
  fundingClaims: bigint;
}

/**
 * The one mutable thing of this folder: it lives inside `applyMarginBlock`, is never handed out,
 * and copies what it changes, so that the states before it stay as they are.
 */
export interface Draft {
  readonly before: MarginState;
  /** The ledger's clock: what deadlines and locks run on. */
  readonly clockMs: Millis;
  /** Block time: what the ends of orders run on. */
  readonly nowMs: Millis;
  readonly markets: readonly MarketDraft[];
  readonly accounts: DraftAccounts;
  readonly touched: Set<PublicKey>;
  /** The last state of every order that rested, changed or left; undefined where it left. */
  readonly orderChanges: Map<OrderId, OrderChange>;
  readonly events: MarginEvent[];
  fund: MicroUsd;
  totalDebt: MicroUsd;
  caps: Caps;
  /** Deposits less withdrawals of the block: all that may change the sum of money. */
  inflow: MicroUsd;
  /** Resting orders that the orders of this block have met: bounds its work. */
  steps: number;
  /** Those of them that each account's orders have met: no one takes all of the block's work. */
  readonly stepsOf: Map<PublicKey, number>;
}

/** Market and sequence name an order for ever. */
export type OrderId = `${MarketId}/${number}`;

export interface OrderChange {
  readonly order: OpenOrder;
  readonly open: boolean;
}

export function openDraft(
  before: MarginState,
  { clockMs, timestampMs }: { readonly clockMs: Millis; readonly timestampMs: Millis },
): Draft {
  return {
    before,
    clockMs,
    nowMs: timestampMs,
    markets: before.markets.map(draftMarket),
    accounts: new DraftAccounts(before.accounts),
    touched: new Set(),
    orderChanges: new Map(),
    events: [],
    fund: before.fund,
    totalDebt: before.totalDebt,
    caps: before.caps,
    inflow: 0n,
    steps: 0,
    stepsOf: new Map(),
  };
}

function draftMarket(market: Market): MarketDraft {
  return { ...market, isBookOwn: false };
}

/** The book for changing it: the state before the block keeps its own. */
function ownBook(market: MarketDraft): OrderBook {
  if (!market.isBookOwn) market.book = market.book.copy();
  market.isBookOwn = true;
  return market.book;
}

export function accountOf(draft: Draft, key: PublicKey): Account {
  return defined(draft.accounts.get(key), `account ${key}`);
}

export function putAccount(draft: Draft, key: PublicKey, account: Account): void {
  draft.accounts.set(key, account);
  draft.touched.add(key);
}

export function draftEquity(draft: Draft, key: PublicKey): MicroUsd {
  return equityOf(accountOf(draft, key), draft.markets);
}

export interface FillChange {
  readonly market: MarketId;
  /** Signed lots. */
  readonly delta: Lots;
  readonly price: Ticks;
}

function clockOf({ clockMs, before }: Draft): LockClock {
  return { clockMs, parameters: before.parameters };
}

/**
 * Pays the position's funding up to the market's index. Who pays rounds up and who is paid rounds
 * down, so that the pool never lacks a unit; what is over goes to the fund.
 */
export function settleFunding(draft: Draft, key: PublicKey, id: MarketId): void {
  const account = accountOf(draft, key);
  const market = marketOf(draft.markets, id);
  const fundingIndex = market.funding.index;
  const position = account.positions.find((each) => each.market === id);
  if (position === undefined || position.fundingIndex === fundingIndex) return;
  const { size } = position;
  const claims = market.fundingClaims - size * (position.fundingIndex - fundingIndex);
  const settled = settlePosition(account, { market: id, fundingIndex }, clockOf(draft));
  const amount = settled.balance - account.balance;
  const dust = fundingPool(market.fundingClaims) - fundingPool(claims) - amount;
  market.fundingClaims = claims;
  draft.fund += dust;
  putAccount(draft, key, settled);
  draft.events.push({ kind: "funding-payment", account: key, market: id, size, amount, dust });
}

/** Money of a market that payers have put in, less what was paid out of it; may be negative. */
export function fundingPool(fundingClaims: bigint): MicroUsd {
  return divCeil(fundingClaims, PPM);
}

/** The account as it would be after the fill. */
export function filled(draft: Draft, account: Account, change: FillChange): Account {
  const { parameters: market, funding } = marketOf(draft.markets, change.market);
  return fillAccount(account, { ...change, market, fundingIndex: funding.index }, clockOf(draft));
}

/** Moves signed lots at a price into one account; its counterparty gets the opposite. */
export function fill(draft: Draft, key: PublicKey, change: FillChange): void {
  settleFunding(draft, key, change.market);
  const account = accountOf(draft, key);
  const size = positionSize(account, change.market);
  const market = marketOf(draft.markets, change.market);
  market.openInterest += maximum(0n, size + change.delta) - maximum(0n, size);
  putAccount(draft, key, filled(draft, account, change));
}

/** Moves money from an account to the fund. */
export function payFund(draft: Draft, key: PublicKey, amount: MicroUsd): void {
  assert(amount >= 0n, `payment ${amount} of ${key} to the fund`);
  if (amount === 0n) return;
  const account = accountOf(draft, key);
  putAccount(draft, key, { ...account, balance: account.balance - amount });
  draft.fund += amount;
}

export function restOrder(draft: Draft, terms: Omit<OpenOrder, "sequence" | "slot">): void {
  const market = marketOf(draft.markets, terms.market);
  const order = ownBook(market).insert({ ...terms, sequence: market.nextSequence });
  market.nextSequence += 1;
  putAccount(draft, order.account, withOrder(accountOf(draft, order.account), order));
  noteOrder(draft, order, true);
}

export function dropOrder(draft: Draft, order: OpenOrder): void {
  ownBook(marketOf(draft.markets, order.market)).remove(order);
  putAccount(draft, order.account, withoutOrder(accountOf(draft, order.account), order));
  noteOrder(draft, order, false);
}

/** An order that lost lots: it keeps its place with fewer, or leaves with none. */
export function shrinkOrder(draft: Draft, order: OpenOrder, lots: Lots): void {
  if (lots < 1n || lots > order.size) assert(false, `${lots} of ${order.size} lots`);
  if (lots === order.size) {
    dropOrder(draft, order);
    return;
  }
  const left = { ...order, size: order.size - lots };
  ownBook(marketOf(draft.markets, order.market)).replace(left);
  putAccount(draft, order.account, withReplacedOrder(accountOf(draft, order.account), left));
  noteOrder(draft, left, true);
}

function noteOrder(draft: Draft, order: OpenOrder, open: boolean): void {
  draft.orderChanges.set(`${order.market}/${order.sequence}`, { order, open });
}

/**
 * The engine's own cancels are events; an owner's cancel is an outcome. Takes off all lots that are
 * open unless told fewer.
 */
export function cancelByEngine(
  draft: Draft,
  order: OpenOrder,
  reason: CancelReason,
  size: Lots = order.size,
): void {
  shrinkOrder(draft, order, size);
  const { account, market, clientId } = order;
  draft.events.push({ kind: "order-cancelled", account, market, clientId, size, reason });
}
