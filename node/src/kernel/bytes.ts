import { assert } from "./assert.ts";

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
/** Value of a lower-case hex digit by its character code; -1 for any other character. */
const NOT_HEX = 0xff;
/** Value of each ASCII code as a lower-case hex digit. */
const NIBBLE = new Uint8Array(128).fill(NOT_HEX);
for (const [value, digit] of Array.from("0123456789abcdef").entries()) {
  NIBBLE[digit.charCodeAt(0)] = value;
}

/** Lower-case hex of the bytes. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

export function isHex(text: string, byteLength: number): boolean {
  return text.length === byteLength * 2 && /^[0-9a-f]*$/.test(text);
}

/** Bytes of lower-case hex; the caller has checked the form with `isHex`. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0) assert(false, `hex of odd length ${text.length}`);
  const bytes = new Uint8Array(text.length / 2);
  for (let index = 0; index < bytes.length; index += 1) {
    const high = NIBBLE[text.charCodeAt(index * 2)] ?? NOT_HEX;
    const low = NIBBLE[text.charCodeAt(index * 2 + 1)] ?? NOT_HEX;
    // The message is costly to build, and keys and digests pass here at every step.
    if (high === NOT_HEX || low === NOT_HEX) assert(false, `not lower-case hex at byte ${index}`);
    bytes[index] = high * 16 + low;
  }
  return bytes;
}

export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index += 1) {
    if (left[index] !== right[index]) return false;
  }
  return true;
}

/** A list: there may be more parts than a call can have arguments. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** ASCII text as bytes; anything else is refused, so that one text has one encoding. */
export function asciiBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code >= 0x7f) {
      assert(false, `character ${index} of "${text}" is not printable ASCII`);
    }
    bytes[index] = code;
  }
  return bytes;
}

/** Arguments of one call. */
const CODES_MAX = 4_096;

/** In one piece: text that grows by characters is a list of pieces until somebody reads it. */
export function asciiText(bytes: Uint8Array): string {
  if (bytes.length <= CODES_MAX) return Reflect.apply(String.fromCharCode, undefined, bytes);
  let text = "";
  for (let from = 0; from < bytes.length; from += CODES_MAX) {
    text += asciiText(bytes.subarray(from, from + CODES_MAX));
  }
  return text;
}

/** One total order for text on every replica, independent of locale. */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
