import { DecodeError, Reader, Writer } from "../kernel/codec.ts";
import type { Digest } from "../kernel/scalars.ts";

/** Nonces up to this far below the highest are remembered. */
export const NONCE_WINDOW = 1_024;

/**
 * Sliding window of one scope. A slot holds the first 32 bits (0 becomes 1) of the transaction that
 * used its nonce, or 0: enough to tell a resubmission from another transaction under a used nonce.
 */
export interface NonceWindow {
  readonly highest: number;
  /** NONCE_WINDOW slots; the nonce's is nonce mod NONCE_WINDOW. Never changed in place. */
  readonly slots: Uint32Array;
}

export type NonceUse = "free" | "same" | "other" | "old";

function mark(transaction: Digest): number {
  return Math.max(1, Number.parseInt(transaction.slice(0, 8), 16));
}

/**
 * How the nonce stands: free, used by this very transaction, by another one, or below the window.
 */
export function nonceUse(
  window: NonceWindow | undefined,
  nonce: number,
  transaction: Digest,
): NonceUse {
  if (window === undefined || nonce > window.highest) return "free";
  if (nonce <= window.highest - NONCE_WINDOW) return "old";
  const slot = window.slots[nonce % NONCE_WINDOW];
  if (slot === 0) return "free";
  return slot === mark(transaction) ? "same" : "other";
}

/** The window after the nonce was used. */
export function useNonce(
  window: NonceWindow | undefined,
  nonce: number,
  transaction: Digest,
): NonceWindow {
  const slots = window === undefined ? new Uint32Array(NONCE_WINDOW) : window.slots.slice();
  const highest = window?.highest ?? nonce;
  // Nonces that were skipped are free again in the slots of those that fell out of the window.
  const skipped = Math.min(NONCE_WINDOW, Math.max(0, nonce - highest));
  for (let back = 0; back < skipped; back += 1) slots[(nonce - back) % NONCE_WINDOW] = 0;
  slots[nonce % NONCE_WINDOW] = mark(transaction);
  return { highest: Math.max(highest, nonce), slots };
}

/**
 * Leaf: u64 highest, list of (u16 distance below the highest, u32 mark), used nonces only, nearest
 * first.
 */
export function encodeNonces({ highest, slots }: NonceWindow): Uint8Array {
  const writer = new Writer().u64(highest);
  const distances: number[] = [];
  const last = Math.min(highest, NONCE_WINDOW - 1);
  for (let back = 0; back <= last; back += 1) {
    if (slots[(highest - back) % NONCE_WINDOW] !== 0) distances.push(back);
  }
  writer.list(distances, (out, back) => {
    out.u16(back).u32(slots[(highest - back) % NONCE_WINDOW] ?? 0);
  });
  return writer.finish();
}

const HEAD_BYTES = 12;
const USED_BYTES = 6;

/**
 * Reads what `encodeNonces` writes: the highest first, in order. Without the words of a `Reader`
 * for each of a thousand: a large state has hundreds of millions. @throws DecodeError
 */
function scanNonces(bytes: Uint8Array, use: (nonce: number, used: number) => void): number {
  const reader = new Reader(bytes);
  const highest = reader.u64("highest");
  const count = reader.u32("used");
  if (count < 1 || count > NONCE_WINDOW || bytes.length !== HEAD_BYTES + count * USED_BYTES) {
    throw new DecodeError("used", `${count} nonces in ${bytes.length} bytes`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let last = -1;
  for (let offset = HEAD_BYTES; offset < bytes.length; offset += USED_BYTES) {
    const back = view.getUint16(offset);
    const used = view.getUint32(offset + 2);
    const isNext = last === -1 ? back === 0 : back > last;
    if (!isNext || back >= NONCE_WINDOW || back > highest || used === 0) {
      throw new DecodeError("used", `mark ${used} at ${back} after ${last}`);
    }
    last = back;
    use(highest - back, used);
  }
  return highest;
}

export function decodeNonces(bytes: Uint8Array): NonceWindow {
  const slots = new Uint32Array(NONCE_WINDOW);
  const highest = scanNonces(bytes, (nonce, used) => {
    slots[nonce % NONCE_WINDOW] = used;
  });
  return { highest, slots };
}

/** Whether `decodeNonces` would take it; without making a window. */
export function checkNonces(bytes: Uint8Array): void {
  scanNonces(bytes, () => undefined);
}
