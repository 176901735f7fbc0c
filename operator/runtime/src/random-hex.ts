import type { Random } from "./clock.ts";

/** `digits` hexadecimal digits, for names that must differ; no secret. */
export function randomHex(random: Random, digits: number): string {
  return Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join("");
}
