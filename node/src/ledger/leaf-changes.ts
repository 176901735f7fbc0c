import { defined } from "../kernel/assert.ts";
import type { LeafChange } from "../margin/types.ts";
import {
  encodeChain,
  encodeCondemned,
  encodeJailed,
  encodeKnownKey,
  encodeLiveness,
  encodeOwner,
  encodeSeat,
  encodeSet,
  encodeSpare,
  encodeSwap,
  encodeTombstone,
  encodeUnbonding,
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

/** Leaves of the ledger (not of margin) that differ between two states. */
export function ledgerChanges(
  before: LedgerState | undefined,
  after: LedgerState,
  touchedNonces: ReadonlySet<string>,
): LeafChange[] {
  const { seat, spare, jailed, unbonding, tombstone, condemned, owner, known } = leafKeys;
  const changes: LeafChange[] = [
    { key: leafKeys.chain, value: encodeChain(after) },
    { key: leafKeys.liveness, value: encodeLiveness(after) },
    ...changesOf(before?.seats, after.seats, { key: seat, encode: encodeSeat }),
    ...changesOf(before?.spares, after.spares, { key: spare, encode: encodeSpare }),
    ...changesOf(before?.jailed, after.jailed, { key: jailed, encode: encodeJailed }),
    ...changesOf(before?.unbonding, after.unbonding, { key: unbonding, encode: encodeUnbonding }),
    ...changesOf(before?.tombstones, after.tombstones, { key: tombstone, encode: encodeTombstone }),
    ...changesOf(before?.condemned, after.condemned, { key: condemned, encode: encodeCondemned }),
    ...changesOf(before?.owners, after.owners, { key: owner, encode: encodeOwner }),
    ...changesOf(before?.knownKeys, after.knownKeys, { key: known, encode: encodeKnownKey }),
  ];
  if (before?.set !== after.set) {
    changes.push({ key: leafKeys.set, value: encodeSet(after.set) });
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
