import { compareText } from "../kernel/bytes.ts";
import { Reader, Writer } from "../kernel/codec.ts";
import type { Digest, Epoch, PublicKey, Round } from "../kernel/scalars.ts";
import { findMember, MEMBERS_MAX, type ValidatorSet } from "../kernel/validator-set.ts";
import { type ChainView, extendView, type LanePosition } from "./chain-view.ts";
import {
  type Election,
  type Electorate,
  electAfter,
  leaderOrder,
  type Standing,
} from "./leader-election.ts";
import type { Block } from "./types.ts";

/**
 * What consensus derives from the committed chain up to one block, and nobody can know who did not
 * read that chain. It is a leaf of the certified state (node/spec/encoding-consensus.md, Ordering),
 * so that a newcomer that starts from a snapshot judges and leads exactly as everybody else.
 */
export interface Ordering {
  readonly epoch: Epoch;
  /** Round of the block; 0 before the epoch's first one. */
  readonly round: Round;
  /** Heartbeats of members and registered spares only: of strangers each node forgets its own. */
  readonly view: ChainView;
  /** As far back as the leader of any later round depends on. */
  readonly elections: readonly Election[];
}

/** The ordering after the last executed block, with the set that orders the next one. */
export interface OrderedChain {
  readonly ordering: Ordering;
  readonly electorate: Electorate;
}

/** Lanes outlive epochs; everything else begins again. */
export function startOrdering(
  chainId: Digest,
  set: ValidatorSet,
  lanes: ReadonlyMap<PublicKey, LanePosition>,
): OrderedChain {
  return {
    ordering: {
      epoch: set.epoch,
      round: 0,
      view: { lanes, late: new Map(), heartbeats: new Map() },
      elections: [{ round: 0, failed: new Map() }],
    },
    electorate: { set, order: leaderOrder(chainId, set) },
  };
}

/** The ordering after one more executed block of the same epoch. */
export function orderBlock(
  { ordering, electorate }: OrderedChain,
  block: Block,
  spares: readonly PublicKey[],
): OrderedChain {
  const { set } = electorate;
  const view = extendView(ordering.view, block);
  const heartbeats = Array.from(view.heartbeats).filter(([key]) => {
    return findMember(set, key) !== undefined || spares.includes(key);
  });
  const elections = electAfter(electorate, ordering.elections, block);
  return {
    ordering: {
      epoch: block.epoch,
      round: block.round,
      view: { ...view, heartbeats: new Map(heartbeats) },
      elections: relevant(elections, block.round, set.members.length),
    },
    electorate,
  };
}

/** Leaders of later rounds r read the newest election of a round up to r - (n-1). */
function relevant(
  elections: readonly Election[],
  round: Round,
  members: number,
): readonly Election[] {
  const horizon = round + 1 - (members - 1);
  return elections.slice(
    Math.max(
      elections.findLastIndex((each) => each.round <= horizon),
      0,
    ),
  );
}

/** Keys ever seated, and keys with a heartbeat: bounds of the decoder alone. */
const KEYS_MAX = 65_536;
const ELECTIONS_MAX = 1_024;

function byKey<V>(map: ReadonlyMap<PublicKey, V>): readonly (readonly [PublicKey, V])[] {
  return Array.from(map).toSorted(([left], [right]) => compareText(left, right));
}

function writeNumber(writer: Writer, [key, value]: readonly [PublicKey, number]): void {
  writer.hex32(key).u64(value);
}

function readNumber(reader: Reader, name: string): readonly [PublicKey, number] {
  return [reader.hex32(`${name}.key`), reader.u64(`${name}.value`)];
}

function writeStanding(writer: Writer, [key, standing]: readonly [PublicKey, Standing]): void {
  const { failedAt, strikes, voted, led } = standing;
  writer.hex32(key).u64(failedAt).u8(strikes).bool(voted).bool(led);
}

function readStanding(reader: Reader, name: string): readonly [PublicKey, Standing] {
  const key = reader.hex32(`${name}.key`);
  const failedAt = reader.u64(`${name}.failedAt`);
  const strikes = reader.u8(`${name}.strikes`);
  const voted = reader.bool(`${name}.voted`);
  return [key, { failedAt, strikes, voted, led: reader.bool(`${name}.led`) }];
}

export function encodeOrdering({ epoch, round, view, elections }: Ordering): Uint8Array {
  const writer = new Writer().u64(epoch).u64(round);
  writer.list(byKey(view.lanes), (out, [author, { sequence, digest }]) => {
    out.hex32(author).u64(sequence).hex32(digest);
  });
  writer.list(byKey(view.late), writeNumber).list(byKey(view.heartbeats), writeNumber);
  writer.list(elections, (out, election) => {
    // In their order: who failed longest ago is passed over first.
    out.u64(election.round).list(Array.from(election.failed), writeStanding);
  });
  return writer.finish();
}

/** @throws DecodeError where the bytes are not what `encodeOrdering` writes. */
export function decodeOrdering(bytes: Uint8Array): Ordering {
  const reader = new Reader(bytes);
  const epoch = reader.u64("epoch");
  const round = reader.u64("round");
  const lanes = reader.list("lanes", KEYS_MAX, (input, name) => {
    const author = input.hex32(`${name}.author`);
    const sequence = input.u64(`${name}.sequence`);
    return [author, { sequence, digest: input.hex32(`${name}.digest`) }] as const;
  });
  const late = reader.list("late", KEYS_MAX, readNumber);
  const heartbeats = reader.list("heartbeats", KEYS_MAX, readNumber);
  const elections = reader.list("elections", ELECTIONS_MAX, (input, name) => ({
    round: input.u64(`${name}.round`),
    failed: new Map(input.list(`${name}.failed`, MEMBERS_MAX, readStanding)),
  }));
  reader.end();
  const view = { lanes: new Map(lanes), late: new Map(late), heartbeats: new Map(heartbeats) };
  return { epoch, round, view, elections };
}
