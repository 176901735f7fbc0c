/** Expected failures are values; only broken invariants throw. */
export type Result<T, E> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function err<E>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error };
}

/**
 * A refusal that a caller can act on. `code` is stable (UPPER_SNAKE_CASE), `field` names the
 * offending input, `fix` says in one sentence what to do about it.
 */
export interface Refusal {
  readonly code: string;
  readonly field: string;
  readonly fix: string;
}

export function refuse(code: string, field: string, fix: string): Result<never, Refusal> {
  return err({ code, field, fix });
}
