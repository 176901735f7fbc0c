import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { picked, readTrace, type TraceState } from "../itf.ts";
import { SwapDriver } from "./swap-driver.ts";

const TRACES = new URL("../../spec/quint/traces/", import.meta.url);

interface ModelState {
  readonly height: number;
  readonly paused: ReadonlySet<number>;
  readonly proposer: number;
}

function modelOf({ variables }: TraceState): ModelState {
  return variables["s"] as ModelState;
}

function numberOf(state: TraceState, name: string): number {
  return state.picks[name] === undefined ? -1 : picked(state, name);
}

/** What the environment is in the model alone; all else must be equal. */
function expected(state: TraceState): Partial<ModelState> {
  const { paused: _, proposer: __, ...rest } = modelOf(state);
  return rest;
}

const files = readdirSync(TRACES).filter((file) => file.startsWith("swaps"));

test("there are traces", () => {
  expect(files.length).toBeGreaterThan(0);
});

test.each(files)("rule SWAP: the ledger follows the model of seats through %s", (file) => {
  const states = readTrace(readFileSync(new URL(file, TRACES), "utf8"));
  const driver = new SwapDriver();
  for (const state of states) {
    const { height, paused, proposer } = modelOf(state);
    if (height > 0) {
      driver.block({
        action: state.action,
        key: numberOf(state, "key"),
        owner: numberOf(state, "owner"),
        isEndorsed: state.picks["isEndorsed"] === true,
        paused,
        proposer,
      });
    }
    expect(driver.view(), `height ${height}, ${state.action}`).toEqual(expected(state));
  }
  expect(states.length).toBeGreaterThan(40);
});
