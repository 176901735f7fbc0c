import { defined } from "../kernel/assert.ts";
import type { Seat } from "./state.ts";
import { change, type Work, withEntry } from "./work.ts";

type UnbondingStake = Pick<Seat, "owner" | "key" | "bond" | "sponsored" | "power">;

/** The bond stays slashable until `unbondingMs` are over, then returns to the owner's treasury. */
export function startUnbonding(
  work: Work,
  { owner, key, bond, sponsored, power }: UnbondingStake,
): void {
  const { state } = work;
  const releaseMs = state.clockMs + state.genesis.parameters.rotation.unbondingMs;
  const entry = { owner, key, amount: bond, sponsored, releaseMs, power };
  change(work, { unbonding: withEntry(state.unbonding, key, entry) });
}

/** Bonds whose unbonding is over return to their owners' treasuries. */
export function releaseBonds(work: Work): void {
  const due = [...work.state.unbonding.values()].filter(
    ({ releaseMs }) => releaseMs <= work.state.clockMs,
  );
  if (due.length === 0) return;
  const owners = new Map(work.state.owners);
  const unbonding = new Map(work.state.unbonding);
  for (const { key, owner: name, amount, sponsored } of due) {
    const owner = defined(owners.get(name), `owner ${name} of a bond`);
    const left = owner.sponsored - sponsored;
    owners.set(name, { ...owner, treasury: owner.treasury + amount, sponsored: left });
    unbonding.delete(key);
  }
  change(work, { owners, unbonding });
}
