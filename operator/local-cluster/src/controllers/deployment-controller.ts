import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { StoreClient } from "../apiserver/store-client.ts";
import { condition } from "../kubelet/pod-status.ts";
import {
  DEPLOYMENTS,
  type Deployment,
  keyOf,
  PODS,
  REPLICA_SETS,
  type ReplicaSet,
} from "./api-types.ts";
import { EventRecorder } from "./event-recorder.ts";
import { rolloutStep } from "./rollout.ts";

const HASH_LABEL = "pod-template-hash";
const REVISION = "deployment.kubernetes.io/revision";

/** Moves each Deployment to the ReplicaSet of its present template. */
export class DeploymentController {
  readonly #store: StoreClient;
  readonly #recorder: EventRecorder;

  constructor(store: StoreClient) {
    this.#store = store;
    this.#recorder = new EventRecorder(store, "deployment-controller");
  }

  start(): () => void {
    const ends = [
      this.#store.watch(DEPLOYMENTS, {}, ({ type, object }) => {
        if (type !== "DELETED") this.#sync(object);
      }),
      this.#store.watch(REPLICA_SETS, {}, ({ object }) => {
        const owner = object.metadata.ownerReferences?.find(({ kind }) => kind === "Deployment");
        const { namespace = "" } = object.metadata;
        if (owner !== undefined) this.#syncNamed(namespace, owner.name);
      }),
      // A recreation waits until the old pods are gone, which no status says.
      this.#store.watch(PODS, {}, ({ type, object }) => {
        if (type !== "DELETED") return;
        const { namespace = "" } = object.metadata;
        const [owner] = object.metadata.ownerReferences ?? [];
        const set =
          owner?.kind === "ReplicaSet"
            ? this.#store.get(REPLICA_SETS, { namespace, name: owner.name })
            : undefined;
        const [deployment] = set?.metadata.ownerReferences ?? [];
        if (deployment !== undefined) this.#syncNamed(namespace, deployment.name);
      }),
    ];
    return () => {
      for (const end of ends) end();
    };
  }

  #syncNamed(namespace: string, name: string): void {
    const found = this.#store.get(DEPLOYMENTS, { namespace, name });
    if (found !== undefined) this.#sync(found);
  }

  #sync(seen: Deployment): void {
    const deployment = this.#store.get(DEPLOYMENTS, keyOf(seen));
    if (deployment === undefined || deployment.metadata.deletionTimestamp !== undefined) return;
    const hash = templateHash(deployment);
    const all = this.#owned(deployment);
    const present = all.find(({ metadata }) => metadata.labels?.[HASH_LABEL] === hash);
    const current = present ?? this.#createSet(deployment, hash, all);
    const old = all.filter(({ metadata }) => metadata.uid !== current.metadata.uid);
    const step = rolloutStep(deployment, {
      current: counts(current),
      old: old.map(counts),
      oldPodsLeft: this.#podsOf(old),
    });
    if (deployment.spec?.paused !== true) {
      this.#scale(deployment, current, step.current);
      for (const [index, set] of old.entries()) {
        this.#scale(deployment, set, step.old[index] ?? 0);
      }
    }
    this.#prune(deployment, old);
    this.#report(deployment, current);
  }

  #owned(deployment: Deployment): readonly ReplicaSet[] {
    const { namespace = "", uid } = deployment.metadata;
    return this.#store
      .list(REPLICA_SETS, { namespace })
      .filter(({ metadata }) => metadata.ownerReferences?.some((one) => one.uid === uid) === true);
  }

  /** Also those that are about to end. */
  #podsOf(sets: readonly ReplicaSet[]): number {
    const uids = new Set(sets.map(({ metadata }) => metadata.uid));
    const namespace = sets[0]?.metadata.namespace ?? "";
    return this.#store
      .list(PODS, { namespace })
      .filter(({ metadata }) => metadata.ownerReferences?.some(({ uid }) => uids.has(uid)) === true)
      .length;
  }

  #createSet(deployment: Deployment, hash: string, all: readonly ReplicaSet[]): ReplicaSet {
    const { name, namespace, uid = "" } = deployment.metadata;
    const template = deployment.spec?.template;
    const labels = { ...template?.metadata?.labels, [HASH_LABEL]: hash };
    const revision = 1 + Math.max(0, ...all.map(revisionOf));
    const created = this.#store.create<ReplicaSet>(REPLICA_SETS, {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: {
        name: `${name}-${hash}`,
        namespace,
        labels,
        annotations: { [REVISION]: String(revision) },
        ownerReferences: [
          {
            apiVersion: "apps/v1",
            kind: "Deployment",
            name,
            uid,
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      spec: {
        replicas: 0,
        selector: {
          ...deployment.spec?.selector,
          matchLabels: { ...deployment.spec?.selector.matchLabels, [HASH_LABEL]: hash },
        },
        template: { ...template, metadata: { ...template?.metadata, labels } },
      },
    });
    this.#store.patch(DEPLOYMENTS, keyOf(deployment), {
      metadata: { annotations: { [REVISION]: String(revision) } },
    });
    return created;
  }

  #scale(deployment: Deployment, set: ReplicaSet, replicas: number): void {
    const before = set.spec?.replicas ?? 0;
    if (before === replicas) return;
    this.#store.patch(REPLICA_SETS, keyOf(set), { spec: { replicas } });
    this.#recorder.record(deployment, {
      reason: "ScalingReplicaSet",
      message:
        `Scaled ${replicas > before ? "up" : "down"} replica set ${set.metadata.name} ` +
        `from ${before} to ${replicas}`,
    });
  }

  #prune(deployment: Deployment, old: readonly ReplicaSet[]): void {
    const limit = deployment.spec?.revisionHistoryLimit ?? 10;
    const idle = old.filter((set) => (set.spec?.replicas ?? 0) === 0 && counts(set).replicas === 0);
    const sorted = [...idle].sort((a, b) => revisionOf(b) - revisionOf(a));
    for (const set of sorted.slice(limit)) this.#store.delete(REPLICA_SETS, keyOf(set));
  }

  #report(seen: Deployment, current: ReplicaSet): void {
    const deployment = this.#store.get(DEPLOYMENTS, keyOf(seen));
    if (deployment === undefined) return;
    const sum = this.#owned(deployment).map(counts);
    const total = (key: "replicas" | "ready") => sum.reduce((all, one) => all + one[key], 0);
    const updated = counts(this.#store.get(REPLICA_SETS, keyOf(current)) ?? current);
    const wanted = deployment.spec?.replicas ?? 1;
    const [replicas, ready] = [total("replicas"), total("ready")];
    const status = {
      observedGeneration: deployment.metadata.generation ?? 1,
      replicas,
      updatedReplicas: updated.replicas,
      readyReplicas: ready,
      availableReplicas: ready,
      unavailableReplicas: Math.max(0, wanted - ready),
      conditions: conditions(deployment, {
        available: ready >= wanted,
        complete: updated.ready >= wanted && replicas === updated.replicas,
        set: current.metadata.name,
      }),
    };
    const old = (deployment.status ?? {}) as Readonly<Record<string, unknown>>;
    const changed = Object.entries(status).some(
      ([key, value]) => !isDeepStrictEqual(old[key] ?? 0, value),
    );
    if (changed) this.#store.patchStatus(DEPLOYMENTS, keyOf(deployment), { status });
  }
}

function counts(set: ReplicaSet) {
  return {
    wanted: set.spec?.replicas ?? 0,
    replicas: set.status?.replicas ?? 0,
    ready: set.status?.readyReplicas ?? 0,
  };
}

function revisionOf(set: ReplicaSet): number {
  return Number(set.metadata.annotations?.[REVISION] ?? 0);
}

/** Depends on the template alone, in any order of its keys. */
export function templateHash(deployment: Deployment): string {
  const text = JSON.stringify(sorted(deployment.spec?.template));
  return createHash("sha256").update(text).digest("hex").slice(0, 10);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, one]) => [key, sorted(one)]));
}

function conditions(
  deployment: Deployment,
  facts: { readonly available: boolean; readonly complete: boolean; readonly set: string },
) {
  const old = deployment.status?.conditions ?? [];
  const at = { old, now: Date.now() };
  const available = facts.available
    ? {
        status: "True",
        reason: "MinimumReplicasAvailable",
        message: "Deployment has minimum availability.",
      }
    : {
        status: "False",
        reason: "MinimumReplicasUnavailable",
        message: "Deployment does not have minimum availability.",
      };
  const progressing = {
    status: "True",
    reason: facts.complete ? "NewReplicaSetAvailable" : "ReplicaSetUpdated",
    message: facts.complete
      ? `ReplicaSet "${facts.set}" has successfully progressed.`
      : `ReplicaSet "${facts.set}" is progressing.`,
  };
  return [condition("Available", available, at), condition("Progressing", progressing, at)];
}
