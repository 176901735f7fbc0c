import { defined } from "../src/kernel/assert.ts";

/** A value of the Informal Trace Format, as Quint writes it. */
type Itf =
  | string
  | boolean
  | { readonly "#bigint": string }
  | { readonly "#set": readonly Itf[] }
  | { readonly "#tup": readonly Itf[] }
  | { readonly "#map": readonly (readonly [Itf, Itf])[] }
  | { readonly [field: string]: Itf };

/** One state of a trace: what led to it, what was chosen for that, and the variables. */
export interface TraceState {
  readonly action: string;
  readonly picks: Readonly<Record<string, unknown>>;
  /** By name, without the modules in front. */
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Numbers, Sets, Maps and records in place of the format's tags. */
function plainOf(value: Itf): unknown {
  if (typeof value !== "object") return value;
  if (isTagged(value, "#bigint")) return Number(value["#bigint"]);
  if (isTagged(value, "#set")) return new Set(value["#set"].map(plainOf));
  if (isTagged(value, "#tup")) return value["#tup"].map(plainOf);
  if (isTagged(value, "#map")) {
    return new Map(value["#map"].map(([key, held]) => [plainOf(key), plainOf(held)]));
  }
  return recordOf(value);
}

function isTagged<T extends string>(
  value: object,
  tag: T,
): value is Extract<Itf, Record<T, unknown>> {
  return tag in value;
}

function recordOf(fields: Readonly<Record<string, Itf>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, held]) => [name, plainOf(held)]));
}

/** The states of a trace that was written with `--mbt`. */
export function readTrace(text: string): readonly TraceState[] {
  const { states }: { readonly states: readonly Record<string, Itf>[] } = JSON.parse(text);
  return states.map((state) => {
    const { "mbt::actionTaken": action, "mbt::nondetPicks": picks, ...rest } = recordOf(state);
    const variables = Object.entries(rest).map(([name, held]) => [name.replace(/^.*::/, ""), held]);
    return {
      action: String(action),
      picks: chosen(picks as Record<string, { readonly tag: string; readonly value: unknown }>),
      variables: Object.fromEntries(variables),
    };
  });
}

function chosen(
  picks: Readonly<Record<string, { readonly tag: string; readonly value: unknown }>>,
): Record<string, unknown> {
  const made = Object.entries(picks).filter(([, { tag }]) => tag === "Some");
  return Object.fromEntries(made.map(([name, { value }]) => [name, value]));
}

/** A number that the trace says was chosen. */
export function picked({ picks, action }: TraceState, name: string): number {
  return Number(defined(picks[name], `${name} of ${action}`));
}
