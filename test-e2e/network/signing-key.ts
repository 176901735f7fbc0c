import { generateKeyPairSync } from "node:crypto";
import { type KeyPair, keyPair } from "../stranger/keys.ts";

/** A fresh Ed25519 key with its PKCS #8 text, for owners, sponsors and the operator's control. */
export interface SigningKey extends KeyPair {
  readonly pem: string;
}

export function newSigningKey(): SigningKey {
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  return { ...keyPair(pem), pem };
}
