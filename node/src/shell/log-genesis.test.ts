import { expect, test } from "vitest";
import { testGenesis } from "../../test/ledger/test-chain.ts";
import { PRODUCTION } from "../kernel/parameters.ts";
import type { LogFields } from "./log.ts";
import { logGenesis } from "./log-genesis.ts";

test("every constant of the rules and every market is printed with its value, and what to know of the genesis", () => {
  const lines: (readonly [string, LogFields | undefined])[] = [];
  const note = (message: string, fields?: LogFields) => lines.push([message, fields]);
  const genesis = testGenesis();
  logGenesis({ error: note, warn: note, info: note, debug: note }, genesis);
  const printed = new Map(lines.flatMap(([, fields]) => Object.entries(fields ?? {})));
  for (const group of Object.values(PRODUCTION)) {
    for (const name of Object.keys(group)) expect([...printed.keys()]).toContain(name);
  }
  expect(printed.get("withdrawalMinimum")).toBe("1000000000");
  expect(printed.get("corruptMovePpm")).toBe("0");
  const warnings = lines.filter(([message]) => message === "this genesis");
  expect(warnings.map(([, fields]) => fields?.["warning"])).toEqual([
    expect.stringContaining("1 owner(s)"),
    expect.stringContaining("dev"),
  ]);
});
