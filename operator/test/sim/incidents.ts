import { BAD_IMAGE } from "./cluster.ts";
import type { Machine } from "./machines.ts";
import type { Incident, IncidentKind } from "./plan.ts";
import { calm, type Lie, type PrometheusFault, type Weather } from "./weather.ts";
import type { World } from "./world.ts";

type Undo = () => void;
type Start = (world: World, incident: Incident) => Undo | undefined;

function pick<T>(items: readonly T[], salt: number): T | undefined {
  return items[salt % Math.max(1, items.length)];
}

/** Members of the set that votes now. */
function voters(world: World): readonly string[] {
  return world.chain?.set.members.map(({ key }) => world.memberOf(key)) ?? world.memberNames();
}

function changed(world: World, change: Partial<Weather>): Undo {
  const good = calm();
  const names = Object.keys(change) as (keyof Weather)[];
  Object.assign(world.weather, change);
  return () => Object.assign(world.weather, Object.fromEntries(names.map((it) => [it, good[it]])));
}

function lose(
  world: World,
  machines: readonly (Machine | undefined)[],
  how: "off" | "isolated",
): Undo {
  const lost = machines.filter((machine) => machine !== undefined);
  for (const machine of lost) world.cluster.lose(machine, how);
  return () => {
    for (const machine of lost) world.cluster.restore(machine);
  };
}

function pause(world: World, { salt, forMs }: Incident, ms: number): Undo | undefined {
  const process = world.cluster.processOf(pick(voters(world), salt) ?? "");
  if (process === undefined) return undefined;
  process.pausedUntilMs = world.clock.monotonic() + Math.min(ms, Math.max(forMs, ms));
  return undefined;
}

const PROMETHEUS: readonly PrometheusFault[] = [
  "down",
  "error",
  "stale",
  "empty",
  "nan",
  "garbage",
  "warning",
];
const SAYS: readonly Lie["says"][] = ["silent", "heard", "equivocates", "wrong-root", "height"];

const STARTS: Readonly<Record<IncidentKind, Start>> = {
  "machine-off": (world, { salt }) =>
    lose(world, [world.cluster.machineOf(pick(voters(world), salt) ?? "")], "off"),
  "machine-isolated": (world, { salt }) =>
    lose(world, [world.cluster.machineOf(pick(voters(world), salt) ?? "")], "isolated"),
  crash: (world, { salt }) => {
    world.cluster.crash(pick(voters(world), salt) ?? "");
    return undefined;
  },
  "crash-loop": (world, { salt }) => {
    const member = pick(voters(world), salt) ?? "";
    world.cluster.crashing.add(member);
    return () => world.cluster.crashing.delete(member);
  },
  "short-pause": (world, incident) => pause(world, incident, world.plan.silenceMs * 0.6),
  "long-pause": (world, incident) => pause(world, incident, world.plan.silenceMs * 2.5),
  "two-gone": (world, { salt }) => {
    const two = [pick(voters(world), salt), pick(voters(world), salt + 1)];
    return lose(
      world,
      two.map((member) => world.cluster.machineOf(member ?? "")),
      "off",
    );
  },
  "zone-loss": (world, { salt }) => {
    const zones = [...new Set(world.cluster.machines.map(({ zone }) => zone))];
    const lost = new Set([pick(zones, salt), ...(salt % 3 === 0 ? [pick(zones, salt + 1)] : [])]);
    return lose(
      world,
      world.cluster.machines.filter(({ zone }) => lost.has(zone)),
      "off",
    );
  },
  drain: (world, { salt }) => {
    const machine = pick(world.cluster.machines, salt);
    if (machine === undefined) return undefined;
    world.cluster.cordon(machine, true);
    world.person.evictFrom(machine.name);
    return () => world.cluster.cordon(machine, false);
  },
  "pod-failed": (world, { salt }) => {
    world.cluster.fail(pick(world.memberNames(), salt) ?? "");
    return undefined;
  },
  "equivocation-proven": (world, { salt }) => {
    const key = pick(world.chain?.set.members ?? [], salt)?.key;
    if (key !== undefined) {
      world.accusedByCounters.add(key);
      world.chain?.condemn(key);
    }
    return undefined;
  },
  "equivocation-counted": (world, { salt }) => {
    const key = pick(world.chain?.set.members ?? [], salt)?.key ?? "";
    world.accusedByCounters.add(key);
    return () => world.accusedByCounters.delete(key);
  },
  "operator-killed": (world, { salt }) => {
    const process = pick(world.operators, salt);
    if (process !== undefined) world.killed(process, "at any moment");
    return undefined;
  },
  "operator-killed-at-write": (world, { salt }) => {
    for (const process of world.operators) {
      process.deathAtWrite = { left: 1 + (salt % 9), afterEffect: salt % 2 === 0 };
    }
    return undefined;
  },
  "operator-stopped": (world, { salt }) => {
    pick(world.operators, salt)?.stop.abort(new Error("SIGTERM"));
    return undefined;
  },
  "operator-frozen": (world, { salt, forMs }) => {
    pick(world.operators, salt)?.freeze(Math.min(forMs, 45_000));
    return undefined;
  },
  "operator-cut-off": (world, { salt }) => {
    const process = pick(world.operators, salt);
    if (process === undefined) return undefined;
    process.cutOff = true;
    return () => {
      process.cutOff = false;
    };
  },
  "operator-sees-few": (world, { salt }) => {
    const process = pick(world.operators, salt);
    const hidden = world.memberNames().filter((_, index) => (salt >> index) % 2 === 0);
    for (const member of hidden) process?.unreachable.add(member);
    return () => process?.unreachable.clear();
  },
  "lease-deleted": (world) => {
    world.person.deleteLease();
    return undefined;
  },
  "mode-changed": (world, { salt }) => {
    const choose = (mode: string | undefined) =>
      world.person.edit((spec) => {
        spec["mode"] = mode;
      });
    choose(pick(["Auto", "Approve", "Observe"] as const, salt));
    const { mode, selfHealAfterWindows } = world.plan;
    // Where the chain does not heal by itself, nobody would be healed in Observe.
    return selfHealAfterWindows > 0 ? undefined : () => choose(mode);
  },
  paused: (world) => {
    const set = (paused: boolean) =>
      world.person.edit((spec) => {
        spec["paused"] = paused;
      });
    set(true);
    return () => set(false);
  },
  "spares-changed": (world, { salt }) => {
    world.person.edit((spec) => {
      spec["spares"] = salt % 4;
    });
    return () =>
      world.person.edit((spec) => {
        spec["spares"] = 1 + (salt % 2);
      });
  },
  "image-changed": (world, { salt }) => {
    const set = (image: string) =>
      world.person.edit((spec) => {
        spec["image"] = image;
      });
    const isBad = salt % 3 === 0;
    set(isBad ? BAD_IMAGE : "quorate/node:next");
    return isBad ? () => set("quorate/node:dev") : undefined;
  },
  "set-remade": (world) => {
    world.person.deleteSet();
    return () => world.person.applySet();
  },
  "registrations-refused": (world) => {
    const { chain } = world;
    if (chain === undefined) return undefined;
    chain.registrationsRefused = true;
    return () => {
      chain.registrationsRefused = false;
    };
  },
  "owner-rotates": (world, { salt }) => {
    world.person.signRotation(pick(world.chain?.set.members ?? [], salt)?.key, salt);
    return undefined;
  },
  "api-away": (world) => changed(world, { away: true }),
  "api-storm": (world, { salt }) =>
    changed(world, {
      tooManyRequests: (salt % 5) / 10,
      serverErrors: (salt % 3) / 10,
      lostBefore: 0.05,
      lostAfter: 0.1,
      slow: 0.1,
    }),
  "api-conflicts": (world) => changed(world, { conflicts: 0.4, evictionsRefused: 0.5 }),
  "watches-gap": (world) => {
    world.store.compact();
    world.server.expirePages();
    world.cutWatches();
    return undefined;
  },
  "watches-break": (world) => changed(world, { watchBreaks: 0.05 }),
  "watches-deaf": (world) => changed(world, { watchesDeaf: true }),
  "watches-late": (world, { salt }) => changed(world, { watchLagMs: 500 + (salt % 15_000) }),
  "prometheus-fault": (world, { salt }) => changed(world, { prometheus: pick(PROMETHEUS, salt) }),
  "scrape-fault": (world, { salt }) => {
    const scrape = pick(["nan", "garbage", "empty", undefined] as const, salt);
    return changed(world, { scrape, scrapeFails: 0.3 });
  },
  lie: (world, { salt }) => {
    const about = pick(world.chain?.set.members ?? [], salt)?.key ?? "";
    const path = pick(["scrape", "prometheus", "both", "both"] as const, salt >> 3);
    const says = pick(SAYS, salt >> 6);
    if (path === undefined || says === undefined) return undefined;
    return changed(world, { lie: { about, path, says } });
  },
  "chain-unreachable": (world) => changed(world, { chainUnreachable: true }),
  "chain-expired": (world) => changed(world, { chainExpired: true }),
  "submits-lost": (world) => changed(world, { submitsLost: 0.7 }),
  "control-fails": (world) => changed(world, { controlFails: 0.7 }),
  // Under Delete, and nobody says the word: it waits, is kept in the end, and is made again.
  "deleted-unsaid": (world) => {
    const choose = (deletionPolicy: string) =>
      world.person.edit((spec) => {
        spec["deletionPolicy"] = deletionPolicy;
      });
    choose("Delete");
    world.person.deleteSet();
    return () => {
      choose("Retain");
      world.person.applySet();
    };
  },
  maintenance: (world, { salt, forMs }) => {
    const member = pick(voters(world), salt) ?? "";
    const until = new Date(world.clock.now() + forMs).toISOString();
    const announce = (maintenance: readonly object[]) =>
      world.person.edit((spec) => {
        spec["maintenance"] = maintenance;
      });
    announce([{ member, reason: "work on its machine", until }]);
    return () => announce([]);
  },
};

/** Begins what the plan has for now, ends what is over. */
export class Incidents {
  readonly #world: World;
  readonly #running: { readonly untilMs: number; readonly undo: Undo; readonly kind: string }[] =
    [];
  #next = 0;

  constructor(world: World) {
    this.#world = world;
  }

  step(): void {
    const { plan, clock, counts, trace } = this.#world;
    const now = clock.monotonic();
    for (
      let incident = plan.incidents[this.#next];
      incident !== undefined && incident.atMs <= now;
      incident = plan.incidents[this.#next]
    ) {
      this.#next += 1;
      const { kind, forMs } = incident;
      counts.add(`incident: ${kind}`);
      trace.add(now, "world", `${kind} for ${forMs} ms`);
      this.#world.disturb();
      const undo = STARTS[kind](this.#world, incident);
      if (undo !== undefined) this.#running.push({ untilMs: now + forMs, undo, kind });
    }
    const over = this.#running.filter(({ untilMs }) => untilMs <= now || now >= plan.calmAtMs);
    for (const { undo, kind } of over) {
      trace.add(now, "world", `${kind} is over`);
      undo();
      this.#world.disturb();
    }
    for (const one of over) this.#running.splice(this.#running.indexOf(one), 1);
  }
}
