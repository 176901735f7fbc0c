import { expect, test } from "vitest";
import type { PublicKey } from "../../src/kernel/scalars.ts";
import { type ValidatorSet, validatorSet } from "../../src/kernel/validator-set.ts";
import { TestChain } from "../ledger/test-chain.ts";
import { ClockChecker } from "./clock-checker.ts";
import { quietPlan } from "./quiet-plan.ts";
import type { SentResize } from "./resizes.ts";
import { createSetChecker, type SetChange, type SetChecker } from "./set-checker.ts";
import { World } from "./world.ts";

const { birth } = new World(quietPlan({ seed: 1, healMs: 0 }));
const { newcomerAgeMsMin, newcomerSpanMs } = birth.genesis.parameters.rotation;
const chain = new TestChain();
const block = chain.block();

/** A chain of four owners on which this checker looks, swap by swap. */
class Swaps {
  readonly clock = new ClockChecker(birth);
  readonly resizes = new Map<string, SentResize>();
  readonly checker: SetChecker = createSetChecker({
    birth,
    clock: this.clock,
    isHonest: () => false,
    isEndorsed: (key) => key.startsWith("e"),
    resizes: this.resizes,
  });
  set: ValidatorSet = chain.state.set;
  height = 0;
  nowMs = birth.genesis.genesisTimeMs;

  swap(
    cause: "owner" | "misconduct",
    newcomer: PublicKey,
    leaver: PublicKey,
    owner: string,
    newcomerRegisteredAt = 0,
  ): void {
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
      ...{ newcomerRegisteredAt, power: seat.power },
    };
    this.set = next;
    this.checker.changed({ execution, swaps: [record], before, next } as unknown as SetChange);
  }

  block(spanMs: number): void {
    const { last } = chain;
    if (last === undefined) throw new Error("a block");
    this.height += 1;
    this.nowMs += spanMs;
    const result = { ...last.result, height: this.height, timestampMs: this.nowMs };
    this.clock.executed(result);
    this.checker.executed(this.height, { ...last, result });
  }

  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 1_000) this.block(Math.min(left, 1_000));
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
  swaps.block(500);
  const { height } = swaps;
  swaps.pass(newcomerAgeMsMin - 1);
  expect(() => swaps.swap("misconduct", "a".repeat(64), one.key, "stranger", height)).toThrow(
    "minimum age",
  );
  const later = new Swaps();
  later.block(500);
  later.pass(newcomerAgeMsMin);
  later.swap("misconduct", "a".repeat(64), one.key, "stranger", 1);
});

test("rule RATE: a newcomer's span is counted by the chain's clock, to which a gap adds 1 s", () => {
  const [one, two] = new Swaps().set.members;
  if (one === undefined || two === undefined) throw new Error("two members");
  const seated = new Swaps();
  seated.swap("misconduct", "a".repeat(64), one.key, "stranger");
  seated.block(newcomerSpanMs);
  expect(() => seated.swap("misconduct", "b".repeat(64), two.key, "other")).toThrow(
    "unendorsed newcomers",
  );
  const later = new Swaps();
  later.swap("misconduct", "a".repeat(64), one.key, "stranger");
  later.pass(newcomerSpanMs);
  later.swap("misconduct", "b".repeat(64), two.key, "other");
});
