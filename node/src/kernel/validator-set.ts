import { sha256Hex } from "../crypto/sha256.ts";
import { assert } from "./assert.ts";
import { compareText } from "./bytes.ts";
import { type Reader, Writer } from "./codec.ts";
import { minimum } from "./fixed-point.ts";
import type { Digest, Epoch, Power, PublicKey } from "./scalars.ts";
import { faultyPowerMax, honestPowerMin, quorumPower } from "./threshold.ts";

/** A seat as consensus sees it: who signs, with what weight, and where it listens. */
export interface Member {
  /** Ed25519 consensus key: signs consensus statements and nothing else. */
  readonly key: PublicKey;
  /** Ed25519 network key: pinned by peers for mutual TLS (rule TLS). */
  readonly networkKey: PublicKey;
  /** host:port of the peer listener. */
  readonly address: string;
  /** Owner's key (kept off the cluster). */
  readonly owner: PublicKey;
  readonly power: Power;
  /** Never elected leader; votes and counts as usual (rule SWAP). */
  readonly muted: boolean;
}

/**
 * The fixed set of one epoch; members sorted by key, so that an index names a member everywhere.
 */
export interface ValidatorSet {
  readonly epoch: Epoch;
  readonly members: readonly Member[];
}

export const MEMBERS_MAX = 128;

export function validatorSet(epoch: Epoch, members: readonly Member[]): ValidatorSet {
  assert(members.length > 0, "a validator set has members");
  assert(members.length <= MEMBERS_MAX, `${members.length} members, at most ${MEMBERS_MAX}`);
  const sorted = members.toSorted((left, right) => compareText(left.key, right.key));
  for (let index = 1; index < sorted.length; index += 1) {
    assert(sorted[index]?.key !== sorted[index - 1]?.key, "a key sits once");
  }
  assert(
    members.every((member) => member.power > 0n),
    "every seat has power",
  );
  return { epoch, members: sorted };
}

interface SetIndex {
  readonly places: ReadonlyMap<PublicKey, number>;
  readonly total: Power;
}

/** A set never changes: every message asks for members of it, so they are indexed once. */
const indexes = new WeakMap<ValidatorSet, SetIndex>();

function indexOf(set: ValidatorSet): SetIndex {
  const known = indexes.get(set);
  if (known !== undefined) return known;
  const places = new Map(set.members.map(({ key }, place) => [key, place]));
  const index = { places, total: set.members.reduce((sum, { power }) => sum + power, 0n) };
  indexes.set(set, index);
  return index;
}

export function memberIndex(set: ValidatorSet, key: PublicKey): number {
  return indexOf(set).places.get(key) ?? -1;
}

export function findMember(set: ValidatorSet, key: PublicKey): Member | undefined {
  return set.members[memberIndex(set, key)];
}

export function totalPower(set: ValidatorSet): Power {
  return indexOf(set).total;
}

/** Power of the distinct members among the keys; strangers weigh nothing. */
export function powerOf(set: ValidatorSet, keys: Iterable<PublicKey>): Power {
  let power = 0n;
  for (const key of new Set(keys)) power += findMember(set, key)?.power ?? 0n;
  return power;
}

export function hasQuorum(set: ValidatorSet, keys: Iterable<PublicKey>): boolean {
  return powerOf(set, keys) >= quorumPower(totalPower(set));
}

/** f+1 in power: at least one of the keys is honest. */
export function hasHonest(set: ValidatorSet, keys: Iterable<PublicKey>): boolean {
  return powerOf(set, keys) >= honestPowerMin(totalPower(set));
}

export function faultyPower(set: ValidatorSet): Power {
  return faultyPowerMax(totalPower(set));
}

/**
 * EPOCH: two sets share more than 2/3 of the power of either, so that no hand-over, and no step of
 * a light client over hand-overs, can replace the honest majority at once.
 */
export function overlaps(before: ValidatorSet, after: ValidatorSet): boolean {
  const shared = before.members.reduce((sum, { key, power }) => {
    const successor = findMember(after, key);
    return successor === undefined ? sum : sum + minimum(power, successor.power);
  }, 0n);
  return 3n * shared > 2n * totalPower(before) && 3n * shared > 2n * totalPower(after);
}

/** Weak subjectivity: the set of an epoch that somebody verified out of band. */
export interface Checkpoint {
  readonly epoch: Epoch;
  readonly setHash: Digest;
}

/** True for the set of the checkpoint's epoch, if it is another one. */
export function contradicts(set: ValidatorSet, checkpoint: Checkpoint | undefined): boolean {
  return set.epoch === checkpoint?.epoch && validatorSetHash(set) !== checkpoint.setHash;
}

export function writeValidatorSet(writer: Writer, set: ValidatorSet): void {
  writer.u64(set.epoch).list(set.members, (out, member) => {
    out.hex32(member.key).hex32(member.networkKey).text(member.address).hex32(member.owner);
    out.i128(member.power).bool(member.muted);
  });
}

export function readValidatorSet(reader: Reader, field: string): ValidatorSet {
  const epoch = reader.u64(`${field}.epoch`);
  const members = reader.list(`${field}.members`, MEMBERS_MAX, (input, name) => ({
    key: input.hex32(`${name}.key`),
    networkKey: input.hex32(`${name}.networkKey`),
    address: input.text(`${name}.address`, 255),
    owner: input.hex32(`${name}.owner`),
    power: input.i128(`${name}.power`),
    muted: input.bool(`${name}.muted`),
  }));
  return { epoch, members };
}

/**
 * Identity of a set: what transactions name to compare and swap, and what an epoch proof certifies.
 */
export function validatorSetHash(set: ValidatorSet): Digest {
  const writer = new Writer().text("quorate/v1/validator-set");
  writeValidatorSet(writer, set);
  return sha256Hex(writer.finish());
}
