import "reflect-metadata";
import { KeyObject, webcrypto } from "node:crypto";
import type { PeerCertificate } from "node:tls";
import { type ChannelCredentials, credentials, ServerCredentials } from "@grpc/grpc-js";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { fromHex, isHex } from "../../kernel/bytes.ts";
import type { PublicKey } from "../../kernel/scalars.ts";
import type { KeyPair } from "../key-file.ts";

/**
 * Mutual TLS by bare Ed25519 keys (rule TLS): a network key signs a leaf certificate for its own
 * use; a verifier builds the trust anchor from the 32 bytes alone. OpenSSL does not check the
 * anchor's own signature. Dates say nothing here, so they span everything.
 */
const ALGORITHM = { name: "Ed25519" } as const;
const NOT_BEFORE = new Date("2000-01-01T00:00:00Z");
const NOT_AFTER = new Date("9999-12-31T23:59:59Z");

/** Name inside a node's certificate; a label of DNS has at most 63 characters. */
export function tlsName(networkKey: PublicKey): string {
  return `${networkKey.slice(0, 32)}.quorate`;
}

export interface Identity {
  readonly certificate: Buffer;
  readonly privateKey: Buffer;
}

/** A fresh leaf for this process, issued by the network key. */
export async function issueIdentity(networkKey: KeyPair): Promise<Identity> {
  const pkcs8 = new Uint8Array(networkKey.pkcs8());
  const issuerKey = await webcrypto.subtle.importKey("pkcs8", pkcs8, ALGORITHM, false, ["sign"]);
  const leafKeys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  if (!("privateKey" in leafKeys)) throw new TypeError("Ed25519 generation gave no key pair");
  const certificate = await X509CertificateGenerator.create({
    serialNumber: "01",
    subject: `CN=${tlsName(networkKey.publicKey)}`,
    issuer: `CN=${networkKey.publicKey}`,
    notBefore: NOT_BEFORE,
    notAfter: NOT_AFTER,
    publicKey: leafKeys.publicKey,
    signingKey: issuerKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new SubjectAlternativeNameExtension([{ type: "dns", value: tlsName(networkKey.publicKey) }]),
    ],
  });
  const privateKey = KeyObject.from(leafKeys.privateKey);
  return {
    certificate: Buffer.from(certificate.toString("pem")),
    privateKey: Buffer.from(privateKey.export({ format: "pem", type: "pkcs8" })),
  };
}

const anchors = new Map<PublicKey, Buffer>();

/** The trust anchor of a network key, as PEM. */
export async function trustAnchor(networkKey: PublicKey): Promise<Buffer> {
  const known = anchors.get(networkKey);
  if (known !== undefined) return known;
  const raw = fromHex(networkKey);
  const publicKey = await webcrypto.subtle.importKey("raw", raw, ALGORITHM, true, ["verify"]);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: "01",
    subject: `CN=${networkKey}`,
    issuer: `CN=${networkKey}`,
    notBefore: NOT_BEFORE,
    notAfter: NOT_AFTER,
    publicKey,
    signingAlgorithm: ALGORITHM,
    signature: new Uint8Array(64),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
    ],
  });
  const pem = Buffer.from(certificate.toString("pem"));
  anchors.set(networkKey, pem);
  return pem;
}

/**
 * TLS needs at least one anchor to refuse everybody else by. This one's private key was never made.
 */
const NOBODY: PublicKey = `${"00".repeat(31)}01`;

async function anchorsOf(pins: Iterable<PublicKey>): Promise<Buffer[]> {
  const keys = [...new Set(pins)];
  return Promise.all((keys.length === 0 ? [NOBODY] : keys).map(trustAnchor));
}

/** Server side: only pinned keys finish the handshake; the pins can change while it listens. */
export class PinnedServerCredentials extends ServerCredentials {
  readonly #identity: Identity;

  private constructor(identity: Identity, ca: Buffer[]) {
    super(
      { requestCert: true, rejectUnauthorized: true },
      { ca, cert: [identity.certificate], key: [identity.privateKey], minVersion: "TLSv1.3" },
    );
    this.#identity = identity;
  }

  static async create(
    identity: Identity,
    pins: Iterable<PublicKey>,
  ): Promise<PinnedServerCredentials> {
    return new PinnedServerCredentials(identity, await anchorsOf(pins));
  }

  /** For new connections; open ones stay, so the caller ends the calls of removed keys itself. */
  async repin(pins: Iterable<PublicKey>): Promise<void> {
    const { certificate, privateKey } = this.#identity;
    this.updateSecureContextOptions({
      ca: await anchorsOf(pins),
      cert: [certificate],
      key: [privateKey],
      minVersion: "TLSv1.3",
    });
  }

  override _equals(other: ServerCredentials): boolean {
    return other === this;
  }
}

/** For clients that are not authenticated: they pin the server, the server does not know them. */
export function publicServerCredentials(identity: Identity): ServerCredentials {
  const pair = { cert_chain: identity.certificate, private_key: identity.privateKey };
  return ServerCredentials.createSsl(null, [pair], false);
}

/** Client side: exactly the server that holds the network key. */
export async function pinnedClientCredentials(
  identity: Identity,
  server: PublicKey,
): Promise<ChannelCredentials> {
  const anchor = await trustAnchor(server);
  return credentials.createSsl(anchor, identity.privateKey, identity.certificate);
}

/**
 * The network key of an authenticated peer: the issuer of its leaf. TLS has checked that the leaf
 * is signed by the pinned anchor of that name; undefined where TLS did not authenticate anybody.
 */
export function peerNetworkKey(certificate: PeerCertificate | undefined): PublicKey | undefined {
  const name = certificate?.issuer?.CN;
  return typeof name === "string" && isHex(name, 32) ? name : undefined;
}
