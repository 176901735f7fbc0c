import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { hexBytes, hexText } from "./bytes.ts";

/** SubjectPublicKeyInfo of an Ed25519 key up to its 32 bytes (RFC 8410). */
const PUBLIC_KEY_PREFIX = hexBytes("302a300506032b6570032100");

export interface KeyPair {
  readonly publicKey: string;
  readonly secret: KeyObject;
  sign(message: Uint8Array): Uint8Array;
}

/** `pem` is PKCS8; throws where it holds anything but one Ed25519 key. */
export function keyPair(pem: string): KeyPair {
  const secret = createPrivateKey(pem);
  if (secret.asymmetricKeyType !== "ed25519") {
    throw new Error(`the key is of type ${secret.asymmetricKeyType}, expected ed25519`);
  }
  const spki = createPublicKey(secret).export({ type: "spki", format: "der" });
  return {
    publicKey: hexText(spki.subarray(PUBLIC_KEY_PREFIX.length)),
    secret,
    sign: (message) => sign(null, message, secret),
  };
}

export function publicKeyObject(publicKey: string): KeyObject {
  const spki = Buffer.concat([PUBLIC_KEY_PREFIX, hexBytes(publicKey)]);
  return createPublicKey({ key: spki, type: "spki", format: "der" });
}

/** How signatures are checked; a test may take something cheaper. */
export type Verify = (publicKey: string, message: Uint8Array, signature: Uint8Array) => boolean;

/**
 * RFC 8032 verification by OpenSSL; the stricter points of rule ED25519 are the node's business.
 */
export function verifies(publicKey: string, message: Uint8Array, signature: Uint8Array): boolean {
  return verify(null, message, publicKeyObject(publicKey), signature);
}
