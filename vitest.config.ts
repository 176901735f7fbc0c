import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: [
      "node/**/*.test.ts",
      "operator/**/*.test.ts",
      "scripts/**/*.test.ts",
      "test-e2e/**/*.test.ts",
    ],
    // The end-to-end tests start real processes: `npm run test:e2e` runs them.
    // `npm run chart` needs helm.
    exclude: ["**/node_modules/**", "test-e2e/e2e/**", "scripts/chart/**"],
    // A test that passes the second time is a bug found the first time.
    retry: 0,
    // The cache on disk does not know of mutants (npm run mutants): it hides and would keep them.
    fsModuleCache: false,
    testTimeout: 20_000,
    coverage: {
      provider: "v8",
      include: ["node/**/src/**/*.ts", "node/src/**/*.ts", "operator/*/src/**/*.ts"],
      exclude: ["**/*.test.ts", "**/main.ts"],
    },
  },
});
