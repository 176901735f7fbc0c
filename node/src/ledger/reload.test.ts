import { describe, expect, test } from "vitest";
import { OWNERS, RandomLedger } from "../../test/ledger/random-ledger.ts";
import { reload, snapshotOf } from "../../test/ledger/snapshots.ts";
import { TestChain } from "../../test/ledger/test-chain.ts";
import { randomFrom } from "../../test/margin/random.ts";
import { DERIVED_FIELDS, LEAF_KINDS } from "./leaf-kinds.ts";
import type { LedgerState } from "./state.ts";

const SEEDS = Array.from({ length: 4 }, (_, index) => index + 1);
const BLOCKS = 270;
/** The loaded state executes so many blocks before the next load replaces it. */
const BLOCKS_A_LOAD = 30;

/** The same blocks on two chains: one lives on, the other's state is loaded again and again. */
function runBoth(seed: number, seen: Set<string>): void {
  const options = { owners: OWNERS, rotation: { evidenceMsMax: 20_000, unbondingMs: 21_000 } };
  const living = new TestChain(options);
  const loaded = new TestChain(options);
  const blocks = new RandomLedger(randomFrom(seed));
  for (let count = 1; count <= BLOCKS; count += 1) {
    const block = blocks.next(living);
    living.block(block);
    loaded.block(block);
    // The receipts root binds receipts and events.
    expect(loaded.last?.result, `seed ${seed}, block ${count}`).toEqual(living.last?.result);
    for (const event of living.last?.events ?? []) seen.add(kindOf(event));
    if (count % BLOCKS_A_LOAD === 0) {
      loaded.state = reload(loaded);
      expect(loaded.state.stateRoot).toBe(living.state.stateRoot);
      expect(snapshotOf(loaded.state)).toEqual(snapshotOf(living.state));
    }
  }
}

function kindOf(event: NonNullable<TestChain["last"]>["events"][number]): string {
  if (event.kind === "margin") return event.event.kind;
  return event.kind === "swap" ? `swap by ${event.swap.cause}` : event.kind;
}

describe("load(leaves(state))", () => {
  test("a loaded state gives the roots, receipts and events of the one that lived on", () => {
    const seen = new Set<string>();
    for (const seed of SEEDS) runBoth(seed, seen);
    const due = ["silence", "misconduct", "owner", "mute", "unmute"].map((by) => `swap by ${by}`);
    due.push("slashed", "jailed", "fill", "stage", "liquidation", "close-out", "withdrawal");
    expect(due.filter((kind) => !seen.has(kind))).toEqual([]);
  }, 60_000);

  test("every field of the state is in a leaf or is said to be derived, in one place", () => {
    const state = new TestChain().state;
    const held = LEAF_KINDS.flatMap(({ fields }) => fields);
    const derived = Object.keys(DERIVED_FIELDS) as (keyof LedgerState)[];
    const placed = [...new Set([...held, ...derived])].toSorted();
    expect(placed).toEqual(Object.keys(state).toSorted());
  });
});
