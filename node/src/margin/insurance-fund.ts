import { assert } from "../kernel/assert.ts";
import { minimum } from "../kernel/fixed-point.ts";
import type { PublicKey } from "../kernel/scalars.ts";
import { accountOf, type Draft, putAccount } from "./draft.ts";
import { equityOf } from "./margin-requirement.ts";
import { type Part, share, type Weighted } from "./share.ts";

/**
 * Pays what a flat account owes: first the fund, then a pro-rata cut of all positive equity, booked
 * as a debt (rule LADDER). Deficit = fund + cut, to the unit.
 */
export function payDeficit(draft: Draft, key: PublicKey): void {
  const account = accountOf(draft, key);
  assert(account.positions.length === 0, `${key} has a deficit only once it is flat`);
  const deficit = -account.balance;
  if (deficit <= 0n) return;
  const paidByFund = minimum(draft.fund, deficit);
  const paidByCut = deficit - paidByFund;
  draft.fund -= paidByFund;
  const cuts = paidByCut === 0n ? [] : share(paidByCut, claims(draft));
  for (const cut of cuts) {
    const creditor = accountOf(draft, cut.account);
    const balance = creditor.balance - cut.amount;
    putAccount(draft, cut.account, { ...creditor, balance, debt: creditor.debt + cut.amount });
  }
  draft.totalDebt += paidByCut;
  putAccount(draft, key, { ...account, balance: 0n });
  draft.events.push({ kind: "deficit", account: key, deficit, paidByFund, paidByCut, cuts });
}

/** Positive equities. The account in deficit is flat and below 0, so it is not among them. */
function claims(draft: Draft): Weighted[] {
  const weights: Weighted[] = [];
  for (const [account, record] of draft.accounts) {
    const weight = equityOf(record, draft.markets);
    if (weight > 0n) weights.push({ account, weight });
  }
  return weights;
}

/**
 * While the universe owes something, the fund does not grow: what came in goes to the creditors.
 */
export function repayDebts(draft: Draft): void {
  const growth = draft.fund - draft.before.fund;
  const repaid = minimum(growth, draft.totalDebt);
  if (repaid <= 0n) return;
  for (const part of share(repaid, debts(draft))) repay(draft, part);
  draft.fund -= repaid;
  draft.totalDebt -= repaid;
}

function debts(draft: Draft): Weighted[] {
  const weights: Weighted[] = [];
  for (const [account, { debt }] of draft.accounts) {
    if (debt > 0n) weights.push({ account, weight: debt });
  }
  return weights;
}

function repay(draft: Draft, { account: key, amount }: Part): void {
  const account = accountOf(draft, key);
  const balance = account.balance + amount;
  putAccount(draft, key, { ...account, balance, debt: account.debt - amount });
  draft.events.push({ kind: "debt-repaid", account: key, amount });
}
