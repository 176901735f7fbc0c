import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { RotationPhase } from "../api/v1alpha1/types.ts";
import { holdOf, holdReason } from "./conditions.ts";
import type { Pass } from "./pass.ts";

const OBSERVE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const SET = ["namespace", "set"] as const;
const ROLES = ["Founder", "Voter", "Spare", "Joining", "Leaving", "Left"] as const;

export type OperatorMetrics = ReturnType<typeof createOperatorMetrics>;

/** The operator's own metrics; docs/operator.md is the catalogue. */
export function createOperatorMetrics(registry: Registry) {
  const registers = [registry];
  return {
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

interface SetLabels {
  readonly namespace: string;
  readonly set: string;
}

/** The hold that each set showed last, so that its series ends with it. */
export class PassMetrics {
  readonly #metrics: OperatorMetrics;
  readonly #held = new Map<string, string>();

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
    for (const { rotation, status } of rotations) {
      const phase: RotationPhase = status.phase;
      metrics.rotations.inc({ ...labels, cause: rotation.spec.cause, phase });
    }
    const { budget } = decision;
    if (budget !== undefined) {
      metrics.budgetFree.set({ ...labels }, Number(budget.free));
      metrics.budgetUsed.set({ ...labels }, Number(budget.used));
    }
    metrics.trusted.set({ ...labels }, findings.trust.trusted ? 1 : 0);
    const { chain } = observed.observation;
    if (chain.kind === "verified") metrics.verifiedHeight.set({ ...labels }, chain.chain.height);
    for (const role of ROLES) metrics.members.set({ ...labels, role }, roles.get(role) ?? 0);
    this.#recordHold(labels, pass);
  }

  /** The set is gone: so are its gauges. */
  forget(labels: SetLabels): void {
    const { budgetFree, budgetUsed, trusted, verifiedHeight, members } = this.#metrics;
    for (const gauge of [budgetFree, budgetUsed, trusted, verifiedHeight]) {
      gauge.remove({ ...labels });
    }
    for (const role of ROLES) members.remove({ ...labels, role });
    this.#setHold(labels, undefined);
  }

  #recordHold(labels: SetLabels, pass: Pass): void {
    const hold = holdOf(pass);
    this.#setHold(labels, hold === undefined ? undefined : holdReason(hold));
  }

  #setHold(labels: SetLabels, reason: string | undefined): void {
    const key = `${labels.namespace}/${labels.set}`;
    const before = this.#held.get(key);
    if (before !== undefined && before !== reason) {
      this.#metrics.held.remove({ ...labels, reason: before });
    }
    if (reason === undefined) this.#held.delete(key);
    else {
      this.#held.set(key, reason);
      this.#metrics.held.set({ ...labels, reason }, 1);
    }
  }
}
