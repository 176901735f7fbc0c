import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BOTH } from "../../test/ledger/protocol-two.ts";
import { PROTOCOLS } from "../ledger/protocol.ts";
import { readRepairPlan } from "./repair-file.ts";

test("rule SPLIT: a plan for a version that the binary lacks is refused before it is endorsed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "quorate-repair-"));
  try {
    const plan = { epoch: 1, height: 5, stateRoot: "ab".repeat(32), version: 2 };
    await writeFile(join(folder, "repair.json"), JSON.stringify(plan));
    await expect(readRepairPlan(folder, PROTOCOLS)).rejects.toThrow("this binary holds 1, not 2");
    expect(await readRepairPlan(folder, BOTH)).toEqual(plan);
  } finally {
    await rm(folder, { recursive: true });
  }
});
