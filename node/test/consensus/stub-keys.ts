import { sha256, sha256Hex } from "../../src/crypto/sha256.ts";
import type { Digest, PublicKey } from "../../src/kernel/scalars.ts";
import {
  type SignatureScheme,
  type SignedStatement,
  type Statement,
  signingBytes,
} from "../../src/kernel/statements.ts";
import { type Member, type ValidatorSet, validatorSet } from "../../src/kernel/validator-set.ts";

export const CHAIN_ID: Digest = sha256Hex(new TextEncoder().encode("test chain"));
export const GENESIS_TIME_MS = 1_700_000_000_000;

/** A keyed hash stands in for Ed25519: quick, and just as impossible to guess in a test. */
export function stubSign(author: PublicKey, message: Uint8Array): Uint8Array {
  const half = sha256(new TextEncoder().encode(`secret of ${author}`), message);
  const signature = new Uint8Array(64);
  signature.set(half, 0);
  signature.set(half, 32);
  return signature;
}

export const STUB_SCHEME: SignatureScheme = {
  verify(author, message, signature) {
    const expected = stubSign(author, message);
    return signature.length === 64 && expected.every((byte, index) => signature[index] === byte);
  },
};

export function signStub(author: PublicKey, statement: Statement): SignedStatement {
  return { statement, author, signature: stubSign(author, signingBytes(CHAIN_ID, statement)) };
}

export function keyOf(name: string): PublicKey {
  return sha256Hex(new TextEncoder().encode(`consensus key of ${name}`));
}

export function networkKeyOf(name: string): PublicKey {
  return sha256Hex(new TextEncoder().encode(`network key of ${name}`));
}

export function memberOf(name: string, power = 1n, muted = false): Member {
  return {
    key: keyOf(name),
    networkKey: networkKeyOf(name),
    address: `${name}:1`,
    owner: keyOf("owner"),
    power,
    muted,
  };
}

export function setOf(epoch: number, powers: Readonly<Record<string, bigint>>): ValidatorSet {
  return validatorSet(
    epoch,
    Object.entries(powers).map(([name, power]) => memberOf(name, power)),
  );
}
