import type { Clock } from "@quorate/runtime/clock";
import type { EventRecorder } from "@quorate/runtime/event-recorder";
import type { KubeClient } from "@quorate/runtime/kube-client";
import type { Log } from "@quorate/runtime/log";
import type { ObjectKey } from "@quorate/runtime/objects";
import { API_VERSION } from "../api/v1alpha1/labels.ts";
import type { Condition, ValidatorSet, ValidatorSetStatus } from "../api/v1alpha1/types.ts";
import { validatorSets } from "../observe/resources.ts";
import { eventsOf } from "./events.ts";
import { failedStatus, type Parting, partingStatus } from "./failure.ts";
import { StatusFreshness } from "./freshness.ts";
import { type OperatorMetrics, PassMetrics } from "./metrics.ts";
import type { Pass } from "./pass.ts";
import { statusOf } from "./status.ts";

export interface ReportPorts {
  readonly kube: KubeClient;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: OperatorMetrics;
}

function labelsOf({ metadata: { namespace = "", name } }: ValidatorSet) {
  return { namespace, set: name };
}

/** Tells people: status, events, metrics, log. The only writer of a set's status. */
export class Reporter {
  readonly #ports: ReportPorts;
  readonly #freshness = new StatusFreshness();
  readonly #metrics: PassMetrics;

  constructor(ports: ReportPorts) {
    this.#ports = ports;
    this.#metrics = new PassMetrics(ports.metrics);
  }

  async report(pass: Pass): Promise<void> {
    const { set } = pass.observed.observation;
    const labels = labelsOf(set);
    const status = statusOf(pass);
    const roles = new Map<string, number>();
    for (const { role } of status.members) roles.set(role, (roles.get(role) ?? 0) + 1);
    this.#metrics.record(labels, pass, roles);
    const { recorder, metrics, log } = this.#ports;
    const events = eventsOf(pass, status.conditions);
    for (const { object, note } of events) {
      recorder.record(object, note);
      metrics.events.inc({ ...labels, reason: note.reason });
      const write = note.type === "Warning" ? log.warn : log.info;
      write.call(log, { ...labels, reason: note.reason }, note.message);
    }
    await this.#write(set, status);
  }

  /** A pass that came to no end is told as well. */
  async reportFailure(set: ValidatorSet, error: unknown): Promise<void> {
    const { metrics, clock } = this.#ports;
    metrics.trusted.set(labelsOf(set), 0);
    await this.#tell(set, failedStatus(set, error, clock.now()));
  }

  /** How far the deletion of a set has come, or why it waits. */
  async reportFarewell(set: ValidatorSet, parting: Parting): Promise<void> {
    const nowMs = this.#ports.clock.now();
    const isHeld = parting.kind === "held";
    this.#metrics.parting(labelsOf(set), nowMs, isHeld ? parting.reason : undefined);
    await this.#tell(set, partingStatus(set, parting, nowMs));
  }

  /** An event where the reason is another one than before, and the status. */
  async #tell(set: ValidatorSet, status: ValidatorSetStatus): Promise<void> {
    const { recorder, metrics, log } = this.#ports;
    const stalledOf = (conditions: readonly Condition[] | undefined) =>
      conditions?.find(({ type }) => type === "Stalled");
    const stalled = stalledOf(status.conditions);
    if (stalled !== undefined && stalled.reason !== stalledOf(set.status?.conditions)?.reason) {
      const { reason, message } = stalled;
      const type = stalled.status === "True" ? "Warning" : "Normal";
      recorder.record(set, { type, reason, message });
      metrics.events.inc({ ...labelsOf(set), reason });
      const write = type === "Warning" ? log.warn : log.info;
      write.call(log, { ...labelsOf(set), reason }, message);
    }
    await this.#write(set, status);
  }

  async #write(set: ValidatorSet, status: ValidatorSetStatus): Promise<void> {
    const { clock } = this.#ports;
    const { namespace = "", name } = set.metadata;
    const key = `${namespace}/${name}`;
    if (!this.#freshness.isDue(key, set.status, status, clock.monotonic())) return;
    const object = { apiVersion: API_VERSION, kind: "ValidatorSet" as const };
    const written = { ...object, metadata: { namespace, name }, status };
    await this.#ports.kube.applyStatus(validatorSets, written as unknown as ValidatorSet);
    this.#freshness.written(key, clock.monotonic());
  }

  forget({ namespace, name }: ObjectKey): void {
    this.#freshness.forget(`${namespace}/${name}`);
    this.#metrics.forget({ namespace, set: name });
  }
}
