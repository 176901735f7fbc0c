import "reflect-metadata";
import { createPrivateKey, generateKeyPairSync, KeyObject, webcrypto } from "node:crypto";
import { type ChannelCredentials, credentials } from "@grpc/grpc-js";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { publicKeyOf } from "@quorate/node/crypto/ed25519";
import { fromHex } from "@quorate/node/kernel/bytes";

const ALGORITHM = { name: "Ed25519" } as const;
/** Rule TLS: peers are known by key, dates say nothing. */
const SPAN = {
  notBefore: new Date("2000-01-01T00:00:00Z"),
  notAfter: new Date("9999-12-31T23:59:59Z"),
};

/** The name that a holder of this key answers to in TLS. */
export function tlsName(key: string): string {
  return `${key.slice(0, 32)}.quorate`;
}

export interface Leaf {
  readonly certificate: Buffer;
  readonly privateKey: Buffer;
}

/** A new Ed25519 private key, PKCS #8 PEM. */
export function newControlKey(): string {
  const { privateKey } = generateKeyPairSync("ed25519");
  return privateKey.export({ format: "pem", type: "pkcs8" }).toString();
}

/** The public key as 64 hex characters: `controlClientKey` of the nodes' configuration. */
export function controlPublicKey(pem: string): string {
  return publicKeyOf(createPrivateKey(pem));
}

/** A fresh TLS key for this process with a certificate that the control key issues. */
export async function issueLeaf(pem: string): Promise<Leaf> {
  const key = createPrivateKey(pem);
  const pkcs8 = new Uint8Array(key.export({ format: "der", type: "pkcs8" }));
  const signingKey = await webcrypto.subtle.importKey("pkcs8", pkcs8, ALGORITHM, false, ["sign"]);
  const leafKeys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  if (!("privateKey" in leafKeys)) throw new TypeError("Ed25519 generation gave no key pair");
  const name = tlsName(publicKeyOf(key));
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: "01",
      subject: `CN=${name}`,
      issuer: `CN=${publicKeyOf(key)}`,
      ...SPAN,
      publicKey: leafKeys.publicKey,
      signingKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(false),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new SubjectAlternativeNameExtension([{ type: "dns", value: name }]),
      ],
    },
    webcrypto,
  );
  const privateKey = KeyObject.from(leafKeys.privateKey);
  return {
    certificate: Buffer.from(certificate.toString("pem")),
    privateKey: Buffer.from(privateKey.export({ format: "pem", type: "pkcs8" })),
  };
}

/** The pin of a bare key as TLS wants it; OpenSSL does not check an anchor's own signature. */
async function anchor(networkKey: string): Promise<Buffer> {
  const raw = fromHex(networkKey);
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: "01",
      subject: `CN=${networkKey}`,
      issuer: `CN=${networkKey}`,
      ...SPAN,
      publicKey: await webcrypto.subtle.importKey("raw", raw, ALGORITHM, true, ["verify"]),
      signingAlgorithm: ALGORITHM,
      signature: new Uint8Array(64),
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      ],
    },
    webcrypto,
  );
  return Buffer.from(certificate.toString("pem"));
}

/** Exactly the server that holds the network key. */
export async function pinned(leaf: Leaf, networkKey: string): Promise<ChannelCredentials> {
  return credentials.createSsl(await anchor(networkKey), leaf.privateKey, leaf.certificate);
}

/**
 * Whoever answers: only for the first question to a node, whose keys nobody knows yet. The answer
 * is checked by its proofs, and asked again of the pinned key (rule GENESIS).
 */
export function unpinned(leaf: Leaf): ChannelCredentials {
  const { privateKey, certificate } = leaf;
  return credentials.createSsl(null, privateKey, certificate, { rejectUnauthorized: false });
}
