/**
 * Values of the decision engine as JSON and back, without loss. What JSON lacks is an object with
 * one key that begins with `$`; a key of ours that does gets another `$` in front. A property that
 * is undefined is left out: the engine never asks whether one is there.
 */
export type Plain =
  | null
  | boolean
  | number
  | string
  | readonly Plain[]
  | { readonly [name: string]: Plain };

/** @throws TypeError on what this cannot keep (functions, instances of classes), by its path. */
export function toPlain(value: unknown, path = "value"): Plain {
  switch (typeof value) {
    case "boolean":
    case "string":
      return value;
    case "number":
      return Number.isFinite(value) ? value : { $number: String(value) };
    case "bigint":
      return { $bigint: String(value) };
    case "undefined":
      return { $undefined: true };
    case "object":
      return value === null ? null : objectToPlain(value, path);
    default:
      throw new TypeError(`${path}: a ${typeof value} cannot be kept`);
  }
}

function objectToPlain(value: object, path: string): Plain {
  const list = (items: Iterable<unknown>): readonly Plain[] =>
    Array.from(items, (item, at) => toPlain(item, `${path}[${at}]`));
  if (Array.isArray(value)) return list(value);
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("hex") };
  if (value instanceof Map) return { $map: list(value) };
  if (value instanceof Set) return { $set: list(value) };
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError(`${path}: a ${value.constructor.name} cannot be kept`);
  }
  const plain: Record<string, Plain> = {};
  for (const [name, part] of Object.entries(value)) {
    if (part === undefined) continue;
    const kept = name.startsWith("$") ? `$${name}` : name;
    Object.defineProperty(plain, kept, {
      value: toPlain(part, `${path}.${name}`),
      enumerable: true,
    });
  }
  return plain;
}

/** @throws TypeError on what `toPlain` never writes, by its path. */
export function fromPlain(plain: Plain, path = "value"): unknown {
  if (plain === null || typeof plain !== "object") return plain;
  if (isList(plain)) return plain.map((item, at) => fromPlain(item, `${path}[${at}]`));
  const entries = Object.entries(plain);
  const [first] = entries;
  if (first !== undefined && entries.length === 1 && isMark(first[0])) {
    return fromMarked(first[0], first[1], path);
  }
  const value: Record<string, unknown> = {};
  for (const [name, part] of entries) {
    if (isMark(name)) throw new TypeError(`${path}: ${name} stands beside other fields`);
    const own = name.startsWith("$$") ? name.slice(1) : name;
    Object.defineProperty(value, own, {
      value: fromPlain(part, `${path}.${own}`),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return value;
}

function isList(plain: Plain): plain is readonly Plain[] {
  return Array.isArray(plain);
}

function isMark(name: string): boolean {
  return name.startsWith("$") && !name.startsWith("$$");
}

function fromMarked(mark: string, plain: Plain, path: string): unknown {
  const wrong = () => new TypeError(`${path}: ${mark} has no value of its kind`);
  const text = (): string => {
    if (typeof plain !== "string") throw wrong();
    return plain;
  };
  const list = (): unknown[] => {
    if (!Array.isArray(plain)) throw wrong();
    return plain.map((item: Plain, at) => fromPlain(item, `${path}[${at}]`));
  };
  switch (mark) {
    case "$undefined":
      return undefined;
    case "$number":
      if (!/^(NaN|-?Infinity)$/.test(text())) throw wrong();
      return Number(text());
    case "$bigint":
      if (!/^-?\d+$/.test(text())) throw wrong();
      return BigInt(text());
    case "$bytes":
      if (!/^([0-9a-f]{2})*$/.test(text())) throw wrong();
      return Uint8Array.from(Buffer.from(text(), "hex"));
    case "$set":
      return new Set(list());
    case "$map": {
      const entries = list();
      if (!entries.every((entry) => Array.isArray(entry) && entry.length === 2)) throw wrong();
      return new Map(entries as [unknown, unknown][]);
    }
    default:
      throw new TypeError(`${path}: ${mark} is not known here`);
  }
}

/** Path of the first place at which two plain values differ; undefined where they are the same. */
export function firstDifference(one: Plain, other: Plain, path = ""): string | undefined {
  if (Object.is(one, other)) return undefined;
  if (one === null || other === null) return path;
  if (typeof one !== "object" || typeof other !== "object") return path;
  if (isList(one) !== isList(other)) return path;
  const left = one as { readonly [name: string]: Plain };
  const right = other as { readonly [name: string]: Plain };
  for (const name of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const here = path === "" ? name : `${path}.${name}`;
    const [mine, theirs] = [left[name], right[name]];
    if (mine === undefined || theirs === undefined) return here;
    const found = firstDifference(mine, theirs, here);
    if (found !== undefined) return found;
  }
  return undefined;
}
