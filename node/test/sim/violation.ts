/** A rule was broken in a run: what was seen, and the name of the checker that saw it. */
export class Violation extends Error {
  override readonly name = "Violation";
  readonly checker: string;
  constructor(problem: string, options: ErrorOptions & { readonly checker: string }) {
    super(`${options.checker}: ${problem}`, options);
    this.checker = options.checker;
  }
}

export function demand(holds: boolean, checker: string, problem: () => string): void {
  if (!holds) throw new Violation(problem(), { checker });
}
