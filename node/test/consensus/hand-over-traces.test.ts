import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { HandOverDriver, NAMES } from "./hand-over-driver.ts";

const TRACES = new URL("../../spec/quint/traces/", import.meta.url);

/** Values of the Informal Trace Format, as far as the model uses them. */
type Itf =
  | string
  | boolean
  | { readonly "#bigint": string }
  | { readonly "#set": readonly Itf[] }
  | { readonly "#map": readonly (readonly [Itf, Itf])[] };

interface Pick {
  readonly tag: "Some" | "None";
  readonly value: Itf;
}

interface State {
  readonly "mbt::actionTaken": string;
  readonly "mbt::nondetPicks": Readonly<Record<string, Pick>>;
  readonly sets: Itf;
  readonly epochs: Itf;
  readonly executed: Itf;
  readonly attested: Itf;
}

function entries(value: Itf): ReadonlyMap<string, Itf> {
  if (typeof value !== "object" || !("#map" in value)) throw new Error("expected a map");
  return new Map(value["#map"].map(([key, held]) => [String(plain(key)), held]));
}

function plain(value: Itf | undefined): unknown {
  if (typeof value !== "object") return value;
  if ("#bigint" in value) return Number(value["#bigint"]);
  if ("#set" in value) return value["#set"].map(plain);
  throw new Error("expected a plain value");
}

function nodeOf(state: State, name: string): string {
  const picked = state["mbt::nondetPicks"][name];
  if (picked?.tag !== "Some") throw new Error(`the trace does not say which ${name}`);
  return String(plain(picked.value));
}

function act(driver: HandOverDriver, state: State): void {
  switch (state["mbt::actionTaken"]) {
    case "order":
      driver.order(
        Number(nodeOf(state, "epoch")),
        nodeOf(state, "leaver"),
        nodeOf(state, "newcomer"),
      );
      return;
    case "execute":
      driver.execute(nodeOf(state, "node"));
      return;
    case "hear":
      driver.hear(nodeOf(state, "node"), nodeOf(state, "author"));
      return;
    case "prove":
      driver.prove(nodeOf(state, "node"), nodeOf(state, "peer"));
      return;
    case "restart":
      driver.restart(nodeOf(state, "node"));
      return;
    default:
  }
}

/** The model's state in the words of the driver. */
function expected({ epochs, executed, attested }: State) {
  const ends = [...entries(attested)].map(([epoch, who]) => [Number(epoch), plain(who)] as const);
  return NAMES.map((name) => ({
    name,
    epoch: plain(entries(epochs).get(name)),
    executed: plain(entries(executed).get(name)),
    attested: ends.flatMap(([epoch, who]) =>
      Array.isArray(who) && who.includes(name) ? [epoch] : [],
    ),
  }));
}

const files = readdirSync(TRACES).filter((file) => file.startsWith("hand-over"));

test("there are traces", () => {
  expect(files.length).toBeGreaterThan(0);
});

test.each(files)("rule EPOCH: the core follows the model through %s", (file) => {
  const { states }: { readonly states: readonly State[] } = JSON.parse(
    readFileSync(new URL(file, TRACES), "utf8"),
  );
  const driver = new HandOverDriver();
  states.forEach((state, at) => {
    act(driver, state);
    // The core goes over in the step that completes the quorum, the model in one of its own.
    const next = states[at + 1]?.["mbt::actionTaken"];
    if (next === undefined || next === "step") return;
    const seen = NAMES.map((name) => ({ name, ...driver.view(name) }));
    expect(seen, `state ${at}, after ${state["mbt::actionTaken"]}`).toEqual(expected(state));
    for (const [epoch, members] of entries(state.sets)) {
      expect(driver.members(Number(epoch)).toSorted()).toEqual(plain(members));
      expect(driver.agreesOn(Number(epoch))).toBe(true);
    }
  });
  expect(driver.halts).toEqual([]);
  expect(driver.misconduct).toBe(0);
});
