import { describe, expect, test } from "vitest";
import { keyOf, TestChain } from "../../test/ledger/test-chain.ts";
import { dueTransactions } from "./self-heal.ts";
import { silenceOf } from "./silence.ts";
import { absenceDigest } from "./transaction.ts";
import { livenessView } from "./views.ts";

const dead = keyOf("seat0");

function isSilent(chain: TestChain, key = dead): boolean {
  return silenceOf(chain.state, key)?.isSilent ?? false;
}

describe("rule SILENCE", () => {
  test("rule SILENCE: N blocks and T of block time without a sign of life, not less", () => {
    const chain = new TestChain();
    const voters = chain.without(dead);
    chain.block();
    // 1,800 ms in 9 blocks: neither N nor T is full.
    for (let count = 0; count < 9; count += 1) chain.block({ voters });
    expect(isSilent(chain)).toBe(false);
    chain.block({ voters });
    expect(isSilent(chain)).toBe(true);
    const slow = new TestChain();
    slow.block();
    for (let count = 0; count < 5; count += 1) slow.block({ voters, spanMs: 900 });
    expect(isSilent(slow)).toBe(false);
    const quick = new TestChain();
    quick.block();
    for (let count = 0; count < 60; count += 1) quick.block({ voters, spanMs: 30 });
    expect(isSilent(quick)).toBe(false);
  });

  test("rule SILENCE: one block adds at most 1 s to T", () => {
    const chain = new TestChain({ rotation: { silenceMs: 12_000 } });
    const voters = chain.without(dead);
    chain.block();
    for (let count = 0; count < 11; count += 1) chain.block({ voters, spanMs: 4_000 });
    expect(isSilent(chain)).toBe(false);
    expect(silenceOf(chain.state, dead)?.ms).toBe(11_000);
    chain.block({ voters, spanMs: 4_000 });
    expect(isSilent(chain)).toBe(true);
  });

  test("rule SILENCE: the count starts anew at the first commit after a gap", () => {
    const chain = new TestChain();
    const voters = chain.without(dead);
    chain.run(1_900, { voters });
    chain.block({ voters, spanMs: 5_001 });
    expect(silenceOf(chain.state, dead)).toMatchObject({ blocks: 0, ms: 0, msWithoutVote: 0 });
    chain.run(1_800, { voters });
    expect(isSilent(chain)).toBe(false);
  });

  test("rule SILENCE: blocks of proposers with f+1 are needed, the accused not counted", () => {
    const chain = new TestChain();
    const [one = "", two = ""] = chain.without(dead);
    const voters = chain.without(dead);
    chain.block();
    chain.run(6_000, { voters, proposer: one });
    // W = 400, Q = 267, f = 133: two proposers of 100 are f+1, one is not.
    expect(isSilent(chain)).toBe(false);
    chain.block({ voters, proposer: two });
    expect(isSilent(chain)).toBe(true);
  });

  test("rule SILENCE: late votes in blocks count, certificates alone do not make silence", () => {
    const chain = new TestChain();
    const slow = dead;
    const voters = chain.without(slow);
    chain.block();
    for (let count = 0; count < 100; count += 1) {
      const round = Math.max(1, chain.round - 3);
      const { epoch } = chain.state.set;
      const statement = {
        kind: "vote",
        epoch,
        round,
        blockId: "33".repeat(32),
        qcRound: 0,
      } as const;
      chain.block({ voters, signsOfLife: [chain.signed(slow, statement)] });
      expect(isSilent(chain, slow)).toBe(false);
    }
  });

  test("rule SILENCE: a member 150 ms slower for an hour of virtual time is never silent", () => {
    const chain = new TestChain();
    const voters = chain.without(dead);
    let longest = 0;
    while (chain.state.clockMs - chain.genesis.genesisTimeMs < 3_600_000) {
      const late = Math.max(1, chain.round - 1);
      const { epoch } = chain.state.set;
      const vote = {
        kind: "vote",
        epoch,
        round: late,
        blockId: "33".repeat(32),
        qcRound: 0,
      } as const;
      chain.block({ voters, spanMs: 900, signsOfLife: [chain.signed(dead, vote)] });
      longest = Math.max(longest, silenceOf(chain.state, dead)?.ms ?? 0);
      expect(isSilent(chain)).toBe(false);
    }
    expect(longest).toBeLessThan(1_000);
  }, 60_000);

  test("rule SILENCE: an old or forged statement of a dead member is no sign of life", () => {
    const chain = new TestChain();
    const voters = chain.without(dead);
    chain.run(20_000);
    const { epoch } = chain.state.set;
    const vote = { kind: "vote", epoch, blockId: "33".repeat(32), qcRound: 0 } as const;
    const old = chain.signed(dead, { ...vote, round: chain.round - 65 });
    const stash = chain.signed(dead, { ...vote, round: chain.round });
    chain.run(1_800, { voters });
    chain.block({ voters, signsOfLife: [old] });
    expect(isSilent(chain)).toBe(true);
    const forged = { ...stash, author: dead, signature: new Uint8Array(64) };
    chain.block({ voters, signsOfLife: [forged] });
    expect(isSilent(chain)).toBe(true);
    chain.block({ voters, signsOfLife: [stash] });
    expect(isSilent(chain)).toBe(false);
    // The same statement counts once.
    chain.run(2_000, { voters, signsOfLife: [stash] });
    expect(isSilent(chain)).toBe(true);
  });

  test("rule SILENCE: a heartbeat counts once and only while its height is half a window old", () => {
    const chain = new TestChain();
    const voters = chain.without(dead);
    chain.run(2_000);
    const beat = chain.heartbeat(dead);
    chain.run(400, { voters });
    chain.block({ voters, signsOfLife: [beat] });
    expect(silenceOf(chain.state, dead)?.blocks).toBe(0);
    chain.block({ voters, signsOfLife: [beat] });
    expect(silenceOf(chain.state, dead)?.blocks).toBe(1);
    const stale = chain.heartbeat(dead);
    chain.run(1_000, { voters });
    chain.block({ voters, signsOfLife: [stale] });
    expect(silenceOf(chain.state, dead)?.blocks).toBe(7);
    const wrongRoot = chain.signed(dead, {
      kind: "heartbeat",
      epoch: chain.state.set.epoch,
      height: chain.state.height,
      stateRoot: "44".repeat(32),
    });
    chain.block({ voters, signsOfLife: [wrongRoot] });
    expect(silenceOf(chain.state, dead)?.blocks).toBe(8);
  });

  test("rule SILENCE: no vote in so many windows is silence in spite of heartbeats", () => {
    const chain = new TestChain();
    const voters = chain.without(dead);
    chain.block();
    // 3 windows of 2,000 ms and 10 blocks.
    while (chain.state.clockMs - chain.genesis.genesisTimeMs < 6_000) {
      chain.block({ voters, signsOfLife: [chain.heartbeat(dead)] });
      expect(isSilent(chain)).toBe(false);
    }
    chain.block({ voters, signsOfLife: [chain.heartbeat(dead)] });
    expect(isSilent(chain)).toBe(true);
  });

  test("rule SILENCE: an absence notice lets the count rest, once in a while, at most f absent", () => {
    const chain = new TestChain();
    const other = keyOf("seat1");
    const notice = (key: string, ms: number, nonce = 1) => {
      const untilMs = chain.state.timestampMs + ms;
      const subject = absenceDigest(chain.chainId, untilMs);
      const endorsement = chain.signed(key, { kind: "endorsement", nonce, subject });
      return { kind: "absence", untilMs, endorsement } as const;
    };
    const wrong = { ...notice(dead, 2_000), untilMs: chain.state.timestampMs + 3_000 };
    expect(chain.block({ transactions: [notice(dead, 9_000)] })).toEqual(["ABSENCE_TOO_LONG"]);
    expect(chain.block({ transactions: [wrong] })).toEqual(["BAD_ABSENCE"]);
    expect(chain.block({ transactions: [notice(dead, 3_400)] })).toEqual(["OK"]);
    expect(chain.block({ transactions: [notice(other, 2_000)] })).toEqual(["ABSENT_POWER"]);
    expect(chain.block({ transactions: [notice(keyOf("nobody"), 2_000)] })).toEqual([
      "NOT_A_MEMBER",
    ]);
    const voters = chain.without(dead);
    chain.run(4_600, { voters });
    expect(isSilent(chain)).toBe(false);
    expect(livenessView(chain.state).find(({ key }) => key === dead)?.absent).toBe(false);
    expect(chain.block({ voters, transactions: [notice(dead, 2_000)] })).toEqual([
      "ABSENCE_TOO_OFTEN",
    ]);
    chain.run(400, { voters });
    expect(isSilent(chain)).toBe(true);
  });

  test("rule SILENCE: a vote more than five seconds after the notice ends the absence; votes on their way do not", () => {
    const chain = new TestChain({ rotation: { absenceMsMax: 60_000, absenceEveryMs: 100_000 } });
    const other = keyOf("seat1");
    const voters = chain.without(dead);
    const view = () => livenessView(chain.state).find(({ key }) => key === dead)?.absent;
    const notice = (key: string, nonce: number) => {
      const untilMs = chain.state.timestampMs + 60_000;
      const subject = absenceDigest(chain.chainId, untilMs);
      const endorsement = chain.signed(key, { kind: "endorsement", nonce, subject });
      return { kind: "absence", untilMs, endorsement } as const;
    };
    expect(chain.block({ transactions: [notice(dead, 1)] })).toEqual(["OK"]);
    // Its last votes: they say that it was there, not that it is back.
    chain.run(5_000);
    expect(view()).toBe(true);
    expect(chain.block({ voters, transactions: [notice(other, 1)] })).toEqual(["ABSENT_POWER"]);
    chain.run(10_000, { voters });
    expect(isSilent(chain)).toBe(false);
    chain.block();
    expect(view()).toBe(false);
    // Its count goes on at once, another may go, and its own next notice has to wait.
    expect(chain.block({ voters, transactions: [notice(dead, 2)] })).toEqual(["ABSENCE_TOO_OFTEN"]);
    expect(chain.block({ voters, transactions: [notice(other, 2)] })).toEqual(["OK"]);
    chain.run(2_000, { voters });
    expect(isSilent(chain)).toBe(true);
  });

  test("rule CAUSE: members submit a record by themselves only so many windows later", () => {
    const chain = new TestChain();
    const spare = chain.addSpare("spare", "a");
    const voters = chain.without(dead);
    const self = voters[0] ?? "";
    const run = () => chain.block({ voters, signsOfLife: [chain.heartbeat(spare)] });
    while ((silenceOf(chain.state, dead)?.ms ?? 0) < 7_800) {
      run();
      expect(dueTransactions(chain.state, self)).toEqual([]);
    }
    run();
    expect(dueTransactions(chain.state, self)).toHaveLength(1);
    expect(dueTransactions(chain.state, dead)).toEqual([]);
    expect(dueTransactions(chain.state, spare)).toEqual([]);
    expect(chain.block({ voters, raw: dueTransactions(chain.state, self) })).toEqual(["OK"]);
    expect(chain.keys).toContain(spare);
  });
});
