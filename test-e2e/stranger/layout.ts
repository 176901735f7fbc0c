import { hexBytes, hexText } from "./bytes.ts";

/**
 * The canonical layout as node/spec/encoding.md words it: pieces are functions that give bytes, and
 * a value is the pieces one after another. Slow and plain on purpose: it was written from the
 * document only, to be compared with the node's own encoder.
 */
function integer(value: bigint, bytes: number): Uint8Array {
  const digits = value.toString(16).padStart(bytes * 2, "0");
  if (value < 0n || digits.length > bytes * 2) {
    throw new Error(`${value} does not fit into ${bytes} bytes`);
  }
  return Buffer.from(digits, "hex");
}

export const u8 = (value: number): Uint8Array => integer(BigInt(value), 1);
export const u16 = (value: number): Uint8Array => integer(BigInt(value), 2);
export const u32 = (value: number): Uint8Array => integer(BigInt(value), 4);
export const u64 = (value: number): Uint8Array => integer(BigInt(value), 8);
export const flag = (value: boolean): Uint8Array => u8(value ? 1 : 0);

/** Two's complement in 16 bytes. */
export const i128 = (value: bigint): Uint8Array =>
  integer(value < 0n ? value + (1n << 128n) : value, 16);

export function key(text: string): Uint8Array {
  const bytes = hexBytes(text);
  if (bytes.length !== 32) throw new Error(`"${text}" is not 32 bytes`);
  return bytes;
}

export const bytes = (value: Uint8Array): Uint8Array => join(u32(value.length), value);
export const text = (value: string): Uint8Array => bytes(Buffer.from(value, "latin1"));

export function list<T>(items: readonly T[], write: (item: T) => Uint8Array): Uint8Array {
  return join(u32(items.length), ...items.map(write));
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}

/** Takes a value apart, piece by piece, from the front. */
export class Scanner {
  #rest: Buffer;
  readonly #what: string;

  /** `what` names the value in errors. */
  constructor(value: Uint8Array, what: string) {
    this.#rest = Buffer.from(value);
    this.#what = what;
  }

  raw(length: number): Uint8Array {
    if (this.#rest.length < length) {
      throw new Error(`${this.#what}: needs ${length} bytes, ${this.#rest.length} are left`);
    }
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  #integer(length: number): bigint {
    return BigInt(`0x${hexText(this.raw(length))}`);
  }

  u8(): number {
    return Number(this.#integer(1));
  }

  u16(): number {
    return Number(this.#integer(2));
  }

  u32(): number {
    return Number(this.#integer(4));
  }

  u64(): number {
    const value = this.#integer(8);
    if (value > BigInt(Number.MAX_SAFE_INTEGER))
      throw new Error(`${this.#what}: ${value} > 2^53-1`);
    return Number(value);
  }

  i128(): bigint {
    return BigInt.asIntN(128, this.#integer(16));
  }

  flag(): boolean {
    const value = this.u8();
    if (value > 1) throw new Error(`${this.#what}: ${value} is no flag`);
    return value === 1;
  }

  key(): string {
    return hexText(this.raw(32));
  }

  signature(): Uint8Array {
    return this.raw(64);
  }

  bytes(): Uint8Array {
    return this.raw(this.u32());
  }

  text(): string {
    const value = this.bytes();
    if (value.some((byte) => byte < 0x20 || byte > 0x7e)) {
      throw new Error(`${this.#what}: a text is not printable ASCII`);
    }
    return Buffer.from(value).toString("latin1");
  }

  list<T>(read: () => T): T[] {
    const items: T[] = [];
    for (let left = this.u32(); left > 0; left -= 1) items.push(read());
    return items;
  }

  end(): void {
    if (this.#rest.length > 0)
      throw new Error(`${this.#what}: ${this.#rest.length} bytes too many`);
  }
}
