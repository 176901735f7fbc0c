import { assert } from "../kernel/assert.ts";
import type { MicroUsd } from "../kernel/scalars.ts";
import { atOnce } from "../kernel/steps.ts";
import { fundingPoolsOf } from "../margin/engine.ts";
import { balanceOf } from "../margin/state.ts";
import type { LedgerState } from "./state.ts";

function sum(amounts: readonly MicroUsd[]): MicroUsd {
  return amounts.reduce((total, amount) => total + amount, 0n);
}

/**
 * Money outside the margin engine: treasuries, bonds wherever they are, what was slashed, and the
 * pot.
 */
export function bondMoney(state: LedgerState): MicroUsd {
  const { owners, seats, spares, jailed, unbonding, slashedPot, rewardPot } = state;
  return (
    sum([...owners.values()].map(({ treasury }) => treasury)) +
    sum([...seats.values(), ...spares.values(), ...jailed.values()].map(({ bond }) => bond)) +
    sum([...unbonding.values()].map(({ amount }) => amount)) +
    slashedPot +
    rewardPot
  );
}

/**
 * Value is conserved, to the unit, in every block: all money there is equals genesis plus deposits
 * less withdrawals. Deposits and withdrawals are booked on the margin side, where the engine
 * asserts each block's differences; here full sums are compared.
 */
export function assertMoney(state: LedgerState): void {
  const { genesis, deposited, withdrawn, genesisMoney, staked } = state;
  const balances = sum(genesis.margin.accounts.map(({ balance }) => balance));
  const marginBorn = balances + genesis.margin.insuranceFund;
  const bonds = bondMoney(state);
  assert(
    bonds + marginBorn === genesisMoney + staked,
    `bonds, pots and treasuries are ${bonds}, at genesis and staked ${genesisMoney + staked - marginBorn}`,
  );
  // Accounts that no block has changed are not looked at again.
  const { margin } = state;
  const held = atOnce(margin.accounts.sumSteps(balanceOf)) + margin.fund + fundingPoolsOf(margin);
  const there = bonds + held;
  const due = genesisMoney + deposited - withdrawn;
  assert(there === due, `there is ${there}, but genesis and deposits less withdrawals are ${due}`);
}
