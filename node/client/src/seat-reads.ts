import type { PublicKey } from "@quorate/node/kernel/scalars";
import type { ValidatorSet } from "@quorate/node/kernel/validator-set";
import {
  decodeSeat,
  decodeSet,
  decodeSpare,
  decodeSwap,
  leafKeys,
} from "@quorate/node/ledger/leaves";
import { decodeLiveness } from "@quorate/node/ledger/liveness-leaf";
import type { Liveness, Seat, Spare } from "@quorate/node/ledger/state";
import type { SwapRecord } from "@quorate/node/ledger/types";
import { type CertifiedLeaf, readLeaf, type StateReader } from "./leaf.ts";

/** The set that the block after `height` belongs to. */
export async function readSet(reader: StateReader): Promise<CertifiedLeaf<ValidatorSet>> {
  return readLeaf(reader, leafKeys.set, decodeSet);
}

export interface SeatState {
  readonly seat: Seat;
  /** The chain's count of the member's signs of life; undefined while the seat is being left. */
  readonly liveness: Liveness | undefined;
}

/** Every seat of the set, in the set's order. */
export async function readSeats(reader: StateReader): Promise<CertifiedLeaf<readonly SeatState[]>> {
  const [set, liveness] = await Promise.all([
    readSet(reader),
    readLeaf(reader, leafKeys.liveness, decodeLiveness),
  ]);
  const members = set.value?.members ?? [];
  const seats = await Promise.all(
    members.map(({ key }) => readLeaf(reader, leafKeys.seat(key), decodeSeat)),
  );
  // A swap between the reads takes a seat away: it is left out, as the next read would.
  const value = seats.flatMap(({ value: seat }) =>
    seat === undefined ? [] : [{ seat, liveness: liveness.value?.liveness.get(seat.key) }],
  );
  return { ...set, value };
}

/**
 * Of the keys named, those that the chain has as spares, each proven. Nothing proves that there are
 * no others: which keys to ask for is what nodes say.
 */
export async function readSpares(
  reader: StateReader,
  keys: readonly PublicKey[],
): Promise<readonly CertifiedLeaf<Spare>[]> {
  const leaves = await Promise.all(
    [...new Set(keys)].map((key) => readLeaf(reader, leafKeys.spare(key), decodeSpare)),
  );
  return leaves
    .filter(({ value }) => value !== undefined)
    .toSorted((left, right) => (left.value?.order ?? 0) - (right.value?.order ?? 0));
}

/** Every change of the set since genesis, oldest first: one for each epoch, so none is missing. */
export async function readSwaps(
  reader: StateReader,
): Promise<readonly CertifiedLeaf<SwapRecord>[]> {
  const { value: set } = await readSet(reader);
  const epochs = Array.from({ length: Math.max(0, (set?.epoch ?? 1) - 1) }, (_, at) => at + 2);
  return Promise.all(epochs.map((epoch) => readLeaf(reader, leafKeys.swap(epoch), decodeSwap)));
}
