import { assert, defined } from "../kernel/assert.ts";
import type { MarginParameters } from "../kernel/parameters.ts";
import { PersistentMap } from "../kernel/persistent-map.ts";
import type { MicroUsd, Millis, PublicKey } from "../kernel/scalars.ts";
import { GENESIS_CAPS, stepCaps, withoutMinimum } from "./caps.ts";
import { changedLeaves, stateLeaves } from "./changes.ts";
import { assertConserved } from "./conservation.ts";
import { type Draft, fundingPool, openDraft, putAccount } from "./draft.ts";
import { expireOrders, expiringAfter } from "./expiry.ts";
import { GENESIS_FUNDING, stepFunding } from "./funding.ts";
import { repayDebts } from "./insurance-fund.ts";
import { runLadder } from "./ladder.ts";
import { equityOf, initialMargin, maintenanceMargin } from "./margin-requirement.ts";
import type { OpenOrder } from "./open-order.ts";
import { GENESIS_ORACLE, stepOracle } from "./oracle.ts";
import { OrderBook } from "./order-book.ts";
import { cancelAllOrders, cancelOrder, placeOrder, placeQuotes } from "./orders.ts";
import {
  type Account,
  EMPTY_ACCOUNT,
  type MarginState,
  type Market,
  type Position,
} from "./state.ts";
import { GENESIS_TERMS, stepTerms } from "./terms.ts";
import type {
  AccountStage,
  ActionOutcome,
  LeafChange,
  Lots,
  MarginAction,
  MarginBlock,
  MarginEvent,
  MarginGenesis,
  MarketParameters,
} from "./types.ts";
import { freeCollateral, hasNegativeEquity, withdraw } from "./withdrawals.ts";

/** The state at genesis. Market ids are their places in the list; balances are at least 0. */
export function createMargin(
  genesis: MarginGenesis,
  parameters: MarginParameters,
  genesisTimeMs: Millis,
): MarginState {
  const markets = genesis.markets.map((market, index): Market => {
    assertMarket(market, index);
    const bare = { nextSequence: 0, book: new OrderBook(), openInterest: 0n, fundingClaims: 0n };
    const steps = { terms: GENESIS_TERMS, oracle: GENESIS_ORACLE, funding: GENESIS_FUNDING };
    return { parameters: market, ...steps, ...bare };
  });
  const accounts = PersistentMap.of<Account>(
    genesis.accounts.map(({ account, balance }) => {
      assert(balance >= 0n, `genesis balance ${balance} of ${account}`);
      return [account, { ...EMPTY_ACCOUNT, balance }];
    }),
  );
  assert(accounts.size === genesis.accounts.length, "genesis names each account once");
  assert(genesis.insuranceFund >= 0n, `insurance fund ${genesis.insuranceFund}`);
  const sets = { recheck: new Set<PublicKey>(), unhealthy: new Set<PublicKey>() };
  const fund = genesis.insuranceFund;
  return {
    parameters,
    genesisTimeMs,
    markets,
    accounts,
    fund,
    totalDebt: 0n,
    caps: GENESIS_CAPS,
    expiring: [],
    ...sets,
  };
}

function assertMarket(market: MarketParameters, index: number): void {
  const { id, microUsdPerLotTick, initialMarginPpm, maintenanceMarginPpm } = market;
  assert(id === index, `market ${id} stands at place ${index}`);
  assert(microUsdPerLotTick > 0n, `market ${id}: ${microUsdPerLotTick} micro-USD per lot and tick`);
  assert(maintenanceMarginPpm > 0n, `market ${id}: maintenance margin ${maintenanceMarginPpm} ppm`);
  assert(initialMarginPpm >= maintenanceMarginPpm, `market ${id}: initial below maintenance`);
  const { fundingIntervalMs, fundingSampleMs } = market;
  const isWhole = fundingSampleMs > 0n && fundingIntervalMs % fundingSampleMs === 0n;
  assert(isWhole, `market ${id}: ${fundingSampleMs} ms do not divide the funding interval`);
}

export interface MarginResult {
  readonly state: MarginState;
  /** One list per bundle, one outcome per action. */
  readonly outcomes: readonly (readonly ActionOutcome[])[];
  readonly events: readonly MarginEvent[];
  /** Sorted by key; each key once. */
  readonly changes: readonly LeafChange[];
}

/**
 * Applies one block (node/spec/margin.md). Pure: `state` stays as it is. Conservation of money and
 * lots is asserted before anything is returned.
 */
export function applyMarginBlock(state: MarginState, block: MarginBlock): MarginResult {
  const draft = openDraft(state, block);
  draft.caps = stepCaps(state.caps, block, state.parameters);
  credit(draft, block);
  stepTerms(draft, block.acts);
  // Rule ORDER: oracle, funding [expiry: later], ladder, cancels, orders, withdrawals last.
  stepOracles(draft, block);
  stepFunding(draft);
  runLadder(draft);
  expireOrders(draft);
  const outcomes = runBundles(draft, block);
  repayDebts(draft);
  assertConserved(draft);
  const next = closeDraft(draft);
  return { state: next, outcomes, events: draft.events, changes: changedLeaves(draft, next) };
}

/** Deposits come first, so that a top-up counts before the ladder looks. */
function credit(draft: Draft, block: MarginBlock): void {
  for (const { account: key, amount } of block.deposits) {
    assert(amount > 0n, `deposit of ${amount} to ${key}`);
    const { clockMs, before } = draft;
    const account =
      draft.accounts.get(key) ?? withoutMinimum(EMPTY_ACCOUNT, clockMs, before.parameters);
    putAccount(draft, key, { ...account, balance: account.balance + amount });
    draft.inflow += amount;
    draft.events.push({ kind: "deposit", account: key, amount });
  }
}

function stepOracles(draft: Draft, block: MarginBlock): void {
  const power = block.members.reduce((sum, member) => sum + member.power, 0n);
  assert(power === block.totalPower, `members hold ${power}, the block says ${block.totalPower}`);
  draft.markets.forEach((market, id) => {
    const isPaused = market.terms.mode === "paused";
    const { oracle, events } = stepOracle(market.oracle, { id, isPaused }, block, draft.before);
    market.oracle = oracle;
    draft.events.push(...events);
  });
}

type ActionClass = "cancel" | "place" | "withdraw";

/** A stake is a withdrawal to an owner's treasury (rule ORDER: last, and shut with them). */
const CLASSES: Readonly<Record<MarginAction["kind"], ActionClass>> = {
  cancel: "cancel",
  "cancel-all": "cancel",
  place: "place",
  quote: "place",
  withdraw: "withdraw",
  stake: "withdraw",
};

/** All cancels of the block, then all orders, then all withdrawals (rule ORDER). */
function runBundles(draft: Draft, block: MarginBlock): readonly (readonly ActionOutcome[])[] {
  const outcomes = block.bundles.map(() => new Map<number, ActionOutcome>());
  let shut: boolean | undefined;
  const isShut = (): boolean => {
    shut ??= hasNegativeEquity(draft);
    return shut;
  };
  const classes: readonly ActionClass[] = ["cancel", "place", "withdraw"];
  for (const kind of classes) {
    block.bundles.forEach(({ account, actions }, bundle) => {
      actions.forEach((action, index) => {
        // A mass quote first takes away what it stands in for: with the cancels.
        if (kind === "cancel" && action.kind === "quote") {
          cancelAllOrders(draft, account, action.market);
        }
        if (CLASSES[action.kind] !== kind) return;
        outcomes[bundle]?.set(index, act(draft, account, action, isShut));
      });
    });
  }
  return block.bundles.map(({ actions }, bundle) =>
    actions.map((_, index) => defined(outcomes[bundle]?.get(index), `outcome ${bundle}/${index}`)),
  );
}

function act(
  draft: Draft,
  account: PublicKey,
  action: MarginAction,
  isShut: () => boolean,
): ActionOutcome {
  switch (action.kind) {
    case "cancel":
      return cancelOrder(draft, account, action);
    case "cancel-all":
      return cancelAllOrders(draft, account);
    case "place":
      return placeOrder(draft, account, action);
    case "quote":
      return placeQuotes(draft, account, action);
    case "withdraw":
      return withdraw(draft, { account, amount: action.amount, owner: undefined, isShut });
    case "stake":
      return withdraw(draft, { account, amount: action.amount, owner: action.owner, isShut });
  }
}

function closeDraft(draft: Draft): MarginState {
  const { before, accounts, touched, fund, totalDebt, caps } = draft;
  const unhealthy = new Set(before.unhealthy);
  for (const key of touched) {
    if (accounts.get(key)?.stage === "healthy") unhealthy.delete(key);
    else unhealthy.add(key);
  }
  const markets = draft.markets.map(({ isBookOwn: _, ...market }) => market);
  const expiring = expiringAfter(draft);
  const closed = { markets, accounts: accounts.close(), fund, totalDebt, caps, expiring };
  return { ...before, ...closed, recheck: touched, unhealthy };
}

/** Every leaf of a state: at genesis, and to check a tree against the state. */
export function genesisLeaves(state: MarginState): readonly LeafChange[] {
  return stateLeaves(state);
}

/** Money that funding has taken from payers and not handed on yet. */
export function fundingPoolsOf({ markets }: MarginState): MicroUsd {
  return markets.reduce((sum, { fundingClaims }) => sum + fundingPool(fundingClaims), 0n);
}

export interface MarginTotals {
  /** Sum of all balances, entry costs included. */
  readonly balances: MicroUsd;
  readonly fund: MicroUsd;
  /** Of all markets: what funding's payers put in, less what it paid out; may be negative. */
  readonly fundingPools: MicroUsd;
  readonly debt: MicroUsd;
  /** Sum of signed sizes per market: always 0. */
  readonly lots: readonly Lots[];
  /** Sum of long sizes per market. */
  readonly openInterest: readonly Lots[];
}

/** Balances + fund + pools changes by deposits and withdrawals only. */
export function marginTotals(state: MarginState): MarginTotals {
  const lots = state.markets.map(() => 0n);
  const openInterest = state.markets.map(() => 0n);
  let balances = 0n;
  let debt = 0n;
  for (const account of state.accounts.values()) {
    balances += account.balance;
    debt += account.debt;
    for (const { market, size } of account.positions) {
      lots[market] = (lots[market] ?? 0n) + size;
      if (size > 0n) openInterest[market] = (openInterest[market] ?? 0n) + size;
    }
  }
  const fundingPools = fundingPoolsOf(state);
  return { balances, fund: state.fund, fundingPools, debt, lots, openInterest };
}

export interface AccountView {
  /** Quote balance including entry costs. */
  readonly balance: MicroUsd;
  /** Balance with the entry costs added back: money that is in no position. */
  readonly cash: MicroUsd;
  readonly positions: readonly Position[];
  readonly orders: readonly OpenOrder[];
  readonly equity: MicroUsd;
  readonly initialMargin: MicroUsd;
  readonly maintenanceMargin: MicroUsd;
  readonly stage: AccountStage;
  /** On the ledger's clock; 0 if no call runs. */
  readonly deadlineMs: Millis;
  readonly debt: MicroUsd;
  /** Withdrawable at `clockMs` if withdrawals are open and prices fresh. */
  readonly freeCollateral: MicroUsd;
}

/** An account at the last index prices and the ledger's clock; undefined if there is none. */
export function accountView(
  state: MarginState,
  key: PublicKey,
  clockMs: Millis,
): AccountView | undefined {
  const account = state.accounts.get(key);
  if (account === undefined) return undefined;
  const { balance, positions, orders, stage, deadlineMs, debt } = account;
  return {
    balance,
    cash: positions.reduce((sum, { cost }) => sum + cost, balance),
    positions,
    orders,
    equity: equityOf(account, state.markets),
    initialMargin: initialMargin(account, state.markets),
    maintenanceMargin: maintenanceMargin(account, state.markets),
    stage,
    deadlineMs,
    debt,
    freeCollateral: freeCollateral(account, state.markets, clockMs),
  };
}
