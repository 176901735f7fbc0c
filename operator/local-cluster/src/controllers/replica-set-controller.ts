import type { StoreClient } from "../apiserver/store-client.ts";
import {
  hasEnded,
  isLive,
  isReady,
  keyOf,
  PODS,
  type Pod,
  REPLICA_SETS,
  type ReplicaSet,
} from "./api-types.ts";
import { EventRecorder } from "./event-recorder.ts";
import { matchesSelector } from "./selectors.ts";

/** Keeps as many pods as each ReplicaSet asks for. */
export class ReplicaSetController {
  readonly #store: StoreClient;
  readonly #recorder: EventRecorder;

  constructor(store: StoreClient) {
    this.#store = store;
    this.#recorder = new EventRecorder(store, "replicaset-controller");
  }

  start(): () => void {
    const ends = [
      this.#store.watch(REPLICA_SETS, {}, ({ type, object }) => {
        if (type !== "DELETED") this.#sync(object);
      }),
      this.#store.watch(PODS, {}, ({ object }) => {
        const owner = object.metadata.ownerReferences?.find(({ kind }) => kind === "ReplicaSet");
        if (owner === undefined) return;
        const { namespace = "" } = object.metadata;
        const set = this.#store.get(REPLICA_SETS, { namespace, name: owner.name });
        if (set !== undefined) this.#sync(set);
      }),
    ];
    return () => {
      for (const end of ends) end();
    };
  }

  #sync(seen: ReplicaSet): void {
    const set = this.#store.get(REPLICA_SETS, keyOf(seen));
    if (set === undefined) return;
    const { namespace = "", uid } = set.metadata;
    const owned = this.#store
      .list(PODS, { namespace })
      .filter(({ metadata }) => metadata.ownerReferences?.some((one) => one.uid === uid) === true);
    const live = owned.filter(isLive);
    const wanted = set.spec?.replicas ?? 1;
    if (set.metadata.deletionTimestamp === undefined) {
      for (let n = live.length; n < wanted; n += 1) this.#createPod(set);
      const surplus = [...live].sort(byWorth).slice(0, Math.max(0, live.length - wanted));
      for (const pod of surplus) this.#deletePod(set, pod);
    }
    this.#report(set);
  }

  #createPod(set: ReplicaSet): void {
    const { name, namespace, uid = "" } = set.metadata;
    const template = set.spec?.template;
    const pod = this.#store.create<Pod>(PODS, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        generateName: `${name}-`,
        namespace,
        labels: template?.metadata?.labels ?? {},
        annotations: template?.metadata?.annotations ?? {},
        ownerReferences: [
          {
            apiVersion: "apps/v1",
            kind: "ReplicaSet",
            name,
            uid,
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      spec: template?.spec,
    });
    const message = `Created pod: ${pod.metadata.name}`;
    this.#recorder.record(set, { reason: "SuccessfulCreate", message });
  }

  #deletePod(set: ReplicaSet, pod: Pod): void {
    const { uid } = pod.metadata;
    this.#store.delete(PODS, keyOf(pod), uid === undefined ? {} : { uid });
    const message = `Deleted pod: ${pod.metadata.name}`;
    this.#recorder.record(set, { reason: "SuccessfulDelete", message });
  }

  #report(seen: ReplicaSet): void {
    const set = this.#store.get(REPLICA_SETS, keyOf(seen));
    if (set === undefined) return;
    const { namespace = "", uid, generation = 1 } = set.metadata;
    const pods = this.#store
      .list(PODS, { namespace })
      .filter(
        (pod) =>
          isLive(pod) && pod.metadata.ownerReferences?.some((one) => one.uid === uid) === true,
      );
    const selector = set.spec?.selector ?? {};
    const ready = pods.filter(isReady).length;
    const status = {
      replicas: pods.length,
      fullyLabeledReplicas: pods.filter((p) => matchesSelector(selector, p.metadata.labels)).length,
      readyReplicas: ready,
      availableReplicas: ready,
      observedGeneration: generation,
    };
    const old = (set.status ?? {}) as Readonly<Record<string, unknown>>;
    const changed = Object.entries(status).some(([key, value]) => (old[key] ?? 0) !== value);
    if (changed) this.#store.patchStatus(REPLICA_SETS, keyOf(set), { status });
  }
}

/** Which pod goes first: unbound, not ready, youngest. */
function byWorth(a: Pod, b: Pod): number {
  const worth = (pod: Pod) =>
    (pod.spec?.nodeName === undefined ? 0 : 1) + (isReady(pod) ? 2 : 0) - (hasEnded(pod) ? 4 : 0);
  const [ageA, ageB] = [a.metadata.creationTimestamp ?? "", b.metadata.creationTimestamp ?? ""];
  return worth(a) - worth(b) || (ageA > ageB ? -1 : 1);
}
