import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const SCHEMA = new URL("../../../docs/schemas/sim.schema.json", import.meta.url);

test("npm run sim -- --json prints one document of the published form", {
  timeout: 120_000,
}, async () => {
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [MAIN, "--seeds", "1..1", "--json"]);
  const isValid = new Ajv2020({ strict: true }).compile(JSON.parse(readFileSync(SCHEMA, "utf8")));
  const document: unknown = JSON.parse(stdout);
  expect(isValid(document), JSON.stringify(isValid.errors)).toBe(true);
  expect(document).toMatchObject({ passed: 1, failed: 0 });
});
