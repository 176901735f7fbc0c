import { defineConfig } from "vitest/config";

// Apart from `npm test`, which needs nothing but npm: these tests render with the real helm.
export default defineConfig({
  test: { include: ["scripts/chart/**/*.test.ts"], retry: 0, testTimeout: 30_000 },
});
