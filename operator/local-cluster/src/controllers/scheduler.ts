import type { StoreClient } from "../apiserver/store-client.ts";
import { condition } from "../kubelet/pod-status.ts";
import {
  CLAIMS,
  isLive,
  keyOf,
  NODES,
  PODS,
  type Pod,
  STORAGE_CLASSES,
  VOLUMES,
} from "./api-types.ts";
import { attempt, type OnError } from "./attempt.ts";
import { EventRecorder } from "./event-recorder.ts";
import { claimNames, SELECTED_NODE, schedule } from "./scheduling.ts";

/** Binds pods to nodes; what does not fit waits for the next change of the cluster. */
export class Scheduler {
  readonly #store: StoreClient;
  readonly #recorder: EventRecorder;
  readonly #onError: OnError;
  #scheduled = false;
  #ended = false;

  constructor(store: StoreClient, onError: OnError) {
    this.#store = store;
    this.#onError = onError;
    this.#recorder = new EventRecorder(store, "default-scheduler");
  }

  start(): () => void {
    const all = () => this.#schedule();
    const ends = [
      this.#store.watch(PODS, {}, ({ type, object }) => {
        if (type === "ADDED" && isPending(object)) this.#place(object);
        // A pod that left made room, or stands in no way any more.
        else if (type === "DELETED") all();
      }),
      this.#store.watch(NODES, {}, all),
      this.#store.watch(CLAIMS, {}, all),
    ];
    return () => {
      this.#ended = true;
      for (const end of ends) end();
    };
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#ended) return;
      for (const pod of this.#store.list(PODS).filter(isPending)) {
        attempt(this.#onError, () => this.#place(pod));
      }
    });
  }

  #place(seen: Pod): void {
    const pod = this.#store.get(PODS, keyOf(seen));
    if (pod === undefined || !isPending(pod)) return;
    const { namespace = "" } = pod.metadata;
    const placement = schedule(pod, {
      nodes: this.#store.list(NODES),
      pods: this.#store.list(PODS),
      claim: (name) => this.#store.get(CLAIMS, { namespace, name }),
      volume: (name) => this.#store.get(VOLUMES, { namespace: "", name }),
    });
    if ("refusal" in placement) this.#refuse(pod, placement.refusal);
    else if (this.#claimsReady(pod, placement.node)) this.#bind(pod, placement.node);
  }

  /** Names the node on claims that wait for their first consumer; true once all are bound. */
  #claimsReady(pod: Pod, node: string): boolean {
    const { namespace = "" } = pod.metadata;
    let ready = true;
    for (const name of claimNames(pod.spec)) {
      const claim = this.#store.get(CLAIMS, { namespace, name });
      if (claim?.status?.phase === "Bound") continue;
      ready = false;
      if (claim === undefined || claim.metadata.annotations?.[SELECTED_NODE] !== undefined)
        continue;
      const className = claim.spec?.storageClassName ?? "";
      const storage = this.#store.get(STORAGE_CLASSES, { namespace: "", name: className });
      if (storage === undefined) {
        this.#refuse(pod, "pod has unbound immediate PersistentVolumeClaims");
      } else {
        this.#store.patch(CLAIMS, keyOf(claim), {
          metadata: { annotations: { [SELECTED_NODE]: node } },
        });
      }
    }
    return ready;
  }

  #bind(pod: Pod, node: string): void {
    const key = keyOf(pod);
    this.#store.bind(key, node);
    this.#recorder.record(pod, {
      reason: "Scheduled",
      message: `Successfully assigned ${key.namespace}/${key.name} to ${node}`,
    });
  }

  #refuse(pod: Pod, message: string): void {
    const reason = "FailedScheduling";
    const old = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
    if (old?.message === message) return;
    this.#setScheduled(pod, { status: "False", reason: "Unschedulable", message });
    this.#recorder.record(pod, { type: "Warning", reason, message });
  }

  #setScheduled(pod: Pod, verdict: Parameters<typeof condition>[1]): void {
    const old = pod.status?.conditions ?? [];
    const ours = condition("PodScheduled", verdict, { old, now: Date.now() });
    const others = old.filter(({ type }) => type !== "PodScheduled");
    this.#store.patchStatus(PODS, keyOf(pod), { status: { conditions: [...others, ours] } });
  }
}

function isPending(pod: Pod): boolean {
  const gated = (pod.spec?.schedulingGates ?? []).length > 0;
  return isLive(pod) && pod.spec?.nodeName === undefined && !gated;
}
