/** Number of an epoch: a span with a fixed validator set. The first epoch is 1. */
export type Epoch = number;
/** Attempt counter within an epoch. The epoch's genesis block has round 0. */
export type Round = number;
/** Number of a block, counted over all epochs. Genesis has height 0. */
export type Height = number;
/** Milliseconds: since the Unix epoch for instants, a span otherwise. */
export type Millis = number;
/** Voting power of a seat, in units of bonded stake (micro-USD). */
export type Power = bigint;
/** SHA-256 digest, 64 lower-case hex characters. */
export type Digest = string;
/** Ed25519 public key, 64 lower-case hex characters (32 bytes, RFC 8032 encoding). */
export type PublicKey = string;
/** Ed25519 signature, 64 bytes. */
export type Signature = Uint8Array;
/** Money, in micro-USD (1e-6 USD). */
export type MicroUsd = bigint;

/** 32 zero bytes: "no such set", "no parent". */
export const ZERO_DIGEST: Digest = "0".repeat(64);
