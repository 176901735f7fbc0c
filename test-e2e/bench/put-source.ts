import { randomBytes } from "node:crypto";
import { bytes, join, u8 } from "../stranger/layout.ts";

/** node/spec/encoding.md, Transactions: put. */
const PUT = 13;
const KEY_BYTES = 8;
/** u8 kind, u32 length of the key. */
const KEY_AT = 5;
/** ... the key, u32 length of the value. */
const VALUE_AT = KEY_AT + KEY_BYTES + 4;
/** A value begins with its number. */
export const PUT_BYTES_MIN = VALUE_AT + 8;

/**
 * Puts of a given length, each with other bytes than all others: the keys repeat after `keys` of
 * them, so that the state stays as large as it is, and each value begins with its number.
 */
export class PutSource {
  readonly #template: Uint8Array;
  readonly #keys: number;
  #number = 0;

  constructor(options: { readonly bytes: number; readonly keys: number }) {
    const value = randomBytes(options.bytes - VALUE_AT);
    this.#template = join(u8(PUT), bytes(new Uint8Array(KEY_BYTES)), bytes(value));
    this.#keys = options.keys;
  }

  next(): Uint8Array {
    const put = new Uint8Array(this.#template);
    const view = new DataView(put.buffer);
    view.setUint32(KEY_AT + 4, this.#number % this.#keys);
    view.setUint32(VALUE_AT, Math.floor(this.#number / 2 ** 32));
    view.setUint32(VALUE_AT + 4, this.#number % 2 ** 32);
    this.#number += 1;
    return put;
  }
}
