import { toHex } from "../../kernel/bytes.ts";
import { DecodeError } from "../../kernel/codec.ts";
import { ok, type Refusal, type Result, refuse } from "../../kernel/result.ts";

/** protobuf knows no missing scalar and no exact length: each is checked here, by field. */
export function present<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw new DecodeError(field, "is missing");
  return value;
}

export function counter(value: bigint, field: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new DecodeError(field, `${value} is above 2^53-1`);
  }
  return Number(value);
}

export function hex32(value: Uint8Array, field: string): string {
  if (value.length !== 32) throw new DecodeError(field, `${value.length} bytes, 32 are needed`);
  return toHex(value);
}

/** A copy: gRPC's buffers are slices of larger ones and would keep those alive. */
export function signature64(value: Uint8Array, field: string): Uint8Array {
  if (value.length !== 64) throw new DecodeError(field, `${value.length} bytes, 64 are needed`);
  return new Uint8Array(value);
}

export function decimal(value: string, field: string): bigint {
  if (value.length > 40 || !/^(0|-?[1-9][0-9]*)$/.test(value)) {
    throw new DecodeError(field, "is not a decimal integer without leading zeros");
  }
  const number = BigInt(value);
  if (BigInt.asIntN(128, number) !== number) throw new DecodeError(field, "is beyond 128 bits");
  return number;
}

export function list<T, U>(
  values: readonly T[],
  field: string,
  countMax: number,
  read: (value: T, field: string) => U,
): U[] {
  if (values.length > countMax) {
    throw new DecodeError(field, `${values.length} items, at most ${countMax} are allowed`);
  }
  return values.map((value, index) => read(value, `${field}[${index}]`));
}

/** The door: what a stranger got wrong is a value from here on; anything else is our own fault. */
export function decoded<T>(read: () => T): Result<T, Refusal> {
  try {
    return ok(read());
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return refuse("MALFORMED", error.field, error.message.slice(error.field.length + 2));
  }
}

/** Canonical bytes inside a message: the field of the inner error is put behind the outer one's. */
export function nested<T>(field: string, read: () => T): T {
  const result = decoded(read);
  if (result.ok) return result.value;
  throw new DecodeError(`${field}.${result.error.field}`, result.error.fix);
}
