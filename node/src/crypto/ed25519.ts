import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";

/** DER around a raw key (RFC 8410): what the platform wants to be given. */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/** Order of the prime-order subgroup, little-endian: S must be below it. */
const GROUP_ORDER = Buffer.from(
  "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
  "hex",
);

/** The field's prime 2^255-19, little-endian: y must be below it. */
const FIELD_PRIME = Buffer.from(
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "hex",
);

/**
 * y of the five points of order 1, 2, 4 and 8 (with the sign of x: eight points), little-endian.
 */
const SMALL_ORDER_Y: ReadonlySet<string> = new Set([
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "0000000000000000000000000000000000000000000000000000000000000000",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
]);

/** Whether the little-endian number is below the limit of the same length. */
function isBelow(bytes: Uint8Array, limit: Uint8Array): boolean {
  for (let index = limit.length - 1; index >= 0; index -= 1) {
    const byte = bytes[index] ?? 0;
    const bound = limit[index] ?? 0;
    if (byte !== bound) return byte < bound;
  }
  return false;
}

/**
 * A point that the rule admits by its encoding: y < p, and none of the eight points of small order.
 * That list holds both points with x = 0, so that "x = 0 with the sign bit" is refused with them.
 */
function isAdmittedPoint(encoding: Uint8Array): boolean {
  const y = Buffer.from(encoding);
  y[31] = (y[31] ?? 0) & 0x7f;
  return isBelow(y, FIELD_PRIME) && !SMALL_ORDER_Y.has(y.toString("hex"));
}

/** Parsed keys of members and accounts; bounded, because anyone may send signatures of any key. */
const KEYS_MAX = 4_096;
const keys = new Map<string, KeyObject | undefined>();

function parsedKey(author: string): KeyObject | undefined {
  if (keys.has(author)) return keys.get(author);
  if (keys.size >= KEYS_MAX) keys.delete(keys.keys().next().value ?? "");
  const raw = Buffer.from(author, "hex");
  const admitted = raw.length === 32 && raw.toString("hex") === author && isAdmittedPoint(raw);
  const key = admitted
    ? createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: "der", type: "spki" })
    : undefined;
  keys.set(author, key);
  return key;
}

/** The part of the rule that needs no curve: length, encoding and order of R, canonical S. */
export function isAdmitted(signature: Uint8Array): boolean {
  if (signature.length !== 64 || !isAdmittedPoint(signature.subarray(0, 32))) return false;
  return isBelow(signature.subarray(32), GROUP_ORDER);
}

/**
 * The one rule for signatures (rule ED25519, node/spec/ed25519.md), the same in consensus, ledger
 * and light client. Never throws: a key or signature that is malformed does not verify.
 */
export const ed25519 = {
  verify(author: string, message: Uint8Array, signature: Uint8Array): boolean {
    const key = parsedKey(author);
    return key !== undefined && isAdmitted(signature) && verify(null, message, key, signature);
  },
};

/** Private key of a 32-byte seed (RFC 8032 §5.1.5). */
export function privateKeyOfSeed(seed: Uint8Array): KeyObject {
  if (seed.length !== 32) throw new RangeError(`a seed has 32 bytes, this one ${seed.length}`);
  const der = Buffer.concat([PKCS8_PREFIX, seed]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

function privateKeyOf(secret: KeyObject | Uint8Array): KeyObject {
  return secret instanceof Uint8Array ? privateKeyOfSeed(secret) : secret;
}

/** Signature (64 bytes) of the message; `secret` is a private key or its 32-byte seed. */
export function signEd25519(secret: KeyObject | Uint8Array, message: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, message, privateKeyOf(secret)));
}

/** The public key as 64 lower-case hex characters. */
export function publicKeyOf(secret: KeyObject | Uint8Array): string {
  const der = createPublicKey(privateKeyOf(secret)).export({ format: "der", type: "spki" });
  return der.subarray(SPKI_PREFIX.length).toString("hex");
}
