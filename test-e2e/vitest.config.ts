import { defineConfig } from "vitest/config";

/** A bound on hanging, not a promise: machines of kind come and go in minutes. */
const TEST_MS = process.env["QUORATE_E2E_PROVIDER"] === "kind" ? 900_000 : 300_000;

// Real processes on loopback, one behaviour a file, one file after the other: a machine of two
// cores runs one network at a time.
export default defineConfig({
  test: {
    include: ["test-e2e/e2e/**/*.test.ts"],
    fileParallelism: false,
    retry: 0,
    testTimeout: TEST_MS,
    hookTimeout: TEST_MS,
  },
});
