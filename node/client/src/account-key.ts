import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { privateKeyOfSeed, publicKeyOf, signEd25519 } from "@quorate/node/crypto/ed25519";
import { fromHex, isHex } from "@quorate/node/kernel/bytes";
import type { PublicKey, Signature } from "@quorate/node/kernel/scalars";
import { InputError } from "./errors.ts";

/** The key of one account: signs bundles and nothing else. The private half stays inside. */
export class AccountKey {
  readonly publicKey: PublicKey;
  readonly #key: KeyObject;

  private constructor(key: KeyObject) {
    this.#key = key;
    this.publicKey = publicKeyOf(key);
  }

  static generate(): AccountKey {
    return new AccountKey(generateKeyPairSync("ed25519").privateKey);
  }

  /** From a seed of 32 bytes as hex; throws InputError. */
  static fromSeed(seed: string): AccountKey {
    if (!isHex(seed, 32)) {
      throw new InputError({
        code: "SEED_MALFORMED",
        field: "seed",
        fix: "give 64 lower-case hex characters",
      });
    }
    return new AccountKey(privateKeyOfSeed(fromHex(seed)));
  }

  /** From a PKCS #8 PEM, as `toPem` or openssl genpkey writes it; throws InputError. */
  static fromPem(pem: string): AccountKey {
    const key = readPem(pem);
    if (key.asymmetricKeyType !== "ed25519") {
      throw new InputError({
        code: "KEY_NOT_ED25519",
        field: "key",
        fix: `it holds a key of type ${key.asymmetricKeyType}; make one with account keygen`,
      });
    }
    return new AccountKey(key);
  }

  toPem(): string {
    return this.#key.export({ format: "pem", type: "pkcs8" }).toString();
  }

  sign(message: Uint8Array): Signature {
    return signEd25519(this.#key, message);
  }
}

function readPem(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new InputError(
      {
        code: "KEY_MALFORMED",
        field: "key",
        fix: "give an Ed25519 private key as PKCS #8 PEM, as account keygen writes it",
      },
      { cause },
    );
  }
}
