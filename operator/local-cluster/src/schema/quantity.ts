const SUFFIXES: Readonly<Record<string, bigint>> = {
  Ki: 1n << 10n,
  Mi: 1n << 20n,
  Gi: 1n << 30n,
  Ti: 1n << 40n,
  Pi: 1n << 50n,
  Ei: 1n << 60n,
};
const POWERS: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  "": 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const DECIMAL_STEPS = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const NANOS = 1_000_000_000n;

export const QUANTITY_ERROR =
  "quantities must match the regular expression " +
  "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/** A Kubernetes quantity, exact to the nano; finer parts round up, as there. */
export class Quantity {
  readonly nanos: bigint;
  readonly format: "binary" | "decimal" | "exponent";

  constructor(nanos: bigint, format: "binary" | "decimal" | "exponent") {
    this.nanos = nanos;
    this.format = format;
  }

  compareTo(other: Quantity): number {
    return this.nanos < other.nanos ? -1 : this.nanos > other.nanos ? 1 : 0;
  }

  /** The canonical form in which the API server stores it: `1024Mi` is `1Gi`, `0.5` is `500m`. */
  toString(): string {
    if (this.nanos === 0n) return "0";
    const whole = this.nanos % NANOS === 0n;
    if (this.format === "binary" && whole) {
      const units = this.nanos / NANOS;
      // Below 1024 the binary form is the plain number; fractions fall back to decimal suffixes.
      let best = `${units}`;
      for (const [suffix, factor] of Object.entries(SUFFIXES)) {
        if (units % factor === 0n) best = `${units / factor}${suffix}`;
      }
      return best;
    }
    let exponent = -9;
    let digits = this.nanos;
    while (digits % 1000n === 0n && exponent < 18) {
      digits /= 1000n;
      exponent += 3;
    }
    if (this.format === "exponent") return exponent === 0 ? `${digits}` : `${digits}e${exponent}`;
    return `${digits}${DECIMAL_STEPS[exponent / 3 + 3]}`;
  }
}

/** @returns undefined for what is no quantity. */
export function parseQuantity(text: string): Quantity | undefined {
  const match =
    /^([+-]?)(\d+\.?\d*|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?\d+|)$/.exec(text);
  if (match === null) return undefined;
  const [, sign, number = "", suffix = ""] = match;
  const [integer = "0", fraction = ""] = number.split(".");
  const digits = BigInt(`${integer}${fraction}` || "0");
  const binary = SUFFIXES[suffix];
  const power = POWERS[suffix] ?? (binary === undefined ? Number(suffix.slice(1)) : 0);
  if (Math.abs(power) > 40) return undefined;
  const scale = 9 + power - fraction.length;
  const scaled = digits * (binary ?? 1n);
  const nanos =
    scale >= 0 ? scaled * 10n ** BigInt(scale) : divideUp(scaled, 10n ** BigInt(-scale));
  const exponent = /^[eE]/.test(suffix) && suffix.length > 1;
  const format = binary !== undefined ? "binary" : exponent ? "exponent" : "decimal";
  return new Quantity(sign === "-" ? -nanos : nanos, format);
}

function divideUp(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}
