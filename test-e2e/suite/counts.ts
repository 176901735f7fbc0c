import type { TestModule } from "vitest/node";

/** What is asked of a module that ran; a test stands in for it. */
export interface RanModule {
  readonly children: {
    allTests(): Iterable<{ result(): { readonly state: string } }>;
  };
  state(): ReturnType<TestModule["state"]>;
  errors(): readonly unknown[];
}

export interface Counts {
  readonly passed: number;
  readonly skipped: number;
  /** Failed tests, failed modules without one (import, hook), and errors outside of any test. */
  readonly broken: number;
}

/** Each failure once: a module that failed because of its tests adds nothing to them. */
export function countResults(modules: readonly RanModule[], unhandledErrors: number): Counts {
  const counts = { passed: 0, skipped: 0, broken: unhandledErrors };
  for (const module of modules) {
    const states = [...module.children.allTests()].map((one) => one.result().state);
    const count = (state: string) => states.filter((one) => one === state).length;
    const failed = count("failed");
    const isBroken = module.state() === "failed" || module.errors().length > 0;
    counts.passed += count("passed");
    counts.skipped += count("skipped");
    counts.broken += failed === 0 && isBroken ? 1 : failed;
  }
  return counts;
}
