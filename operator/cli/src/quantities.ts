import { InputError } from "@quorate/client/errors";
import { isHex } from "@quorate/node/kernel/bytes";
import { absolute } from "@quorate/node/kernel/fixed-point";
import type { MicroUsd, Millis } from "@quorate/node/kernel/scalars";

const MICRO = 1_000_000n;

/** "1234.5" for 1,234,500,000 micro-USD: exact, without trailing zeros. */
export function usd(amount: MicroUsd): string {
  const whole = absolute(amount) / MICRO;
  const fraction = (absolute(amount) % MICRO).toString().padStart(6, "0").replace(/0+$/, "");
  return `${amount < 0n ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

/** Micro-USD of "12", "12.5" or "0.000001"; throws InputError. */
export function parseUsd(text: string, field: string): MicroUsd {
  const match = /^(\d{1,30})(?:\.(\d{1,6}))?$/.exec(text);
  if (match === null) {
    throw new InputError({
      code: "ARGUMENT_MALFORMED",
      field,
      fix: `"${text}" is not an amount in USD with at most 6 decimals, such as 12.50`,
    });
  }
  return BigInt(match[1] ?? "0") * MICRO + BigInt((match[2] ?? "").padEnd(6, "0"));
}

/** A whole number above 0, for lots and ticks; throws InputError. */
export function parsePositive(text: string, field: string, unit: string): bigint {
  if (!/^[1-9]\d{0,37}$/.test(text)) {
    throw new InputError({
      code: "ARGUMENT_MALFORMED",
      field,
      fix: `"${text}" is not a whole number of ${unit} above 0`,
    });
  }
  return BigInt(text);
}

/** A counter from 0 (ids, nonces, heights, milliseconds); throws InputError. */
export function parseCounter(text: string, field: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new InputError({
    code: "ARGUMENT_MALFORMED",
    field,
    fix: `"${text}" is not a whole number from 0 to 2^53-1`,
  });
}

/** "2026-11-22 15:04:05.250 UTC". */
export function instant(ms: Millis): string {
  return `${new Date(ms).toISOString().replace("T", " ").replace("Z", "")} UTC`;
}

export function ppmAsPercent(ppm: bigint): string {
  if (ppm < 0n) return `-${ppmAsPercent(-ppm)}`;
  const text = (ppm % 10_000n).toString().padStart(4, "0").replace(/0+$/, "");
  return `${ppm / 10_000n}${text === "" ? "" : `.${text}`} %`;
}

/** One of a few words; throws InputError. */
export function oneOf<T extends string>(text: string, field: string, words: readonly T[]): T {
  const word = words.find((each) => each === text);
  if (word !== undefined) return word;
  const fix = `"${text}" is none of: ${words.join(", ")}`;
  throw new InputError({ code: "ARGUMENT_MALFORMED", field, fix });
}

/** A digest or public key; throws InputError. */
export function parseHex32(text: string, field: string): string {
  if (isHex(text, 32)) return text;
  const fix = `"${text}" is not 64 lower-case hex characters`;
  throw new InputError({ code: "ARGUMENT_MALFORMED", field, fix });
}
