import { ed25519, publicKeyOf, signEd25519 } from "../../src/crypto/ed25519.ts";
import { sha256, sha256Hex } from "../../src/crypto/sha256.ts";
import { asciiBytes } from "../../src/kernel/bytes.ts";
import type { PublicKey, Signature } from "../../src/kernel/scalars.ts";
import type { SignatureScheme } from "../../src/kernel/statements.ts";

/** Keys and signatures of one run: the real curve, or a keyed hash where speed counts. */
export interface Keyring {
  readonly scheme: SignatureScheme;
  /** A key that only depends on its label. */
  key(label: string): PublicKey;
  sign(key: PublicKey, message: Uint8Array): Signature;
}

export type CryptoName = "stub" | "ed25519";

/** Two FNV-1a hashes side by side over key and message. */
function keyedHash(key: PublicKey, message: Uint8Array): readonly [number, number] {
  let one = 0x811c9dc5;
  let two = 0x01234567;
  for (let index = 0; index < key.length; index += 1) {
    one = Math.imul(one ^ key.charCodeAt(index), 0x01000193);
    two = Math.imul(two ^ key.charCodeAt(index), 0x01000197);
  }
  for (const byte of message) {
    one = Math.imul(one ^ byte, 0x01000193);
    two = Math.imul(two ^ byte, 0x01000197);
  }
  return [one >>> 0, two >>> 0];
}

/**
 * The public key itself keys the hash: who may sign is under test here, not who can, and nobody in
 * a run searches for collisions.
 */
function stubKeyring(): Keyring {
  const sign = (key: PublicKey, message: Uint8Array) => {
    const signature = new Uint8Array(64);
    const view = new DataView(signature.buffer);
    const [one, two] = keyedHash(key, message);
    view.setUint32(0, one);
    view.setUint32(4, two);
    return signature;
  };
  const verify = (author: PublicKey, message: Uint8Array, signature: Signature) => {
    const [one, two] = keyedHash(author, message);
    const view = new DataView(signature.buffer, signature.byteOffset, signature.byteLength);
    return view.getUint32(0) === one && view.getUint32(4) === two;
  };
  return {
    scheme: { verify },
    key: (label) => sha256Hex(asciiBytes(`quorate/sim/${label}`)),
    sign,
  };
}

function ed25519Keyring(): Keyring {
  const secrets = new Map<PublicKey, Uint8Array>();
  return {
    scheme: ed25519,
    key(label) {
      const secret = sha256(asciiBytes(`quorate/sim/${label}`));
      const key = publicKeyOf(secret);
      secrets.set(key, secret);
      return key;
    },
    sign(key, message) {
      const secret = secrets.get(key);
      if (secret === undefined) throw new Error(`no secret for ${key}`);
      return signEd25519(secret, message);
    },
  };
}

export function createKeyring(name: CryptoName): Keyring {
  return name === "stub" ? stubKeyring() : ed25519Keyring();
}
