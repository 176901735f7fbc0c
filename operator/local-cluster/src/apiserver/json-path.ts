import { isDictionary } from "./objects.ts";

type Step =
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "all" }
  | { readonly kind: "filter"; readonly path: string; readonly op: string; readonly value: string };

const STEP = new RegExp(
  [
    "\\.(?<field>(?:[^.[\\]\\\\]|\\\\.)+)",
    "|\\[\\?\\(@\\.(?<path>[^=!<>\\s)]+)\\s*",
    "(?:(?<op>==|!=)\\s*(?<quote>[\"']?)(?<value>[^\"')]*)\\k<quote>)?\\s*\\)\\]",
    "|\\[(?<index>-?\\d+|\\*)\\]",
    "|\\['(?<quoted>[^']+)'\\]",
  ].join(""),
  "y",
);

function parse(path: string): readonly Step[] {
  const steps: Step[] = [];
  const text = path.startsWith(".") || path.startsWith("[") ? path : `.${path}`;
  STEP.lastIndex = 0;
  while (STEP.lastIndex < text.length) {
    const from = STEP.lastIndex;
    const groups = STEP.exec(text)?.groups;
    if (groups === undefined) throw new Error(`${path} is not a JSON path from character ${from}`);
    const { field, quoted, path: inner, op = "", value = "", index } = groups;
    if (field === "*" || index === "*") steps.push({ kind: "all" });
    else if (index !== undefined) steps.push({ kind: "index", index: Number(index) });
    else if (inner !== undefined) steps.push({ kind: "filter", path: inner, op, value });
    else {
      const name = quoted ?? (field ?? "").replace(/\\(.)/g, "$1");
      steps.push({ kind: "field", name });
    }
  }
  return steps;
}

function passes(item: unknown, step: Extract<Step, { kind: "filter" }>): boolean {
  const [found] = readJsonPath(item, `.${step.path}`);
  if (step.op === "") return found !== undefined;
  const equal = found !== undefined && String(found) === step.value;
  return step.op === "==" ? equal : !equal;
}

function advance(values: readonly unknown[], step: Step): unknown[] {
  return values.flatMap((value): unknown[] => {
    if (step.kind === "field") {
      const found = isDictionary(value) ? value[step.name] : undefined;
      return found === undefined ? [] : [found];
    }
    if (step.kind === "all" && isDictionary(value)) return Object.values(value);
    if (!Array.isArray(value)) return [];
    if (step.kind === "index") {
      const found: unknown = value.at(step.index);
      return found === undefined ? [] : [found];
    }
    if (step.kind === "all") return value;
    return value.filter((item) => passes(item, step));
  });
}

const parsed = new Map<string, readonly Step[]>();

/** The values at a JSON path of the form that printer columns and scale paths take. */
export function readJsonPath(value: unknown, path: string): unknown[] {
  let steps = parsed.get(path);
  if (steps === undefined) {
    steps = parse(path);
    parsed.set(path, steps);
  }
  return steps.reduce<unknown[]>(advance, [value]);
}
