import { Environment } from "@marcbachmann/cel-js";
import { parseQuantity, QUANTITY_ERROR, Quantity } from "./quantity.ts";
import { matches } from "./values.ts";

/**
 * The functions that a Kubernetes API server adds to CEL, as far as rules use them. A rule with
 * another function is refused when its CRD is created. `matches` is registered as `re2Matches`
 * because the library's own one can't be replaced and runs JavaScript's backtracking expressions.
 */
export function createEnvironment(): Environment {
  const env = new Environment({ unlistedVariablesAreDyn: false, enableOptionalTypes: true });
  registerQuantity(env);
  registerLists(env);
  env.registerFunction("string.re2Matches(string): bool", (text: string, pattern: string) =>
    matches(pattern, text),
  );
  env.registerFunction("string.charAt(int): string", (text: string, index: bigint) =>
    charAt(text, index),
  );
  env.registerFunction(
    "string.replace(string, string): string",
    (text: string, from: string, to: string) => text.replaceAll(from, () => to),
  );
  return env;
}

/** Counted in code points; the place behind the last one is the empty string. */
function charAt(text: string, index: bigint): string {
  const letters = [...text];
  if (index < 0n || index > letters.length) throw new Error(`index out of range: ${index}`);
  return letters[Number(index)] ?? "";
}

function registerQuantity(env: Environment): void {
  env.registerType("kubernetes.Quantity", { ctor: Quantity, fields: {} });
  const type = "kubernetes.Quantity";
  env.registerFunction(`quantity(string): ${type}`, toQuantity);
  env.registerFunction("isQuantity(string): bool", (text) => parseQuantity(text) !== undefined);
  const compare = (name: string, accept: (order: number) => boolean) =>
    env.registerFunction(`${type}.${name}(${type}): bool`, (left: Quantity, right: Quantity) =>
      accept(left.compareTo(right)),
    );
  compare("isLessThan", (order) => order < 0);
  compare("isGreaterThan", (order) => order > 0);
  env.registerFunction(`${type}.compareTo(${type}): int`, (left: Quantity, right: Quantity) =>
    BigInt(left.compareTo(right)),
  );
  env.registerFunction(`${type}.sign(): int`, (value: Quantity) =>
    BigInt(value.compareTo(new Quantity(0n, "decimal"))),
  );
  env.registerFunction(
    `${type}.add(${type}): ${type}`,
    (left: Quantity, right: Quantity) => new Quantity(left.nanos + right.nanos, left.format),
  );
  env.registerFunction(
    `${type}.sub(${type}): ${type}`,
    (left: Quantity, right: Quantity) => new Quantity(left.nanos - right.nanos, left.format),
  );
  env.registerFunction(
    `${type}.isInteger(): bool`,
    (value: Quantity) => value.nanos % 1_000_000_000n === 0n,
  );
  env.registerFunction(
    `${type}.asInteger(): int`,
    (value: Quantity) => value.nanos / 1_000_000_000n,
  );
  env.registerFunction(
    `${type}.asApproximateFloat(): double`,
    (value: Quantity) => Number(value.nanos) / 1e9,
  );
  env.registerOperator(
    `${type} == ${type}`,
    (left: Quantity, right: Quantity) => left.compareTo(right) === 0,
  );
}

function toQuantity(text: string): Quantity {
  const quantity = parseQuantity(text);
  if (quantity === undefined) throw new Error(QUANTITY_ERROR);
  return quantity;
}

type Ordered = bigint | number | string;

function registerLists(env: Environment): void {
  env.registerFunction("list<int>.sum(): int", (list: bigint[]) =>
    list.reduce((total, item) => total + item, 0n),
  );
  env.registerFunction("list<double>.sum(): double", (list: number[]) =>
    list.reduce((total, item) => total + item, 0),
  );
  for (const item of ["int", "double", "string"]) {
    env.registerFunction(`list<${item}>.isSorted(): bool`, (list: Ordered[]) =>
      list.every((entry, index) => index === 0 || (list[index - 1] ?? entry) <= entry),
    );
    env.registerFunction(`list<${item}>.min(): ${item}`, (list: Ordered[]) => extreme(list, true));
    env.registerFunction(`list<${item}>.max(): ${item}`, (list: Ordered[]) => extreme(list, false));
    env.registerFunction(`list<${item}>.indexOf(${item}): int`, (list: Ordered[], entry: Ordered) =>
      BigInt(list.indexOf(entry)),
    );
    env.registerFunction(
      `list<${item}>.lastIndexOf(${item}): int`,
      (list: Ordered[], entry: Ordered) => BigInt(list.lastIndexOf(entry)),
    );
  }
}

function extreme(list: readonly Ordered[], least: boolean): Ordered {
  const [first, ...rest] = list;
  if (first === undefined) throw new Error(`${least ? "min" : "max"} called on empty list`);
  return rest.reduce((best, item) => (item < best === least ? item : best), first);
}
