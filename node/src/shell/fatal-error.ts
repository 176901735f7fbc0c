/**
 * The process can't go on and must not guess: it ends with one clear line. `code` is stable, `fix`
 * says in one sentence what to do about it.
 */
export class FatalError extends Error {
  override readonly name = "FatalError";
  readonly code: string;
  readonly fix: string;
  constructor(code: string, problem: string, fix: string, cause?: unknown) {
    super(problem, cause === undefined ? undefined : { cause });
    this.code = code;
    this.fix = fix;
  }
}
