const sessionTest = "operator/cli/src/commands/session.test.ts";

export const commandLineMutants = [
  {
    name: "cli-reads-exposed-keys",
    rule: "a key comes from a file that its owner alone may use",
    file: "operator/cli/src/ports.ts",
    find: "const OTHERS_MODE = 0o077;",
    replace: "const OTHERS_MODE = 0o004;",
    test: sessionTest,
    testName: "one that others may use is refused, with the way to mend it",
  },
  {
    name: "cli-opens-session-without-bound-for-zero",
    rule: "a bound of 0 is refused: on the chain it is no bound",
    file: "operator/cli/src/commands/session.ts",
    find: "  if (bound > 0n) return bound;",
    replace: "  if (bound >= 0n) return bound;",
    test: sessionTest,
    testName: "a wrong --notional-max is exit code 2 and nothing is sent",
  },
];
