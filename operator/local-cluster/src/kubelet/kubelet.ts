import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { LogRequest, StoreClient } from "../apiserver/store-client.ts";
import {
  apiMicroTime,
  CLAIMS,
  CONFIG_MAPS,
  hasEnded,
  LEASES,
  NODES,
  PODS,
  type Pod,
  SECRETS,
} from "../controllers/api-types.ts";
import { EventRecorder } from "../controllers/event-recorder.ts";
import type { PidFile } from "../supervisor/pid-file.ts";
import type { Container } from "./container.ts";
import type { ImageTable } from "./image-table.ts";
import { readLog } from "./log-reader.ts";
import { Machine, type Power } from "./machine.ts";
import { type NodeFacts, nodeObject, nodeStatus } from "./node-object.ts";
import { type PodAddresses, PodWorker } from "./pod-worker.ts";
import { type RunProbe, runProbe } from "./prober.ts";
import { type BackOffPolicy, KUBELET_BACK_OFF } from "./restart-back-off.ts";

export interface KubeletOptions {
  readonly name: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly store: StoreClient;
  readonly images: ImageTable;
  readonly addresses: PodAddresses;
  readonly folder: string;
  readonly pidFile: PidFile;
  readonly kubeconfigFile: string;
  readonly compileCacheFolder: string;
  /** Of the node's Lease: how often it is renewed. */
  readonly leaseRenewMs: number;
  readonly backOff?: BackOffPolicy;
  readonly runProbe?: RunProbe;
  readonly onError: (error: unknown) => void;
}

const LEASE_NAMESPACE = "kube-node-lease";
/** Pods whose logs stay on disk after they are gone, for whoever looks into a failure. */
const OLD_LOGS_MAX = 20;

/** The agent of one virtual machine: a Node object, and the pods that are bound to it. */
export class Kubelet {
  readonly name: string;
  readonly #options: KubeletOptions;
  readonly #machine: Machine;
  readonly #recorder: EventRecorder;
  readonly #workers = new Map<string, PodWorker>();
  readonly #ends: (() => void)[] = [];
  /** What ran when the power went: its folders are there still. */
  #dark: readonly PodWorker[] = [];
  #cancelRenewal: () => void = () => undefined;

  constructor(options: KubeletOptions) {
    this.name = options.name;
    this.#options = options;
    this.#machine = new Machine(options.name, options.pidFile, options.onError);
    this.#recorder = new EventRecorder(options.store, "kubelet", options.name);
    mkdirSync(join(options.folder, "pods"), { recursive: true, mode: 0o700 });
  }

  get power(): Power {
    return this.#machine.power;
  }

  get pods(): readonly PodWorker[] {
    return [...this.#workers.values()];
  }

  start(): void {
    this.#register();
    this.#renewLease();
    const { store } = this.#options;
    this.#removeStrangers();
    const watch = store.watch.bind(store);
    const awake = this.#machine.awake.bind(this.#machine);
    const fieldSelector = `spec.nodeName=${this.name}`;
    this.#ends.push(
      watch(
        PODS,
        { fieldSelector },
        awake(({ type, object }) => this.#onPod(type, object)),
      ),
      ...[CONFIG_MAPS, SECRETS, CLAIMS].map((type) =>
        watch(
          type,
          {},
          awake(({ object }) => {
            const { namespace, name } = object.metadata;
            this.#onSource(namespace ?? "", `${type.kind}/${name}`);
          }),
        ),
      ),
    );
  }

  /** Ends all pods' processes in order and leaves the API alone. */
  async shutDown(): Promise<void> {
    this.#machine.resume();
    this.#unwatch();
    await Promise.all(this.pods.map((worker) => worker.shutDown()));
    this.#workers.clear();
    this.#machine.turnOff();
  }

  turnOff(): void {
    if (this.#machine.power === "off") return;
    this.#unwatch();
    for (const worker of this.pods) worker.abandon();
    this.#dark = this.pods;
    this.#workers.clear();
    this.#machine.turnOff();
  }

  turnOn(): void {
    if (this.#machine.power === "paused") this.resume();
    if (this.#machine.power === "on") return;
    this.#machine.turnOn();
    this.#dark = [];
    this.start();
  }

  pause(): void {
    if (this.#machine.power !== "on") return;
    this.#machine.pause();
    for (const worker of this.pods) worker.signal("SIGSTOP");
  }

  resume(): void {
    if (this.#machine.power !== "paused") return;
    for (const worker of this.pods) worker.signal("SIGCONT");
    this.#machine.resume();
    this.#postStatus();
  }

  worker(namespace: string, name: string): PodWorker | undefined {
    return this.pods.find(isNamed(namespace, name));
  }

  /** Also of a machine that is off: a disk can be read without its machine. */
  lastWorker(namespace: string, name: string): PodWorker | undefined {
    return [...this.pods, ...this.#dark].find(isNamed(namespace, name));
  }

  /** The bytes of a container's log; undefined where it has none (yet). */
  logs(request: LogRequest): AsyncIterable<Uint8Array> | undefined {
    const worker = this.worker(request.namespace, request.pod);
    const container = worker?.containers.find(({ spec }) => spec.name === request.container);
    if (container === undefined || !container.hasStarted) return undefined;
    const life = request.previous ? container.life - 1 : container.life;
    const folder = container.logFolder;
    if (!existsSync(join(folder, `${life}.log`))) return undefined;
    return readLog({ folder, life, ...lifeOf(container, life) }, request);
  }

  #unwatch(): void {
    for (const end of this.#ends.splice(0)) end();
    this.#cancelRenewal();
  }

  #onPod(type: string, pod: Pod): void {
    const uid = pod.metadata.uid ?? "";
    const worker = this.#workers.get(uid);
    if (type === "DELETED") worker?.removed();
    else if (worker !== undefined) worker.update(pod);
    else if (!hasEnded(pod) || pod.metadata.deletionTimestamp !== undefined) this.#add(pod);
  }

  #add(pod: Pod): void {
    // The event may be older than the store: a pod that left in between is not brought back.
    const { namespace = "", name, uid } = pod.metadata;
    const now = this.#options.store.get(PODS, { namespace, name });
    if (now === undefined || now.metadata.uid !== uid) return;
    const { backOff = KUBELET_BACK_OFF, runProbe: ask = runProbe } = this.#options;
    const worker = new PodWorker(
      {
        ...this.#options,
        hostIp: this.#options.address,
        machine: this.#machine,
        backOff,
        runProbe: ask,
        record: (object, event) => this.#recorder.record(object, event),
        onGone: (gone) => {
          this.#workers.delete(gone);
          this.#pruneLogs();
        },
      },
      now,
    );
    this.#workers.set(worker.uid, worker);
    worker.start();
  }

  #onSource(namespace: string, source: string): void {
    for (const worker of this.pods) {
      if (worker.pod.metadata.namespace === namespace) worker.sourceChanged(source);
    }
  }

  /** What pods left that were deleted while this machine was off. */
  #removeStrangers(): void {
    const { store, folder } = this.#options;
    const known = new Set(store.list(PODS).map(({ metadata }) => metadata.uid));
    for (const uid of readdirSync(join(folder, "pods"))) {
      if (!known.has(uid)) rmSync(join(folder, "pods", uid), { recursive: true, force: true });
    }
  }

  #pruneLogs(): void {
    const folder = join(this.#options.folder, "logs");
    if (!existsSync(folder)) return;
    const living = new Set(this.pods.map(({ uid }) => uid));
    const old = readdirSync(folder)
      .filter((name) => !living.has(name.slice(name.lastIndexOf("_") + 1)))
      .map((name) => ({ path: join(folder, name), at: statSync(join(folder, name)).mtimeMs }))
      .sort((a, b) => b.at - a.at);
    for (const { path } of old.slice(OLD_LOGS_MAX)) rmSync(path, { recursive: true, force: true });
  }

  #facts(): NodeFacts {
    const { name, address, labels, images } = this.#options;
    return { name, address, labels, imageNames: images.names, now: Date.now() };
  }

  #register(): void {
    const { store } = this.#options;
    const there = store.get(NODES, { namespace: "", name: this.name });
    if (there === undefined) store.create(NODES, nodeObject(this.#facts()));
    this.#postStatus();
  }

  #postStatus(): void {
    const { store } = this.#options;
    const key = { namespace: "", name: this.name };
    const there = store.get(NODES, key);
    if (there === undefined) return;
    store.patchStatus(NODES, key, { status: nodeStatus(this.#facts(), there) });
  }

  #renewLease(): void {
    const { store, leaseRenewMs } = this.#options;
    // First: a write that fails once must not silence the machine for ever.
    this.#cancelRenewal = this.#machine.after(leaseRenewMs, () => this.#renewLease());
    const key = { namespace: LEASE_NAMESPACE, name: this.name };
    const renewTime = apiMicroTime(Date.now());
    const lease = store.get(LEASES, key);
    if (lease === undefined) {
      const node = store.get(NODES, { namespace: "", name: this.name });
      store.create(LEASES, {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: {
          ...key,
          ownerReferences: [
            { apiVersion: "v1", kind: "Node", name: this.name, uid: node?.metadata.uid ?? "" },
          ],
        },
        spec: { holderIdentity: this.name, leaseDurationSeconds: 40, renewTime },
      });
    } else {
      store.patch(LEASES, key, { spec: { renewTime } });
      // A node that was called lost says by itself that it is back.
      const node = store.get(NODES, { namespace: "", name: this.name });
      const ready = node?.status?.conditions?.find(({ type }) => type === "Ready");
      if (node === undefined) this.#register();
      else if (ready?.status !== "True") this.#postStatus();
    }
  }
}

function isNamed(namespace: string, name: string): (worker: PodWorker) => boolean {
  return ({ pod }) => pod.metadata.namespace === namespace && pod.metadata.name === name;
}

function lifeOf(container: Container, life: number) {
  return {
    running: () => container.running && container.life === life,
    onEnd: (listener: () => void) => container.onEnd(listener),
  };
}
