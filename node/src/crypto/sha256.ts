import { createHash, hash } from "node:crypto";

/** One call on joined bytes costs half of a hash object; larger inputs are not worth the copy. */
const joined = new Uint8Array(4_096);

function join(parts: readonly Uint8Array[]): Uint8Array | undefined {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  let length = 0;
  for (const part of parts) {
    if (length + part.length > joined.length) return undefined;
    joined.set(part, length);
    length += part.length;
  }
  return joined.subarray(0, length);
}

/**
 * SHA-256 (FIPS 180-4). The one place besides ed25519.ts where the pure cores reach the platform.
 */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = join(parts);
  if (bytes !== undefined) return new Uint8Array(hash("sha256", bytes, "buffer"));
  const digest = createHash("sha256");
  for (const part of parts) digest.update(part);
  return new Uint8Array(digest.digest());
}

/** SHA-256 as 64 lower-case hex characters. */
export function sha256Hex(...parts: readonly Uint8Array[]): string {
  const bytes = join(parts);
  if (bytes !== undefined) return hash("sha256", bytes, "hex");
  const digest = createHash("sha256");
  for (const part of parts) digest.update(part);
  return digest.digest("hex");
}
