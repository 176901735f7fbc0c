import type { StoreClient } from "../apiserver/store-client.ts";
import { condition } from "../kubelet/pod-status.ts";
import {
  apiTime,
  hasEnded,
  keyOf,
  LEASES,
  NODES,
  type Node,
  type NodeCondition,
  PODS,
  type Pod,
  type Taint,
} from "./api-types.ts";
import { attempt, type OnError } from "./attempt.ts";
import { EventRecorder } from "./event-recorder.ts";
import { tolerates } from "./scheduling.ts";

const UNREACHABLE = "node.kubernetes.io/unreachable";
const NOT_READY = "node.kubernetes.io/not-ready";
const OURS = [UNREACHABLE, NOT_READY];
/** What the admission of a real API server writes into each pod: stay for five minutes. */
const DEFAULT_TOLERATION_S = 300;

export interface NodeLifecycleOptions {
  readonly store: StoreClient;
  /** A node whose lease is older is unknown. A real controller waits 40 s. */
  readonly graceMs: number;
  readonly onError: OnError;
}

/** Calls nodes lost, taints them, and evicts pods that do not tolerate it. */
export class NodeLifecycle {
  readonly #store: StoreClient;
  readonly #graceMs: number;
  readonly #onError: OnError;
  readonly #recorder: EventRecorder;
  readonly #checks = new Map<string, NodeJS.Timeout>();
  readonly #evictions = new Map<string, NodeJS.Timeout>();

  constructor({ store, graceMs, onError }: NodeLifecycleOptions) {
    this.#store = store;
    this.#graceMs = graceMs;
    this.#onError = onError;
    this.#recorder = new EventRecorder(store, "node-controller");
  }

  start(): () => void {
    const ends = [
      this.#store.watch(LEASES, { namespace: "kube-node-lease" }, ({ type, object }) => {
        const { name } = object.metadata;
        clearTimeout(this.#checks.get(name));
        // One timer for each node, moved by each renewal: nothing is polled.
        if (type !== "DELETED") {
          this.#checks.set(
            name,
            setTimeout(() => attempt(this.#onError, () => this.#lost(name)), this.#graceMs),
          );
        }
      }),
      this.#store.watch(NODES, {}, ({ type, object }) => {
        if (type !== "DELETED") this.#syncTaints(object);
      }),
      this.#store.watch(PODS, {}, ({ type, object }) => {
        if (type === "DELETED") this.#cancelEviction(object.metadata.uid ?? "");
        else if (object.spec?.nodeName !== undefined) this.#considerEviction(object);
      }),
    ];
    return () => {
      for (const end of ends) end();
      for (const timer of [...this.#checks.values(), ...this.#evictions.values()]) {
        clearTimeout(timer);
      }
    };
  }

  #lost(name: string): void {
    const node = this.#store.get(NODES, { namespace: "", name });
    if (node === undefined || readiness(node) === "Unknown") return;
    const now = apiTime(Date.now());
    const conditions = (node.status?.conditions ?? []).map((one) => ({
      ...one,
      status: "Unknown",
      reason: "NodeStatusUnknown",
      message: "Kubelet stopped posting node status.",
      lastTransitionTime: one.status === "Unknown" ? one.lastTransitionTime : now,
    }));
    this.#store.patchStatus(NODES, keyOf(node), { status: { conditions } });
    this.#recorder.record(node, {
      reason: "NodeNotReady",
      message: `Node ${name} status is now: NodeNotReady`,
    });
    for (const pod of this.#podsOn(name)) this.#markUnready(pod);
  }

  #podsOn(name: string): readonly Pod[] {
    return this.#store.list(PODS).filter((pod) => pod.spec?.nodeName === name && !hasEnded(pod));
  }

  /** At once, as the real controller does; the kubelet says the truth when it is back. */
  #markUnready(pod: Pod): void {
    const old = pod.status?.conditions ?? [];
    if (old.find(({ type }) => type === "Ready")?.status !== "True") return;
    const verdict = { status: "False", reason: "NodeNotReady" };
    const conditions = old.map((one) =>
      one.type === "Ready" ? condition("Ready", verdict, { old, now: Date.now() }) : one,
    );
    this.#store.patchStatus(PODS, keyOf(pod), { status: { conditions } });
    this.#recorder.record(pod, {
      type: "Warning",
      reason: "NodeNotReady",
      message: "Node is not ready",
    });
  }

  #syncTaints(seen: Node): void {
    const node = this.#store.get(NODES, keyOf(seen));
    if (node === undefined) return;
    const others = (node.spec?.taints ?? []).filter(({ key }) => !OURS.includes(key));
    const before = (node.spec?.taints ?? []).filter(({ key }) => OURS.includes(key));
    const ready = readiness(node);
    const key = ready === "Unknown" ? UNREACHABLE : ready === "False" ? NOT_READY : undefined;
    const wanted = key === undefined ? [] : ["NoSchedule", "NoExecute"];
    const same =
      before.length === wanted.length && before.every((one) => one.key === (key ?? one.key));
    if (same) return;
    const now = apiTime(Date.now());
    const ours = wanted.map((effect) => ({ key: key ?? "", effect, timeAdded: now }));
    this.#store.patch(NODES, keyOf(node), { spec: { taints: [...others, ...ours] } });
    for (const pod of this.#podsOn(node.metadata.name)) this.#considerEviction(pod);
  }

  #considerEviction(pod: Pod): void {
    const uid = pod.metadata.uid ?? "";
    const node = this.#store.get(NODES, { namespace: "", name: pod.spec?.nodeName ?? "" });
    const taints = (node?.spec?.taints ?? []).filter(({ effect }) => effect === "NoExecute");
    const ending = pod.metadata.deletionTimestamp !== undefined || hasEnded(pod);
    const afterMs = ending ? undefined : evictionDelayMs(pod, taints);
    if (afterMs === undefined) this.#cancelEviction(uid);
    else if (!this.#evictions.has(uid)) {
      const timer = setTimeout(() => attempt(this.#onError, () => this.#evict(pod)), afterMs);
      this.#evictions.set(uid, timer);
    }
  }

  #cancelEviction(uid: string): void {
    clearTimeout(this.#evictions.get(uid));
    this.#evictions.delete(uid);
  }

  /** A deletion with the pod's own grace: on a lost node it stays until the kubelet is back. */
  #evict(pod: Pod): void {
    const { uid = "" } = pod.metadata;
    this.#evictions.delete(uid);
    const there = this.#store.get(PODS, keyOf(pod));
    if (there?.metadata.uid !== uid) return;
    this.#recorder.record(pod, {
      reason: "TaintManagerEviction",
      message: `Marking for deletion Pod ${pod.metadata.namespace}/${pod.metadata.name}`,
    });
    this.#store.delete(PODS, keyOf(pod), { uid });
  }
}

function readiness(node: Node): NodeCondition["status"] {
  return node.status?.conditions?.find(({ type }) => type === "Ready")?.status ?? "True";
}

/** How long a pod may stay with these NoExecute taints; undefined: as long as it likes. */
export function evictionDelayMs(pod: Pod, taints: readonly Taint[]): number | undefined {
  if (taints.length === 0) return undefined;
  const delays = taints.map((taint) => {
    const matching = (pod.spec?.tolerations ?? []).filter((one) => tolerates(one, taint));
    if (matching.length === 0) return OURS.includes(taint.key) ? DEFAULT_TOLERATION_S * 1000 : 0;
    const limits = matching.flatMap(({ tolerationSeconds }) => tolerationSeconds ?? []);
    return limits.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...limits) * 1000;
  });
  const shortest = Math.min(...delays);
  return Number.isFinite(shortest) ? shortest : undefined;
}
