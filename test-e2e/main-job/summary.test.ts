import { describe, expect, test } from "vitest";
import { dollars, judge, SILENCE_MS, type Summary } from "./summary.ts";
import { summaryText } from "./summary-text.ts";

const KEYS = ["a", "b", "c", "d", "e", "f"].map((digit) => digit.repeat(64));
const [gone = "", crashed = "", equivocator = "", reporter = "", spare1 = "", spare2 = ""] = KEYS;

function facts(): Omit<Summary, "version" | "kept" | "promises"> {
  const fault = { date: "9/29/2008", height: 100, healedMs: 2_500 };
  const swap = { power: "1", proof: "0".repeat(64), causeHeight: 150, effectiveHeight: 151 };
  const rotation = { phase: "Replaced", initiator: "Operator", transaction: "0".repeat(64) };
  return {
    seed: 1,
    chainId: "9".repeat(64),
    prices: { file: "p.csv", ticks: 340, from: "9/2/2008", to: "12/31/2008" },
    durationSeconds: 110,
    height: 900,
    epoch: 3,
    finality: { longestGapMs: 1_000, afterHeight: 100, certificates: 900 },
    faults: [
      { ...fault, kind: "gone", validator: "validator-1", key: gone },
      { ...fault, kind: "crash", validator: "validator-2", key: crashed },
      { ...fault, kind: "equivocation", validator: "validator-3", key: equivocator },
    ],
    swaps: [
      { ...swap, epoch: 2, cause: "silence", leaver: gone, newcomer: spare1, registeredHeight: 9 },
      {
        ...swap,
        epoch: 3,
        cause: "misconduct",
        leaver: equivocator,
        newcomer: spare2,
        registeredHeight: 160,
      },
    ],
    rotations: [
      { ...rotation, name: "q-e1", cause: "Silence", member: gone, newcomer: spare1 },
      { ...rotation, name: "q-e2", cause: "Misconduct", member: equivocator, newcomer: spare2 },
    ],
    signals: { peers: "prometheus", kubernetes: true },
    falseReporter: { validator: "validator-4", key: reporter, outliers: 300, seated: true },
    margin: {
      calls: 17,
      reduceOnly: 5,
      liquidations: 9,
      fundings: 12,
      fundingPayments: 34,
      closeOuts: 2,
      withdrawals: 1,
      deficits: [],
      fundLeft: "1500000",
      debtLeft: "0",
    },
    conservation: { equal: true, height: 900, accounts: 17, total: "1", differences: [] },
    carried: {
      transactions: 1,
      orders: 1,
      ordersPerSecond: 1,
      latencyMs: { p50: 40, p99: 200 },
    },
  };
}

const broken = (changed: Partial<ReturnType<typeof facts>>) =>
  judge({ ...facts(), ...changed }).promises.filter(({ kept }) => !kept).length;

describe("summary", () => {
  test("everything kept", () => {
    const summary = judge(facts());
    expect(summary.kept).toBe(true);
    expect(summary.promises).toHaveLength(8);
    expect(summaryText(summary)).toContain("registered at 160, cause at 150, effective at 151");
    expect(summaryText(summary)).not.toContain("BROKEN");
  });

  test("each promise can break", () => {
    const { faults, swaps, rotations, falseReporter, finality, conservation } = facts();
    const [first, second] = swaps;
    if (first === undefined || second === undefined) throw new Error("two swaps");
    expect(broken({ finality: { ...finality, longestGapMs: 5_001 } })).toBe(1);
    expect(broken({ finality: { ...finality, certificates: 0 } })).toBe(1);
    const late = SILENCE_MS + 1;
    expect(broken({ faults: faults.map((fault) => ({ ...fault, healedMs: late })) })).toBe(1);
    // Beside its own promise, the operator's record no longer fits what the chain did.
    expect(broken({ swaps: [{ ...first, leaver: crashed }, second] })).toBe(3);
    expect(broken({ swaps: [first] })).toBe(3);
    expect(broken({ swaps: [{ ...first, cause: "misconduct" }, second] })).toBe(1);
    expect(broken({ swaps: [first, { ...second, registeredHeight: 99 }] })).toBe(1);
    const byChain = rotations.map((one) => ({ ...one, initiator: "Chain" }));
    expect(broken({ rotations: byChain })).toBe(1);
    expect(broken({ rotations: rotations.slice(1) })).toBe(1);
    expect(broken({ falseReporter: { ...falseReporter, seated: false } })).toBe(1);
    expect(broken({ falseReporter: { ...falseReporter, outliers: 0 } })).toBe(1);
    expect(broken({ conservation: { ...conservation, equal: false } })).toBe(1);
  });

  test("dollars", () => {
    expect(dollars("1234567899999")).toBe("$1,234,567.89");
    expect(dollars(-1_500_000n)).toBe("-$1.50");
  });
});
