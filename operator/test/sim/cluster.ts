import { sha256Hex } from "@quorate/node/crypto/sha256";
import { asciiBytes } from "@quorate/node/kernel/bytes";
import { genesisHash } from "@quorate/node/ledger/genesis";
import { ANNOTATIONS, LABELS } from "../../src/api/v1alpha1/labels.ts";
import type { ApiStore, Stored } from "./api-store.ts";
import type { Machine, NodeProcess, Volume } from "./machines.ts";
import type { SeededRandom } from "./random.ts";

const ZONE = "topology.kubernetes.io/zone";
/** A machine is not ready so long after its last word; its pods are asked to go later. */
const NODE_GRACE_MS = 12_000;
const EVICT_AFTER_MS = 60_000;
/** A kubelet looks at optional mounts so often; at once where a pod's annotation changes. */
const MOUNT_MS = 45_000;
const SYNC_MS = 3_000;

/** No machine finds it. */
export const BAD_IMAGE = "quorate/node:bad";

interface PodSpec {
  readonly containers?: readonly { readonly image?: string }[];
  readonly nodeName?: string;
  readonly nodeSelector?: Readonly<Record<string, string>>;
}

const specOf = (pod: Stored) => (pod["spec"] ?? {}) as PodSpec;

export interface ClusterOptions {
  readonly store: ApiStore;
  readonly now: () => number;
  readonly random: SeededRandom;
  readonly zones: number;
  readonly machinesPerZone: number;
  readonly set: string;
  readonly namespace: string;
}

/** Scheduler, kubelets, binder, node lifecycle and garbage collector, and the nodes' processes. */
export class Cluster {
  readonly #options: ClusterOptions;
  readonly machines: Machine[] = [];
  readonly processes = new Map<string, NodeProcess>();
  readonly volumes = new Map<string, Volume>();
  /** Members whose process dies soon after each start. */
  readonly crashing = new Set<string>();
  readonly #due = new Map<string, number>();
  /** Last status told of each object, as text. */
  readonly #told = new Map<string, string>();
  #ips = 0;
  /** A process pinned a genesis: the hash and the text. */
  onPin: (hash: string, text: string, process: NodeProcess) => void = () => undefined;
  onStart: (process: NodeProcess) => void = () => undefined;

  constructor(options: ClusterOptions) {
    this.#options = options;
    const { store, zones, machinesPerZone } = options;
    for (let zone = 1; zone <= zones; zone += 1) {
      for (let index = 1; index <= machinesPerZone; index += 1) {
        const name = `machine-${zone}-${index}`;
        const labels = { [ZONE]: `zone-${zone}`, "kubernetes.io/hostname": name };
        this.machines.push({
          name,
          zone: `zone-${zone}`,
          on: true,
          isolated: false,
          lostAtMs: undefined,
        });
        store.create("nodes", {
          apiVersion: "v1",
          kind: "Node",
          metadata: { name, labels },
          spec: {},
          status: { conditions: [{ type: "Ready", status: "True" }] },
        });
      }
    }
  }

  /** Everything that the cluster does by itself in a moment. */
  step(): void {
    this.#stepMachines();
    this.#stepClaims();
    for (const pod of this.#options.store.list("pods")) this.#stepPod(pod);
    this.#stepProcesses();
    this.#collect();
  }

  machineOf(member: string): Machine | undefined {
    const pod = this.#options.store.get("pods", this.#options.namespace, member);
    const name = pod === undefined ? undefined : specOf(pod).nodeName;
    return this.machines.find((machine) => machine.name === name);
  }

  processOf(member: string): NodeProcess | undefined {
    return [...this.processes.values()].find((process) => process.member === member);
  }

  /** It runs and has a network. */
  isUp(process: NodeProcess): boolean {
    const { machine, runs, pausedUntilMs } = process;
    return runs && pausedUntilMs <= this.#options.now() && machine.on && !machine.isolated;
  }

  /** Keys of processes that take part in the chain: pinned, in sync, connected. */
  live(chain: string): ReadonlySet<string> {
    const now = this.#options.now();
    const live = [...this.processes.values()].filter((process) => {
      const synced = process.syncedAtMs !== undefined && process.syncedAtMs <= now;
      return this.isUp(process) && synced && process.volume.pinned === chain;
    });
    return new Set(live.map(({ volume }) => volume.key));
  }

  at(ip: string): NodeProcess | undefined {
    const found = [...this.processes.values()].find((process) => process.ip === ip);
    return found !== undefined && this.isUp(found) ? found : undefined;
  }

  crash(member: string): void {
    const process = this.processOf(member);
    if (process?.runs === true) this.#fall(process);
  }

  lose(machine: Machine, how: "off" | "isolated"): void {
    machine.lostAtMs ??= this.#options.now();
    if (how === "isolated") machine.isolated = true;
    else {
      machine.on = false;
      for (const process of this.processes.values()) {
        if (process.machine === machine) process.runs = false;
      }
    }
  }

  restore(machine: Machine): void {
    const now = this.#options.now();
    for (const process of this.processes.values()) {
      if (process.machine !== machine || machine.on) continue;
      process.backAtMs = now + 2_000;
    }
    machine.on = true;
    machine.isolated = false;
    machine.lostAtMs = undefined;
  }

  cordon(machine: Machine, unschedulable: boolean): void {
    const node = this.#options.store.get("nodes", undefined, machine.name);
    if (node === undefined) return;
    this.#options.store.update("nodes", node, (draft) => {
      draft["spec"] = unschedulable ? { unschedulable } : {};
    });
  }

  /** As the kubelet ends a pod that the machine has no room for. */
  fail(member: string): void {
    const { store, namespace } = this.#options;
    const pod = store.get("pods", namespace, member);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
    this.processes.delete(pod.metadata.uid);
    store.update("pods", pod, (draft) => {
      draft["status"] = { phase: "Failed", reason: "Evicted" };
    });
  }

  #stepMachines(): void {
    const { store, now } = this.#options;
    for (const machine of this.machines) {
      const node = store.get("nodes", undefined, machine.name);
      if (node === undefined) continue;
      const lost = machine.lostAtMs !== undefined && now() - machine.lostAtMs > NODE_GRACE_MS;
      const conditions = [{ type: "Ready", status: lost ? "Unknown" : "True" }];
      this.#tell("nodes", node, { conditions });
    }
  }

  #stepClaims(): void {
    const { store } = this.#options;
    for (const claim of store.list("persistentvolumeclaims")) {
      this.#tell("persistentvolumeclaims", claim, { phase: "Bound" });
    }
  }

  /** True once the named thing has waited so long. */
  #waited(what: string, leastMs: number, mostMs: number): boolean {
    const { now, random } = this.#options;
    const due = this.#due.get(what) ?? now() + random.integer(leastMs, mostMs);
    this.#due.set(what, due);
    return now() >= due;
  }

  #stepPod(pod: Stored): void {
    const { store, now } = this.#options;
    const { uid, deletionTimestamp } = pod.metadata;
    const { nodeName } = specOf(pod);
    if (nodeName === undefined) {
      if (this.#waited(`bind ${uid}`, 200, 1_200)) this.#bind(pod);
      return;
    }
    const machine = this.machines.find(({ name }) => name === nodeName);
    if (machine === undefined) return;
    if (!machine.on || machine.isolated) {
      const lostMs = now() - (machine.lostAtMs ?? now());
      if (lostMs > NODE_GRACE_MS) this.#unready(pod);
      if (lostMs > EVICT_AFTER_MS && deletionTimestamp === undefined) {
        store.update("pods", pod, (draft) => {
          draft.metadata.deletionTimestamp = new Date(now()).toISOString();
        });
      }
      return;
    }
    if (deletionTimestamp !== undefined) {
      if (!this.#waited(`stop ${uid}`, 300, 2_500)) return;
      this.processes.delete(uid);
      store.remove("pods", pod);
      return;
    }
    const status = pod["status"] as { phase?: string };
    if (status.phase === "Failed") return;
    if (!this.processes.has(uid)) this.#start(pod, machine);
    this.#tellStatus(pod);
  }

  #bind(pod: Stored): void {
    const { store } = this.#options;
    const wanted = specOf(pod).nodeSelector ?? {};
    const machine = this.machines.find(({ name }) => {
      const node = store.get("nodes", undefined, name);
      const spec = node?.["spec"] as { unschedulable?: boolean };
      const status = node?.["status"] as { conditions: { status: string }[] };
      const labels = node?.metadata.labels ?? {};
      const fits = Object.entries(wanted).every(([label, value]) => labels[label] === value);
      return fits && spec.unschedulable !== true && status.conditions[0]?.status === "True";
    });
    if (machine === undefined) return;
    store.update("pods", pod, (draft) => {
      draft["spec"] = { ...draft["spec"], nodeName: machine.name };
    });
  }

  #start(pod: Stored, machine: Machine): void {
    const { store, namespace, now } = this.#options;
    const { name, uid } = pod.metadata;
    const config = store.get("configmaps", namespace, `${name}-config`);
    const claim = store.get("persistentvolumeclaims", namespace, `${name}-data`);
    if (config === undefined || claim === undefined) return;
    if (!this.#waited(`start ${uid}`, 500, 3_000)) return;
    if (specOf(pod).containers?.[0]?.image === BAD_IMAGE) {
      const state = { waiting: { reason: "ImagePullBackOff" } };
      this.#tell("pods", pod, {
        phase: "Pending",
        conditions: [{ type: "Ready", status: "False" }],
        containerStatuses: [{ name: "node", restartCount: 0, state }],
      });
      return;
    }
    const volume = this.#volumeOf(claim.metadata.uid);
    const text = (config["data"] as Record<string, string>)["node.json"] ?? "{}";
    const { advertise = "" } = JSON.parse(text) as { advertise?: string };
    this.#ips += 1;
    const process: NodeProcess = {
      podUid: uid,
      member: name,
      volume,
      machine,
      ip: `10.244.0.${this.#ips}`,
      advertise,
      startedAtMs: now(),
      restarts: 0,
      runs: true,
      pausedUntilMs: 0,
      backAtMs: 0,
      syncedAtMs: undefined,
      mountedAtMs: now(),
    };
    this.processes.set(uid, process);
    this.onStart(process);
  }

  #volumeOf(uid: string): Volume {
    const there = this.volumes.get(uid);
    if (there !== undefined) return there;
    const key = sha256Hex(asciiBytes(`consensus ${uid}`));
    const networkKey = sha256Hex(asciiBytes(`network ${uid}`));
    const volume = { uid, key, networkKey, pinned: undefined };
    this.volumes.set(uid, volume);
    return volume;
  }

  #unready(pod: Stored): void {
    const conditions = [{ type: "Ready", status: "False" }];
    this.#tell("pods", pod, { ...(pod["status"] as object), conditions });
  }

  #tellStatus(pod: Stored): void {
    const process = this.processes.get(pod.metadata.uid);
    if (process === undefined) return;
    const now = this.#options.now();
    const ready = this.isUp(process) && (process.syncedAtMs ?? Number.POSITIVE_INFINITY) <= now;
    this.#tell("pods", pod, {
      phase: "Running",
      podIP: process.ip,
      conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
      containerStatuses: [{ name: "node", restartCount: process.restarts }],
    });
  }

  /** Writes a status where it says something new. */
  #tell(plural: string, object: Stored, status: object): void {
    const text = JSON.stringify(status);
    const { uid } = object.metadata;
    if (this.#told.get(uid) === text) return;
    this.#told.set(uid, text);
    this.#options.store.update(plural, object, (draft) => {
      draft["status"] = status;
    });
  }

  #fall(process: NodeProcess): void {
    const { now } = this.#options;
    process.runs = false;
    process.syncedAtMs = undefined;
    process.backAtMs = now() + Math.min(40_000, 1_000 * 2 ** Math.min(process.restarts, 6));
  }

  #stepProcesses(): void {
    const { store, namespace, set, now, random } = this.#options;
    const genesis = store.get("configmaps", namespace, `${set}-genesis`);
    const data = genesis?.["data"] as Record<string, string> | undefined;
    const text = data?.["genesis.json"];
    for (const process of this.processes.values()) {
      if (!process.machine.on) continue;
      if (!process.runs && process.backAtMs <= now()) {
        process.runs = true;
        process.restarts += 1;
        process.startedAtMs = now();
        process.syncedAtMs = undefined;
      }
      if (!process.runs) continue;
      const crashes = this.crashing.has(process.member) && now() - process.startedAtMs > 2_000;
      if (crashes && random.chance(0.2)) this.#fall(process);
      if (text !== undefined) this.#mount(process, text);
      if (process.volume.pinned !== undefined) process.syncedAtMs ??= now() + SYNC_MS;
    }
  }

  #mount(process: NodeProcess, text: string): void {
    if (process.volume.pinned !== undefined) return;
    const { store, namespace, now } = this.#options;
    const pod = store.get("pods", namespace, process.member);
    const annotated = pod?.metadata.annotations?.[ANNOTATIONS.genesisHash] !== undefined;
    if (!annotated && now() - process.mountedAtMs < MOUNT_MS) return;
    const hash = genesisHash(Uint8Array.from(Buffer.from(text, "utf8")));
    process.volume.pinned = hash;
    this.onPin(hash, text, process);
  }

  /** What belongs to a set that is gone goes too. */
  #collect(): void {
    const { store } = this.#options;
    const sets = new Set(store.list("validatorsets").map(({ metadata }) => metadata.uid));
    const orphans = (plural: string) =>
      store.list(plural).filter(({ metadata: { ownerReferences: [owner] = [] } }) => {
        return owner !== undefined && !sets.has(owner.uid);
      });
    for (const map of orphans("configmaps")) store.remove("configmaps", map);
    for (const pod of orphans("pods")) this.#end(pod);
  }

  #end(pod: Stored): void {
    const { store, now } = this.#options;
    if (specOf(pod).nodeName === undefined) store.remove("pods", pod);
    else if (pod.metadata.deletionTimestamp === undefined) {
      store.update("pods", pod, (draft) => {
        draft.metadata.deletionTimestamp = new Date(now()).toISOString();
      });
    }
  }

  memberPods(): readonly Stored[] {
    return this.#options.store
      .list("pods")
      .filter(({ metadata }) => metadata.labels?.[LABELS.set] === this.#options.set);
  }
}
