import { createRandom, type SeededRandom } from "./random.ts";

export const INCIDENTS = [
  "machine-off",
  "machine-isolated",
  "crash",
  "crash-loop",
  "short-pause",
  "long-pause",
  "two-gone",
  "zone-loss",
  "drain",
  "pod-failed",
  "equivocation-proven",
  "equivocation-counted",
  "operator-killed",
  "operator-killed-at-write",
  "operator-stopped",
  "operator-frozen",
  "operator-cut-off",
  "operator-sees-few",
  "lease-deleted",
  "mode-changed",
  "paused",
  "spares-changed",
  "set-remade",
  "registrations-refused",
  "owner-rotates",
  "api-away",
  "api-storm",
  "api-conflicts",
  "watches-gap",
  "watches-break",
  "watches-deaf",
  "watches-late",
  "prometheus-fault",
  "scrape-fault",
  "lie",
  "chain-unreachable",
  "chain-expired",
  "submits-lost",
  "control-fails",
  "deleted-unsaid",
  "maintenance",
] as const;

export type IncidentKind = (typeof INCIDENTS)[number] | "image-changed";

export interface Incident {
  readonly kind: IncidentKind;
  readonly atMs: number;
  readonly forMs: number;
  /** Decides what it is about. */
  readonly salt: number;
}

export type Approver = "right" | "wrong" | "late" | "absent";

export interface Plan {
  readonly seed: number;
  readonly nodes: number;
  readonly spares: number;
  readonly owners: number;
  readonly zones: number;
  readonly machinesPerZone: number;
  readonly operators: number;
  readonly mode: "Auto" | "Approve" | "Observe";
  readonly approver: Approver;
  readonly prometheus: boolean;
  readonly silenceMs: number;
  readonly selfHealAfterWindows: number;
  readonly intervalSeconds: number;
  readonly cooldownSeconds: number;
  readonly incidents: readonly Incident[];
  /** Faults end here. */
  readonly calmAtMs: number;
}

/** Label of the stream that draws upgrades. */
const UPGRADES = 4;

/** Kinds whose effect ends by itself or at once. */
const INSTANT = new Set<IncidentKind>(["crash", "operator-killed", "lease-deleted", "watches-gap"]);

function incidentOf(random: SeededRandom, fromMs: number, toMs: number): Incident {
  const kind = random.pick(INCIDENTS);
  const atMs = random.integer(fromMs, toMs);
  const longest = kind === "api-away" ? 120_000 : 60_000;
  const forMs = INSTANT.has(kind) ? 0 : random.integer(4_000, longest);
  return { kind, atMs, forMs, salt: random.integer(0, 1_000_000) };
}

/** Something that makes a rotation: without it a run shows little. */
function lossOf(random: SeededRandom, fromMs: number): Incident {
  const kind = random.pick([
    "machine-off",
    "machine-off",
    "machine-isolated",
    "long-pause",
    "equivocation-proven",
  ] as const);
  const atMs = random.integer(fromMs, fromMs + 40_000);
  return { kind, atMs, forMs: random.integer(20_000, 90_000), salt: random.integer(0, 1_000_000) };
}

/** A new image, one that comes up or one that does not. */
function upgradeOf(random: SeededRandom): Incident {
  const atMs = random.integer(40_000, 90_000);
  const forMs = random.integer(5_000, 40_000);
  return { kind: "image-changed", atMs, forMs, salt: random.integer(0, 1_000_000) };
}

/** The whole run, drawn from its seed. */
export function drawPlan(seed: number, nodes: number): Plan {
  const random = createRandom(seed);
  const early = random.chance(0.3);
  const fromMs = early ? 500 : 45_000;
  const late = random.chance(0.04);
  const mode = late
    ? "Approve"
    : random.pick(["Auto", "Auto", "Auto", "Approve", "Approve", "Observe"] as const);
  const lastMs = late ? 650_000 : 130_000;
  const amount = random.integer(1, 6);
  // A stream of its own: the seeds of before keep all else that they drew.
  const upgrades = random.fork(UPGRADES);
  const incidents = [
    ...(random.chance(0.8) ? [lossOf(random, 45_000)] : []),
    ...Array.from({ length: amount }, () => incidentOf(random, fromMs, 110_000)),
    ...(upgrades.chance(0.4) ? [upgradeOf(upgrades)] : []),
  ].toSorted((left, right) => left.atMs - right.atMs);
  return {
    seed,
    nodes,
    spares: random.pick([1, 1, 1, 2, 0]),
    owners: random.pick([1, 1, 2, 4]),
    zones: nodes + random.integer(1, 2),
    machinesPerZone: random.integer(1, 2),
    operators: random.integer(1, 2),
    mode,
    approver: late ? "late" : random.pick(["right", "right", "wrong", "absent"] as const),
    prometheus: random.chance(0.45),
    silenceMs: random.pick([3_000, 6_000, 10_000]),
    selfHealAfterWindows: late ? 0 : random.pick([3, 3, 6]),
    intervalSeconds: random.pick([2, 3, 5]),
    cooldownSeconds: random.pick([0, 20]),
    incidents,
    calmAtMs: lastMs + 40_000,
  };
}
