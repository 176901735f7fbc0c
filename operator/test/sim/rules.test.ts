import { describe, expect, test } from "vitest";
import type { Incident, IncidentKind, Plan } from "./plan.ts";
import { runPlan, type SeedOutcome } from "./run-seed.ts";
import { World } from "./world.ts";

const LIMIT = { timeout: 120_000 };

/** A quiet run of an hour of nothing but what a test puts in. */
const QUIET: Plan = {
  seed: 1,
  nodes: 4,
  spares: 1,
  owners: 1,
  zones: 5,
  machinesPerZone: 1,
  operators: 1,
  mode: "Auto",
  approver: "right",
  prometheus: false,
  silenceMs: 6_000,
  selfHealAfterWindows: 0,
  intervalSeconds: 2,
  cooldownSeconds: 0,
  incidents: [],
  calmAtMs: 120_000,
};

function incident(kind: IncidentKind, atMs: number, forMs: number, salt = 1): Incident {
  return { kind, atMs, forMs, salt };
}

async function run(change: Partial<Plan>): Promise<SeedOutcome> {
  return runPlan({ ...QUIET, ...change });
}

function count({ counts }: SeedOutcome, name: string): number {
  return counts.find(([each]) => each === name)?.[1] ?? 0;
}

const problem = ({ failure }: SeedOutcome) => failure?.problem;
const gone = incident("machine-off", 50_000, 40_000);

/** About a member that lives, silent by both paths: 64 * 0 says silent, 8 * 3 is both. */
const lies = incident("lie", 50_000, 60_000, 24);

describe("what the operator does, in a world of its own", () => {
  test("a machine that is gone is healed by one rotation", LIMIT, async () => {
    const outcome = await run({ incidents: [gone] });
    expect(problem(outcome)).toBeUndefined();
    expect(count(outcome, "submitted: Silence")).toBe(1);
    expect(count(outcome, "rotation: Replaced")).toBe(1);
  });

  test("a machine that is gone as announced is not healed by a rotation", LIMIT, async () => {
    const announced = incident("maintenance", 48_000, 70_000);
    const outcome = await run({ incidents: [announced, gone] });
    expect(problem(outcome)).toBeUndefined();
    expect(count(outcome, "submitted: Silence")).toBe(0);
    expect(count(outcome, "told: MaintenanceBegun")).toBe(1);
  });

  test("no wrong eviction: peers that lie alike accuse nobody", LIMIT, async () => {
    const outcome = await run({ incidents: [lies] });
    expect(problem(outcome)).toBeUndefined();
    expect(count(outcome, "submitted: Silence")).toBe(0);
    expect(count(outcome, "lie: silent by scrape")).toBeGreaterThan(0);
  });

  test("no act in Observe", LIMIT, async () => {
    const outcome = await run({ mode: "Observe", incidents: [gone] });
    expect(problem(outcome)).toBeUndefined();
    expect(count(outcome, "submitted: Silence")).toBe(0);
  });

  test("no act unapproved", LIMIT, async () => {
    const outcome = await run({ mode: "Approve", approver: "absent", incidents: [gone] });
    expect(problem(outcome)).toBeUndefined();
    expect(count(outcome, "rotation: Planned")).toBe(1);
    expect(count(outcome, "submitted: Silence")).toBe(0);
    const approved = await run({ mode: "Approve", incidents: [gone] });
    expect(problem(approved)).toBeUndefined();
    expect(count(approved, "submitted: Silence")).toBe(1);
  });

  test("no act while paused, though no watch tells of it", LIMIT, async () => {
    const deaf = incident("watches-deaf", 46_000, 80_000);
    const paused = incident("paused", 47_000, 150_000);
    const late = incident("machine-off", 110_000, 60_000);
    const outcome = await run({ calmAtMs: 200_000, incidents: [deaf, paused, late] });
    expect(problem(outcome)).toBeUndefined();
    expect(count(outcome, "submitted: Silence")).toBe(0);
  });

  test("no act while blind: a Prometheus that is down holds everything", LIMIT, async () => {
    const down = incident("prometheus-fault", 45_000, 100_000, 0);
    const incidents = [down, gone];
    const outcome = await run({ prometheus: true, calmAtMs: 150_000, incidents });
    expect(problem(outcome)).toBeUndefined();
    expect(count(outcome, "submitted: Silence")).toBe(0);
    expect(count(outcome, "blindness told")).toBeGreaterThan(0);
  });

  test("no act while partitioned", LIMIT, async () => {
    const few = incident("operator-sees-few", 45_000, 65_000, 3);
    const outcome = await run({ incidents: [few, incident("machine-off", 50_000, 40_000, 3)] });
    expect(problem(outcome)).toBeUndefined();
    expect(count(outcome, "submitted: Silence")).toBe(0);
  });

  test("2 of 4 gone: held while the chain stands, whole afterwards", LIMIT, async () => {
    const outcome = await run({ incidents: [incident("two-gone", 50_000, 50_000)] });
    expect(problem(outcome)).toBeUndefined();
    expect(count(outcome, "submitted: Silence")).toBe(0);
  });

  test("only the leader writes: a process that stood still does nothing late", LIMIT, async () => {
    const frozen = [0, 1, 2].map((index) => {
      return incident("operator-frozen", 50_100 + index * 20_000, 19_000, index);
    });
    const crashes = [0, 1, 2, 3].map((index) =>
      incident("crash", 48_000 + index * 15_000, 0, index),
    );
    const incidents = [...frozen, ...crashes, gone].toSorted((a, b) => a.atMs - b.atMs);
    const outcome = await run({ operators: 2, incidents });
    expect(problem(outcome)).toBeUndefined();
  });

  test("volumes and genesis survive a set that is made again", LIMIT, async () => {
    const outcome = await run({ incidents: [incident("set-remade", 50_000, 40_000)] });
    expect(problem(outcome)).toBeUndefined();
  });

  test("keys die only by an explicit word: a set deleted without it waits", LIMIT, async () => {
    const outcome = await run({ incidents: [incident("deleted-unsaid", 50_000, 40_000)] });
    expect(problem(outcome)).toBeUndefined();
    expect(count(outcome, "told: AwaitingWord")).toBeGreaterThan(0);
  });

  test("killed at every write, the operator ends where it would have ended", LIMIT, async () => {
    for (const salt of [0, 1, 2, 3]) {
      const kills = [500, 9_000, 30_000, 52_000, 62_000].map((atMs) => {
        return incident("operator-killed-at-write", atMs, 0, salt);
      });
      const outcome = await run({
        incidents: [...kills, gone].toSorted((a, b) => a.atMs - b.atMs),
      });
      expect(problem(outcome)).toBeUndefined();
    }
  });
});

/** Each checker is shown what it is there for: a checker that cannot fail proves nothing. */
describe("the checkers", () => {
  async function broken(breakIt: (world: World) => void): Promise<string | undefined> {
    const world = new World(QUIET);
    const spoil = async () => {
      await world.clock.sleep(60_000);
      try {
        breakIt(world);
      } catch {
        // The world keeps the violation for its next moment.
      }
    };
    void spoil();
    return world.run().then(
      () => undefined,
      async (error: unknown) => {
        await world.end();
        return error instanceof Error && "checker" in error ? String(error.checker) : String(error);
      },
    );
  }

  const objectOf = (world: World, plural: string, name: string) => {
    const found = world.store.get(plural, "validators", name);
    if (found === undefined) throw new Error(`${plural} ${name} is not there`);
    return found;
  };

  test("a deleted volume, a deleted and a second genesis are seen", LIMIT, async () => {
    const claim = (world: World) => {
      const name = "val-0-data";
      world.store.remove("persistentvolumeclaims", objectOf(world, "persistentvolumeclaims", name));
    };
    expect(await broken(claim)).toBe("volumes survive Retain");
    const genesis = (world: World) => {
      world.store.remove("configmaps", objectOf(world, "configmaps", "val-genesis"));
    };
    expect(await broken(genesis)).toBe("genesis survives Retain");
    const second = (world: World) => {
      world.store.update("configmaps", objectOf(world, "configmaps", "val-genesis"), (draft) => {
        draft["data"] = { "genesis.json": "{}" };
      });
    };
    expect(await broken(second)).toBe("one genesis");
  });

  test("a voter's deleted pod and a key in two pods are seen", LIMIT, async () => {
    const path = "/api/v1/namespaces/validators/pods/val-0";
    const pod = (world: World) => {
      const [process] = world.operators;
      if (process !== undefined) world.checks.beforeHandle(process, { method: "DELETE", path });
    };
    expect(await broken(pod)).toBe("no voter's pod is deleted");
    const twin = (world: World) => {
      const process = world.cluster.processOf("val-0");
      if (process !== undefined) {
        world.cluster.processes.set("twin", { ...process, podUid: "twin" });
      }
    };
    expect(await broken(twin)).toBe("a key runs once");
  });

  test("a secret in a log, a write without the lease, a hot loop are seen", LIMIT, async () => {
    const secret = (world: World) => {
      const [process] = world.operators;
      if (process !== undefined) world.checks.logged(process, "info", `${world.secrets[0]}`);
    };
    expect(await broken(secret)).toBe("no secret is told");
    const stranger = (world: World) => {
      const [process] = world.operators;
      const path = "/api/v1/namespaces/validators/services";
      if (process === undefined) return;
      const twin = Object.assign(Object.create(process), { name: "stranger" });
      world.checks.beforeHandle(twin, { method: "POST", path, body: {} });
    };
    expect(await broken(stranger)).toBe("only the leader writes");
    const loop = (world: World) => {
      const [process] = world.operators;
      const path = "/api/v1/namespaces/validators/pods";
      for (let index = 0; process !== undefined && index < 1_000; index += 1) {
        world.checks.request(process, { method: "GET", path });
      }
    };
    expect(await broken(loop)).toBe("no hot loop");
  });

  test("a set that does not become whole is seen", LIMIT, async () => {
    const stuck = (world: World) => {
      world.cluster.crashing.add("val-0").add("val-1");
    };
    expect(await broken(stuck)).toBe("converges");
  });
});
