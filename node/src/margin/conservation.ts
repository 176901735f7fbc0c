import { assert } from "../kernel/assert.ts";
import { type Draft, fundingPool } from "./draft.ts";
import type { Account } from "./state.ts";

/**
 * Value is conserved in every block: balances, fund and the pools of funding change by deposits
 * less withdrawals, every market's lots sum to 0 and its longs to its open interest, its pool holds
 * what its positions have a claim on, debts are the sum of the accounts' debts. Only what was
 * touched can have changed, so only the differences are summed.
 */
export function assertConserved(draft: Draft): void {
  const { before, accounts, touched } = draft;
  let balances = 0n;
  let debts = 0n;
  const lots = draft.markets.map(() => 0n);
  const longs = draft.markets.map(() => 0n);
  const claims = draft.markets.map(() => 0n);
  const addLots = (account: Account | undefined, sign: bigint): void => {
    for (const { market, size, fundingIndex } of account?.positions ?? []) {
      claims[market] = (claims[market] ?? 0n) + sign * size * fundingIndex;
      lots[market] = (lots[market] ?? 0n) + sign * size;
      if (size > 0n) longs[market] = (longs[market] ?? 0n) + sign * size;
    }
  };
  for (const key of touched) {
    const old = before.accounts.get(key);
    const account = accounts.get(key);
    balances += (account?.balance ?? 0n) - (old?.balance ?? 0n);
    debts += (account?.debt ?? 0n) - (old?.debt ?? 0n);
    addLots(account, 1n);
    addLots(old, -1n);
  }
  const funds = draft.fund - before.fund;
  let pools = 0n;
  draft.markets.forEach(({ fundingClaims }, market) => {
    const old = before.markets[market]?.fundingClaims ?? 0n;
    const change = fundingClaims - old;
    assert(change === claims[market], `claims of market ${market} changed by ${change}`);
    pools += fundingPool(fundingClaims) - fundingPool(old);
  });
  const moved = `balances changed by ${balances}, the fund by ${funds}, pools by ${pools}`;
  assert(balances + funds + pools === draft.inflow, `${moved}, but ${draft.inflow} came in`);
  assert(debts === draft.totalDebt - before.totalDebt, `debts changed by ${debts}`);
  assert(draft.fund >= 0n, `insurance fund ${draft.fund}`);
  lots.forEach((change, market) => {
    assert(change === 0n, `lots of market ${market} changed by ${change}`);
  });
  draft.markets.forEach(({ openInterest }, market) => {
    const grown = openInterest - (before.markets[market]?.openInterest ?? 0n);
    assert(grown === longs[market], `open interest of market ${market} changed by ${grown}`);
  });
}
