import { describe, expect, test } from "vitest";
import { keyOf, scheme, TestChain } from "../../test/ledger/test-chain.ts";
import { checkTransaction } from "./check-transaction.ts";
import { absenceDigest, encodeTransaction, misconductProof } from "./transaction.ts";
import type { Transaction } from "./types.ts";

const dead = keyOf("seat0");

function mutedChain(): TestChain {
  const chain = new TestChain();
  for (let count = 0; count < 20; count += 1) chain.block();
  mute(chain);
  return chain;
}

function mute(chain: TestChain): void {
  chain.silence(dead, []);
  const voters = chain.without(dead);
  expect(chain.block({ voters, transactions: [chain.silenceRecord(dead)] })).toEqual(["OK"]);
  expect(isMuted(chain)).toBe(true);
}

function isMuted(chain: TestChain): boolean {
  return chain.state.seats.get(dead)?.muted === true;
}

/** Block time in which the member, now voting, is unmuted. */
function unmutedAfter(chain: TestChain): number {
  const from = chain.state.timestampMs;
  while (isMuted(chain)) chain.block();
  return chain.state.timestampMs - from;
}

describe("rule SWAP", () => {
  test("rule SWAP: a gap between commits unmutes no dead member", () => {
    const chain = mutedChain();
    const voters = chain.without(dead);
    // It votes once more, then never.
    chain.block();
    chain.run(5_000, { voters });
    for (let gaps = 0; gaps < 3; gaps += 1) chain.block({ voters, spanMs: 6_000 });
    chain.run(5_000, { voters });
    expect(isMuted(chain)).toBe(true);
    // Its votes do, a silence window later.
    expect(unmutedAfter(chain)).toBe(2_200);
  });

  test("rule SWAP: an absence notice unmutes no dead member", () => {
    const chain = new TestChain();
    for (let count = 0; count < 20; count += 1) chain.block();
    mute(chain);
    const voters = chain.without(dead);
    chain.block();
    const untilMs = chain.state.timestampMs + 4_000;
    const subject = absenceDigest(chain.chainId, untilMs);
    const endorsement = chain.signed(dead, { kind: "endorsement", nonce: 1, subject });
    const notice: Transaction = { kind: "absence", untilMs, endorsement };
    expect(chain.block({ voters, transactions: [notice] })).toEqual(["OK"]);
    chain.run(6_000, { voters });
    expect(isMuted(chain)).toBe(true);
  });
});

describe("rule RATE", () => {
  test("rule RATE: the cool-down covers mute and unmute", () => {
    const chain = mutedChain();
    // Votes for a whole window are there sooner, but the cool-down is two windows.
    expect(unmutedAfter(chain)).toBe(4_000);
    chain.silence(dead, []);
    const voters = chain.without(dead);
    const record = () => chain.block({ voters, transactions: [chain.silenceRecord(dead)] });
    const codes = Array.from({ length: 9 }, () => record()[0]);
    expect(codes).toEqual([...Array.from({ length: 8 }, () => "COOL_DOWN"), "OK"]);
  });

  test("rule RATE: each further mute of a span doubles the voting that unmutes, to a bound", () => {
    const chain = mutedChain();
    const times: number[] = [];
    for (let round = 0; round < 9; round += 1) {
      times.push(unmutedAfter(chain));
      chain.run(4_000);
      mute(chain);
    }
    // 2 s of votes fit in the cool-down of 4 s; one block passes until the first vote counts.
    expect(times.slice(0, 4)).toEqual([4_000, 4_200, 8_200, 16_200]);
    // 200 s later the span is over and the count begins anew.
    expect(Math.max(...times)).toBeLessThanOrEqual(2_000 * 2 ** 6 + 200);
  });

  test("rule RATE: an owner's signature needs no age of its own spare", () => {
    const chain = new TestChain();
    const spare = chain.addSpare("spare", "a", { endorsed: false });
    expect(chain.block({ transactions: [chain.ownerRotation(dead, keyOf("owner a"))] })).toEqual([
      "OK",
    ]);
    expect(chain.state.seats.get(spare)).toMatchObject({ endorsed: true });
  });
});

describe("rule CAUSE", () => {
  test("rule CAUSE: a rotation that found no fit spare is not replayed", () => {
    const chain = new TestChain();
    const rotation = chain.ownerRotation(dead, keyOf("owner a"));
    const forged = chain.ownerRotation(dead, keyOf("operator"));
    expect(chain.block({ transactions: [forged, rotation] })).toEqual([
      "NOT_THE_OWNER",
      "NO_FIT_SPARE",
    ]);
    chain.addSpare("spare", "a");
    expect(chain.block({ transactions: [rotation] })).toEqual(["DUPLICATE"]);
    const anew = chain.ownerRotation(dead, keyOf("owner a"), 2);
    expect(chain.block({ transactions: [anew] })).toEqual(["OK"]);
  });
});

describe("rule PICK", () => {
  test("rule PICK: a condemned seat that falls silent gives way to others' spares first", () => {
    const owners = ["a", "b", "c", "d", "e", "f", "g"];
    const rotation = { newcomerAgeMsMin: 0, newcomerSpanMs: 0, coolDownWindows: 0 };
    const chain = new TestChain({ owners, rotation });
    const second = keyOf("seat1");
    chain.addSpare("first", "g");
    expect(chain.block({ transactions: [chain.proofAgainst(dead)] })).toEqual(["OK"]);
    expect(chain.block({ transactions: [chain.proofAgainst(second)] })).toEqual(["OK"]);
    const spares = [chain.addSpare("own", "b"), chain.addSpare("others", "c")];
    chain.silence(second, spares);
    const record = chain.silenceRecord(second);
    expect(chain.block({ voters: chain.without(second), transactions: [record] })).toEqual(["OK"]);
    expect(chain.events("swap")[0]?.swap).toMatchObject({
      cause: "silence",
      newcomer: keyOf("others"),
    });
  });
});

describe("rule EVIDENCE", () => {
  const report = (chain: TestChain, price: bigint, slot: number) =>
    chain.signed(dead, {
      kind: "oracle-report",
      epoch: chain.state.set.epoch,
      market: 0,
      slot,
      price,
    });

  test("rule EVIDENCE: jailed reports do not count after the author's swap in one block", () => {
    const chain = new TestChain();
    const spare = chain.addSpare("spare", "a");
    const [first, second] = [report(chain, 1n, 0), report(chain, 2n, 0)];
    const proof = misconductProof(chain.chainId, first, second);
    expect(chain.block({ transactions: [proof] })).toEqual(["OK"]);
    const signsOfLife = [chain.heartbeat(spare)];
    const late = { kind: "oracle-report", report: report(chain, 3n, 1) } as const;
    const rotation = chain.ownerRotation(dead, keyOf("owner a"));
    expect(chain.block({ signsOfLife, transactions: [late, rotation, late] })).toEqual([
      "REPORTS_JAILED",
      "OK",
      "REPORTS_JAILED",
    ]);
  });

  test("rule EVIDENCE: a report is taken once, and none of an older slot", () => {
    const chain = new TestChain();
    const single = (slot: number) =>
      ({ kind: "oracle-report", report: report(chain, 1n, slot) }) as const;
    expect(chain.block({ transactions: [single(0), single(0), single(1)] })).toEqual([
      "OK",
      "REPORT_NOT_NEWER",
      "OK",
    ]);
    expect(chain.block({ transactions: [single(1), single(0)] })).toEqual([
      "REPORT_NOT_NEWER",
      "REPORT_NOT_NEWER",
    ]);
    const bytes = encodeTransaction(single(1));
    expect(checkTransaction(chain.state, bytes, scheme)).toMatchObject({
      error: { code: "REPORT_NOT_NEWER", field: "report.statement.slot" },
    });
    chain.run(1_000);
    expect(chain.block({ transactions: [single(2)] })).toEqual(["OK"]);
  });
});
