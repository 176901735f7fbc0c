import { isHex } from "../kernel/bytes.ts";
import { DecodeError } from "../kernel/codec.ts";
import type { LeafChange } from "../margin/types.ts";
import type { LeafLayout, LeafLayouts } from "./leaf-layouts.ts";
import type { ChainLeaf } from "./leaves.ts";
import type { LivenessLeaf } from "./liveness-leaf.ts";
import type { NonceWindow } from "./nonces.ts";
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
    sessions: new Map(),
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
 * Whoever adds a field to the state adds a kind, or a field to a kind's layout (reload.test.ts).
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
export function mapKind<K extends string | number, V>(kind: MapKind<K, V>): LeafKind {
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

export function readKey(name: string): string {
  if (isHex(name, 32)) return name;
  throw new DecodeError("key", `"${name}" is not a key of 32 bytes in lower-case hex`);
}

/** Decimal without leading zeros. */
export function readNumber(name: string): number {
  const number = Number(name);
  if (/^(0|[1-9][0-9]{0,15})$/.test(name) && Number.isSafeInteger(number)) return number;
  throw new DecodeError("key", `"${name}" is not a number`);
}
