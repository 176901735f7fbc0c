import { compareText } from "../kernel/bytes.ts";
import type { MicroUsd, Millis, PublicKey } from "../kernel/scalars.ts";
import { closeOut } from "./close-out.ts";
import { accountOf, cancelByEngine, type Draft, putAccount } from "./draft.ts";
import {
  CLOSE_OUT_AFTER_MISSES,
  CLOSE_OUTS_PER_BLOCK_MAX,
  LIQUIDATIONS_PER_BLOCK_MAX,
} from "./limits.ts";
import { liquidatePart } from "./liquidation.ts";
import {
  equityOf,
  initialMargin,
  maintenanceMargin,
  type PricedMarket,
} from "./margin-requirement.ts";
import type { Account } from "./state.ts";
import type { AccountStage } from "./types.ts";

/** The numbers of one account at the block's prices, before any act of the ladder. */
interface Standing {
  readonly key: PublicKey;
  readonly equity: MicroUsd;
  readonly initial: MicroUsd;
  readonly maintenance: MicroUsd;
  /** No position in a market whose price is stale. */
  readonly priced: boolean;
  /** No position in a market whose price is not fresh: only then may the ladder act. */
  readonly fresh: boolean;
}

/** Call, reduce-only, liquidation, close-out (rules STALE, CALL, LADDER). */
export function runLadder(draft: Draft): void {
  const standings: Standing[] = [];
  for (const key of examinedKeys(draft)) {
    const standing = standingOf(draft, key);
    if (needsAct(draft, standing)) standings.push(standing);
  }
  standings.sort((one, two) => compareText(one.key, two.key));
  for (const standing of standings) enterStage(draft, standing);
  const breached = standings
    .filter(isLiquidatable)
    .toSorted((one, two) => urgency(draft, one, two));
  let closeOuts = 0;
  breached.forEach(({ key }, rank) => {
    const isLast = isCloseOutDue(draft, key);
    const isFull = isLast && closeOuts >= CLOSE_OUTS_PER_BLOCK_MAX;
    if (rank >= LIQUIDATIONS_PER_BLOCK_MAX || isFull) {
      wait(draft, key);
      return;
    }
    serve(draft, key);
    if (isLast) closeOuts += 1;
  });
}

/**
 * Where no price and no state changed, only changed and unhealthy accounts can stand differently:
 * the others need no look; where prices moved, those too whose safe prices they have left. Not a
 * rule, only a saving.
 */
function examinedKeys(draft: Draft): Set<PublicKey> {
  const { before } = draft;
  const pricesMoved = draft.markets.some(({ oracle, funding, parameters }, id) => {
    const old = before.markets[id];
    const { price, state } = oracle;
    if (old?.funding.index !== funding.index || old.parameters !== parameters) return true;
    return old.oracle.price !== price || old.oracle.state !== state;
  });
  const keys = new Set([...before.recheck, ...draft.touched, ...before.unhealthy]);
  if (pricesMoved) for (const [key] of draft.accounts.doubtful(draft.markets)) keys.add(key);
  return keys;
}

/** Whether the next ladder could act on the account though no price moves. */
export function needsLook(account: Account, markets: readonly PricedMarket[]): boolean {
  if (account.stage !== "healthy" || account.balance < 0n) return true;
  return equityOf(account, markets) < initialMargin(account, markets);
}

function standingOf(draft: Draft, key: PublicKey): Standing {
  const account = accountOf(draft, key);
  const states = account.positions.map(({ market }) => draft.markets[market]?.oracle.state);
  return {
    key,
    equity: equityOf(account, draft.markets),
    initial: initialMargin(account, draft.markets),
    maintenance: maintenanceMargin(account, draft.markets),
    priced: states.every((state) => state !== "stale"),
    fresh: states.every((state) => state === "fresh"),
  };
}

/** Most accounts stand well and are left as they are: only the others are put in order. */
function needsAct(draft: Draft, { key, equity, initial }: Standing): boolean {
  return equity < initial || accountOf(draft, key).stage !== "healthy";
}

function isLiquidatable({ equity, maintenance, fresh }: Standing): boolean {
  return fresh && equity < maintenance;
}

/** Rule CALL as a table (node/spec/margin.md §7.1). */
function nextStage(account: Account, standing: Standing, clockMs: Millis): AccountStage {
  const { stage, deadlineMs } = account;
  const { equity, initial, maintenance, priced, fresh } = standing;
  if (!priced) return stage;
  if (equity >= initial) return "healthy";
  if (equity < maintenance && fresh) return "liquidating";
  if (stage === "healthy") return "called";
  if (equity < maintenance) return stage;
  if (stage === "liquidating") return "reduce-only";
  if (stage === "called" && fresh && clockMs >= deadlineMs) return "reduce-only";
  return stage;
}

function enterStage(draft: Draft, standing: Standing): void {
  const { key, equity, initial, maintenance } = standing;
  const account = accountOf(draft, key);
  const from = account.stage;
  const to = nextStage(account, standing, draft.clockMs);
  if (from === to) return;
  const { callDeadlineMs } = draft.before.parameters;
  const deadlineMs = to === "called" ? draft.clockMs + callDeadlineMs : 0;
  const rested = from === "liquidating" ? { waited: 0, misses: 0 } : {};
  putAccount(draft, key, { ...account, ...rested, stage: to, deadlineMs });
  const numbers = { equity, initialMargin: initial, maintenanceMargin: maintenance, deadlineMs };
  draft.events.push({ kind: "stage", account: key, from, to, ...numbers });
  if (to === "reduce-only" || to === "liquidating") cancelAll(draft, key);
}

function cancelAll(draft: Draft, key: PublicKey): void {
  const orders = accountOf(draft, key).orders.toSorted(
    (one, two) => one.market - two.market || one.sequence - two.sequence,
  );
  for (const order of orders) cancelByEngine(draft, order, "ladder");
}

/** Longest wait first, so that no one starves; then the worst ratio of equity to maintenance. */
function urgency(draft: Draft, one: Standing, two: Standing): number {
  const waited = accountOf(draft, two.key).waited - accountOf(draft, one.key).waited;
  if (waited !== 0) return waited;
  return compareHealth(one, two) || compareText(one.key, two.key);
}

/** Worst first. A breach without positions has no margin and comes before every ratio. */
function compareHealth(one: Standing, two: Standing): number {
  if (one.maintenance === 0n || two.maintenance === 0n) {
    return Number(two.maintenance === 0n) - Number(one.maintenance === 0n);
  }
  const left = one.equity * two.maintenance;
  const right = two.equity * one.maintenance;
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function wait(draft: Draft, key: PublicKey): void {
  const account = accountOf(draft, key);
  putAccount(draft, key, { ...account, waited: account.waited + 1 });
}

/** Nothing is left to lose, or the book has failed often enough in a deep breach. */
function isCloseOutDue(draft: Draft, key: PublicKey): boolean {
  const account = accountOf(draft, key);
  const equity = equityOf(account, draft.markets);
  if (equity < 0n) return true;
  if (account.misses < CLOSE_OUT_AFTER_MISSES) return false;
  return 2n * equity < maintenanceMargin(account, draft.markets);
}

/** One account's turn: what others did earlier in this block may have changed its numbers. */
function serve(draft: Draft, key: PublicKey): void {
  const account = accountOf(draft, key);
  if (account.waited > 0) putAccount(draft, key, { ...account, waited: 0 });
  const equity = equityOf(account, draft.markets);
  const maintenance = maintenanceMargin(account, draft.markets);
  if (equity >= maintenance) return;
  cancelAll(draft, key);
  if (isCloseOutDue(draft, key)) closeOut(draft, key);
  else liquidatePart(draft, key);
}
