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
 * Writes the SHA-256 of `input` into `out` at `offset`; `out` may be `input`. One character a byte
 * is the digest's cheapest way out of the platform: half the time of a buffer.
 */
export function sha256Into(out: Uint8Array, offset: number, input: Uint8Array): void {
  const digest = hash("sha256", input, "binary");
  for (let index = 0; index < 32; index += 1) out[offset + index] = digest.charCodeAt(index);
}

/**
 * SHA-256 (FIPS 180-4). The one place besides ed25519.ts where the pure cores reach the platform.
 */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = join(parts);
  if (bytes !== undefined) {
    const out = new Uint8Array(32);
    sha256Into(out, 0, bytes);
    return out;
  }
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
