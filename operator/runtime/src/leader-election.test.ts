import fc from "fast-check";
import { Registry } from "prom-client";
import { afterEach, describe, expect, test } from "vitest";
import { LeaseServer } from "../test/lease-server.ts";
import { QuietLog } from "../test/quiet-log.ts";
import type { Clock } from "./clock.ts";
import { createKubeClient } from "./create-kube-client.ts";
import { type LeaderElectionOptions, runLeaderElection, type Term } from "./leader-election.ts";
import { createRuntimeMetrics } from "./metrics.ts";
import { microTime, wholeSecondTime } from "./micro-time.ts";
import { type ApiRequest, TransportError } from "./transport.ts";
import { settle, VirtualClock } from "./virtual-clock.ts";

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

const HELD = {
  leaseDurationSeconds: 15,
  acquireTime: microTime(0),
  renewTime: microTime(0),
  leaseTransitions: 3,
};

/** A candidate with a clock of its own, if need be. */
function candidate(
  server: LeaseServer,
  clock: VirtualClock,
  options: Partial<LeaderElectionOptions> = {},
) {
  const faults: { hit: (request: ApiRequest) => Promise<void> } = { hit: async () => undefined };
  const log = new QuietLog();
  const registry = new Registry();
  const stop = new AbortController();
  const terms: (Term & { readonly signal: AbortSignal })[] = [];
  const transport = server.door((request) => faults.hit(request));
  const client = createKubeClient({ transport, clock, fieldManager: "me", retryBudgetMs: 0 });
  const election = runLeaderElection({
    client,
    clock,
    random: () => 0.5,
    log,
    metrics: createRuntimeMetrics(registry, clock),
    identity: "me",
    lease: { namespace: "ns", name: "lease" },
    signal: stop.signal,
    onStartedLeading: async (signal, term) => {
      terms.push({ ...term, signal });
      await new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    },
    ...options,
  });
  stops.push(() => stop.abort());
  const leading = () => terms.some(({ signal }) => !signal.aborted);
  return { election, faults, log, registry, stop, terms, leading };
}

describe("times of a Lease", () => {
  test("MicroTime has six digits after the point, Time has none", () => {
    expect(microTime(1_700_000_000_007)).toBe("2023-11-14T22:13:20.007000Z");
    expect(wholeSecondTime(1_700_000_000_007)).toBe("2023-11-14T22:13:20Z");
  });

  test("every write of an election has them", async () => {
    const server = new LeaseServer();
    const clock = new VirtualClock();
    const { stop, election } = candidate(server, clock);
    await clock.advance(5_000);
    stop.abort();
    await election.stopped;
    // Created, renewed twice, given back: the server takes nothing else.
    expect(server.writes).toHaveLength(4);
  });
});

describe("taking the lease", () => {
  test("a lease that is not there is made, with the first term", async () => {
    const server = new LeaseServer();
    const clock = new VirtualClock();
    const { terms, election, registry } = candidate(server, clock);
    await settle();
    expect(terms).toMatchObject([{ transitions: 1 }]);
    expect(election.isFresh()).toBe(true);
    expect(await registry.metrics()).toContain('leader_election_master_status{name="lease"} 1');
    expect(server.lease?.spec).toMatchObject({ holderIdentity: "me", leaseDurationSeconds: 15 });
  });

  test("another's is taken 15 s after its last change as seen here, whatever times it says", async () => {
    for (const renewTime of [microTime(0), microTime(Date.UTC(2099, 0, 1))]) {
      const server = new LeaseServer();
      const clock = new VirtualClock();
      server.write({ ...HELD, holderIdentity: "other", renewTime });
      const { terms, leading } = candidate(server, clock);
      await clock.advance(10_000);
      server.write({ ...HELD, holderIdentity: "other", renewTime });
      await clock.advance(14_900);
      expect(leading()).toBe(false);
      await clock.advance(6_000);
      expect(leading()).toBe(true);
      expect(terms).toMatchObject([{ transitions: 4 }]);
    }
  });

  test("a holder that promised a longer lease is given its time", async () => {
    const server = new LeaseServer();
    const clock = new VirtualClock();
    server.write({ ...HELD, holderIdentity: "other", leaseDurationSeconds: 60 });
    const { leading } = candidate(server, clock);
    await clock.advance(59_000);
    expect(leading()).toBe(false);
    await clock.advance(8_000);
    expect(leading()).toBe(true);
  });

  test("one that was given back is taken at the next look", async () => {
    const server = new LeaseServer();
    const clock = new VirtualClock();
    server.write({ ...HELD, leaseDurationSeconds: 1 });
    const { leading } = candidate(server, clock);
    await settle();
    expect(leading()).toBe(true);
  });

  test("two candidates, one leader; after a clean stop the other follows in seconds", async () => {
    const server = new LeaseServer();
    const clock = new VirtualClock();
    const one = candidate(server, clock, { identity: "one" });
    const two = candidate(server, clock, { identity: "two" });
    await clock.advance(60_000);
    expect([one.leading(), two.leading()]).toEqual([true, false]);
    one.stop.abort();
    await one.election.stopped;
    expect(server.lease?.spec).not.toHaveProperty("holderIdentity");
    expect(server.lease?.spec.leaseDurationSeconds).toBe(1);
    await clock.advance(5_000);
    expect([one.leading(), two.leading()]).toEqual([false, true]);
    expect(two.terms[0]?.transitions).toBe(2);
  });
});

describe("losing the lease", () => {
  test("stolen: steps down at the next renewal and does not give back what is another's", async () => {
    const server = new LeaseServer();
    const clock = new VirtualClock();
    const { election, leading, log, registry } = candidate(server, clock);
    await settle();
    server.write({ ...HELD, holderIdentity: "thief" });
    await clock.advance(2_000);
    expect(leading()).toBe(false);
    expect(election.isFresh()).toBe(false);
    expect(server.lease?.spec.holderIdentity).toBe("thief");
    expect(log.lines.at(-1)?.fields).toMatchObject({ reason: "the lease was taken" });
    expect(await registry.metrics()).toContain('leader_election_master_status{name="lease"} 0');
  });

  test("stolen by one that does not count terms: steps down all the same", async () => {
    const server = new LeaseServer();
    const clock = new VirtualClock();
    const { leading } = candidate(server, clock);
    await settle();
    server.write({ ...server.lease?.spec, holderIdentity: "thief" });
    await clock.advance(2_000);
    expect(leading()).toBe(false);
    expect(server.lease?.spec.holderIdentity).toBe("thief");
  });

  test("deleted: steps down, because somebody else may make it anew", async () => {
    const server = new LeaseServer();
    const clock = new VirtualClock();
    const { terms } = candidate(server, clock);
    await settle();
    server.remove();
    await clock.advance(2_000);
    expect(terms[0]?.signal.aborted).toBe(true);
  });

  test("a foreign label on the lease costs no term", async () => {
    const server = new LeaseServer();
    const clock = new VirtualClock();
    const { terms, leading } = candidate(server, clock);
    await settle();
    const mine = server.lease?.spec;
    server.write(mine ?? {});
    await clock.advance(20_000);
    expect(leading()).toBe(true);
    expect(terms).toHaveLength(1);
  });

  test("renewal late: not fresh at 10 s to the millisecond, term ended, before 15 s", async () => {
    const server = new LeaseServer();
    const clock = new VirtualClock();
    const { election, faults, leading } = candidate(server, clock);
    await clock.advance(2_000);
    const renewedAt = clock.monotonic();
    faults.hit = () => Promise.reject(new TransportError("down"));
    await clock.advance(renewedAt + 9_999 - clock.monotonic());
    expect(election.isFresh()).toBe(true);
    await clock.advance(1);
    expect(election.isFresh()).toBe(false);
    expect(leading()).toBe(false);
  });

  test("a renewal that hangs is late as well", async () => {
    const server = new LeaseServer();
    const clock = new VirtualClock();
    const { election, faults, leading } = candidate(server, clock);
    await clock.advance(2_000);
    faults.hit = () => new Promise(() => undefined);
    await clock.advance(10_000);
    expect(election.isFresh()).toBe(false);
    expect(leading()).toBe(false);
  });

  test("freshness counts from the start of the request, not from its answer", async () => {
    const server = new LeaseServer();
    const clock = new VirtualClock();
    const { election, faults } = candidate(server, clock);
    await settle();
    faults.hit = async () => {
      faults.hit = () => new Promise(() => undefined);
      await clock.sleep(5_000);
    };
    // Renewal: asked at 2 s, answered at 7 s, so fresh until 12 s.
    await clock.advance(11_999);
    expect(election.isFresh()).toBe(true);
    await clock.advance(1);
    expect(election.isFresh()).toBe(false);
  });

  test("a process that was paused is not fresh at its first instruction", async () => {
    const server = new LeaseServer();
    const clock = new VirtualClock();
    const { election } = candidate(server, clock);
    await settle();
    clock.pause(10_000);
    expect(election.isFresh()).toBe(false);
  });

  test("a machine that slept is not fresh although its monotonic clock stood still", async () => {
    const server = new LeaseServer();
    const clock = new VirtualClock();
    const { election } = candidate(server, clock);
    await settle();
    clock.stepWall(10_000);
    expect(election.isFresh()).toBe(false);
  });

  test("the next term begins only when the work of the last has ended", async () => {
    const server = new LeaseServer();
    const clock = new VirtualClock();
    let running = 0;
    let most = 0;
    const { faults, terms } = candidate(server, clock, {
      onStartedLeading: async (signal) => {
        running += 1;
        most = Math.max(most, running);
        await clock.sleep(3_600_000, signal).catch(() => undefined);
        await clock.sleep(30_000);
        running -= 1;
      },
    });
    await settle();
    faults.hit = () => Promise.reject(new TransportError("down"));
    await clock.advance(12_000);
    faults.hit = async () => undefined;
    await clock.advance(20_000);
    expect(running).toBe(1);
    const before = server.lease?.spec.leaseTransitions ?? 0;
    await clock.advance(60_000);
    expect(running).toBe(1);
    expect(most).toBe(1);
    expect(server.lease?.spec.leaseTransitions).toBe(before + 1);
    expect(terms).toEqual([]);
  });
});

describe("a clean stop", () => {
  test("lets the work end before the lease is given back", async () => {
    const server = new LeaseServer();
    const clock = new VirtualClock();
    const { stop, election } = candidate(server, clock, {
      onStartedLeading: async (signal) => {
        await clock.sleep(3_600_000, signal).catch(() => undefined);
        await clock.sleep(4_000);
      },
    });
    await clock.advance(1_000);
    stop.abort();
    await clock.advance(3_999);
    expect(server.lease?.spec.holderIdentity).toBe("me");
    expect(election.isFresh()).toBe(true);
    await clock.advance(1);
    await election.stopped;
    expect(server.lease?.spec).not.toHaveProperty("holderIdentity");
    expect(election.isFresh()).toBe(false);
    expect(clock.sleeping()).toBe(0);
  });

  test("of a candidate writes nothing", async () => {
    const server = new LeaseServer();
    const clock = new VirtualClock();
    server.write({ ...HELD, holderIdentity: "other" });
    const { stop, election } = candidate(server, clock);
    await settle();
    stop.abort();
    await election.stopped;
    expect(server.writes).toHaveLength(1);
  });

  test("work that fails ends the election with its error and frees the lease", async () => {
    const server = new LeaseServer();
    const clock = new VirtualClock();
    const { election } = candidate(server, clock, {
      onStartedLeading: () => Promise.reject(new Error("no cache")),
    });
    await expect(election.stopped).rejects.toThrow("no cache");
    expect(server.lease?.spec).not.toHaveProperty("holderIdentity");
  });
});

test("durations that allow two leaders are refused", () => {
  const options = { leaseDurationMs: 10_000, renewDeadlineMs: 10_000 };
  expect(() => candidate(new LeaseServer(), new VirtualClock(), options)).toThrow(RangeError);
});

/** The time of one machine: its own wall clock, the common monotonic one. */
class SkewedClock implements Clock {
  readonly #clock: VirtualClock;
  skewMs = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now() + this.skewMs;
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#clock.sleep(ms, signal);
  }
}

const trouble = fc.record({
  who: fc.nat(2),
  before: fc.constantFrom("none", "fail", "slow", "hang"),
  after: fc.constantFrom("none", "fail", "slow", "hang"),
  skewMs: fc.integer({ min: -3_600_000, max: 3_600_000 }),
  forMs: fc.nat(40_000),
});

test("S10: never two are fresh at once, whatever clocks and network do; each term is new", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(trouble, { maxLength: 15 }), async (troubles) => {
      const server = new LeaseServer();
      const clock = new VirtualClock();
      const strike = async (fault: string) => {
        if (fault === "fail") throw new TransportError("down");
        if (fault === "slow") await clock.sleep(7_000);
        if (fault === "hang") await new Promise(() => undefined);
      };
      const all = [0, 1, 2].map((index) => {
        const own = new SkewedClock(clock);
        const faults = { before: "none", after: "none" };
        const door = server.door(
          () => strike(faults.before),
          () => strike(faults.after),
        );
        const client = createKubeClient({ transport: door, clock: own, fieldManager: "me" });
        const identity = `candidate-${index}`;
        return { ...candidate(server, clock, { client, clock: own, identity }), own, faults };
      });
      const watch = async (ms: number) => {
        for (let at = 0; at < ms; at += 250) {
          await clock.advance(250);
          expect(all.filter(({ election }) => election.isFresh()).length).toBeLessThan(2);
        }
      };
      for (const { who, before, after, skewMs, forMs } of troubles) {
        const one = all[who]!;
        Object.assign(one.faults, { before, after });
        one.own.skewMs = skewMs;
        await watch(forMs);
      }
      for (const { faults } of all) Object.assign(faults, { before: "none", after: "none" });
      await watch(45_000);
      expect(all.filter(({ election }) => election.isFresh())).toHaveLength(1);
      const terms = all.flatMap((one) => one.terms.map(({ transitions }) => transitions));
      expect(new Set(terms).size).toBe(terms.length);
      for (const { stop } of all) stop.abort();
      await settle();
    }),
    { numRuns: 60 },
  );
});
