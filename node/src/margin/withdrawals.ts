import { maximum, minimum } from "../kernel/fixed-point.ts";
import type { MicroUsd, Millis, PublicKey } from "../kernel/scalars.ts";
import { openLocks, releasedBalance } from "./account.ts";
import { checkOutflow, noteOutflow } from "./caps.ts";
import { accountOf, type Draft, putAccount, settleFunding } from "./draft.ts";
import { equityOf, type PricedMarket, requirementWithOrders } from "./margin-requirement.ts";
import { hasUnfreshMarket } from "./orders.ts";
import { done, type RefusedOutcome, refused, unknownAccount } from "./outcome.ts";
import type { Account } from "./state.ts";
import type { ActionOutcome } from "./types.ts";

/** What may leave: neither what margin needs, nor unrealised gains, nor gains still locked. */
export function freeCollateral(
  account: Account,
  markets: readonly PricedMarket[],
  clockMs: Millis,
): MicroUsd {
  const spare = equityOf(account, markets) - requirementWithOrders(account, markets);
  return maximum(0n, minimum(releasedBalance(account, clockMs), spare));
}

/** Rule ORDER: one account under water shuts the withdrawals of the whole universe. */
export function hasNegativeEquity(draft: Draft): boolean {
  for (const [, account] of draft.accounts.doubtful(draft.markets)) {
    if (equityOf(account, draft.markets) < 0n) return true;
  }
  return false;
}

export interface WithdrawalRequest {
  readonly account: PublicKey;
  readonly amount: MicroUsd;
  /** Whose treasury gets it; undefined: it leaves the chain. */
  readonly owner: PublicKey | undefined;
  /** Asked once per block, and only when somebody withdraws. */
  readonly isShut: () => boolean;
}

export function withdraw(draft: Draft, request: WithdrawalRequest): ActionOutcome {
  const { account: key, amount, owner, isShut } = request;
  const account = draft.accounts.get(key);
  if (account === undefined) return unknownAccount();
  if (amount < 1n) {
    return refused("AMOUNT_OUT_OF_RANGE", "amount", "withdraw at least 1 micro-USD");
  }
  if (isShut()) {
    const fix = "wait until no account has negative equity";
    return refused("WITHDRAWALS_SHUT", "amount", fix);
  }
  if (hasUnfreshMarket(draft, account)) {
    return refused("PRICE_NOT_FRESH", "amount", "wait for fresh prices, or close and cancel all");
  }
  const free = freeCollateral(account, draft.markets, draft.clockMs);
  if (amount > free) {
    return refused("INSUFFICIENT_COLLATERAL", "amount", `withdraw at most ${free} micro-USD`);
  }
  const refusal = owner === undefined ? letOut(draft, key, amount) : undefined;
  if (refusal !== undefined) return refusal;
  // What funding brought is locked from here on, as a gain (rule ORDER); what it cost was counted.
  for (const { market } of account.positions) settleFunding(draft, key, market);
  const paying = accountOf(draft, key);
  const locks = openLocks(paying.locks, draft.clockMs);
  putAccount(draft, key, { ...paying, balance: paying.balance - amount, locks });
  draft.inflow -= amount;
  if (owner === undefined) draft.events.push({ kind: "withdrawal", account: key, amount });
  else draft.events.push({ kind: "staked", account: key, owner, amount });
  return done(0n, 0n);
}

/** Rule CAPS: counts what leaves the chain, or refuses it with the numbers. */
function letOut(draft: Draft, key: PublicKey, amount: MicroUsd): RefusedOutcome {
  const account = accountOf(draft, key);
  const { caps, clockMs } = draft;
  const leaving = { account, amount, clockMs, parameters: draft.before.parameters };
  const bound = checkOutflow(caps, leaving);
  if (bound !== undefined) {
    const { cap, epoch, remainder } = bound;
    const fix = `outflow is capped at ${cap} micro-USD: withdraw at most ${remainder} in epoch ${epoch}`;
    return { ...refused("OUTFLOW_CAP_REACHED", "amount", fix), bound };
  }
  const noted = noteOutflow(caps, leaving);
  draft.caps = noted.caps;
  putAccount(draft, key, noted.account);
  return undefined;
}
