import { defined } from "../kernel/assert.ts";
import type { LeafChange } from "../margin/types.ts";
import {
  encodeChain,
  encodeCondemned,
  encodeJailed,
  encodeKnownKey,
  encodeLiveness,
  encodeOwner,
  encodeReadiness,
  encodeSeat,
  encodeSet,
  encodeSpare,
  encodeSwap,
  encodeTombstone,
  encodeUnbonding,
  encodeVoid,
  leafKeys,
} from "./leaves.ts";
import { findNonces } from "./nonce-book.ts";
import { encodeNonces } from "./nonces.ts";
import type { LedgerState } from "./state.ts";

interface Kind<T> {
  readonly key: (key: string) => string;
  readonly encode: (value: T) => Uint8Array;
}

/** Entries that are another object than before; maps that are the same object cost nothing. */
function changesOf<T>(
  before: ReadonlyMap<string, T> | undefined,
  after: ReadonlyMap<string, T>,
  { key, encode }: Kind<T>,
): LeafChange[] {
  if (before === after) return [];
  const changes: LeafChange[] = [];
  for (const [name, value] of after) {
    if (before?.get(name) !== value) changes.push({ key: key(name), value: encode(value) });
  }
  for (const name of before?.keys() ?? []) {
    if (!after.has(name)) changes.push({ key: key(name), value: undefined });
  }
  return changes;
}

/** How the values of the ledger's leaves are written: a version of the protocol may differ. */
export const LEAF_LAYOUTS = {
  chain: encodeChain,
  liveness: encodeLiveness,
  set: encodeSet,
  seat: encodeSeat,
  spare: encodeSpare,
  jailed: encodeJailed,
  unbonding: encodeUnbonding,
  tombstone: encodeTombstone,
  condemned: encodeCondemned,
  owner: encodeOwner,
  readiness: encodeReadiness,
  known: encodeKnownKey,
  voids: encodeVoid,
} as const;

export type LeafLayouts = typeof LEAF_LAYOUTS;

/**
 * Leaves of the ledger (not of margin) that differ between two states; all of them where there is
 * no state before.
 */
export function ledgerChanges(
  before: LedgerState | undefined,
  after: LedgerState,
  touchedNonces: ReadonlySet<string>,
  layouts: LeafLayouts = LEAF_LAYOUTS,
): LeafChange[] {
  const of = <T>(
    name: Exclude<keyof LeafLayouts, "chain" | "liveness" | "set">,
    encode: (value: T) => Uint8Array,
    entries: (state: LedgerState) => ReadonlyMap<string, T>,
  ): LeafChange[] =>
    changesOf(before && entries(before), entries(after), { key: leafKeys[name], encode });
  const changes: LeafChange[] = [
    { key: leafKeys.chain, value: layouts.chain(after) },
    { key: leafKeys.liveness, value: layouts.liveness(after) },
    { key: leafKeys.ordering, value: after.ordering },
    ...of("seat", layouts.seat, ({ seats }) => seats),
    ...of("spare", layouts.spare, ({ spares }) => spares),
    ...of("jailed", layouts.jailed, ({ jailed }) => jailed),
    ...of("unbonding", layouts.unbonding, ({ unbonding }) => unbonding),
    ...of("tombstone", layouts.tombstone, ({ tombstones }) => tombstones),
    ...of("condemned", layouts.condemned, ({ condemned }) => condemned),
    ...of("owner", layouts.owner, ({ owners }) => owners),
    ...of("readiness", layouts.readiness, ({ readiness }) => readiness),
    ...of("voids", layouts.voids, ({ voids }) => voids),
    ...of("known", layouts.known, ({ knownKeys }) => knownKeys),
  ];
  if (before?.set !== after.set) {
    changes.push({ key: leafKeys.set, value: layouts.set(after.set) });
  }
  if (before !== undefined && before.swaps !== after.swaps) {
    const swap = defined(after.swaps.at(-1), "the swap of this block");
    changes.push({ key: leafKeys.swap(swap.epoch), value: encodeSwap(swap) });
  }
  for (const scope of touchedNonces) {
    const window = defined(findNonces(after.nonces, scope), `nonces of ${scope}`);
    changes.push({ key: leafKeys.nonce(scope), value: encodeNonces(window) });
  }
  return changes;
}
