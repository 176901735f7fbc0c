import type {
  ContainerState,
  ContainerStatus,
  Container as Spec,
} from "../controllers/api-types.ts";
import { apiTime } from "../controllers/api-types.ts";
import type { EventText } from "../controllers/event-recorder.ts";
import { ContainerProbes } from "./container-probes.ts";
import { ContainerProcess, type ProcessEnd } from "./container-process.ts";
import { ContainerConfigError } from "./environment.ts";
import type { ImageProgram } from "./image-table.ts";
import type { Machine } from "./machine.ts";
import type { RunProbe } from "./prober.ts";
import { type BackOffPolicy, goDuration, RestartBackOff } from "./restart-back-off.ts";

/** What is needed to start one life of the container. */
export interface LaunchPlan {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface ContainerOptions {
  readonly machine: Machine;
  readonly spec: Spec;
  /** `pod_namespace(uid)`, as a kubelet names pods in messages. */
  readonly podName: string;
  readonly podIp: string;
  readonly graceMs: number;
  readonly logFolder: string;
  readonly backOff: BackOffPolicy;
  readonly runProbe: RunProbe;
  /** As it was left by an earlier boot of the machine. */
  readonly before?: ContainerStatus | undefined;
  /** An end in an earlier boot is its end here too, if the restart policy says so. */
  readonly keepsEnd: boolean;
  readonly findImage: (image: string) => ImageProgram | undefined;
  /** @throws ContainerConfigError */
  readonly prepare: (spec: Spec, program: ImageProgram) => LaunchPlan;
  readonly restarts: (exitCode: number) => boolean;
  readonly onChange: () => void;
  readonly record: (event: EventText) => void;
}

/** Until the next sync of a pod, which looks again for what was missing. */
const SYNC_RETRY_MS = 10_000;

/** One container of a pod over all its lives. */
export class Container {
  readonly spec: Spec;
  readonly #options: ContainerOptions;
  readonly #backOff: RestartBackOff;
  readonly #pullBackOff: RestartBackOff;
  readonly #endListeners = new Set<() => void>();
  #state: ContainerState = { waiting: { reason: "ContainerCreating" } };
  #lastState: ContainerState = {};
  /** Number of the life that runs or ran last; -1 before the first. */
  #life: number;
  #process: ContainerProcess | undefined;
  #probes: ContainerProbes | undefined;
  #plan: LaunchPlan | undefined;
  #stopping = false;
  #cancelWait: () => void = () => undefined;

  constructor(options: ContainerOptions) {
    this.#options = options;
    this.spec = options.spec;
    this.#backOff = new RestartBackOff(options.backOff);
    this.#pullBackOff = new RestartBackOff(options.backOff);
    const { before } = options;
    const ran = before !== undefined && (before.restartCount > 0 || hasRun(before));
    this.#life = ran ? before.restartCount : -1;
    if (ran) this.#goOnFrom(before);
  }

  #goOnFrom(before: ContainerStatus): void {
    const terminated = lostLife(before);
    if (this.#options.keepsEnd && !this.#options.restarts(terminated.exitCode)) {
      this.#state = { terminated };
      this.#lastState = before.lastState ?? {};
    } else this.#lastState = { terminated };
  }

  get life(): number {
    return Math.max(0, this.#life);
  }

  get logFolder(): string {
    return this.#options.logFolder;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get cwd(): string | undefined {
    return this.#plan?.cwd;
  }

  get running(): boolean {
    return this.#process !== undefined;
  }

  /** Exit code of a life after which none follows. */
  get finished(): number | undefined {
    const { terminated } = this.#state;
    return terminated !== undefined && !this.#options.restarts(terminated.exitCode)
      ? terminated.exitCode
      : undefined;
  }

  /** True once a first life has begun. */
  get hasStarted(): boolean {
    return this.#life >= 0;
  }

  get status(): ContainerStatus {
    const { name, image = "" } = this.spec;
    const running = this.#process !== undefined;
    return {
      name,
      state: this.#state,
      lastState: this.#lastState,
      ready: running && this.#probes?.ready === true,
      restartCount: this.life,
      image,
      imageID: this.#life >= 0 ? `local/${image}` : "",
      ...(this.#life >= 0 ? { containerID: this.#id() } : {}),
      started: running && this.#probes?.started === true,
    };
  }

  /** Next end of a life, or of the wait for one. */
  onEnd(listener: () => void): void {
    this.#endListeners.add(listener);
  }

  start(): void {
    this.#cancelWait();
    const done = this.#process !== undefined || this.finished !== undefined;
    if (this.#stopping || done) return;
    const { image = "" } = this.spec;
    const program = this.#options.findImage(image);
    if (program === undefined) this.#imageUnknown(image);
    else this.#tryStart(program);
  }

  /** What it was waiting for may be there now: only a faulty configuration is tried again. */
  retryConfig(): void {
    if (this.#state.waiting?.reason === "CreateContainerConfigError") this.start();
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.signal(signal);
  }

  /** Ends it for good: SIGCONT for a paused one, SIGTERM, after the grace SIGKILL. */
  stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#cancelWait();
    return this.#end(graceMs);
  }

  /** No more will be heard of it; used when its machine goes. */
  abandon(): void {
    this.#stopping = true;
    this.#cancelWait();
    this.#probes?.stop();
    this.#process?.signal("SIGKILL");
  }

  #tryStart(program: ImageProgram): void {
    const { image = "", name } = this.spec;
    try {
      this.#plan = this.#options.prepare(this.spec, program);
    } catch (error) {
      if (!(error instanceof ContainerConfigError)) throw error;
      this.#wait("CreateContainerConfigError", error.message);
      this.#warn("Failed", `Error: ${error.message}`);
      this.#cancelWait = this.#options.machine.after(SYNC_RETRY_MS, () => this.start());
      return;
    }
    this.#tell("Pulled", `Container image "${image}" already present on machine`);
    this.#tell("Created", `Created container: ${name}`);
    this.#launch(this.#plan);
    this.#tell("Started", `Started container ${name}`);
    this.#options.onChange();
  }

  #launch(plan: LaunchPlan): void {
    const { machine, logFolder, podName } = this.#options;
    this.#life += 1;
    const name = `${podName}/${this.spec.name}`;
    const process: ContainerProcess = new ContainerProcess(
      machine,
      { ...plan, name, logFolder, life: this.#life },
      machine.awake((end: ProcessEnd) => this.#onEnd(process, end)),
    );
    this.#process = process;
    this.#state = { running: { startedAt: apiTime(process.startedAt) } };
    this.#probes = new ContainerProbes({
      ...this.#options,
      target: { podIp: this.#options.podIp, container: this.spec, cwd: plan.cwd, env: plan.env },
      onUnhealthy: (which, message, graceMs) => this.#onUnhealthy(which, message, graceMs),
    });
    this.#probes.start();
  }

  #onUnhealthy(which: string, message: string, graceMs: number): void {
    const { name } = this.spec;
    this.#tell("Killing", `Container ${name} failed ${which} probe, will be restarted`);
    void this.#end(graceMs, message);
  }

  #end(graceMs: number, why?: string): Promise<void> {
    const process = this.#process;
    this.#probes?.stop();
    if (process === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      if (why === undefined) this.#tell("Killing", `Stopping container ${this.spec.name}`);
      const cancel = this.#options.machine.after(graceMs, () => process.signal("SIGKILL"));
      this.#endListeners.add(() => {
        cancel();
        resolve();
      });
      process.signal("SIGCONT");
      process.signal(graceMs === 0 ? "SIGKILL" : "SIGTERM");
    });
  }

  #onEnd(process: ContainerProcess, end: ProcessEnd): void {
    this.#probes?.stop();
    this.#process = undefined;
    const now = Date.now();
    const terminated = {
      exitCode: end.exitCode,
      reason: end.error === undefined ? (end.exitCode === 0 ? "Completed" : "Error") : "StartError",
      ...(end.error === undefined ? {} : { message: end.error }),
      startedAt: apiTime(process.startedAt),
      finishedAt: apiTime(now),
      containerID: this.#id(),
    };
    this.#state = { terminated };
    if (!this.#stopping && this.#options.restarts(end.exitCode)) {
      this.#restartAfter(this.#backOff.next(now - process.startedAt), terminated);
    }
    const listeners = [...this.#endListeners];
    this.#endListeners.clear();
    for (const listener of listeners) listener();
    this.#options.onChange();
  }

  #restartAfter(waitMs: number, terminated: NonNullable<ContainerState["terminated"]>): void {
    this.#lastState = { terminated };
    if (waitMs > 0) {
      const { name } = this.spec;
      const { podName } = this.#options;
      this.#state = {
        waiting: {
          reason: "CrashLoopBackOff",
          message: `back-off ${goDuration(waitMs)} restarting failed container=${name} pod=${podName}`,
        },
      };
      const message = `Back-off restarting failed container ${name} in pod ${podName}`;
      this.#warn("BackOff", message);
    }
    this.#cancelWait = this.#options.machine.after(waitMs, () => this.start());
  }

  #imageUnknown(image: string): void {
    if (this.spec.imagePullPolicy === "Never") this.#imageNeverPulled(image);
    else this.#imageNotFound(image);
  }

  #imageNeverPulled(image: string): void {
    const message = `Container image "${image}" is not present with pull policy of Never`;
    this.#wait("ErrImageNeverPull", message);
    this.#warn("ErrImageNeverPull", message);
    this.#warn("Failed", "Error: ErrImageNeverPull");
    this.#cancelWait = this.#options.machine.after(SYNC_RETRY_MS, () => this.start());
  }

  #imageNotFound(image: string): void {
    const waitMs = this.#pullBackOff.next(0);
    const first = waitMs === 0;
    const message = first
      ? `failed to pull image "${image}": not in the image table of the local cluster`
      : `Back-off pulling image "${image}"`;
    this.#wait(first ? "ErrImagePull" : "ImagePullBackOff", message);
    if (first) {
      this.#warn("Failed", `Failed to pull image "${image}": not in the image table`);
      this.#warn("Failed", "Error: ErrImagePull");
    } else {
      this.#options.record({ ...this.#field(), reason: "BackOff", message });
      this.#warn("Failed", "Error: ImagePullBackOff");
    }
    const next = first ? 1_000 : waitMs;
    this.#cancelWait = this.#options.machine.after(next, () => this.start());
  }

  #wait(reason: string, message: string): void {
    this.#state = { waiting: { reason, message } };
    this.#options.onChange();
  }

  #tell(reason: string, message: string): void {
    this.#options.record({ ...this.#field(), reason, message });
  }

  #warn(reason: string, message: string): void {
    this.#options.record({ ...this.#field(), type: "Warning", reason, message });
  }

  #field(): { readonly fieldPath: string } {
    return { fieldPath: `spec.containers{${this.spec.name}}` };
  }

  #id(): string {
    return `process://${this.#options.podName}/${this.spec.name}/${this.#life}`;
  }
}

function hasRun(before: ContainerStatus): boolean {
  const { state, lastState } = before;
  return [state?.running, state?.terminated, lastState?.terminated].some(Boolean);
}

/** A life that ended while nobody looked: the machine went down under it. */
function lostLife(before: ContainerStatus): NonNullable<ContainerState["terminated"]> {
  const known = before.state?.terminated ?? before.lastState?.terminated;
  const startedAt = before.state?.running?.startedAt;
  if (startedAt === undefined && known !== undefined) return known;
  return {
    exitCode: 255,
    reason: "Unknown",
    ...(startedAt === undefined ? {} : { startedAt }),
    finishedAt: apiTime(Date.now()),
    ...(before.containerID === undefined ? {} : { containerID: before.containerID }),
  };
}
