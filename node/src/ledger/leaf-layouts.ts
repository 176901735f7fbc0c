import * as leaves from "./leaves.ts";
import { decodeLiveness, encodeLiveness } from "./liveness-leaf.ts";
import { decodeSessions, encodeSessions } from "./session-codec.ts";

/** How the value of one kind of leaf is written and read. */
export interface LeafLayout<T, R = T> {
  readonly encode: (value: T) => Uint8Array;
  /** @throws DecodeError on bytes that `encode` does not write. */
  readonly decode: (bytes: Uint8Array) => R;
}

/** The ledger's leaves whose layout a version of the protocol may change. */
export const LEAF_LAYOUTS = {
  chain: { encode: leaves.encodeChain, decode: leaves.decodeChain },
  liveness: { encode: encodeLiveness, decode: decodeLiveness },
  set: { encode: leaves.encodeSet, decode: leaves.decodeSet },
  leavers: { encode: leaves.encodeLeavers, decode: leaves.decodeLeavers },
  seat: { encode: leaves.encodeSeat, decode: leaves.decodeSeat },
  spare: { encode: leaves.encodeSpare, decode: leaves.decodeSpare },
  jailed: { encode: leaves.encodeJailed, decode: leaves.decodeJailed },
  unbonding: { encode: leaves.encodeUnbonding, decode: leaves.decodeUnbonding },
  tombstone: { encode: leaves.encodeTombstone, decode: leaves.decodeTombstone },
  condemned: { encode: leaves.encodeCondemned, decode: leaves.decodeCondemned },
  owner: { encode: leaves.encodeOwner, decode: leaves.decodeOwner },
  readiness: { encode: leaves.encodeReadiness, decode: leaves.decodeReadiness },
  known: { encode: leaves.encodeKnownKey, decode: leaves.decodeKnownKey },
  voids: { encode: leaves.encodeVoid, decode: leaves.decodeVoid },
  epochEnd: { encode: leaves.encodeEpochEnd, decode: leaves.decodeEpochEnd },
  sessions: { encode: encodeSessions, decode: decodeSessions },
} as const;

export type LeafLayouts = typeof LEAF_LAYOUTS;
