import { assert } from "./assert.ts";
import { asciiBytes, asciiText, fromHex, toHex } from "./bytes.ts";

/** The messages of the checks below are costly to build, so they are built on failure alone. */
function isUnsigned(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= most;
}

interface Scratch {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

const SCRATCH_BYTES = 256;
/** Buffers of finished writers, for the next ones: most values are small, and there are many. */
const idle: Scratch[] = [];
const IDLE_MAX = 8;
const IDLE_BYTES_MAX = 4_096;
/** Length of a writer that has given its buffer away. */
const FINISHED = Number.POSITIVE_INFINITY;
const NOTHING = scratchOf(0);

function scratchOf(length: number): Scratch {
  const bytes = new Uint8Array(length);
  return { bytes, view: new DataView(bytes.buffer) };
}

/**
 * The canonical layout of everything that is signed or hashed: big-endian integers of fixed width,
 * length-prefixed byte strings, no optional form. One value has exactly one encoding
 * (node/spec/encoding.md); a decoder accepts nothing else.
 */
export class Writer {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor() {
    const { bytes, view } = idle.pop() ?? scratchOf(SCRATCH_BYTES);
    this.#bytes = bytes;
    this.#view = view;
  }

  /** May replace the buffer: take the offset before touching `#bytes` or `#view`. */
  #reserve(count: number): number {
    const offset = this.#length;
    const needed = offset + count;
    if (needed > this.#bytes.length) this.#grow(needed);
    this.#length = needed;
    return offset;
  }

  #grow(needed: number): void {
    assert(needed < FINISHED, "a finished writer takes nothing more");
    const grown = scratchOf(Math.max(needed, this.#bytes.length * 2));
    grown.bytes.set(this.#bytes);
    this.#bytes = grown.bytes;
    this.#view = grown.view;
  }

  u8(value: number): this {
    if (!isUnsigned(value, 0xff)) assert(false, `u8 out of range: ${value}`);
    const offset = this.#reserve(1);
    this.#view.setUint8(offset, value);
    return this;
  }

  u16(value: number): this {
    if (!isUnsigned(value, 0xffff)) assert(false, `u16 out of range: ${value}`);
    const offset = this.#reserve(2);
    this.#view.setUint16(offset, value);
    return this;
  }

  u32(value: number): this {
    if (!isUnsigned(value, 0xffff_ffff)) assert(false, `u32 out of range: ${value}`);
    const offset = this.#reserve(4);
    this.#view.setUint32(offset, value);
    return this;
  }

  /** Counters and instants: a safe non-negative integer in 8 bytes. */
  u64(value: number): this {
    if (!isUnsigned(value, Number.MAX_SAFE_INTEGER)) assert(false, `u64 out of range: ${value}`);
    const offset = this.#reserve(8);
    this.#view.setUint32(offset, Math.floor(value / 0x1_0000_0000));
    this.#view.setUint32(offset + 4, value % 0x1_0000_0000);
    return this;
  }

  /** Money and sizes: a signed integer in 16 bytes, two's complement. */
  i128(value: bigint): this {
    if (BigInt.asIntN(128, value) !== value) assert(false, `i128 out of range: ${value}`);
    const offset = this.#reserve(16);
    this.#view.setBigInt64(offset, value >> 64n);
    this.#view.setBigUint64(offset + 8, BigInt.asUintN(64, value));
    return this;
  }

  bool(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  /** Bytes whose length both sides know. */
  fixed(bytes: Uint8Array, length: number): this {
    if (bytes.length !== length) assert(false, `expected ${length} bytes, got ${bytes.length}`);
    const offset = this.#reserve(length);
    this.#bytes.set(bytes, offset);
    return this;
  }

  /** A digest or public key: 32 bytes from hex. */
  hex32(text: string): this {
    return this.fixed(fromHex(text), 32);
  }

  /** u32 length, then the bytes. */
  bytes(bytes: Uint8Array): this {
    this.u32(bytes.length);
    const offset = this.#reserve(bytes.length);
    this.#bytes.set(bytes, offset);
    return this;
  }

  /** u32 length, then printable ASCII. */
  text(text: string): this {
    return this.bytes(asciiBytes(text));
  }

  /** u32 count, then the items. */
  list<T>(items: readonly T[], write: (writer: Writer, item: T) => void): this {
    this.u32(items.length);
    for (const item of items) write(this, item);
    return this;
  }

  /** A copy of what was written; once, and nothing is written after it. */
  finish(): Uint8Array {
    assert(this.#length < FINISHED, "a writer is finished once");
    const written = this.#bytes.slice(0, this.#length);
    if (idle.length < IDLE_MAX && this.#bytes.length <= IDLE_BYTES_MAX) {
      idle.push({ bytes: this.#bytes, view: this.#view });
    }
    this.#bytes = NOTHING.bytes;
    this.#view = NOTHING.view;
    this.#length = FINISHED;
    return written;
  }
}

/** A decoder met bytes that no encoder writes. `field` names where. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly field: string;
  constructor(field: string, problem: string) {
    super(`${field}: ${problem}`);
    this.field = field;
  }
}

/**
 * Reads the canonical layout; every method names the field for its error. Copies what it returns,
 * `view` apart.
 */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    // The `slice` of a Node Buffer shares memory, and what is signed must not change later.
    const isPlain = Object.getPrototypeOf(bytes) === Uint8Array.prototype;
    this.#bytes = isPlain ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #take(field: string, count: number): number {
    const offset = this.#offset;
    const left = this.#bytes.length - offset;
    if (count > left) throw new DecodeError(field, `needs ${count} bytes, ${left} are left`);
    this.#offset = offset + count;
    return offset;
  }

  u8(field: string): number {
    return this.#view.getUint8(this.#take(field, 1));
  }

  u16(field: string): number {
    return this.#view.getUint16(this.#take(field, 2));
  }

  u32(field: string): number {
    return this.#view.getUint32(this.#take(field, 4));
  }

  u64(field: string): number {
    const value = this.#view.getBigUint64(this.#take(field, 8));
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new DecodeError(field, `${value} is above 2^53-1`);
    }
    return Number(value);
  }

  i128(field: string): bigint {
    const offset = this.#take(field, 16);
    return (this.#view.getBigInt64(offset) << 64n) | this.#view.getBigUint64(offset + 8);
  }

  bool(field: string): boolean {
    const value = this.u8(field);
    if (value > 1) throw new DecodeError(field, `${value} is neither 0 nor 1`);
    return value === 1;
  }

  fixed(field: string, length: number): Uint8Array {
    const offset = this.#take(field, length);
    return this.#bytes.slice(offset, offset + length);
  }

  hex32(field: string): string {
    return toHex(this.fixed(field, 32));
  }

  bytes(field: string, lengthMax: number): Uint8Array {
    const length = this.u32(field);
    if (length > lengthMax) {
      throw new DecodeError(field, `${length} bytes, at most ${lengthMax} are allowed`);
    }
    return this.fixed(field, length);
  }

  /**
   * As `bytes`, without a copy: for parts of bytes that whoever reads them keeps, and never
   * changes.
   */
  view(field: string, lengthMax: number): Uint8Array {
    const length = this.u32(field);
    if (length > lengthMax) {
      throw new DecodeError(field, `${length} bytes, at most ${lengthMax} are allowed`);
    }
    const offset = this.#take(field, length);
    return this.#bytes.subarray(offset, offset + length);
  }

  text(field: string, lengthMax: number): string {
    const bytes = this.bytes(field, lengthMax);
    if (bytes.some((byte) => byte < 0x20 || byte >= 0x7f)) {
      throw new DecodeError(field, "is not printable ASCII");
    }
    return asciiText(bytes);
  }

  list<T>(field: string, countMax: number, read: (reader: Reader, field: string) => T): T[] {
    const count = this.u32(field);
    if (count > countMax) {
      throw new DecodeError(field, `${count} items, at most ${countMax} are allowed`);
    }
    // No item is empty: nothing is set aside for more than there can be.
    const left = this.#bytes.length - this.#offset;
    if (count > left) throw new DecodeError(field, `${count} items, ${left} bytes are left`);
    return Array.from({ length: count }, (_, index) => read(this, `${field}[${index}]`));
  }

  /** Every byte must have a meaning: trailing bytes are refused. */
  end(): void {
    const left = this.#bytes.length - this.#offset;
    if (left !== 0) throw new DecodeError("end", `${left} bytes too many`);
  }
}
