import { describe, expect, test } from "vitest";
import { type LoadClock, LoadGenerator, type LoadPlan, OUTSTANDING_MAX } from "./load-generator.ts";

/** A clock that jumps from one callback to the next. */
class TestClock implements LoadClock {
  #now = 0;
  #waiting: { at: number; callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): void {
    this.#waiting.push({ at: this.#now + ms, callback });
  }

  /** The process does nothing for a while: callbacks come late. */
  stall(ms: number): void {
    this.#now += ms;
  }

  runAll(): void {
    for (;;) {
      const next = this.#waiting.toSorted((left, right) => left.at - right.at)[0];
      if (next === undefined) return;
      this.#waiting = this.#waiting.filter((each) => each !== next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
  }
}

const PLAN: LoadPlan = {
  pace: { kind: "open", rate: 1_000 },
  warmupMs: 100,
  measureMs: 1_000,
  drainMs: 5_000,
};

async function run(
  plan: LoadPlan,
  send: (clock: TestClock, done: (code: string) => void, number: number) => void,
  before: (clock: TestClock) => void = () => undefined,
) {
  const clock = new TestClock();
  const edges: string[] = [];
  let number = 0;
  const generator = new LoadGenerator(plan, {
    clock,
    sender: {
      send: (_, done) => {
        number += 1;
        send(clock, done, number);
      },
    },
    next: () => new Uint8Array(),
    onMeasure: (edge) => edges.push(`${edge} ${clock.now()}`),
  });
  const result = generator.run();
  before(clock);
  clock.runAll();
  return { ...(await result), edges, sent: number };
}

describe("load generator", () => {
  test("an open loop offers its rate, and counts only what is meant for the measured span", async () => {
    const result = await run(PLAN, (clock, done) => clock.after(7, () => done("OK")));
    expect(result.offered).toBe(1_000);
    expect(result.sent).toBe(1_100);
    expect(result.latency.count).toBe(1_000);
    expect(result.latency.percentile(50)).toBeCloseTo(7, 0);
    expect(result.committed).toBe(1_000);
    expect(result.edges).toEqual(["begin 100", "end 1100"]);
  });

  test("no coordinated omission: a stall of the client counts from when each was meant", async () => {
    const result = await run(
      PLAN,
      (clock, done) => clock.after(1, () => done("OK")),
      (clock) => clock.after(300, () => clock.stall(400)),
    );
    expect(result.offered).toBe(1_000);
    // 400 of 1,000 were meant for the stall; they waited 200 ms on average.
    expect(result.latency.max).toBeGreaterThan(395);
    expect(result.latency.percentile(80)).toBeGreaterThan(190);
    expect(result.latency.percentile(80)).toBeLessThan(210);
  });

  test("a closed loop keeps so many in flight, no more", async () => {
    let open = 0;
    let most = 0;
    const plan: LoadPlan = { ...PLAN, pace: { kind: "closed", inFlight: 8 } };
    const result = await run(plan, (clock, done) => {
      open += 1;
      most = Math.max(most, open);
      clock.after(10, () => {
        open -= 1;
        done("OK");
      });
    });
    expect(most).toBe(8);
    expect(result.committed).toBeGreaterThan(700);
    expect(result.committed).toBeLessThanOrEqual(808);
  });

  test("refusals and lost answers are told by code, and have no latency", async () => {
    const result = await run(PLAN, (clock, done, number) => {
      if (number % 10 === 0) clock.after(1, () => done("QUEUE_FULL"));
      else if (number % 10 !== 1) clock.after(1, () => done("OK"));
    });
    expect(Object.fromEntries(result.failures)).toEqual({ QUEUE_FULL: 100, NO_ANSWER: 100 });
    expect(result.latency.count).toBe(800);
  });

  test("a client without answers stops sending at its bound, and says so", async () => {
    const plan: LoadPlan = { ...PLAN, pace: { kind: "open", rate: 100_000 } };
    const result = await run(plan, () => undefined);
    expect(result.sent).toBe(OUTSTANDING_MAX);
    expect(result.failures.get("CLIENT_LIMIT")).toBe(110_000 - OUTSTANDING_MAX);
  });
});
