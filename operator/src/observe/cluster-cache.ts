import type { Clock, Random } from "@quorate/runtime/clock";
import { createInformer, type Informer } from "@quorate/runtime/informer";
import type { Log } from "@quorate/runtime/log";
import type { KubeObject, ObjectKey, ResourceType } from "@quorate/runtime/objects";
import {
  type ConfigMap,
  configMaps,
  type Node,
  nodes,
  type PersistentVolumeClaim,
  type Pod,
  type PodDisruptionBudget,
  persistentVolumeClaims,
  podDisruptionBudgets,
  pods,
  type Service,
  services,
} from "@quorate/runtime/resources";
import type { Transport } from "@quorate/runtime/transport";
import { LABELS } from "../api/v1alpha1/labels.ts";
import type { ValidatorRotation, ValidatorSet } from "../api/v1alpha1/types.ts";
import { validatorRotations, validatorSets } from "./resources.ts";

export interface ClusterCacheOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Namespace whose sets are looked after; absent: all. */
  readonly namespace?: string;
  /** Something of this set changed. */
  readonly onSetChange: (set: ObjectKey) => void;
  /** Machines came, went or changed: every set may be concerned. */
  readonly onNodeChange: () => void;
}

/** All that one set has in the cluster; frozen objects. */
export interface SetObjects {
  readonly pods: readonly Pod[];
  readonly services: readonly Service[];
  readonly configMaps: readonly ConfigMap[];
  readonly claims: readonly PersistentVolumeClaim[];
  readonly budgets: readonly PodDisruptionBudget[];
}

/** What the steps read of the cluster. */
export type ClusterView = Pick<ClusterCache, "set" | "rotations" | "objects" | "nodes">;

/**
 * Copies of what the operator looks after, kept up to date by watches. Only objects with the set's
 * label are kept: its memory does not grow with what others have in the cluster.
 */
export class ClusterCache {
  readonly #sets: Informer<ValidatorSet>;
  readonly #rotations: Informer<ValidatorRotation>;
  readonly #pods: Informer<Pod>;
  readonly #services: Informer<Service>;
  readonly #configMaps: Informer<ConfigMap>;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #budgets: Informer<PodDisruptionBudget>;
  readonly #nodes: Informer<Node>;

  constructor(options: ClusterCacheOptions) {
    const { transport, clock, random, log, namespace, onSetChange } = options;
    const base = { transport, clock, random, log };
    const here = namespace === undefined ? base : { ...base, namespace };
    const tell = (set: string | undefined, at: string | undefined): void => {
      if (set !== undefined) onSetChange({ namespace: at ?? "", name: set });
    };
    const part = <T extends KubeObject>(type: ResourceType<T>): Informer<T> =>
      createInformer<T>({
        ...here,
        type,
        labelSelector: LABELS.set,
        indexLabels: [LABELS.set],
        onChange: ({ object: { metadata } }) =>
          tell(metadata.labels?.[LABELS.set], metadata.namespace),
      });
    this.#sets = createInformer({
      ...here,
      type: validatorSets,
      onChange: ({ object: { metadata } }) => tell(metadata.name, metadata.namespace),
    });
    this.#rotations = createInformer({
      ...here,
      type: validatorRotations,
      onChange: ({ object }) => tell(object.spec.set, object.metadata.namespace),
    });
    this.#pods = part(pods);
    this.#services = part(services);
    this.#configMaps = part(configMaps);
    this.#claims = part(persistentVolumeClaims);
    this.#budgets = part(podDisruptionBudgets);
    this.#nodes = createInformer({
      ...base,
      type: nodes,
      onChange: (change) => {
        // A kubelet writes its Node every few seconds; only these words decide anything.
        const before = change.kind === "updated" ? outlook(change.previous) : "";
        if (before !== outlook(change.object)) options.onNodeChange();
      },
    });
  }

  /** Runs until the signal aborts. */
  async start(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#all().map((informer) => informer.start(signal)));
  }

  /** The first lists are in. */
  synced(): boolean {
    return this.#all().every((informer) => informer.synced());
  }

  async whenSynced(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#all().map((informer) => informer.whenSynced(signal)));
  }

  set(key: ObjectKey): ValidatorSet | undefined {
    return this.#sets.get(key);
  }

  sets(): readonly ValidatorSet[] {
    return this.#sets.list();
  }

  rotations({ namespace, name }: ObjectKey): readonly ValidatorRotation[] {
    return this.#rotations.list(namespace).filter(({ spec }) => spec.set === name);
  }

  objects({ namespace, name }: ObjectKey): SetObjects {
    return {
      pods: this.#pods.withLabel(LABELS.set, name, namespace),
      services: this.#services.withLabel(LABELS.set, name, namespace),
      configMaps: this.#configMaps.withLabel(LABELS.set, name, namespace),
      claims: this.#claims.withLabel(LABELS.set, name, namespace),
      budgets: this.#budgets.withLabel(LABELS.set, name, namespace),
    };
  }

  nodes(): readonly Node[] {
    return this.#nodes.list();
  }

  #all(): readonly Pick<Informer<KubeObject>, "start" | "synced" | "whenSynced">[] {
    const parts = [this.#pods, this.#services, this.#configMaps, this.#claims, this.#budgets];
    return [this.#sets, this.#rotations, this.#nodes, ...parts];
  }
}

function outlook({ metadata, spec, status }: Node): string {
  const ready = status?.conditions?.find(({ type }) => type === "Ready")?.status;
  return JSON.stringify([ready, spec?.unschedulable === true, spec?.taints, metadata.labels]);
}
