import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { RotationPhase } from "../api/v1alpha1/types.ts";
import { holdOf, holdReason } from "./conditions.ts";
import type { Pass } from "./pass.ts";

const OBSERVE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const SET = ["namespace", "set"] as const;
const ROLES = ["Founder", "Voter", "Spare", "Joining", "Leaving", "Left"] as const;

export type OperatorMetrics = ReturnType<typeof createOperatorMetrics>;

/** The operator's own metrics; docs/metrics.md, generated from here, is the catalogue. */
export function createOperatorMetrics(registry: Registry) {
  const registers = [registry];
  return {
    ...decisionMetrics(registers),
    decisions: new Counter({
      name: "quorate_operator_decisions_total",
      help: "Passes by what was decided: a cause, Hold or Healthy, and the first rule that refused.",
      labelNames: [...SET, "verdict", "rule"] as const,
      registers,
    }),
    rotations: new Counter({
      name: "quorate_operator_rotations_total",
      help: "Rotations by cause and the phase that they entered.",
      labelNames: [...SET, "cause", "phase"] as const,
      registers,
    }),
    trusted: new Gauge({
      name: "quorate_operator_signals_trusted",
      help: "1 if the signals are believed, else 0.",
      labelNames: SET,
      registers,
    }),
    held: new Gauge({
      name: "quorate_operator_held",
      help: "1 while the operator holds, by reason.",
      labelNames: [...SET, "reason"] as const,
      registers,
    }),
    observe: new Histogram({
      name: "quorate_operator_observe_seconds",
      help: "Reading everything that one pass decides on.",
      buckets: OBSERVE_BUCKETS,
      labelNames: SET,
      registers,
    }),
    verifiedHeight: new Gauge({
      name: "quorate_operator_verified_height",
      help: "Newest height that the operator verified.",
      labelNames: SET,
      registers,
    }),
    members: new Gauge({
      name: "quorate_operator_members",
      help: "Members by role.",
      labelNames: [...SET, "role"] as const,
      registers,
    }),
    events: new Counter({
      name: "quorate_operator_events_total",
      help: "Events told, by reason.",
      labelNames: [...SET, "reason"] as const,
      registers,
    }),
  };
}

/** What the last pass found and decided. */
function decisionMetrics(registers: Registry[]) {
  return {
    budgetFree: new Gauge({
      name: "quorate_operator_fault_budget_free_micro_usd",
      help: "Power that may still fail.",
      labelNames: SET,
      registers,
    }),
    budgetUsed: new Gauge({
      name: "quorate_operator_fault_budget_used_micro_usd",
      help: "Power of members that are unreachable, leaving or draining.",
      labelNames: SET,
      registers,
    }),
    budget: new Gauge({
      name: "quorate_operator_fault_budget_micro_usd",
      help: "Power that may fail in all: f of the on-chain set.",
      labelNames: SET,
      registers,
    }),
    budgetSeats: new Gauge({
      name: "quorate_operator_fault_budget_free_seats",
      help: "Seats of the strongest member's power that may still fail.",
      labelNames: SET,
      registers,
    }),
    lastDecisionTime: new Gauge({
      name: "quorate_operator_last_decision_timestamp_seconds",
      help: "When the last pass decided, Unix time.",
      labelNames: SET,
      registers,
    }),
    lastDecision: new Gauge({
      name: "quorate_operator_last_decision",
      help: "1 for what the last pass decided: verdict and first rule as in decisions_total.",
      labelNames: [...SET, "verdict", "rule"] as const,
      registers,
    }),
    verdicts: new Gauge({
      name: "quorate_operator_verdicts",
      help: "Findings about members in the last pass, by kind and certainty.",
      labelNames: [...SET, "kind", "certainty"] as const,
      registers,
    }),
    rotationsUnderWay: new Gauge({
      name: "quorate_operator_rotations_under_way",
      help: "Rotations that were sent and are not over, by phase.",
      labelNames: [...SET, "phase"] as const,
      registers,
    }),
  };
}

/** Gauges with one series a set. */
const SET_GAUGES = [
  "budget",
  "budgetFree",
  "budgetUsed",
  "budgetSeats",
  "lastDecisionTime",
  "trusted",
  "verifiedHeight",
] as const;
const PASSING_GAUGES = ["held", "lastDecision", "verdicts", "rotationsUnderWay"] as const;

interface SetLabels {
  readonly namespace: string;
  readonly set: string;
}

/** One series of a gauge whose labels change from pass to pass. */
interface Passing {
  readonly gauge: (typeof PASSING_GAUGES)[number];
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What each set showed last, so that a series ends with the pass that no longer has it. */
export class PassMetrics {
  readonly #metrics: OperatorMetrics;
  readonly #passing = new Map<string, readonly Passing[]>();

  constructor(metrics: OperatorMetrics) {
    this.#metrics = metrics;
  }

  record(labels: SetLabels, pass: Pass, roles: ReadonlyMap<string, number>): void {
    const { decision, findings, observed, rotations } = pass;
    const metrics = this.#metrics;
    const wanted = decision.plan ?? decision.proposal;
    const rule = decision.refusals[0]?.rule ?? "";
    const verdict = wanted?.cause ?? (rule === "" ? "Healthy" : "Hold");
    metrics.decisions.inc({ ...labels, verdict, rule });
    metrics.lastDecisionTime.set({ ...labels }, observed.observation.nowMs / 1_000);
    for (const { rotation, status } of rotations) {
      const phase: RotationPhase = status.phase;
      metrics.rotations.inc({ ...labels, cause: rotation.spec.cause, phase });
    }
    const { budget } = decision;
    if (budget !== undefined) {
      metrics.budget.set({ ...labels }, Number(budget.f));
      metrics.budgetFree.set({ ...labels }, Number(budget.free));
      metrics.budgetUsed.set({ ...labels }, Number(budget.used));
      metrics.budgetSeats.set({ ...labels }, budget.seats);
    }
    metrics.trusted.set({ ...labels }, findings.trust.trusted ? 1 : 0);
    const { chain } = observed.observation;
    if (chain.kind === "verified") metrics.verifiedHeight.set({ ...labels }, chain.chain.height);
    for (const role of ROLES) metrics.members.set({ ...labels, role }, roles.get(role) ?? 0);
    this.#show(labels, [
      { gauge: "lastDecision", labels: { verdict, rule }, value: 1 },
      ...heldSeries(pass),
      ...verdictSeries(pass),
      ...rotationSeries(pass),
    ]);
  }

  /** The set goes away: no news of it but what its deletion waits for. */
  parting(labels: SetLabels, nowMs: number, reason: string | undefined): void {
    this.forget(labels);
    this.#metrics.lastDecisionTime.set({ ...labels }, nowMs / 1_000);
    if (reason !== undefined) this.#show(labels, [{ gauge: "held", labels: { reason }, value: 1 }]);
  }

  /** The set is gone: so are its gauges. */
  forget(labels: SetLabels): void {
    const metrics = this.#metrics;
    for (const name of SET_GAUGES) metrics[name].remove({ ...labels });
    for (const role of ROLES) metrics.members.remove({ ...labels, role });
    this.#show(labels, []);
  }

  #show(labels: SetLabels, series: readonly Passing[]): void {
    const key = `${labels.namespace}/${labels.set}`;
    const gaugeOf = ({ gauge }: Passing): Gauge<string> => this.#metrics[gauge];
    for (const old of this.#passing.get(key) ?? []) {
      gaugeOf(old).remove({ ...labels, ...old.labels });
    }
    for (const one of series) gaugeOf(one).set({ ...labels, ...one.labels }, one.value);
    if (series.length === 0) this.#passing.delete(key);
    else this.#passing.set(key, series);
  }
}

/**
 * Who leads no longer tells nothing of any set: two processes would contradict each other, and the
 * older view would stand for ever.
 */
export function forgetAllSets(metrics: OperatorMetrics): void {
  for (const name of [...SET_GAUGES, ...PASSING_GAUGES, "members"] as const) metrics[name].reset();
}

function heldSeries(pass: Pass): readonly Passing[] {
  const hold = holdOf(pass);
  if (hold === undefined) return [];
  return [{ gauge: "held", labels: { reason: holdReason(hold) }, value: 1 }];
}

function verdictSeries({ findings }: Pass): readonly Passing[] {
  const counts = new Map<string, Passing>();
  for (const { kind, certainty } of findings.verdicts) {
    const key = `${kind}/${certainty}`;
    const value = (counts.get(key)?.value ?? 0) + 1;
    counts.set(key, { gauge: "verdicts", labels: { kind, certainty }, value });
  }
  return [...counts.values()];
}

/** Both phases in any case: a rotation that never ends shows as a gauge that never falls. */
function rotationSeries({ observed, rotations }: Pass): readonly Passing[] {
  const changed = new Map(
    rotations.map(({ rotation, status }) => [rotation.metadata.name, status]),
  );
  const phases = observed.observation.rotations.map(
    ({ metadata, status }) => (changed.get(metadata.name) ?? status)?.phase,
  );
  return (["Submitted", "Effective"] as const).map((phase) => ({
    gauge: "rotationsUnderWay",
    labels: { phase },
    value: phases.filter((each) => each === phase).length,
  }));
}
