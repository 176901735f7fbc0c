/**
 * A mutant breaks one rule on purpose, in one place: the named test has to notice.
 * `npm run mutants` runs all of them; see scripts/run-mutants.ts.
 */
export interface Mutant {
  readonly name: string;
  /** The rule that the mutant breaks, in words or by its number. */
  readonly rule: string;
  /** The source file, relative to the repository. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** The vitest file that must fail, relative to the repository. */
  readonly test: string;
  /** The name of the test in that file, as `vitest -t` takes it. */
  readonly testName: string;
}
