/**
 * Broken invariants are programmer errors: they crash the process, which restarts from its journal.
 */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Asserts are never stripped: a node that has lost an invariant must not sign anything further. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Makes a switch exhaustive: a new kind does not compile until it is handled. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable case: ${String(value)}`);
}

/** Unwraps a value that the caller's own invariants guarantee to exist. */
export function defined<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new AssertionError(`missing: ${what}`);
  return value;
}
