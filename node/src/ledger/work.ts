import type { Refusal } from "../kernel/result.ts";
import type { Digest, MicroUsd, PublicKey } from "../kernel/scalars.ts";
import type { SignatureScheme } from "../kernel/statements.ts";
import type { ValidatorSet } from "../kernel/validator-set.ts";
import type {
  LeafChange,
  MarginAction,
  MarketAct,
  MarketId,
  OracleReport,
} from "../margin/types.ts";
import { leafKeys } from "./leaves.ts";
import { decodeNonces, NONCE_WINDOW, type NonceWindow, nonceUse, useNonce } from "./nonces.ts";
import type { LedgerState, Seat } from "./state.ts";
import { readTree } from "./state-tree.ts";
import type { LedgerEvent } from "./types.ts";

export interface AdmittedBundle {
  readonly account: PublicKey;
  readonly actions: readonly MarginAction[];
  /** Position of its receipt in the block. */
  readonly position: number;
}

/** One block in the making. The states themselves stay immutable: `state` is replaced. */
export interface Work {
  state: LedgerState;
  readonly scheme: SignatureScheme;
  readonly events: LedgerEvent[];
  /** Set by the one swap of this block (rule RATE): it ends the epoch. */
  nextSet: ValidatorSet | undefined;
  /** The seat as it was when this block's swap vacated it. */
  leaver: Seat | undefined;
  readonly reports: OracleReport[];
  readonly deposits: { readonly account: PublicKey; readonly amount: MicroUsd }[];
  readonly bundles: AdmittedBundle[];
  /** One of a market at most. */
  readonly acts: { readonly market: MarketId; readonly act: MarketAct }[];
  /** Windows of the scopes that this block used nonces of; all others are in the tree alone. */
  readonly touchedNonces: Map<string, NonceWindow>;
  /** Accounts whose sessions changed, and sessions that ended: their nonces go too. */
  readonly touchedSessions: Set<PublicKey>;
  readonly endedSessions: Set<Digest>;
  /** Leaves of this block's puts, in order. */
  readonly puts: LeafChange[];
}

/** What a rule says to a transaction: undefined is consent. */
export type Verdict = Refusal | undefined;

export function openWork(state: LedgerState, scheme: SignatureScheme): Work {
  return {
    state,
    scheme,
    events: [],
    nextSet: undefined,
    leaver: undefined,
    reports: [],
    deposits: [],
    bundles: [],
    acts: [],
    touchedNonces: new Map(),
    touchedSessions: new Set(),
    endedSessions: new Set(),
    puts: [],
  };
}

export function change(work: Work, fields: Partial<LedgerState>): void {
  work.state = { ...work.state, ...fields };
}

export function withEntry<V>(map: ReadonlyMap<string, V>, key: string, value: V): Map<string, V> {
  return new Map(map).set(key, value);
}

export function withoutEntry<V>(map: ReadonlyMap<string, V>, key: string): Map<string, V> {
  const copy = new Map(map);
  copy.delete(key);
  return copy;
}

/** The window of a scope, as this block has left it: of millions, none is kept decoded. */
function findNonces(work: Work, scope: string): NonceWindow | undefined {
  const touched = work.touchedNonces.get(scope);
  if (touched !== undefined) return touched;
  const leaf = readTree(work.state.tree, leafKeys.nonce(scope));
  return leaf === undefined ? undefined : decodeNonces(leaf);
}

/** Whether the nonce is free in its scope; asked before signatures are checked. */
export function checkNonce(work: Work, scope: string, nonce: number, transaction: Digest): Verdict {
  const window = findNonces(work, scope);
  switch (nonceUse(window, nonce, transaction)) {
    case "free":
      return undefined;
    case "same":
      return {
        code: "DUPLICATE",
        field: "nonce",
        fix: "this transaction was executed before: ask for its receipt by its id",
      };
    case "other":
      return {
        code: "NONCE_USED",
        field: "nonce",
        fix: `another transaction used ${nonce}: take one above ${window?.highest ?? 0}`,
      };
    case "old":
      return {
        code: "NONCE_TOO_OLD",
        field: "nonce",
        fix: `take one above ${(window?.highest ?? 0) - NONCE_WINDOW}, best above the highest`,
      };
  }
}

export function burnNonce(work: Work, scope: string, nonce: number, transaction: Digest): void {
  work.touchedNonces.set(scope, useNonce(findNonces(work, scope), nonce, transaction));
}
