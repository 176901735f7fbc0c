import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";

const SCHEMAS = new URL("../../docs/schemas/", import.meta.url);

/** Holds a document against its published schema, in every run: a broken one is never printed. */
export function checkPublished(schema: string, document: unknown): void {
  const ajv = new Ajv2020({ allErrors: true });
  const text = readFileSync(new URL(`${schema}.schema.json`, SCHEMAS), "utf8");
  const isValid = ajv.compile(JSON.parse(text));
  if (isValid(document)) return;
  throw new Error(`the document breaks ${schema}.schema.json: ${ajv.errorsText(isValid.errors)}`);
}
