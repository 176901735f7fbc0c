/** A rule was broken in a run: what was seen, and the name of the checker that saw it. */
export class Violation extends Error {
  override readonly name = "Violation";
  readonly checker: string;

  constructor(checker: string, problem: string) {
    super(`${checker}: ${problem}`);
    this.checker = checker;
  }
}
