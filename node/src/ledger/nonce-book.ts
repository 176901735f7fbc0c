import type { NonceWindow } from "./nonces.ts";
import type { LedgerState } from "./state.ts";

/** Bucket of a scope: its last two characters, hex digits of a key, spread the accounts evenly. */
function bucketOf(scope: string): string {
  return scope.slice(-2);
}

export function findNonces(nonces: LedgerState["nonces"], scope: string): NonceWindow | undefined {
  return nonces.get(bucketOf(scope))?.get(scope);
}

/** A copy with one window replaced: copies one bucket of at most 256 and the list of buckets. */
export function withNonces(
  nonces: LedgerState["nonces"],
  scope: string,
  window: NonceWindow,
): LedgerState["nonces"] {
  const bucket = bucketOf(scope);
  const windows = new Map(nonces.get(bucket)).set(scope, window);
  return new Map(nonces).set(bucket, windows);
}
