import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { ServerCredentials } from "@grpc/grpc-js";
import { X509CertificateGenerator } from "@peculiar/x509";
import { privateKeyOfSeed, publicKeyOf } from "@quorate/node/crypto/ed25519";

/** Server credentials as a node makes them: a leaf certificate that its network key issues. */
export async function serverCredentials(networkSeed: Uint8Array): Promise<ServerCredentials> {
  const networkKey = publicKeyOf(networkSeed);
  const pkcs8 = privateKeyOfSeed(networkSeed).export({ format: "der", type: "pkcs8" });
  const signingKey = await webcrypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
  const leaf = await webcrypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  if (!("publicKey" in leaf)) throw new Error("Ed25519 keys come in pairs");
  const certificate = await X509CertificateGenerator.create(
    {
      subject: `CN=leaf of ${networkKey.slice(0, 8)}`,
      issuer: `CN=${networkKey}`,
      serialNumber: "02",
      notBefore: new Date("2000-01-01T00:00:00Z"),
      notAfter: new Date("2999-12-31T00:00:00Z"),
      publicKey: leaf.publicKey,
      signingKey,
      signingAlgorithm: { name: "Ed25519" },
    },
    webcrypto,
  );
  const key = await webcrypto.subtle.exportKey("pkcs8", leaf.privateKey);
  const base64 = Buffer.from(key).toString("base64");
  const pem = `-----BEGIN PRIVATE KEY-----\n${base64}\n-----END PRIVATE KEY-----\n`;
  return ServerCredentials.createSsl(null, [
    { cert_chain: Buffer.from(certificate.toString("pem")), private_key: Buffer.from(pem) },
  ]);
}
