/** A rule was broken in a run: the name of the checker, and what it saw. */
export class Violation extends Error {
  override readonly name = "Violation";
  readonly checker: string;
  constructor(checker: string, problem: string, options?: ErrorOptions) {
    super(`${checker}: ${problem}`, options);
    this.checker = checker;
  }
}

export function demand(holds: boolean, checker: string, problem: () => string): void {
  if (!holds) throw new Violation(checker, problem());
}
