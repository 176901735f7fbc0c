import { ed25519, publicKeyOf, signEd25519 } from "../../src/crypto/ed25519.ts";
import { sha256, sha256Hex } from "../../src/crypto/sha256.ts";
import { asciiBytes, concatBytes, equalBytes, fromHex } from "../../src/kernel/bytes.ts";
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

/** The public key itself keys the hash: who may sign is under test here, not who can. */
function stubKeyring(): Keyring {
  const sign = (key: PublicKey, message: Uint8Array) => {
    const half = sha256(fromHex(key), message);
    return concatBytes(half, half);
  };
  const verify = (author: PublicKey, message: Uint8Array, signature: Signature) =>
    equalBytes(sha256(fromHex(author), message), signature.subarray(0, 32));
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
