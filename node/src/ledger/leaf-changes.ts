import type { LeafChange } from "../margin/types.ts";
import { LEAF_KINDS } from "./leaf-kinds.ts";
import { LEAF_LAYOUTS, type LeafLayouts } from "./leaf-layouts.ts";
import type { NonceWindow } from "./nonces.ts";
import type { LedgerState } from "./state.ts";

/**
 * Leaves of the ledger (not of margin) that differ between two states; all of them where there is
 * no state before, but for swaps and nonces, which stand in the tree alone.
 */
export function ledgerChanges(
  before: LedgerState | undefined,
  after: LedgerState,
  touchedNonces: ReadonlyMap<string, NonceWindow>,
  layouts: LeafLayouts = LEAF_LAYOUTS,
): LeafChange[] {
  const step = { before, after, touchedNonces, layouts };
  return LEAF_KINDS.flatMap((kind) => kind.changes(step));
}
