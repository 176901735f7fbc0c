import { defineConfig } from "vitest/config";

// Real processes on loopback, one behaviour a file, one file after the other: a machine of two
// cores runs one network at a time.
export default defineConfig({
  test: {
    include: ["test-e2e/e2e/**/*.test.ts"],
    fileParallelism: false,
    retry: 0,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
