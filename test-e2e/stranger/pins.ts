import "reflect-metadata";
import { generateKeyPairSync, webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { type KeyPair, publicKeyObject } from "./keys.ts";

const SCHEME = { name: "Ed25519" };
/** Rule TLS: peers check the pinned key, never dates. */
const SPAN = { notBefore: new Date("2000-01-01"), notAfter: new Date("2049-12-31") };

/** The name that a node with this network key answers to in TLS. */
export function serverName(networkKey: string): string {
  return `${networkKey.slice(0, 32)}.quorate`;
}

function webCryptoPublicKey(publicKey: string): Promise<webcrypto.CryptoKey> {
  const der = publicKeyObject(publicKey).export({ type: "spki", format: "der" });
  return webcrypto.subtle.importKey("spki", der, SCHEME, true, ["verify"]);
}

/**
 * The pin of a bare key as TLS wants it: a certificate of an authority with that key. Its own
 * signature is empty: no verifier looks at the signature of an anchor that it trusts already.
 */
export async function trustAnchor(networkKey: string): Promise<Buffer> {
  const certificate = await X509CertificateGenerator.create({
    serialNumber: "01",
    subject: `CN=${networkKey}`,
    issuer: `CN=${networkKey}`,
    ...SPAN,
    publicKey: await webCryptoPublicKey(networkKey),
    signingAlgorithm: SCHEME,
    signature: new Uint8Array(64),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
    ],
  });
  // With the line's end, so that several anchors may stand one after another.
  return Buffer.from(`${certificate.toString("pem")}\n`);
}

export interface Leaf {
  readonly certificate: Buffer;
  readonly key: Buffer;
}

/** A fresh TLS key with a certificate issued by the network key. */
export async function leaf(network: KeyPair): Promise<Leaf> {
  const pkcs8 = network.secret.export({ type: "pkcs8", format: "der" });
  const signingKey = await webcrypto.subtle.importKey("pkcs8", pkcs8, SCHEME, false, ["sign"]);
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const certificate = await X509CertificateGenerator.create({
    serialNumber: "02",
    subject: `CN=${serverName(network.publicKey)}`,
    issuer: `CN=${network.publicKey}`,
    ...SPAN,
    publicKey: await webcrypto.subtle.importKey(
      "spki",
      publicKey.export({ type: "spki", format: "der" }),
      SCHEME,
      true,
      ["verify"],
    ),
    signingKey,
    signingAlgorithm: SCHEME,
    extensions: [
      new SubjectAlternativeNameExtension([{ type: "dns", value: serverName(network.publicKey) }]),
    ],
  });
  return {
    certificate: Buffer.from(certificate.toString("pem")),
    key: Buffer.from(privateKey.export({ type: "pkcs8", format: "pem" })),
  };
}
