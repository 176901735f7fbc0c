import { assert, defined } from "../kernel/assert.ts";
import type { MicroUsd, Millis, PublicKey } from "../kernel/scalars.ts";
import { fillAccount, withOrder, withoutOrder, withReplacedOrder } from "./account.ts";
import { DraftAccounts } from "./draft-accounts.ts";
import { equityOf, marketOf } from "./margin-requirement.ts";
import { type BookDraft, insertOrder, removeOrder, replaceOrder } from "./order-book.ts";
import type { Account, Book, MarginState, Market, OpenOrder, Oracle } from "./state.ts";
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
  readonly parameters: MarketParameters;
  oracle: Oracle;
  nextSequence: number;
  book: Book;
  ownBook: BookDraft | undefined;
}

/**
 * The one mutable thing of this folder: it lives inside `applyMarginBlock`, is never handed out,
 * and copies what it changes, so that the states before it stay as they are.
 */
export interface Draft {
  readonly before: MarginState;
  /** The ledger's clock: what deadlines and locks run on. */
  readonly clockMs: Millis;
  readonly markets: readonly MarketDraft[];
  readonly accounts: DraftAccounts;
  readonly touched: Set<PublicKey>;
  /** The last state of every order that rested, changed or left; undefined where it left. */
  readonly orderChanges: Map<OrderId, OrderChange>;
  readonly events: MarginEvent[];
  fund: MicroUsd;
  totalDebt: MicroUsd;
  /** Deposits less withdrawals of the block: all that may change the sum of money. */
  inflow: MicroUsd;
}

/** Market and sequence name an order for ever. */
export type OrderId = `${MarketId}/${number}`;

export interface OrderChange {
  readonly order: OpenOrder;
  readonly open: boolean;
}

export function openDraft(before: MarginState, clockMs: Millis): Draft {
  return {
    before,
    clockMs,
    markets: before.markets.map(draftMarket),
    accounts: new DraftAccounts(before.accounts),
    touched: new Set(),
    orderChanges: new Map(),
    events: [],
    fund: before.fund,
    totalDebt: before.totalDebt,
    inflow: 0n,
  };
}

function draftMarket({ parameters, oracle, nextSequence, book }: Market): MarketDraft {
  return { parameters, oracle, nextSequence, book, ownBook: undefined };
}

/** The book for changing it: the state before the block keeps its own. */
function ownBook(market: MarketDraft): BookDraft {
  if (market.ownBook === undefined) {
    market.ownBook = { bids: market.book.bids.slice(), asks: market.book.asks.slice() };
    market.book = market.ownBook;
  }
  return market.ownBook;
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

/** Moves signed lots at a price into one account; its counterparty gets the opposite. */
export function fill(
  draft: Draft,
  key: PublicKey,
  change: { readonly market: MarketId; readonly delta: Lots; readonly price: Ticks },
): void {
  const market = marketOf(draft.markets, change.market).parameters;
  const clock = { clockMs: draft.clockMs, parameters: draft.before.parameters };
  putAccount(draft, key, fillAccount(accountOf(draft, key), { ...change, market }, clock));
}

/** Moves money from an account to the fund. */
export function payFund(draft: Draft, key: PublicKey, amount: MicroUsd): void {
  assert(amount >= 0n, `payment ${amount} of ${key} to the fund`);
  if (amount === 0n) return;
  const account = accountOf(draft, key);
  putAccount(draft, key, { ...account, balance: account.balance - amount });
  draft.fund += amount;
}

export function restOrder(draft: Draft, terms: Omit<OpenOrder, "sequence">): void {
  const market = marketOf(draft.markets, terms.market);
  const order: OpenOrder = { ...terms, sequence: market.nextSequence };
  market.nextSequence += 1;
  insertOrder(ownBook(market), order);
  putAccount(draft, order.account, withOrder(accountOf(draft, order.account), order));
  noteOrder(draft, order, true);
}

export function dropOrder(draft: Draft, order: OpenOrder): void {
  removeOrder(ownBook(marketOf(draft.markets, order.market)), order);
  putAccount(draft, order.account, withoutOrder(accountOf(draft, order.account), order));
  noteOrder(draft, order, false);
}

/** An order that traded: it keeps its place with fewer lots, or leaves with none. */
export function shrinkOrder(draft: Draft, order: OpenOrder, filled: Lots): void {
  assert(filled > 0n && filled <= order.size, `${filled} of ${order.size} lots filled`);
  if (filled === order.size) {
    dropOrder(draft, order);
    return;
  }
  const left = { ...order, size: order.size - filled };
  replaceOrder(ownBook(marketOf(draft.markets, order.market)), left);
  putAccount(draft, order.account, withReplacedOrder(accountOf(draft, order.account), left));
  noteOrder(draft, left, true);
}

function noteOrder(draft: Draft, order: OpenOrder, open: boolean): void {
  draft.orderChanges.set(`${order.market}/${order.sequence}`, { order, open });
}

/** The engine's own cancels are events; an owner's cancel is an outcome. */
export function cancelByEngine(draft: Draft, order: OpenOrder, reason: CancelReason): void {
  dropOrder(draft, order);
  const { account, market, clientId, size } = order;
  draft.events.push({ kind: "order-cancelled", account, market, clientId, size, reason });
}
