import type { ASTNode } from "@marcbachmann/cel-js";
import { environmentOf, evaluateRulesAt, hasRules } from "./cel.ts";
import { renameMatches, usesOldSelf } from "./cel-source.ts";
import { type FieldError, unsupported } from "./field-errors.ts";
import { isObject } from "./prune.ts";
import type { CelRule, Json, Schema } from "./schema.ts";

const REASONS = [
  "FieldValueDuplicate",
  "FieldValueForbidden",
  "FieldValueInvalid",
  "FieldValueRequired",
];

/** What is wrong with the rules at and below a node, found when the CRD is created. */
export function ruleProblems(schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  walk({ schema, path, root: true, uncorrelated: undefined }, errors);
  return errors;
}

interface Place {
  readonly schema: Schema;
  readonly path: string;
  readonly root: boolean;
  /** Path of the list above whose items have no old items. */
  readonly uncorrelated: string | undefined;
}

function walk(place: Place, errors: FieldError[]): void {
  const { schema, path } = place;
  for (const [index, rule] of schema.rules.entries()) {
    checkRule(place, rule, `${path}.x-kubernetes-validations[${index}]`, errors);
  }
  const below = { root: false, uncorrelated: place.uncorrelated };
  for (const [field, entry] of Object.entries(schema.properties ?? {})) {
    walk({ ...below, schema: entry, path: `${path}.properties[${field}]` }, errors);
  }
  if (schema.additional !== undefined) {
    walk({ ...below, schema: schema.additional, path: `${path}.additionalProperties` }, errors);
  }
  if (schema.items !== undefined) {
    const uncorrelated = place.uncorrelated ?? (schema.listType === "map" ? undefined : path);
    walk({ root: false, uncorrelated, schema: schema.items, path: `${path}.items` }, errors);
  }
}

function checkRule(place: Place, rule: CelRule, path: string, errors: FieldError[]): void {
  if (rule.rule.trim() === "") {
    errors.push({ type: "required", field: `${path}.rule`, detail: "rule is not specified" });
    return;
  }
  if (rule.message?.includes("\n")) {
    const detail = "must not contain line breaks";
    errors.push({ type: "invalid", field: `${path}.message`, value: rule.message, detail });
  }
  if (rule.reason !== undefined && !REASONS.includes(rule.reason)) {
    errors.push(unsupported(`${path}.reason`, rule.reason, REASONS));
  }
  if (rule.fieldPath !== undefined && !isPath(place.schema, rule.fieldPath)) {
    const detail = "must be a valid path";
    errors.push({ type: "invalid", field: `${path}.fieldPath`, value: rule.fieldPath, detail });
  }
  if (usesOldSelf(rule.rule) && place.uncorrelated !== undefined) {
    const detail =
      "oldSelf cannot be used on the uncorrelatable portion of the schema within " +
      place.uncorrelated;
    errors.push({ type: "invalid", field: `${path}.rule`, value: rule.rule, detail });
    return;
  }
  checkSource(place, rule, { field: `${path}.rule`, source: rule.rule, wanted: "bool" }, errors);
  if (rule.messageExpression !== undefined) {
    const source = rule.messageExpression;
    const field = `${path}.messageExpression`;
    checkSource(place, rule, { field, source, wanted: "string" }, errors);
  }
}

interface Expression {
  readonly field: string;
  readonly source: string;
  readonly wanted: "bool" | "string";
}

function checkSource(
  place: Place,
  rule: CelRule,
  expression: Expression,
  errors: FieldError[],
): void {
  const detail = problemOf(place, rule, expression);
  const { field } = expression;
  if (detail !== undefined) errors.push({ type: "invalid", field, value: goRule(rule), detail });
}

/** Why an expression can't be compiled here; undefined where it can. */
function problemOf(
  place: Pick<Place, "schema" | "root">,
  rule: CelRule,
  { source, wanted }: Pick<Expression, "source" | "wanted">,
): string | undefined {
  const { env } = environmentOf(place.schema, rule, place.root);
  const result = env.check(renameMatches(source));
  if (!result.valid) {
    const known = new Set(env.getDefinitions().functions.map((entry) => entry.name));
    return `compilation failed: ${wordFailure(result.error, source, known)}`;
  }
  if (result.type === wanted || result.type === "dyn") return undefined;
  return wanted === "bool"
    ? "cel expression must evaluate to a bool"
    : "messageExpression must evaluate to a string";
}

/** What the rules of a schema say to its default, which is its own predecessor. */
export function defaultProblems(schema: Schema, value: Json, path: string): FieldError[] {
  if (!hasRules(schema)) return [];
  const errors: FieldError[] = [];
  compileBelow(schema, value, path, errors);
  return errors.length > 0 ? errors : evaluateRulesAt({ schema, path, root: false }, value, value);
}

function compileBelow(schema: Schema, value: Json, path: string, errors: FieldError[]): void {
  for (const rule of schema.rules) {
    const place = { schema, root: false };
    const problem = problemOf(place, rule, { source: rule.rule, wanted: "bool" });
    if (problem === undefined) continue;
    const detail = `rule compile error: ${problem}`;
    errors.push({ type: "invalid", field: path, value: schema.type, detail });
  }
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      if (schema.items !== undefined) compileBelow(schema.items, item, `${path}[${index}]`, errors);
    }
  } else if (isObject(value)) {
    for (const [field, entry] of Object.entries(value)) {
      const own = schema.properties?.[field];
      const below = own ?? schema.additional;
      if (below === undefined || entry === undefined) continue;
      compileBelow(
        below,
        entry,
        own === undefined ? `${path}[${field}]` : `${path}.${field}`,
        errors,
      );
    }
  }
}

/** The rule as the server's Go struct is printed. */
function goRule(rule: CelRule): Json {
  return {
    Rule: rule.rule,
    Message: rule.message ?? "",
    MessageExpression: rule.messageExpression ?? "",
    Reason: rule.reason ?? null,
    FieldPath: rule.fieldPath ?? "",
    OptionalOldSelf: rule.optionalOldSelf ?? null,
  };
}

interface CheckError {
  readonly message: string;
  readonly node?: { readonly start?: number } | undefined;
}

function wordFailure(
  error: CheckError | undefined,
  source: string,
  known: ReadonlySet<string>,
): string {
  const text = error?.message.split("\n")[0] ?? "";
  const [what, offset] = locate(text, error?.node as Partial<ASTNode> | undefined, known);
  const before = source.slice(0, offset).split("\n");
  const line = before.length;
  const column = before.at(-1)?.length ?? 0;
  const shown = source.split("\n")[line - 1] ?? "";
  return `ERROR: <input>:${line}:${column + 1}: ${what}\n | ${shown}\n | ${".".repeat(column)}^`;
}

function locate(
  text: string,
  node: Partial<ASTNode> | undefined,
  known: ReadonlySet<string>,
): [text: string, offset: number] {
  const start = node?.start ?? 0;
  const overload = /found no matching overload for '(?:.*\.)?(\w+)\(/.exec(text);
  const called = overload?.[1];
  if (called !== undefined && !known.has(called)) {
    return [`undeclared reference to '${called}' (in container '')`, start + called.length];
  }
  const field = /^No such key: (.*)$/.exec(text)?.[1];
  if (field !== undefined) return [`undefined field '${field}'`, operatorOffset(node) ?? start];
  const operator = /^no such overload: (\S+) (\S+) (\S+)$/.exec(text);
  if (operator !== null) {
    const [, left, sign, right] = operator;
    const applied = `found no matching overload for '_${sign}_' applied to '(${left}, ${right})'`;
    return [applied, operatorOffset(node) ?? start];
  }
  const unknown = /^Unknown variable: (.*)$/.exec(text)?.[1];
  if (unknown !== undefined)
    return [`undeclared reference to '${unknown}' (in container '')`, start];
  return [node === undefined ? `Syntax error: ${text}` : text, start];
}

/** Where the operator stands: after the left operand and the space that follows it. */
function operatorOffset(node: Partial<ASTNode> | undefined): number | undefined {
  const left = Array.isArray(node?.args) ? (node.args[0] as Partial<ASTNode> | string) : undefined;
  if (typeof left !== "object" || left.end === undefined || node?.input === undefined) {
    return undefined;
  }
  const gap = /^\s*/.exec(node.input.slice(left.end))?.[0].length ?? 0;
  return left.end + gap;
}

function isPath(schema: Schema, path: string): boolean {
  let place: Schema | undefined = schema;
  const parts = path.match(/\.[^.[\]]+|\['[^']*'\]/g);
  if (parts === null || parts.join("") !== path) return false;
  for (const part of parts) {
    const field = part.startsWith(".") ? part.slice(1) : part.slice(2, -2);
    place = place?.properties?.[field] ?? place?.additional;
    if (place === undefined) return false;
  }
  return true;
}
