import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { Summary } from "./summary.ts";

const SCHEMA = new URL("../../docs/schemas/main-job-summary.schema.json", import.meta.url);

/** Holds the summary against its published schema, in every run: a broken one is never printed. */
export function checkSummary(summary: Summary): void {
  const ajv = new Ajv2020({ allErrors: true });
  const isValid = ajv.compile(JSON.parse(readFileSync(SCHEMA, "utf8")));
  if (isValid(summary)) return;
  throw new Error(`the summary breaks its schema: ${ajv.errorsText(isValid.errors)}`);
}
