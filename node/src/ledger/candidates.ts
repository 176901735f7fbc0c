import { defined } from "../kernel/assert.ts";
import type { MicroUsd, PublicKey } from "../kernel/scalars.ts";
import type { LedgerState, Spare } from "./state.ts";
import { startUnbonding } from "./unbonding.ts";
import { change, type Verdict, type Work, withoutEntry } from "./work.ts";

/**
 * Whether the genesis names this owner. Others, strangers, come only where it says
 * `candidates: open`, pay fees, share `candidatesMax` places and are trusted with nothing.
 */
export function isGenesisOwner({ genesis }: Pick<LedgerState, "genesis">, key: PublicKey): boolean {
  return genesis.owners.some((owner) => owner.key === key);
}

/** Strangers' spares, the one to be displaced first: lowest bond, of equal ones the newest. */
function openCandidates(state: LedgerState): readonly Spare[] {
  const own = [...state.spares.values()].filter(({ owner }) => !isGenesisOwner(state, owner));
  return own.toSorted((left, right) => {
    if (left.bond !== right.bond) return left.bond < right.bond ? -1 : 1;
    return right.order - left.order;
  });
}

/** Whether a stranger's spare with this bond finds a place: a free one, or one of a lower bond. */
export function checkOpenRoom(state: LedgerState, bond: MicroUsd): Verdict {
  const { candidatesMax } = state.genesis.parameters.rotation;
  const present = openCandidates(state);
  const lowest = present[0];
  if (present.length < candidatesMax || (lowest !== undefined && lowest.bond < bond)) {
    return undefined;
  }
  const fix = `all ${candidatesMax} places are taken: bond more than ${lowest?.bond ?? 0n}`;
  return { code: "CANDIDATES_FULL", field: "registration.bond", fix };
}

/** At the cap the lowest bond goes: it begins to unbond. `checkOpenRoom` has agreed. */
export function makeOpenRoom(work: Work): void {
  const { spares, genesis } = work.state;
  const present = openCandidates(work.state);
  if (present.length < genesis.parameters.rotation.candidatesMax) return;
  const lowest = defined(present[0], "the lowest bond of a full list");
  change(work, { spares: withoutEntry(spares, lowest.key) });
  startUnbonding(work, { ...lowest, power: 0n });
}
