import { expect, test } from "vitest";
import type { PublicKey } from "../../src/kernel/scalars.ts";
import { type ValidatorSet, validatorSet } from "../../src/kernel/validator-set.ts";
import { TestChain } from "../ledger/test-chain.ts";
import { quietPlan } from "./quiet-plan.ts";
import { createSetChecker, type SetChange, type SetChecker } from "./set-checker.ts";
import { World } from "./world.ts";

const { birth } = new World(quietPlan({ seed: 1, healMs: 0 }));
const { newcomerAgeMsMin } = birth.genesis.parameters.rotation;
const chain = new TestChain();
const block = chain.block();

/** A chain of four owners on which this checker looks, swap by swap. */
class Swaps {
  readonly checker: SetChecker = createSetChecker({
    birth,
    isHonest: () => false,
    isEndorsed: (key) => key.startsWith("e"),
  });
  set: ValidatorSet = chain.state.set;
  nowMs = 1_000_000;

  swap(cause: "owner" | "misconduct", newcomer: PublicKey, leaver: PublicKey, owner: string) {
    const before = this.set;
    const seat = before.members.find(({ key }) => key === leaver);
    if (seat === undefined) throw new Error("a seat");
    const rest = before.members.filter(({ key }) => key !== leaver);
    const next = validatorSet(before.epoch + 1, [...rest, { ...seat, key: newcomer, owner }]);
    const { last } = chain;
    if (last === undefined) throw new Error(`a block: ${block.join()}`);
    const execution = { ...last, result: { ...last.result, timestampMs: this.nowMs } };
    const record = {
      ...{ epoch: next.epoch, height: 9, cause, leaver, newcomer, proof: "" },
      ...{ newcomerRegisteredAt: 5, power: seat.power },
    };
    this.set = next;
    this.checker.changed({ execution, swaps: [record], before, next } as unknown as SetChange);
  }

  /** The block in which the newcomers registered, so long ago, and those since then. */
  registered(agoMs: number): void {
    this.#executed(5, this.nowMs - agoMs);
    for (let [height, leftMs] = [6, agoMs]; leftMs > 0; height += 1) {
      leftMs -= Math.min(leftMs, 500);
      this.#executed(height, this.nowMs - leftMs);
    }
  }

  #executed(height: number, timestampMs: number): void {
    const { last } = chain;
    if (last === undefined) throw new Error("a block");
    this.checker.executed(height, { ...last, result: { ...last.result, timestampMs } } as never);
  }
}

test("rule RATE: who came in unendorsed does not end its span by exchanging its own key", () => {
  const swaps = new Swaps();
  const [one, two] = swaps.set.members;
  if (one === undefined || two === undefined) throw new Error("two members");
  swaps.swap("misconduct", "a".repeat(64), one.key, "stranger");
  swaps.swap("owner", "e".repeat(64), "a".repeat(64), "stranger");
  expect(() => swaps.swap("misconduct", "b".repeat(64), two.key, "other")).toThrow(
    "unendorsed newcomers",
  );
});

test("rule RATE: an unendorsed newcomer has its minimum age", () => {
  const swaps = new Swaps();
  const [one] = swaps.set.members;
  if (one === undefined) throw new Error("a member");
  swaps.registered(newcomerAgeMsMin - 1);
  expect(() => swaps.swap("misconduct", "a".repeat(64), one.key, "stranger")).toThrow(
    "minimum age",
  );
  const later = new Swaps();
  later.registered(newcomerAgeMsMin);
  later.swap("misconduct", "a".repeat(64), one.key, "stranger");
});
