import { describe, expect, test } from "vitest";
import { freshSafetyData } from "../consensus/safety-data.ts";
import type { SignedStatement, Statement } from "../kernel/statements.ts";
import type { ReplicaEffect, ReplicaInput } from "../replica/types.ts";
import type { SigningState } from "./burn-guard.ts";
import { EffectPerformer } from "./effect-performer.ts";

function vote(round: number): Statement {
  return { kind: "vote", epoch: 1, round, blockId: "cd".repeat(32), qcRound: round - 1 };
}
function sign(round: number): ReplicaEffect {
  return { kind: "sign", statement: vote(round), safety: freshSafetyData(1) };
}
const store: ReplicaEffect = {
  kind: "store",
  record: {
    kind: "qc",
    qc: { epoch: 1, round: 1, blockId: "cd".repeat(32), qcRound: 0, signatures: [] },
  },
};
const halt: ReplicaEffect = { kind: "halt", reason: "test" };

/** A performer whose disk and signer write down what they were asked, in order. */
function world(state: SigningState = { kind: "signing" }) {
  const log: string[] = [];
  const guard: { state: SigningState } = { state };
  const held: { release: (() => void) | undefined; failWith: Error | undefined } = {
    release: undefined,
    failWith: undefined,
  };
  let pending = 0;
  const performer = new EffectPerformer({
    store: {
      add: () => {
        pending += 1;
        log.push("add");
      },
      sync: async () => {
        log.push(`sync ${pending}`);
        pending = 0;
        if (held.failWith !== undefined) throw held.failWith;
      },
      segment: async () => undefined,
      get hasPending() {
        return pending > 0;
      },
    },
    signer: {
      sign: async (requests) => {
        const rounds = requests.map(({ statement }) => "round" in statement && statement.round);
        log.push(`sign ${rounds.join(" ")}`);
        await new Promise<void>((resolve) => {
          held.release = resolve;
        });
        const signed = requests.map(({ statement }): SignedStatement => {
          return { statement, author: "11".repeat(32), signature: new Uint8Array(64) };
        });
        return { signed, refused: [] };
      },
    },
    guard,
    push: (input: ReplicaInput) => {
      if (input.kind !== "signed") return;
      const { statement } = input.signed;
      log.push(`signed ${"round" in statement && statement.round}`);
    },
    outward: (effect) => log.push(effect.kind),
    setTimer: () => undefined,
    cancelTimer: () => undefined,
    refused: () => undefined,
    signed: () => undefined,
    fail: (error) => log.push(`fail ${(error as Error).message}`),
  });
  const turn = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    held.release?.();
    held.release = undefined;
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { performer, log, guard, held, turn };
}

describe("effects", () => {
  test("rule JOURNAL: the chain log is synced with every earlier store before a signature is made", async () => {
    const { performer, log, turn } = world();
    performer.perform([store, store, sign(1)]);
    await turn();
    expect(log).toEqual(["add", "add", "sync 2", "sign 1", "signed 1"]);
  });

  test("rule JOURNAL: what is asked for during a sync forms the next group", async () => {
    const { performer, log, turn } = world();
    performer.perform([sign(1)]);
    performer.perform([store, sign(2)]);
    performer.perform([sign(3)]);
    await turn();
    await turn();
    expect(log).toEqual([
      "sync 0",
      "add",
      "sign 1",
      "signed 1",
      "sync 1",
      "sign 2 3",
      "signed 2",
      "signed 3",
    ]);
  });

  test("rule JOURNAL: after a failed sync nothing is performed any more", async () => {
    const { performer, log, held, turn } = world();
    held.failWith = new Error("EIO");
    performer.perform([sign(1)]);
    await turn();
    performer.perform([store, sign(2)]);
    await turn();
    expect(log).toEqual(["sync 0", "fail EIO"]);
  });

  test("rule BURN: while the guard listens nothing is signed; a burnt key never signs", async () => {
    const { performer, log, guard, turn } = world({ kind: "listening" });
    performer.perform([sign(1)]);
    await turn();
    expect(log).toEqual([]);
    guard.state = { kind: "signing" };
    performer.resume();
    await turn();
    expect(log).toEqual(["sync 0", "sign 1", "signed 1"]);
    guard.state = { kind: "burnt", reason: "test" };
    performer.perform([sign(2)]);
    await turn();
    expect(log).toHaveLength(3);
  });

  test("a halted replica signs nothing, and says why", async () => {
    const { performer, log, turn } = world();
    performer.perform([sign(1), halt, sign(2)]);
    await turn();
    expect(log).toEqual(["halt"]);
    expect(performer.halted).toBe(true);
  });
});
