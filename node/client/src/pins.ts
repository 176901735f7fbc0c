import "reflect-metadata";
import { webcrypto } from "node:crypto";
import type { PeerCertificate } from "node:tls";
import { credentials } from "@grpc/grpc-js";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { fromHex, isHex } from "@quorate/node/kernel/bytes";
import type { PublicKey } from "@quorate/node/kernel/scalars";
import { ClosableCredentials } from "./closable-credentials.ts";

/** DER of SubjectPublicKeyInfo for Ed25519 up to the key's 32 bytes (RFC 8410 §4). */
const SPKI_PREFIX = fromHex("302a300506032b6570032100");

/**
 * A trust anchor made of a bare network key: what OpenSSL needs is the key and the name, it does
 * not check an anchor's own signature (rule TLS). Nodes issue their leaf certificates under the
 * name CN=<network key in hex>. Dates are as wide as they go, because peers are known by key.
 */
async function anchor(networkKey: PublicKey): Promise<string> {
  const spki = Buffer.concat([SPKI_PREFIX, fromHex(networkKey)]);
  const publicKey = await webcrypto.subtle.importKey("spki", spki, "Ed25519", true, ["verify"]);
  const certificate = await X509CertificateGenerator.create(
    {
      subject: `CN=${networkKey}`,
      issuer: `CN=${networkKey}`,
      serialNumber: "01",
      notBefore: new Date("2000-01-01T00:00:00Z"),
      notAfter: new Date("2999-12-31T00:00:00Z"),
      publicKey,
      signingAlgorithm: { name: "Ed25519" },
      signature: new Uint8Array(64),
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      ],
    },
    webcrypto,
  );
  return certificate.toString("pem");
}

const anchors = new Map<PublicKey, Promise<string>>();

function anchorOf(networkKey: PublicKey): Promise<string> {
  const made = anchors.get(networkKey) ?? anchor(networkKey);
  anchors.set(networkKey, made);
  return made;
}

/**
 * Credentials that accept a server only under one of the network keys. `onIdentity` hears which of
 * them answered, so that a node that lies can be named.
 */
export async function pinnedCredentials(
  networkKeys: readonly PublicKey[],
  onIdentity: (networkKey: PublicKey) => void,
): Promise<ClosableCredentials> {
  const pems = await Promise.all(networkKeys.map(anchorOf));
  // Runs after the chain was verified against the anchors: the issuer is one of the pinned keys.
  const checkServerIdentity = (_host: string, peer: PeerCertificate): Error | undefined => {
    const issuer = String(peer.issuer?.CN);
    if (!isHex(issuer, 32) || !networkKeys.includes(issuer)) {
      return new Error(`the server's certificate is issued by "${issuer}", no key of this chain`);
    }
    onIdentity(issuer);
    return undefined;
  };
  const ca = Buffer.from(pems.join("\n"));
  return new ClosableCredentials(credentials.createSsl(ca, null, null, { checkServerIdentity }));
}
