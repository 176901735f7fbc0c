import type { MicroUsd, Millis, PublicKey } from "@quorate/node/kernel/scalars";
import {
  decodeChain,
  decodeJailed,
  decodeOwner,
  decodeSeat,
  decodeSpare,
  decodeUnbonding,
  leafKeys,
} from "@quorate/node/ledger/leaves";
import type { Owner } from "@quorate/node/ledger/state";
import { type CertifiedLeaf, readLeaf, type StateReader } from "./leaf.ts";

/** An owner's treasury, where bonds come from and rewards go to; undefined: no such owner. */
export async function readOwner(
  reader: StateReader,
  key: PublicKey,
): Promise<CertifiedLeaf<Owner>> {
  return readLeaf(reader, leafKeys.owner(key), decodeOwner);
}

export interface Pots {
  /** What rewards are paid of. */
  readonly rewardPot: MicroUsd;
  /** Ledger clock at which the running period began. */
  readonly rewardsFromMs: Millis;
  readonly slashedPot: MicroUsd;
}

export async function readPots(reader: StateReader): Promise<CertifiedLeaf<Pots>> {
  return readLeaf(reader, leafKeys.chain, (bytes) => {
    const { rewardPot, rewardsFromMs, slashedPot } = decodeChain(bytes);
    return { rewardPot, rewardsFromMs, slashedPot };
  });
}

/** Where the bond of a consensus key is, and how much is left of it. */
export interface BondState {
  readonly place: "seat" | "spare" | "jailed" | "unbonding";
  readonly owner: PublicKey;
  readonly amount: MicroUsd;
  /** Ledger clock: end of the jail term, or when the bond returns; 0 in a seat or as a spare. */
  readonly untilMs: Millis;
}

/**
 * Looks in each place, each proven. A key that moves between the reads may be found nowhere: then
 * ask again.
 */
export async function readBond(
  reader: StateReader,
  key: PublicKey,
): Promise<CertifiedLeaf<BondState>> {
  const [seat, spare, jailed, unbonding] = await Promise.all([
    readLeaf(reader, leafKeys.seat(key), (bytes): BondState => {
      const { owner, bond } = decodeSeat(bytes);
      return { place: "seat", owner, amount: bond, untilMs: 0 };
    }),
    readLeaf(reader, leafKeys.spare(key), (bytes): BondState => {
      const { owner, bond } = decodeSpare(bytes);
      return { place: "spare", owner, amount: bond, untilMs: 0 };
    }),
    readLeaf(reader, leafKeys.jailed(key), (bytes): BondState => {
      const { owner, bond, untilMs } = decodeJailed(bytes);
      return { place: "jailed", owner, amount: bond, untilMs };
    }),
    readLeaf(reader, leafKeys.unbonding(key), (bytes): BondState => {
      const { owner, amount, releaseMs } = decodeUnbonding(bytes);
      return { place: "unbonding", owner, amount, untilMs: releaseMs };
    }),
  ]);
  return [seat, spare, jailed].find(({ value }) => value !== undefined) ?? unbonding;
}
