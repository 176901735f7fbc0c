/** What is wrong with one piece of input, and what to do about it. */
interface Problem {
  readonly field: string;
  readonly problem: string;
  readonly fix: string;
}

/** Input that the person who started the program can correct. */
export class InputProblem extends Error {
  override readonly name = "InputProblem";

  constructor({ field, problem, fix }: Problem, options?: ErrorOptions) {
    super(`${field}: ${problem}; ${fix}`, options);
  }
}
