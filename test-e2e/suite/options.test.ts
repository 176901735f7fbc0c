import { expect, test } from "vitest";
import { isChosen, parseSuite } from "./options.ts";

test("an unknown provider or depth is refused with what there is", () => {
  expect(() => parseSuite(["--provider", "gke"])).toThrow(
    /--provider: "gke" .* give one of local, kind/,
  );
  expect(() => parseSuite(["--depth", "deep"])).toThrow(
    /--depth: "deep" .* give one of full, smoke/,
  );
  expect(() => parseSuite(["--deep"])).toThrow(/--deep/);
});

test("kind runs what needs a cluster, and nothing that looks into a volume", () => {
  const kind = { provider: "kind", depth: "full", filters: [] } as const;
  expect(isChosen("test-e2e/e2e/operator/apply.test.ts", kind)).toBe(true);
  expect(isChosen("test-e2e/e2e/operator/equivocate.test.ts", kind)).toBe(false);
  expect(isChosen("test-e2e/e2e/wrong-genesis.test.ts", kind)).toBe(false);
  const policies = "test-e2e/e2e/operator/stolen-account.test.ts";
  expect(isChosen(policies, { ...kind, depth: "smoke" })).toBe(true);
  expect(isChosen(policies, { ...kind, provider: "local" })).toBe(false);
  const smoke = { ...kind, depth: "smoke" } as const;
  expect(isChosen("test-e2e/e2e/operator/machine-gone.test.ts", smoke)).toBe(true);
  expect(isChosen("test-e2e/e2e/operator/crash.test.ts", smoke)).toBe(false);
});
