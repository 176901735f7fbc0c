import { DecodeError } from "../kernel/codec.ts";
import type { Epoch } from "../kernel/scalars.ts";
import { PUT_PREFIX } from "./key-value.ts";
import { type LeafKind, mapKind, readKey, readNumber } from "./leaf-kind.ts";
import { decodeMark, decodeSwap, encodeMark, encodeSwap, leafKeys } from "./leaves.ts";
import { checkNonces, encodeNonces } from "./nonces.ts";
import type { EpochEnd, LedgerState } from "./state.ts";

const byKey = { readName: readKey, ownKey: ({ key }: { readonly key: string }): string => key };

const chain: LeafKind = {
  prefix: leafKeys.chain,
  isSingle: true,
  fields: [
    "chainId",
    "protocol",
    "height",
    "timestampMs",
    "clockMs",
    "slashedPot",
    "deposited",
    "withdrawn",
    "genesisMoney",
    "depositWindow",
    "registrations",
    "lastSilenceSwapMs",
    "lastMisconductMs",
    "rewardPot",
    "rewardsFromMs",
    "staked",
  ],
  changes: ({ after, layouts }) => [{ key: leafKeys.chain, value: layouts.chain.encode(after) }],
  load: (into, { value, layouts }) => {
    into.chain = layouts.chain.decode(value);
  },
};

const set: LeafKind = {
  prefix: leafKeys.set,
  isSingle: true,
  fields: ["set"],
  changes: ({ before, after, layouts }) =>
    before?.set === after.set ? [] : [{ key: leafKeys.set, value: layouts.set.encode(after.set) }],
  load: (into, { value, layouts }) => {
    into.set = layouts.set.decode(value);
  },
};

const liveness: LeafKind = {
  prefix: leafKeys.liveness,
  isSingle: true,
  fields: ["liveness", "proposedAt"],
  changes: ({ after, layouts }) => [
    { key: leafKeys.liveness, value: layouts.liveness.encode(after) },
  ],
  load: (into, { value, layouts }) => {
    into.lists = layouts.liveness.decode(value);
  },
};

const leavers: LeafKind = {
  prefix: leafKeys.leavers,
  isSingle: true,
  fields: ["leavers"],
  changes: ({ before, after, layouts }) => {
    if (before?.leavers === after.leavers) return [];
    return [{ key: leafKeys.leavers, value: layouts.leavers.encode(after.leavers) }];
  },
  load: (into, { value, layouts }) => {
    into.leavers = layouts.leavers.decode(value);
  },
};

/** Opaque to the ledger: consensus writes and reads it (consensus/ordering.ts). */
const ordering: LeafKind = {
  prefix: leafKeys.ordering,
  isSingle: true,
  fields: ["ordering"],
  changes: ({ after }) => [{ key: leafKeys.ordering, value: after.ordering }],
  load: (into, { value }) => {
    into.ordering = value;
  },
};

/** The mark of a block has that block's root, so its leaf comes with the next block. */
const marks: LeafKind = {
  prefix: "mark",
  isSingle: false,
  fields: ["marks"],
  changes: ({ before, after }) => {
    const oldest = after.marks[0]?.height ?? 0;
    const added = after.marks.filter(({ height }) => height >= (before?.height ?? 0));
    const gone = (before?.marks ?? []).filter(({ height }) => height < oldest);
    return [
      ...added.map((mark) => ({ key: leafKeys.mark(mark.height), value: encodeMark(mark) })),
      ...gone.map(({ height }) => ({ key: leafKeys.mark(height), value: undefined })),
    ];
  },
  load: (into, { name, value }) => {
    into.marks.push({ ...decodeMark(value), height: readNumber(name) });
  },
};

/** All swaps stay in the tree; the state itself holds the newest of them. */
const swaps: LeafKind = {
  prefix: "swap",
  isSingle: false,
  fields: ["swaps"],
  changes: ({ before, after }) => {
    if (before === undefined || before.swaps === after.swaps) return [];
    return after.swaps
      .filter(({ epoch }) => epoch > before.set.epoch)
      .map((swap) => ({ key: leafKeys.swap(swap.epoch), value: encodeSwap(swap) }));
  },
  load: (into, { name, value }) => {
    const swap = decodeSwap(value);
    if (swap.epoch !== readNumber(name)) {
      throw new DecodeError("epoch", `the leaf of epoch ${name} names ${swap.epoch}`);
    }
    into.swaps.push(swap);
  },
};

const SCOPE = /^(deposit|terms\/(0|[1-9]\d{0,4})|(bundle|faucet|owner|session)\/[0-9a-f]{64})$/;

/** In no field: the ledger reads windows from the tree. */
const nonces: LeafKind = {
  prefix: "nonce",
  isSingle: false,
  fields: ["tree"],
  changes: ({ touchedNonces }) =>
    Array.from(touchedNonces, ([scope, window]) => ({
      key: leafKeys.nonce(scope),
      value: encodeNonces(window),
    })),
  load: () => undefined,
  check: (name, value) => {
    if (!SCOPE.test(name)) throw new DecodeError("key", `"${name}" is not a scope of nonces`);
    checkNonces(value);
  },
};

/** After genesis the block says which accounts' sessions changed (sessions.ts). */
const sessions: LeafKind = {
  prefix: "session",
  isSingle: false,
  fields: ["sessions"],
  changes: ({ before, after, layouts }) => {
    if (before !== undefined) return [];
    return Array.from(after.sessions, ([account, open]) => {
      return { key: leafKeys.sessions(account), value: layouts.sessions.encode(open) };
    });
  },
  load: (into, { name, value, layouts }) => {
    into.sessions.set(readKey(name), layouts.sessions.decode(value));
  },
};

/** What was put where a genesis has keyValue: in the tree alone. */
const puts: LeafKind = {
  prefix: PUT_PREFIX,
  isSingle: false,
  fields: ["tree"],
  changes: () => [],
  load: () => undefined,
  check: (name) => {
    if (/^([0-9a-f]{2}){1,64}$/.test(name)) return;
    throw new DecodeError("key", "a put has a key of 1 to 64 bytes in lower-case hex");
  },
};

export const LEAF_KINDS: readonly LeafKind[] = [
  chain,
  set,
  liveness,
  leavers,
  ordering,
  marks,
  swaps,
  nonces,
  puts,
  sessions,
  mapKind({
    prefix: "seat",
    field: "seats",
    key: leafKeys.seat,
    layout: ({ seat }) => seat,
    entries: ({ seats }) => seats,
    fill: ({ seats }) => seats,
    ...byKey,
  }),
  mapKind({
    prefix: "spare",
    field: "spares",
    key: leafKeys.spare,
    layout: ({ spare }) => spare,
    entries: ({ spares }) => spares,
    fill: ({ spares }) => spares,
    ...byKey,
  }),
  mapKind({
    prefix: "jailed",
    field: "jailed",
    key: leafKeys.jailed,
    layout: ({ jailed }) => jailed,
    entries: ({ jailed }) => jailed,
    fill: ({ jailed }) => jailed,
    ...byKey,
  }),
  mapKind({
    prefix: "unbonding",
    field: "unbonding",
    key: leafKeys.unbonding,
    layout: ({ unbonding }) => unbonding,
    entries: ({ unbonding }) => unbonding,
    fill: ({ unbonding }) => unbonding,
    ...byKey,
  }),
  mapKind({
    prefix: "tombstone",
    field: "tombstones",
    key: leafKeys.tombstone,
    layout: ({ tombstone }) => tombstone,
    entries: ({ tombstones }) => tombstones,
    fill: ({ tombstones }) => tombstones,
    ...byKey,
  }),
  mapKind({
    prefix: "condemned",
    field: "condemned",
    key: leafKeys.condemned,
    layout: ({ condemned }) => condemned,
    entries: ({ condemned }) => condemned,
    fill: ({ condemned }) => condemned,
    ...byKey,
  }),
  mapKind({
    prefix: "owner",
    field: "owners",
    key: leafKeys.owner,
    layout: ({ owner }) => owner,
    entries: ({ owners }) => owners,
    fill: ({ owners }) => owners,
    ...byKey,
  }),
  mapKind({
    prefix: "readiness",
    field: "readiness",
    key: leafKeys.readiness,
    layout: ({ readiness }) => readiness,
    entries: ({ readiness }) => readiness,
    fill: ({ readiness }) => readiness,
    readName: readKey,
  }),
  mapKind({
    prefix: "key",
    field: "knownKeys",
    key: leafKeys.known,
    layout: ({ known }) => known,
    entries: ({ knownKeys }) => knownKeys,
    fill: ({ knownKeys }) => knownKeys,
    readName: readKey,
  }),
  mapKind({
    prefix: "void",
    field: "voids",
    key: leafKeys.voids,
    layout: ({ voids }) => voids,
    entries: ({ voids }) => voids,
    fill: ({ voids }) => voids,
    readName: (name) => String(readNumber(name)),
  }),
  mapKind<Epoch, EpochEnd>({
    prefix: "epoch-end",
    field: "epochEnds",
    key: leafKeys.epochEnd,
    layout: ({ epochEnd }) => epochEnd,
    entries: ({ epochEnds }) => epochEnds,
    fill: ({ epochEnds }) => epochEnds,
    readName: readNumber,
  }),
];

/** Fields of the state that no leaf holds, and what they come from. */
export const DERIVED_FIELDS: Partial<Record<keyof LedgerState, string>> = {
  genesis: "pinned by every node; its hash is the chain id",
  stateRoot: "the root of the tree",
  setHash: "the hash of the set",
  margin: "has its own table of kinds (margin/leaf-kinds.ts)",
};
