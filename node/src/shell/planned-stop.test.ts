import { describe, expect, test } from "vitest";
import { keyOf, TestChain } from "../../test/ledger/test-chain.ts";
import { ok, refuse } from "../kernel/result.ts";
import type { SignedStatement } from "../kernel/statements.ts";
import { decodeTransaction } from "../ledger/transaction.ts";
import type { Answer } from "../replica/types.ts";
import type { Submission } from "./grpc/submission.ts";
import { announceAbsence, type DeparturePorts, NOTICE_MS } from "./planned-stop.ts";

const self = keyOf("seat0");
const rotation = { absenceMsMax: 60_000, absenceEveryMs: 100_000 };

/** A node that stops: its chain, what it submitted, and the clock that it waits by. */
function scene(chain = new TestChain({ rotation }), key = self) {
  const submitted: Submission[] = [];
  const timers: (() => void)[] = [];
  let endorsements = 0;
  const ports: DeparturePorts = {
    self: key,
    chainId: chain.chainId,
    ledger: chain.state,
    endorse: async (subject) => {
      endorsements += 1;
      return ok(chain.signed(key, { kind: "endorsement", nonce: 1, subject }) as SignedStatement);
    },
    submit: (submission) => {
      submitted.push(submission);
      return ok(() => undefined);
    },
    after: (ms, callback) => {
      expect(ms).toBe(NOTICE_MS);
      timers.push(callback);
      return () => timers.splice(timers.indexOf(callback), 1);
    },
  };
  const sent = async () => {
    while (submitted.length === 0) await Promise.resolve();
    return submitted[0]!;
  };
  return { chain, ports, submitted, timers, sent, signed: () => endorsements };
}

/** What a promise came to in this turn of the loop, or that it still waits. */
function soon<T>(promise: Promise<T>): Promise<T | "waits"> {
  const turn = new Promise<"waits">((resolve) => {
    setImmediate(() => resolve("waits"));
  });
  return Promise.race([promise, turn]);
}

function certified(code: string): Answer {
  const execution = { receipts: [{ code }] };
  return { kind: "certified", receipt: { execution, position: 0 } } as unknown as Answer;
}

describe("rule SILENCE: before a planned stop a member signs an absence notice", () => {
  test("the chain takes it as it is, for the longest absence that there is", async () => {
    const { chain, ports, sent } = scene();
    const departure = announceAbsence(ports);
    const { transaction, answer } = await sent();
    const untilMs = chain.state.timestampMs + rotation.absenceMsMax;
    const decoded = decodeTransaction(transaction);
    expect(decoded).toMatchObject({ ok: true, value: { kind: "absence", untilMs } });
    expect(chain.block({ raw: [transaction] })).toEqual(["OK"]);
    answer(certified("OK"));
    expect(await departure).toEqual({ kind: "announced", untilMs });
  });

  test("whoever is no member, or gave notice within the hour, signs nothing", async () => {
    const stranger = scene(undefined, keyOf("nobody"));
    expect(await soon(announceAbsence(stranger.ports))).toEqual({ kind: "needless" });
    expect(stranger.signed()).toBe(0);
    const first = scene();
    const going = announceAbsence(first.ports);
    const { transaction, answer } = await first.sent();
    first.chain.block({ raw: [transaction] });
    answer(certified("OK"));
    await going;
    first.chain.run(90_000, { spanMs: 900 });
    const again = scene(first.chain);
    expect(await soon(announceAbsence(again.ports))).toEqual({ kind: "needless" });
    expect(again.signed()).toBe(0);
    first.chain.run(20_000, { spanMs: 900 });
    const later = scene(first.chain);
    const leaving = announceAbsence(later.ports);
    (await later.sent()).answer(certified("OK"));
    expect(await leaving).toMatchObject({ kind: "announced" });
  });

  test("a chain that stands still holds the stop up for a second, no longer", async () => {
    const { ports, timers, sent } = scene();
    const departure = announceAbsence(ports);
    await sent();
    expect(await soon(departure)).toBe("waits");
    timers[0]?.();
    expect(await soon(departure)).toEqual({ kind: "unanswered" });
  });

  test("a refusal, by the chain, the lane or the burnt key, holds nothing up", async () => {
    const full = scene();
    const departure = announceAbsence(full.ports);
    (await full.sent()).answer(certified("ABSENT_POWER"));
    expect(await departure).toEqual({ kind: "refused", code: "ABSENT_POWER" });
    expect(full.timers).toEqual([]);
    const submit = () => refuse("OVERLOADED", "node", "later");
    const busy = announceAbsence({ ...scene().ports, submit });
    expect(await busy).toEqual({ kind: "refused", code: "OVERLOADED" });
    const burnt = scene();
    const endorse = async () => refuse("KEY_BURNT", "node", "give the node a new key");
    const silent = announceAbsence({ ...burnt.ports, endorse });
    expect(await silent).toEqual({ kind: "refused", code: "KEY_BURNT" });
    expect(burnt.submitted).toEqual([]);
  });
});
