import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  CONDITION_TYPES,
  EVENT_REASONS,
  HOLD_REASONS,
  REFUSAL_REASONS,
  STATE_REASONS,
  TRUST_REASONS,
} from "./conditions.ts";

const reasons = [
  ...TRUST_REASONS,
  ...HOLD_REASONS,
  ...REFUSAL_REASONS,
  ...STATE_REASONS,
  ...EVENT_REASONS,
];

function sources(): readonly string[] {
  const folder = new URL("../../", import.meta.url);
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .map((file) => readFileSync(new URL(file, folder), "utf8"));
}

test("docs/conditions.md lists every type and reason once, with its meaning and what to do", () => {
  const page = readFileSync(new URL("../../../../docs/conditions.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| `(\w+)` \| (.+) \| (.+) \|$/gm)].map(([, name]) => name);
  expect(rows.toSorted()).toEqual([...CONDITION_TYPES, ...reasons].toSorted());
});

test("no reason is listed twice", () => {
  expect(new Set(reasons).size).toBe(reasons.length);
});

test("the operator says no reason that is not listed, and none of the list is unheard of", () => {
  const text = sources().join("\n");
  const literal = /(?:reason: |\b(?:no|yes|distrust|problem)\(|tell\("\w+", )"([A-Z]\w+)"/g;
  const said = new Set([...text.matchAll(literal)].map(([, reason]) => reason ?? ""));
  expect([...said].filter((reason) => !(reasons as readonly string[]).includes(reason))).toEqual(
    [],
  );
  expect(said.size).toBeGreaterThan(40);
});
