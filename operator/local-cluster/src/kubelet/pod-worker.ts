import { rmSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { StoreClient } from "../apiserver/store-client.ts";
import { keyOf, PODS, type Pod, type PodStatus } from "../controllers/api-types.ts";
import type { EventText } from "../controllers/event-recorder.ts";
import { Container } from "./container.ts";
import type { PodPlace } from "./environment.ts";
import type { ImageTable } from "./image-table.ts";
import { prepareContainer } from "./launch-plan.ts";
import type { Machine } from "./machine.ts";
import { podStatus } from "./pod-status.ts";
import { PodVolumes } from "./pod-volumes.ts";
import type { RunProbe } from "./prober.ts";
import type { BackOffPolicy } from "./restart-back-off.ts";
import { MountError } from "./volume-source.ts";

/** Gives pods their addresses; an address is kept as long as the pod is there. */
export interface PodAddresses {
  acquire(pod: Pod): string;
  release(uid: string): void;
}

export interface PodWorkerOptions {
  readonly machine: Machine;
  readonly store: StoreClient;
  readonly record: (pod: Pod, event: EventText) => void;
  readonly images: ImageTable;
  readonly addresses: PodAddresses;
  readonly hostIp: string;
  /** Of the machine: `pods/<uid>` and `logs/...` lie below. */
  readonly folder: string;
  /** For pods that would mount a token of their service account. */
  readonly kubeconfigFile: string;
  readonly compileCacheFolder: string;
  readonly backOff: BackOffPolicy;
  readonly runProbe: RunProbe;
  /** The pod left the API and nothing of it runs. */
  readonly onGone: (uid: string) => void;
}

/** Whoever stops the whole cluster does not wait for a pod that will not end. */
const SHUT_DOWN_GRACE_MS = 10_000;
const MOUNT_RETRY_MS_MIN = 500;
const STATUS_RETRY_MS = 1_000;
const MOUNT_RETRY_MS_MAX = 122_000;

/** One pod on one machine, from its binding to its final deletion. */
export class PodWorker {
  readonly uid: string;
  readonly folder: string;
  readonly #options: PodWorkerOptions;
  readonly #volumes: PodVolumes;
  readonly #place: PodPlace;
  readonly #init: readonly Container[];
  readonly #main: readonly Container[];
  #pod: Pod;
  #mounted = false;
  #mountRetryMs = MOUNT_RETRY_MS_MIN;
  #cancelRetry: () => void = () => undefined;
  #initialised = false;
  #stopping = false;
  #stopDeadline = Number.POSITIVE_INFINITY;
  #stopped = false;
  #publishing = false;

  constructor(options: PodWorkerOptions, pod: Pod) {
    this.#options = options;
    this.#pod = pod;
    this.uid = pod.metadata.uid ?? "";
    this.folder = join(options.folder, "pods", this.uid);
    this.#volumes = new PodVolumes(this.folder, pod.spec?.volumes);
    const { hostIp, machine } = options;
    const podIp = pod.spec?.hostNetwork === true ? hostIp : options.addresses.acquire(pod);
    this.#place = { podIp, hostIp, nodeName: machine.name };
    this.#init = this.#containers("init");
    this.#main = this.#containers("main");
  }

  get pod(): Pod {
    return this.#pod;
  }

  get podIp(): string {
    return this.#place.podIp;
  }

  get volumeFolders(): ReadonlyMap<string, string> {
    return this.#volumes.folders;
  }

  get containers(): readonly Container[] {
    return [...this.#init, ...this.#main];
  }

  start(): void {
    if (this.#pod.metadata.deletionTimestamp !== undefined) this.update(this.#pod);
    else this.#mount();
  }

  /** The pod's object changed. */
  update(pod: Pod): void {
    this.#pod = pod;
    if (pod.metadata.deletionTimestamp !== undefined) {
      const { deletionGracePeriodSeconds } = pod.metadata as {
        readonly deletionGracePeriodSeconds?: number;
      };
      this.#stop((deletionGracePeriodSeconds ?? 30) * 1000);
    } else if (this.#mounted) {
      this.#refresh();
      this.#publish();
    }
  }

  /** An object that volumes or environments may name changed: `ConfigMap/name` and so on. */
  sourceChanged(source: string): void {
    if (this.#stopping) return;
    if (!this.#mounted) {
      if (this.#volumes.uses(source) || source.startsWith("PersistentVolume")) this.#mount();
      return;
    }
    if (this.#volumes.uses(source)) this.#refresh(source);
    for (const container of this.containers) container.retryConfig();
  }

  /** Forced deletion: the object is gone, so must be the processes. */
  removed(): void {
    this.#stop(0);
  }

  /** To all processes of the pod, as a person at the machine may do. */
  signal(signal: NodeJS.Signals): void {
    for (const container of this.containers) container.signal(signal);
  }

  /** Stops the processes and leaves the object alone: the cluster itself stops. */
  async shutDown(): Promise<void> {
    this.#stopping = true;
    // An end that is only ours must not be written as the pod's: it would not start again.
    this.#stopped = true;
    this.#cancelRetry();
    const graceMs = Math.min(SHUT_DOWN_GRACE_MS, this.#graceMs());
    await Promise.all(this.containers.map((one) => one.stop(graceMs)));
  }

  /** The machine lost power. */
  abandon(): void {
    this.#stopping = true;
    this.#stopped = true;
    this.#cancelRetry();
    for (const container of this.containers) container.abandon();
  }

  #mount(): void {
    this.#cancelRetry();
    try {
      this.#volumes.setUp(this.#volumeInput());
    } catch (error) {
      if (!(error instanceof MountError)) throw error;
      const { message } = error;
      this.#options.record(this.#pod, { type: "Warning", reason: "FailedMount", message });
      this.#retry(() => this.#mount());
      this.#publish();
      return;
    }
    this.#mounted = true;
    this.#mountRetryMs = MOUNT_RETRY_MS_MIN;
    this.#runInit(0);
    this.#publish();
  }

  #refresh(changed?: string): void {
    this.#cancelRetry();
    const failures = this.#volumes.refresh(this.#volumeInput(), changed);
    for (const message of failures) {
      this.#options.record(this.#pod, { type: "Warning", reason: "FailedMount", message });
    }
    if (failures.length === 0) this.#mountRetryMs = MOUNT_RETRY_MS_MIN;
    else this.#retry(() => this.#refresh());
  }

  #retry(act: () => void): void {
    this.#cancelRetry = this.#options.machine.after(this.#mountRetryMs, act);
    this.#mountRetryMs = Math.min(MOUNT_RETRY_MS_MAX, this.#mountRetryMs * 2);
  }

  #runInit(index: number): void {
    const container = this.#init[index];
    if (container?.finished !== undefined) {
      // It ended before the machine went down. One that failed for good ends the pod.
      if (container.finished === 0) this.#runInit(index + 1);
      return;
    }
    if (container === undefined) {
      this.#initialised = true;
      for (const one of this.#main) one.start();
      return;
    }
    const onEnd = () => {
      if (container.status.state?.terminated?.exitCode === 0) this.#runInit(index + 1);
      else container.onEnd(onEnd);
    };
    container.onEnd(onEnd);
    container.start();
  }

  #containers(which: "init" | "main"): readonly Container[] {
    const { spec, status, metadata } = this.#pod;
    const init = which === "init";
    const specs = (init ? spec?.initContainers : spec?.containers) ?? [];
    const before = (init ? status?.initContainerStatuses : status?.containerStatuses) ?? [];
    const { namespace = "", name } = metadata;
    const { machine, images, backOff, runProbe, folder } = this.#options;
    return specs.map(
      (container) =>
        new Container({
          machine,
          backOff,
          runProbe,
          spec: container,
          podName: `${name}_${namespace}(${this.uid})`,
          podIp: this.#place.podIp,
          graceMs: this.#graceMs(),
          logFolder: join(folder, "logs", `${namespace}_${name}_${this.uid}`, container.name),
          before: before.find((one) => one.name === container.name),
          // A machine that comes up again runs the init containers again, unless nothing may be.
          keepsEnd: !init || spec?.restartPolicy === "Never",
          findImage: (image) => images.find(image),
          prepare: (one, program) =>
            prepareContainer({
              ...this.#options,
              program,
              container: one,
              pod: this.#pod,
              place: this.#place,
              root: join(this.folder, "root", one.name),
              volumes: this.#volumes.folders,
            }),
          restarts: (exitCode) => this.#restarts(exitCode, init),
          onChange: () => this.#publish(),
          record: (event) => this.#options.record(this.#pod, event),
        }),
    );
  }

  #restarts(exitCode: number, init: boolean): boolean {
    const policy = this.#pod.spec?.restartPolicy ?? "Always";
    if (this.#stopping || policy === "Never") return false;
    // An init container that succeeded is done, whatever the policy.
    return policy === "OnFailure" || init ? exitCode !== 0 : true;
  }

  #graceMs(): number {
    return (this.#pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
  }

  #stop(graceMs: number): void {
    const deadline = Date.now() + graceMs;
    // A second deletion may shorten the time, as `kubectl delete --now` does.
    if (this.#stopped || deadline >= this.#stopDeadline) return;
    const first = !this.#stopping;
    this.#stopDeadline = deadline;
    this.#stopping = true;
    this.#cancelRetry();
    const stops = this.containers.map((one) => one.stop(graceMs));
    if (first) {
      const end = this.#options.machine.awake(() => this.#finish());
      void Promise.all(stops).then(end);
    }
  }

  #finish(): void {
    this.#stopped = true;
    this.#write();
    const { store, addresses } = this.#options;
    const there = store.get(PODS, keyOf(this.#pod));
    if (there?.metadata.uid === this.uid && there.metadata.deletionTimestamp !== undefined) {
      store.delete(PODS, keyOf(there), { uid: this.uid, gracePeriodSeconds: 0 });
    }
    addresses.release(this.uid);
    rmSync(this.folder, { recursive: true, force: true });
    this.#options.onGone(this.uid);
  }

  /** Many changes of one moment make one write. */
  #publish(): void {
    if (this.#publishing || this.#stopped) return;
    this.#publishing = true;
    setImmediate(
      this.#options.machine.awake(() => {
        this.#publishing = false;
        if (this.#stopped) return;
        try {
          this.#write();
        } catch (error) {
          // Nothing else may change for long: the API must not keep a status of before.
          this.#options.machine.after(STATUS_RETRY_MS, () => this.#publish());
          throw error;
        }
      }),
    );
  }

  #write(): void {
    const { store, hostIp } = this.#options;
    const pod = store.get(PODS, keyOf(this.#pod));
    if (pod === undefined || pod.metadata.uid !== this.uid) return;
    const finished = [...this.#main, ...this.#init].every(
      (one) => one.finished !== undefined || (this.#stopping && !one.running),
    );
    const initFailed = this.#init.some((one) => (one.finished ?? 0) !== 0);
    const status = podStatus(pod, {
      podIp: this.#mounted ? this.#place.podIp : undefined,
      hostIp,
      sandboxReady: this.#mounted,
      initialised: this.#initialised,
      init: this.#init.map((one) => one.status),
      main: this.#main.map((one) => one.status),
      allFinished: finished,
      initFailed,
      now: Date.now(),
    });
    const changes = changedFields(status, pod.status ?? {});
    if (changes !== undefined) store.patchStatus(PODS, keyOf(pod), { status: changes });
  }

  #volumeInput() {
    return { store: this.#options.store, pod: this.#pod, place: this.#place };
  }
}

/** Fields of the status that differ from what is stored; undefined where none does. */
function changedFields(ours: PodStatus, stored: PodStatus): object | undefined {
  const entries = Object.entries(ours).filter(
    ([key, value]) => !isDeepStrictEqual(value, stored[key as keyof PodStatus]),
  );
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
