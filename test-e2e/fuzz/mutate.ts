import type { Chance } from "./chance.ts";

/** One field of a protobuf message as the wire has it: its key, and the bytes of its value. */
interface Field {
  readonly number: number;
  readonly wireType: number;
  readonly value: Uint8Array;
}

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;
/** Groups, and two types that do not exist: no message of this project has them. */
const FOREIGN_TYPES = [3, 4, 6, 7];
/** Numbers at which something ends: of 32 and 64 bits, of what a double counts, of a batch. */
const EDGES = [0n, 1n, 127n, 128n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
const DEPTH_MAX = 6;
const NESTED_LEVELS = 400;
const REPEATED_MAX = 2_000;

/** Bytes that a peer might send: a valid message with something wrong, or a lot wrong. */
export function mutated(valid: Uint8Array, other: Uint8Array, chance: Chance): Uint8Array {
  // What is no protobuf ends a stream, so most of it has to be: only then is the rest looked at.
  const style = chance.below(60);
  if (style === 0) return damaged(valid, chance);
  if (style === 1) return spliced(valid, other, chance);
  if (style === 2) return chance.bytes(chance.below(512));
  return mutatedMessage(valid, chance, 0);
}

/** Something wrong in one field, at any depth; the rest stays a message. */
function mutatedMessage(bytes: Uint8Array, chance: Chance, depth: number): Uint8Array {
  const fields = fieldsOf(bytes);
  if (fields === undefined || fields.length === 0) return damaged(bytes, chance);
  const at = chance.below(fields.length);
  const field = fields[at];
  if (field === undefined) return bytes;
  const before = fields.slice(0, at);
  const after = fields.slice(at + 1);
  const join = (...changed: readonly Field[]) => messageOf([...before, ...changed, ...after]);
  switch (chance.below(60)) {
    case 0:
      return join({ ...field, wireType: chance.pick(FOREIGN_TYPES) });
    case 1:
      return join({ ...field, value: nested(field.number, NESTED_LEVELS) });
    case 2:
    case 3:
      return join({ ...field, number: 1 + chance.below(20) });
    case 4:
    case 5:
    case 6:
      return join();
    case 7:
    case 8:
    case 9:
      return join(field, field);
    case 10:
      return join(...repeated(field, chance));
    default:
      return join(mutatedField(field, chance, depth));
  }
}

function mutatedField(field: Field, chance: Chance, depth: number): Field {
  switch (field.wireType) {
    case VARINT:
      return { ...field, value: varint(nearby(field.value, chance)) };
    case LENGTH_DELIMITED: {
      // Keys, digests and signatures sometimes look like messages; they are short.
      const inner = depth < DEPTH_MAX && (fieldsOf(field.value)?.length ?? 0) > 0;
      if (inner && chance.below(12) > 0) {
        return { ...field, value: mutatedMessage(field.value, chance, depth + 1) };
      }
      return { ...field, value: damaged(field.value, chance) };
    }
    default:
      return { ...field, value: chance.bytes(field.value.length) };
  }
}

/** A number off by little, which may be believed, or one at which something ends. */
function nearby(value: Uint8Array, chance: Chance): bigint {
  if (chance.below(2) === 0) return chance.pick(EDGES);
  let number = 0n;
  for (const [at, byte] of value.entries()) number |= BigInt(byte & 0x7f) << BigInt(7 * at);
  return number + BigInt(1 + chance.below(3));
}

function repeated(field: Field, chance: Chance): Field[] {
  const most = Math.max(1, Math.floor(REPEATED_MAX / (1 + field.value.length / 64)));
  return Array.from({ length: 1 + chance.below(most) }, () => field);
}

/** Raw bytes: flipped, cut, grown, or another length in front. */
export function damaged(bytes: Uint8Array, chance: Chance): Uint8Array {
  const copy = Uint8Array.from(bytes);
  switch (chance.below(5)) {
    case 0: {
      for (let flips = 1 + chance.below(8); flips > 0 && copy.length > 0; flips -= 1) {
        const at = chance.below(copy.length);
        copy[at] = (copy[at] ?? 0) ^ (1 << chance.below(8));
      }
      return copy;
    }
    case 1:
      return copy.subarray(0, chance.below(copy.length + 1));
    case 2:
      return joined([copy, chance.bytes(1 + chance.below(256))]);
    case 3: {
      const at = chance.below(copy.length + 1);
      return joined([copy.subarray(0, at), chance.bytes(4), copy.subarray(at)]);
    }
    default:
      // A length or count in canonical bytes: u32, as large as it gets.
      copy.fill(0xff, chance.below(copy.length + 1), chance.below(copy.length + 1) + 4);
      return copy;
  }
}

function spliced(left: Uint8Array, right: Uint8Array, chance: Chance): Uint8Array {
  return joined([
    left.subarray(0, chance.below(left.length + 1)),
    right.subarray(chance.below(right.length + 1)),
  ]);
}

/** A message in a message in a message. */
function nested(number: number, levels: number): Uint8Array {
  let value: Uint8Array = new Uint8Array(0);
  for (let level = 0; level < levels; level += 1) {
    value = messageOf([{ number, wireType: LENGTH_DELIMITED, value }]);
  }
  return value;
}

/** Undefined where the bytes are no message. */
export function fieldsOf(bytes: Uint8Array): Field[] | undefined {
  const fields: Field[] = [];
  let at = 0;
  const read = (): bigint | undefined => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at];
      if (byte === undefined) return undefined;
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return undefined;
  };
  while (at < bytes.length) {
    const key = read();
    if (key === undefined || key >> 3n === 0n || key >> 3n > 1_000n) return undefined;
    const wireType = Number(key & 7n);
    const start = at;
    const length = valueLength(wireType, read);
    if (length === undefined) return undefined;
    const from = wireType === LENGTH_DELIMITED ? at : start;
    const end = wireType === VARINT ? at : from + length;
    if (end > bytes.length) return undefined;
    fields.push({ number: Number(key >> 3n), wireType, value: bytes.subarray(from, end) });
    at = end;
  }
  return fields;
}

function valueLength(wireType: number, read: () => bigint | undefined): number | undefined {
  switch (wireType) {
    case VARINT:
      return read() === undefined ? undefined : 0;
    case FIXED64:
      return 8;
    case FIXED32:
      return 4;
    case LENGTH_DELIMITED: {
      const length = read();
      return length === undefined ? undefined : Number(length);
    }
    default:
      return undefined;
  }
}

function messageOf(fields: readonly Field[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { number, wireType, value } of fields) {
    parts.push(varint((BigInt(number) << 3n) | BigInt(wireType)));
    if (wireType === LENGTH_DELIMITED) parts.push(varint(BigInt(value.length)));
    parts.push(value);
  }
  return joined(parts);
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Uint8Array.from([...bytes, Number(rest)]);
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
