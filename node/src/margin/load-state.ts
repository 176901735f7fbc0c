import { isHex } from "../kernel/bytes.ts";
import { DecodeError } from "../kernel/codec.ts";
import type { MarginParameters } from "../kernel/parameters.ts";
import { PersistentMap } from "../kernel/persistent-map.ts";
import type { Millis, PublicKey } from "../kernel/scalars.ts";
import { sortSteps } from "../kernel/sort-steps.ts";
import type { Steps } from "../kernel/steps.ts";
import { byExpiry, nameOf } from "./expiry.ts";
import { needsLook } from "./ladder.ts";
import {
  type AccountLeaf,
  decodeAccount,
  decodeCaps,
  decodeFund,
  decodeFunding,
  decodeMarket,
  decodeOrder,
  decodePosition,
  type FundLeaf,
  type MarketLeaf,
} from "./leaves.ts";
import { PRICE_TICKS_MAX } from "./limits.ts";
import type { ExpiringOrder, OpenOrder } from "./open-order.ts";
import { OrderBook } from "./order-book.ts";
import { safePriceSurvey } from "./safe-prices.ts";
import {
  type Account,
  balanceOf,
  type Caps,
  type Funding,
  type MarginState,
  type Market,
  type Position,
  type Terms,
} from "./state.ts";
import { decodeTerms } from "./terms-codec.ts";
import type { MarketId } from "./types.ts";

/** One account while its leaves come in, in any order. */
interface LoadingAccount {
  leaf: AccountLeaf | undefined;
  readonly positions: Position[];
  readonly terms: OrderTerms[];
  readonly orders: OpenOrder[];
}

/** An order before it stands in a book again. */
type OrderTerms = Omit<OpenOrder, "slot">;

interface Resting {
  readonly terms: OrderTerms;
  readonly loaded: LoadingAccount;
}

/** What margin's leaves say, before it is a state. */
export interface LoadingMargin {
  fund: FundLeaf | undefined;
  caps: Caps | undefined;
  readonly markets: Map<MarketId, MarketLeaf>;
  readonly funding: Map<MarketId, Funding>;
  readonly terms: Map<MarketId, Terms>;
  readonly accounts: Map<PublicKey, LoadingAccount>;
}

export function openMarginLoad(): LoadingMargin {
  const maps = { markets: new Map(), funding: new Map(), terms: new Map(), accounts: new Map() };
  return { fund: undefined, caps: undefined, ...maps };
}

type Load = (into: LoadingMargin, name: string, value: Uint8Array) => void;

/** The kinds of leaves that hold the margin state, by the first word of their keys. */
export const MARGIN_KINDS: ReadonlyMap<string, Load> = new Map<string, Load>([
  [
    "fund",
    (into, _, value) => {
      into.fund = decodeFund(value);
    },
  ],
  [
    "caps",
    (into, _, value) => {
      into.caps = decodeCaps(value);
    },
  ],
  [
    "market",
    (into, name, value) => {
      into.markets.set(readNumber(name), decodeMarket(value));
    },
  ],
  [
    "funding",
    (into, name, value) => {
      into.funding.set(readNumber(name), decodeFunding(value));
    },
  ],
  [
    "terms",
    (into, name, value) => {
      into.terms.set(readNumber(name), decodeTerms(value));
    },
  ],
  [
    "account",
    (into, name, value) => {
      accountOf(into, name).leaf = decodeAccount(value);
    },
  ],
  [
    "position",
    (into, name, value) => {
      const [market = "", account = "", ...rest] = name.split("/");
      if (rest.length > 0) throw new DecodeError("key", "names more than market and account");
      const position = { market: readNumber(market), ...decodePosition(value) };
      if (position.size === 0n) throw new DecodeError("size", "a closed position has no leaf");
      accountOf(into, account).positions.push(position);
    },
  ],
  [
    "order",
    (into, name, value) => {
      const [market = "", account = "", clientId = "", ...rest] = name.split("/");
      if (rest.length > 0) throw new DecodeError("key", "names more than one order");
      const terms = { market: readNumber(market), account, clientId: readNumber(clientId) };
      accountOf(into, account).terms.push({ ...terms, ...decodeOrder(value) });
    },
  ],
]);

function readNumber(text: string): number {
  const number = Number(text);
  if (/^(0|[1-9][0-9]{0,15})$/.test(text) && Number.isSafeInteger(number)) return number;
  throw new DecodeError("key", `"${text}" is not a number`);
}

function accountOf(into: LoadingMargin, key: PublicKey): LoadingAccount {
  const there = into.accounts.get(key);
  if (there !== undefined) return there;
  if (!isHex(key, 32)) throw new DecodeError("key", `"${key}" is not a key`);
  const account: LoadingAccount = { leaf: undefined, positions: [], terms: [], orders: [] };
  into.accounts.set(key, account);
  return account;
}

/** What margin's state takes from the genesis. */
export interface MarginOrigin {
  readonly parameters: MarginParameters;
  readonly genesisTimeMs: Millis;
}

/** Accounts between two yields: far below a millisecond of work. */
const ACCOUNTS_PER_STEP = 256;

/**
 * The state that the leaves say, a few accounts a step. `unhealthy` and the books come from the
 * accounts, `recheck` from the prices: without a new price the next ladder acts on no other
 * account.
 *
 * @throws DecodeError where leaves are missing or contradict each other.
 */
export function* finishMarginLoad(
  loading: LoadingMargin,
  { parameters, genesisTimeMs }: MarginOrigin,
): Steps<MarginState> {
  const { fund, caps } = loading;
  if (fund === undefined) throw new DecodeError("fund", "this leaf is missing");
  if (caps === undefined) throw new DecodeError("caps", "this leaf is missing");
  const markets = marketsOf(loading);
  const bare = markets.map(({ parameters: each, oracle, funding }) => {
    return { parameters: each, oracle, funding };
  });
  const recheck = new Set<PublicKey>();
  const unhealthy = new Set<PublicKey>();
  const longs = markets.map(() => 0n);
  const claims = markets.map(() => 0n);
  let accounts = new PersistentMap<Account>();
  const expiring = yield* fillBooks(loading, markets);
  let count = 0;
  for (const [key, loaded] of loading.accounts) {
    const account = finishAccount(key, loaded, markets.length);
    accounts = accounts.with(key, account);
    if (account.stage !== "healthy") unhealthy.add(key);
    if (needsLook(account, bare)) recheck.add(key);
    for (const { market, size, fundingIndex } of account.positions) {
      claims[market] = (claims[market] ?? 0n) + size * fundingIndex;
      if (size > 0n) longs[market] = (longs[market] ?? 0n) + size;
    }
    count += 1;
    if (count % ACCOUNTS_PER_STEP === 0) yield;
  }
  // The first block finds notes and sum: a look at all accounts at once would stop the node.
  yield* accounts.noteAll(safePriceSurvey(bare));
  yield* accounts.sumSteps(balanceOf);
  const sets = { expiring, recheck, unhealthy };
  const open = markets.map((market, id) => {
    return { ...market, openInterest: longs[id] ?? 0n, fundingClaims: claims[id] ?? 0n };
  });
  return { parameters, genesisTimeMs, markets: open, accounts, ...fund, caps, ...sets };
}

/** The books, oldest order first, as they were filled. Returns the orders that have an end. */
function* fillBooks(loading: LoadingMargin, markets: readonly Market[]): Steps<ExpiringOrder[]> {
  const resting: Resting[] = [];
  let seen = 0;
  for (const [key, loaded] of loading.accounts) {
    seen += 1;
    if (seen % ACCOUNTS_PER_STEP === 0) yield;
    for (const terms of loaded.terms) {
      if (terms.price < 1n || terms.price > PRICE_TICKS_MAX) {
        throw new DecodeError("price", `${terms.price} of an order of ${key}`);
      }
      resting.push({ terms, loaded });
    }
  }
  const bySequence = (one: Resting, two: Resting) => one.terms.sequence - two.terms.sequence;
  const expiring: ExpiringOrder[] = [];
  let count = 0;
  for (const { terms, loaded } of yield* sortSteps(resting, bySequence)) {
    const market = markets[terms.market];
    if (market === undefined) throw new DecodeError("market", `an order in ${terms.market}`);
    const order = market.book.insert(terms);
    loaded.orders.push(order);
    if (order.untilMs > 0) expiring.push(nameOf(order));
    count += 1;
    if (count % ACCOUNTS_PER_STEP === 0) yield;
  }
  return yield* sortSteps(expiring, byExpiry);
}

function marketsOf(loading: LoadingMargin): Market[] {
  return Array.from({ length: loading.markets.size }, (_, id) => {
    const leaf = loading.markets.get(id);
    if (leaf === undefined) throw new DecodeError(`market/${id}`, "this leaf is missing");
    const funding = loading.funding.get(id);
    if (funding === undefined) throw new DecodeError(`funding/${id}`, "this leaf is missing");
    const terms = loading.terms.get(id);
    if (terms === undefined) throw new DecodeError(`terms/${id}`, "this leaf is missing");
    const sums = { openInterest: 0n, fundingClaims: 0n };
    return { ...marketOfLeaf(leaf, id), funding, terms, book: new OrderBook(), ...sums };
  });
}

type LeafOfMarket = Pick<Market, "parameters" | "oracle" | "nextSequence">;

function marketOfLeaf(leaf: MarketLeaf, id: MarketId): LeafOfMarket {
  const { price, state, reports, nextSequence, ...rest } = leaf;
  const { resumingSinceMs, freshSlots, quorumSlot, quorumMs, ...parameters } = rest;
  const newest = new Map(reports.map(({ author, ...report }) => [author, report]));
  const clocks = { resumingSinceMs, freshSlots, quorumSlot, quorumMs };
  const oracle = { price, state, reports: newest, ...clocks };
  return { parameters: { id, ...parameters }, oracle, nextSequence };
}

function finishAccount(key: PublicKey, loaded: LoadingAccount, markets: number): Account {
  const { leaf, positions, orders } = loaded;
  if (leaf === undefined) throw new DecodeError(`account/${key}`, "this leaf is missing");
  for (const { market } of positions) {
    if (market >= markets) throw new DecodeError("market", `${key} is in market ${market}`);
  }
  positions.sort((one, two) => one.market - two.market);
  orders.sort((one, two) => one.market - two.market || one.sequence - two.sequence);
  return { ...leaf, positions, orders };
}
