import { type Environment, EvaluationError, Optional } from "@marcbachmann/cel-js";
import { createEnvironment } from "./cel-library.ts";
import { renameMatches, usesOldSelf } from "./cel-source.ts";
import { type CelTypes, declareTypes } from "./cel-types.ts";
import type { FieldError } from "./field-errors.ts";
import { isObject } from "./prune.ts";
import type { CelRule, Json, JsonObject, Schema } from "./schema.ts";
import { sameJson, typeName } from "./values.ts";

/** What a rule was compiled to, or why it can't be. */
export interface CompiledRule {
  readonly rule: CelRule;
  readonly transition: boolean;
  readonly evaluate: (bound: Bound) => unknown;
  readonly explain: ((bound: Bound) => unknown) | undefined;
}

interface Bound {
  readonly [variable: string]: unknown;
  readonly self: unknown;
  readonly oldSelf: unknown;
}

interface RuleNode {
  readonly rules: readonly CompiledRule[];
  readonly plain: CelTypes;
  readonly optional: CelTypes;
}

const base = createEnvironment();
const compiled = new WeakMap<Schema, RuleNode>();
const withRules = new WeakMap<Schema, boolean>();

/** The environment of the rules at one node: `self` and `oldSelf` have its type. */
export function environmentOf(schema: Schema, rule: CelRule, root: boolean): TypedEnvironment {
  const env = base.clone();
  const types = declareTypes(env, schema, root);
  env.registerVariable("self", types.type);
  if (usesOldSelf(rule.rule) || usesOldSelf(rule.messageExpression ?? "")) {
    const type = rule.optionalOldSelf === true ? `optional<${types.type}>` : types.type;
    env.registerVariable("oldSelf", type);
  }
  return { env, types };
}

export interface TypedEnvironment {
  readonly env: Environment;
  readonly types: CelTypes;
}

/** Rules of one node share their types, so that a value is converted once for all of them. */
function nodeOf(schema: Schema, root: boolean): RuleNode {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const plain = sharedEnvironment(schema, root, false);
  const optional = schema.rules.some((rule) => rule.optionalOldSelf === true)
    ? sharedEnvironment(schema, root, true)
    : plain;
  const rules = schema.rules.map((rule): CompiledRule => {
    const { env } = rule.optionalOldSelf === true ? optional : plain;
    const message = rule.messageExpression;
    const run = env.parse(renameMatches(rule.rule));
    const explain = message === undefined ? undefined : env.parse(renameMatches(message));
    return {
      rule,
      transition: usesOldSelf(rule.rule),
      evaluate: (bound) => run(bound),
      explain: explain === undefined ? undefined : (bound) => explain(bound),
    };
  });
  const node = { rules, plain: plain.types, optional: optional.types };
  compiled.set(schema, node);
  return node;
}

function sharedEnvironment(schema: Schema, root: boolean, optional: boolean): TypedEnvironment {
  const env = base.clone();
  const types = declareTypes(env, schema, root);
  env.registerVariable("self", types.type);
  env.registerVariable("oldSelf", optional ? `optional<${types.type}>` : types.type);
  return { env, types };
}

/** `self` and `oldSelf` for plain rules and for those with optionalOldSelf, converted on demand. */
function bindings(node: RuleNode, value: Json, old: Json | undefined) {
  let plain: Bound | undefined;
  let optional: Bound | undefined;
  return (rule: CelRule): Bound => {
    if (rule.optionalOldSelf === true) {
      const { convert } = node.optional;
      const oldSelf = old === undefined ? Optional.none() : Optional.of(convert(old));
      optional ??= { self: convert(value), oldSelf };
      return optional;
    }
    const { convert } = node.plain;
    plain ??= { self: convert(value), oldSelf: old === undefined ? undefined : convert(old) };
    return plain;
  };
}

/** Whether a schema or anything below has rules: without, evaluation is skipped. */
export function hasRules(schema: Schema): boolean {
  const known = withRules.get(schema);
  if (known !== undefined) return known;
  const found =
    schema.rules.length > 0 ||
    Object.values(schema.properties ?? {}).some(hasRules) ||
    (schema.items !== undefined && hasRules(schema.items)) ||
    (schema.additional !== undefined && hasRules(schema.additional));
  withRules.set(schema, found);
  return found;
}

/** Errors of all `x-kubernetes-validations` at and below an object. */
export function evaluateRules(schema: Schema, value: Json, old: Json | undefined): FieldError[] {
  return evaluateRulesAt({ schema, path: "", root: true }, value, old);
}

/** The same for a value somewhere in an object. */
export function evaluateRulesAt(place: Place, value: Json, old: Json | undefined): FieldError[] {
  const errors: FieldError[] = [];
  walk(place, value, old, errors);
  return errors;
}

interface Place {
  readonly schema: Schema;
  readonly path: string;
  readonly root: boolean;
}

function walk(place: Place, value: Json, old: Json | undefined, errors: FieldError[]): void {
  const { schema } = place;
  if (!hasRules(schema) || value === null) return;
  if (schema.rules.length > 0) {
    const node = nodeOf(schema, place.root);
    const bind = bindings(node, value, old);
    for (const rule of node.rules) {
      if (rule.transition && old === undefined && rule.rule.optionalOldSelf !== true) continue;
      const error = evaluateRule(rule, place, value, () => bind(rule.rule));
      if (error !== undefined) errors.push(error);
    }
  }
  if (Array.isArray(value)) walkItems(place, value, old, errors);
  else if (isObject(value)) walkFields(place, value, old, errors);
}

function walkItems(place: Place, value: Json[], old: Json | undefined, errors: FieldError[]): void {
  const { schema, path } = place;
  if (schema.items === undefined) return;
  for (const [index, item] of value.entries()) {
    const below = { schema: schema.items, path: `${path}[${index}]`, root: false };
    walk(below, item, correlated(schema, item, old), errors);
  }
}

function walkFields(
  place: Place,
  value: JsonObject,
  old: Json | undefined,
  errors: FieldError[],
): void {
  const { schema, path } = place;
  const before = isObject(old) ? old : undefined;
  for (const field of Object.keys(value).sort()) {
    const own = schema.properties?.[field];
    const below = own ?? schema.additional;
    const entry = value[field];
    if (below === undefined || entry === undefined) continue;
    const name = own === undefined ? `${path}[${field}]` : join(path, field);
    walk({ schema: below, path: name, root: false }, entry, before?.[field], errors);
  }
}

function join(path: string, field: string): string {
  return path === "" ? field : `${path}.${field}`;
}

/** The old item with the same keys; other lists have no old items to compare with. */
function correlated(schema: Schema, item: Json, old: Json | undefined): Json | undefined {
  if (schema.listType !== "map" || !Array.isArray(old) || !isObject(item)) return undefined;
  return old.find(
    (candidate) =>
      isObject(candidate) &&
      (schema.mapKeys ?? []).every((key) => sameJson(candidate[key], item[key])),
  );
}

function evaluateRule(
  compiledRule: CompiledRule,
  place: Place,
  value: Json,
  bind: () => Bound,
): FieldError | undefined {
  const { rule } = compiledRule;
  try {
    if (compiledRule.evaluate(bind()) === true) return undefined;
  } catch (error) {
    return ruleError(rule, place, value, `${reasonOf(error)} evaluating rule: ${nameOf(rule)}`);
  }
  return ruleError(rule, place, value, messageOf(compiledRule, bind()));
}

function messageOf(compiledRule: CompiledRule, bound: Bound): string {
  const { rule, explain } = compiledRule;
  const fallback = rule.message ?? `failed rule: ${rule.rule.trim()}`;
  if (explain === undefined) return fallback;
  try {
    const text = explain(bound);
    return typeof text === "string" && text.trim() !== "" && !text.includes("\n") ? text : fallback;
  } catch {
    // As a real server: a failing messageExpression leaves the plain message.
    return fallback;
  }
}

function nameOf(rule: CelRule): string {
  return rule.message ?? rule.rule.trim();
}

function reasonOf(error: unknown): string {
  const text = error instanceof EvaluationError ? error.summary : `${(error as Error).message}`;
  const line = (text.split("\n")[0] ?? text).replace(/^No such key/, "no such key");
  return line;
}

const REASONS = {
  FieldValueRequired: "required",
  FieldValueForbidden: "forbidden",
  FieldValueDuplicate: "duplicate",
  FieldValueInvalid: "invalid",
} as const;

function ruleError(rule: CelRule, place: Place, value: Json, detail: string): FieldError {
  const reason = (rule.reason ?? "FieldValueInvalid") as keyof typeof REASONS;
  const relative = rule.fieldPath?.replace(/^\./, "");
  const path = place.path === "" && relative === undefined ? "<nil>" : place.path;
  const field = relative === undefined ? path : join(place.path, relative);
  return { type: REASONS[reason] ?? "invalid", field, value: typeName(value), detail };
}
