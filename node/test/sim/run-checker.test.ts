import { describe, expect, test } from "vitest";
import type { EpochProof } from "../../src/kernel/certificates.ts";
import type { ExecutionResult } from "../../src/ledger/types.ts";
import { quietPlan } from "./quiet-plan.ts";
import { createRunChecker, type RunChecker } from "./run-checker.ts";
import { World } from "./world.ts";

const { birth, keyring, checker: fresh } = new World(quietPlan({ seed: 1, healMs: 0 }));
const { genesisTimeMs } = birth.genesis;

/** The block of a height as an honest node executes it, with a root of the caller's choice. */
function block(height: number, root: string, epoch = 1): ExecutionResult {
  const digest = (text: string) => text.repeat(64).slice(0, 64);
  const result = {
    ...{ epoch, height, blockId: digest(`${height}${root}`), stateRoot: digest(root) },
    timestampMs: genesisTimeMs + height * 300,
    ...{ receiptsRoot: digest("0"), nextSetHash: digest("0") },
  };
  const transaction = digest(`a${height}`);
  const receipt = { transaction, code: "OK", field: "", fix: "", outcomes: [] };
  return { result, receipts: [receipt], events: [], nextSet: undefined } as unknown as never;
}

function repairOf({ result }: ExecutionResult, epoch = 1): EpochProof {
  const nextSet = { ...fresh.set, epoch: epoch + 1 };
  return { certificate: { result, signatures: [] }, nextSet } as unknown as EpochProof;
}

/** Three blocks, the first of them certified. */
function chain(): RunChecker {
  const checker = createRunChecker({
    birth,
    scheme: keyring.scheme,
    isHonest: () => true,
    mayBeSilent: () => false,
    isEndorsed: () => true,
    now: () => genesisTimeMs + 60_000,
  });
  for (const height of [1, 2, 3]) checker.executed("v0", block(height, "b"));
  checker.certified("v0", { result: block(1, "b").result, signatures: [] });
  return checker;
}

describe("rule SPLIT in the run checker", () => {
  test("what is above a repaired result may be executed anew; who comes late is no witness", () => {
    const checker = chain();
    checker.repaired("v0", repairOf(block(1, "b")));
    expect([checker.height, checker.epoch]).toEqual([1, 2]);
    checker.executed("v1", block(2, "b"));
    checker.executed("v0", block(2, "c", 2));
    expect(checker.height).toBe(2);
    expect(() => checker.executed("v2", block(2, "d", 2))).toThrow("another block");
    expect(checker.isVoid({ height: 2, voids: new Map() })).toBe(true);
    expect(checker.isVoid({ height: 2, voids: new Map([["1", 1]]) })).toBe(false);
  });

  test("a repair that makes a certified result void, or goes on from another, is a violation", () => {
    const deep = chain();
    deep.certified("v0", { result: block(2, "b").result, signatures: [] });
    expect(() => deep.repaired("v0", repairOf(block(1, "b")))).toThrow("2 is certified");
    expect(() => chain().repaired("v0", repairOf(block(1, "c")))).toThrow("repairs epoch 1 at 1");
  });

  test("two repairs of one epoch are a violation", () => {
    const checker = chain();
    checker.repaired("v0", repairOf(block(2, "b")));
    checker.repaired("v1", repairOf(block(2, "b")));
    expect(() => checker.repaired("v2", repairOf(block(1, "b")))).toThrow("repairs epoch 1 at 1");
  });
});
