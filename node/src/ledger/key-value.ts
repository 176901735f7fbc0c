import { toHex } from "../kernel/bytes.ts";
import type { Transaction } from "./types.ts";
import type { Verdict, Work } from "./work.ts";

export const PUT_PREFIX = "kv";

/** Key of the state leaf that holds what was put under these bytes. */
export function putLeafKey(key: Uint8Array): string {
  return `${PUT_PREFIX}/${toHex(key)}`;
}

/**
 * A `put` is for measuring the chain without a ledger's own work: opaque bytes, no signature, no
 * nonce, no money. What is put lives in the state tree alone; of several puts in a block the last
 * counts. The same bytes ordered twice are put twice.
 */
export function applyPut(
  work: Work,
  { key, value }: Extract<Transaction, { kind: "put" }>,
): Verdict {
  const { keyValue } = work.state.genesis;
  if (keyValue === undefined) {
    const fix = "this chain's genesis has no keyValue: only a dev chain for benches takes puts";
    return { code: "KEY_VALUE_CLOSED", field: "kind", fix };
  }
  if (key.length === 0) return { code: "PUT_SIZE", field: "key", fix: "write 1 to 64 bytes" };
  if (value.length > keyValue.valueBytesMax) {
    const fix = `write at most ${keyValue.valueBytesMax} bytes, these are ${value.length}`;
    return { code: "PUT_SIZE", field: "value", fix };
  }
  work.puts.push({ key: putLeafKey(key), value });
  return undefined;
}
