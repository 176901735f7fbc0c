import { createHash } from "node:crypto";

/** "No such set", "no parent": 32 zero bytes. */
export const NO_DIGEST = "0".repeat(64);

export function sha256(...parts: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

export function hexBytes(text: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/.test(text)) throw new Error(`"${text}" is not lower-case hex`);
  return Buffer.from(text, "hex");
}

export function hexText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
