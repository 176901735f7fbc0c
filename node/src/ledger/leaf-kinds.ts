import { isHex } from "../kernel/bytes.ts";
import { DecodeError } from "../kernel/codec.ts";
import type { Epoch } from "../kernel/scalars.ts";
import type { LeafChange } from "../margin/types.ts";
import { PUT_PREFIX } from "./key-value.ts";
import type { LeafLayout, LeafLayouts } from "./leaf-layouts.ts";
import {
  type ChainLeaf,
  decodeMark,
  decodeSwap,
  encodeMark,
  encodeSwap,
  type LivenessLeaf,
  leafKeys,
} from "./leaves.ts";
import { checkNonces, encodeNonces, type NonceWindow } from "./nonces.ts";
import type { BlockMark, LedgerState } from "./state.ts";
import type { SwapRecord } from "./types.ts";

type Filled<T> = T extends ReadonlyMap<infer K, infer V> ? Map<K, V> : never;
type MapField = {
  [F in keyof LedgerState]: LedgerState[F] extends ReadonlyMap<infer K, unknown>
    ? K extends string | number
      ? F
      : never
    : never;
}[keyof LedgerState];

/** What the ledger's leaves say, before it is a state: filled leaf by leaf, in any order. */
export type LoadedLeaves = {
  readonly [F in Exclude<MapField, HeldInLists>]: Filled<LedgerState[F]>;
} & {
  chain: ChainLeaf | undefined;
  set: LedgerState["set"] | undefined;
  lists: LivenessLeaf | undefined;
  leavers: LedgerState["leavers"] | undefined;
  ordering: LedgerState["ordering"] | undefined;
  readonly marks: BlockMark[];
  readonly swaps: SwapRecord[];
};
/** Maps that are in one leaf as a whole. */
type HeldInLists = "liveness" | "proposedAt";

export function emptyLeaves(): LoadedLeaves {
  return {
    ...{ chain: undefined, set: undefined, lists: undefined },
    ...{ leavers: undefined, ordering: undefined },
    ...{ marks: [], swaps: [] },
    seats: new Map(),
    spares: new Map(),
    jailed: new Map(),
    unbonding: new Map(),
    tombstones: new Map(),
    condemned: new Map(),
    owners: new Map(),
    readiness: new Map(),
    knownKeys: new Map(),
    voids: new Map(),
    epochEnds: new Map(),
  };
}

/** Two states, the first undefined where all leaves are asked for, and what is in no field. */
export interface Step {
  readonly before: LedgerState | undefined;
  readonly after: LedgerState;
  readonly touchedNonces: ReadonlyMap<string, NonceWindow>;
  readonly layouts: LeafLayouts;
}

/**
 * One kind of leaf of the ledger: what of the state it holds, when it changes, how it is read back.
 * Whoever adds a field to the state adds a kind, or a field to a kind's layout (leaf-kinds.test.ts).
 */
export interface LeafKind {
  /** Its keys: this word alone, or before a slash and a name. */
  readonly prefix: string;
  readonly isSingle: boolean;
  readonly fields: readonly (keyof LedgerState)[];
  readonly changes: (step: Step) => readonly LeafChange[];
  /** @throws DecodeError on a name or value that no state has. */
  readonly load: (into: LoadedLeaves, leaf: NamedLeaf) => void;
  /** Instead of `load`, where the leaves stay in the tree alone. */
  readonly check?: (name: string, value: Uint8Array) => void;
}

export interface NamedLeaf {
  /** What follows the slash; empty if there is none. */
  readonly name: string;
  readonly value: Uint8Array;
  readonly layouts: LeafLayouts;
}

interface MapKind<K extends string | number, V> {
  readonly prefix: string;
  readonly field: MapField;
  readonly key: (name: K) => string;
  readonly layout: (layouts: LeafLayouts) => LeafLayout<V>;
  readonly entries: (state: LedgerState) => ReadonlyMap<K, V>;
  readonly fill: (into: LoadedLeaves) => Map<K, V>;
  readonly readName: (name: string) => K;
  /** The key that the value itself names, where it does. */
  readonly ownKey?: (value: V) => K;
}

/** A map of the state whose every entry is a leaf; maps that are the same object cost nothing. */
function mapKind<K extends string | number, V>(kind: MapKind<K, V>): LeafKind {
  return {
    prefix: kind.prefix,
    isSingle: false,
    fields: [kind.field],
    changes: ({ before, after, layouts }) => {
      const old = before && kind.entries(before);
      const now = kind.entries(after);
      if (old === now) return [];
      const { encode } = kind.layout(layouts);
      const changes: LeafChange[] = [];
      for (const [name, value] of now) {
        if (old?.get(name) === value) continue;
        changes.push({ key: kind.key(name), value: encode(value) });
      }
      for (const name of old?.keys() ?? []) {
        if (!now.has(name)) changes.push({ key: kind.key(name), value: undefined });
      }
      return changes;
    },
    load: (into, { name, value, layouts }) => {
      const key = kind.readName(name);
      const entry = kind.layout(layouts).decode(value);
      if (kind.ownKey !== undefined && kind.ownKey(entry) !== key) {
        throw new DecodeError("key", `the leaf of ${name} names another key`);
      }
      kind.fill(into).set(key, entry);
    },
  };
}

function readKey(name: string): string {
  if (isHex(name, 32)) return name;
  throw new DecodeError("key", `"${name}" is not a key of 32 bytes in lower-case hex`);
}

/** Decimal without leading zeros. */
function readNumber(name: string): number {
  const number = Number(name);
  if (/^(0|[1-9][0-9]{0,15})$/.test(name) && Number.isSafeInteger(number)) return number;
  throw new DecodeError("key", `"${name}" is not a number`);
}

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

const SCOPE = /^(deposit|(bundle|faucet|owner)\/[0-9a-f]{64})$/;

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
  mapKind<Epoch, number>({
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
