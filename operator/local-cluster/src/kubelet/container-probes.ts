import type { Probe } from "../controllers/api-types.ts";
import type { EventText } from "../controllers/event-recorder.ts";
import type { Machine } from "./machine.ts";
import { ProbeWorker } from "./probe-worker.ts";
import type { ProbeTarget, RunProbe } from "./prober.ts";

export interface ContainerProbesOptions {
  readonly machine: Machine;
  readonly target: ProbeTarget;
  readonly graceMs: number;
  readonly runProbe: RunProbe;
  readonly onChange: () => void;
  readonly record: (event: EventText) => void;
  /** The container must be killed; `graceMs` is the probe's own or the pod's. */
  readonly onUnhealthy: (which: string, message: string, graceMs: number) => void;
}

type Which = "Startup" | "Liveness" | "Readiness";

/** The probes of one life of a container: liveness and readiness wait for the startup probe. */
export class ContainerProbes {
  readonly #options: ContainerProbesOptions;
  readonly #startup: ProbeWorker | undefined;
  readonly #liveness: ProbeWorker | undefined;
  readonly #readiness: ProbeWorker | undefined;
  #started: boolean;
  #stopped = false;

  constructor(options: ContainerProbesOptions) {
    this.#options = options;
    const { startupProbe, livenessProbe, readinessProbe } = options.target.container;
    this.#startup = this.#worker("Startup", startupProbe);
    this.#liveness = this.#worker("Liveness", livenessProbe);
    this.#readiness = this.#worker("Readiness", readinessProbe);
    this.#started = startupProbe === undefined;
  }

  get started(): boolean {
    return this.#started && !this.#stopped;
  }

  get ready(): boolean {
    if (!this.started) return false;
    return this.#readiness === undefined || this.#readiness.state === "success";
  }

  start(): void {
    if (this.#startup === undefined) this.#startOthers();
    else this.#startup.start();
  }

  stop(): void {
    this.#stopped = true;
    for (const worker of [this.#startup, this.#liveness, this.#readiness]) worker?.stop();
  }

  #startOthers(): void {
    this.#liveness?.start();
    this.#readiness?.start();
  }

  #worker(which: Which, probe: Probe | undefined): ProbeWorker | undefined {
    if (probe === undefined) return undefined;
    const { machine, target, runProbe } = this.#options;
    return new ProbeWorker({
      machine,
      probe,
      eager: which !== "Liveness",
      ask: (timeoutMs) => runProbe(probe, target, timeoutMs),
      onFailure: ({ message }) => this.#tell(which, message),
      onTurn: (state) => this.#onTurn(which, probe, state),
    });
  }

  #tell(which: Which, message: string): void {
    this.#options.record({
      type: "Warning",
      reason: "Unhealthy",
      message: `${which} probe failed: ${message}`,
      fieldPath: `spec.containers{${this.#options.target.container.name}}`,
    });
  }

  #onTurn(which: Which, probe: Probe, state: string): void {
    if (which === "Startup" && state === "success") {
      this.#startup?.stop();
      this.#started = true;
      this.#startOthers();
    } else if (which !== "Readiness" && state === "failure") {
      const seconds = probe.terminationGracePeriodSeconds;
      const graceMs = seconds === undefined ? this.#options.graceMs : seconds * 1000;
      this.#options.onUnhealthy(which.toLowerCase(), `${which} probe failed`, graceMs);
    }
    this.#options.onChange();
  }
}
