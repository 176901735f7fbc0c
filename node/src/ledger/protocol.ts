import { assert, defined } from "../kernel/assert.ts";
import type { Height, PublicKey } from "../kernel/scalars.ts";
import { applyDecoded, type Place } from "./apply-transaction.ts";
import { LEAF_LAYOUTS, type LeafLayouts } from "./leaf-layouts.ts";
import { readyVersion } from "./readiness.ts";
import type { LedgerState } from "./state.ts";
import type { Transaction } from "./types.ts";
import { change, type Verdict, type Work } from "./work.ts";

/**
 * One version of the state machine (rule VERSION): everything in which versions may differ. What
 * all versions share is the rest of this folder; a rule that changes moves in here.
 */
export interface Protocol {
  readonly version: number;
  /** The rules of every transaction kind. */
  readonly apply: (work: Work, transaction: Transaction, place: Place) => Verdict;
  /** Layouts of the ledger's leaves. `chain` begins with chain id and version in every version. */
  readonly layouts: LeafLayouts;
  /**
   * The state as this version keeps it, from the one that the version before left; pure, so that
   * every member comes to the same root. All leaves are written anew in this version's layouts.
   * Undefined for version 1, where chains begin.
   */
  readonly migrate: ((state: LedgerState) => LedgerState) | undefined;
}

/** What one binary holds, lowest version first: the active one and the next. */
export type Protocols = readonly Protocol[];

export const PROTOCOL_1: Protocol = {
  version: 1,
  apply: applyDecoded,
  layouts: LEAF_LAYOUTS,
  migrate: undefined,
};

/** The versions of this binary. */
export const PROTOCOLS: Protocols = [PROTOCOL_1];

export function findProtocol(protocols: Protocols, version: number): Protocol | undefined {
  return protocols.find((protocol) => protocol.version === version);
}

/** The highest version that the binary holds: what its member signals. */
export function newestVersion(protocols: Protocols): number {
  return defined(protocols.at(-1), "a protocol").version;
}

/** The version that the block at this height is executed by, on top of the state before it. */
export function versionAt({ protocol }: Pick<LedgerState, "protocol">, height: Height): number {
  const { version, activation } = protocol;
  return activation !== undefined && height >= activation.height ? activation.version : version;
}

/**
 * The first thing of a block: where its height is the activation's, the next version takes over.
 * The caller has asked `versionAt` before: a binary without it must not come here.
 */
export function activateProtocol(work: Work, protocols: Protocols, height: Height): Protocol {
  const { state } = work;
  const version = versionAt(state, height);
  const protocol = defined(findProtocol(protocols, version), `protocol ${version} in this binary`);
  if (version === state.protocol.version) return protocol;
  assert(version === state.protocol.version + 1, `version ${version} follows its predecessor`);
  const migrate = defined(protocol.migrate, `migration to version ${version}`);
  work.state = migrate(state);
  change(work, { protocol: { version, activation: undefined } });
  work.events.push({ kind: "protocol", step: "active", version, height });
  return protocol;
}

export interface ProtocolView {
  readonly version: number;
  readonly activation: { readonly version: number; readonly height: Height } | undefined;
  /** Versions in this binary. */
  readonly held: readonly number[];
  /** Members' newest words, by key; one without a record counts as the active version. */
  readonly ready: readonly { readonly key: PublicKey; readonly version: number }[];
}

export function protocolView(state: LedgerState, protocols: Protocols): ProtocolView {
  return {
    ...state.protocol,
    held: protocols.map(({ version }) => version),
    ready: state.set.members.map(({ key }) => ({ key, version: readyVersion(state, key) })),
  };
}
