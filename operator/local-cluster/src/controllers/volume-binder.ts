import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { StoreClient } from "../apiserver/store-client.ts";
import {
  CLAIMS,
  type Claim,
  keyOf,
  type PersistentVolume,
  STORAGE_CLASSES,
  VOLUMES,
} from "./api-types.ts";
import { EventRecorder } from "./event-recorder.ts";
import { SELECTED_NODE } from "./scheduling.ts";

export const PROVISIONER = "quorate.dev/folder";
const VOLUME_PROTECTION = "kubernetes.io/pv-protection";
const DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class";

/** Makes folders for claims, binds both, and takes the folders back. */
export class VolumeBinder {
  readonly #store: StoreClient;
  readonly #recorder: EventRecorder;
  readonly #machineFolder: (node: string) => string;

  constructor(store: StoreClient, machineFolder: (node: string) => string) {
    this.#store = store;
    this.#recorder = new EventRecorder(store, "persistentvolume-controller");
    this.#machineFolder = machineFolder;
  }

  start(): () => void {
    this.#ensureClass();
    const ends = [
      this.#store.watch(CLAIMS, {}, ({ type, object }) => {
        if (type === "DELETED") this.#released(object);
        else this.#syncClaim(object);
      }),
      this.#store.watch(VOLUMES, {}, ({ type, object }) => {
        if (type === "DELETED") return;
        this.#syncVolume(object);
        if (object.spec?.claimRef === undefined) this.#retryPending();
      }),
    ];
    return () => {
      for (const end of ends) end();
    };
  }

  #ensureClass(): void {
    if (this.#store.get(STORAGE_CLASSES, { namespace: "", name: "standard" }) !== undefined) return;
    this.#store.create(STORAGE_CLASSES, {
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: { name: "standard", annotations: { [DEFAULT_CLASS]: "true" } },
      provisioner: PROVISIONER,
      reclaimPolicy: "Delete",
      volumeBindingMode: "WaitForFirstConsumer",
    });
  }

  #retryPending(): void {
    for (const claim of this.#store.list(CLAIMS)) {
      if (claim.status?.phase !== "Bound") this.#syncClaim(claim);
    }
  }

  #syncClaim(seen: Claim): void {
    const claim = this.#store.get(CLAIMS, keyOf(seen));
    if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) return;
    if (claim.spec?.storageClassName === undefined) {
      const [fallback] = this.#store
        .list(STORAGE_CLASSES)
        .filter(({ metadata }) => metadata.annotations?.[DEFAULT_CLASS] === "true");
      if (fallback !== undefined) {
        this.#store.patch(CLAIMS, keyOf(claim), {
          spec: { storageClassName: fallback.metadata.name },
        });
      }
      return;
    }
    if (claim.status?.phase !== "Bound") this.#bind(claim);
  }

  #bind(claim: Claim): void {
    const name = claim.spec?.volumeName;
    const volume = name === undefined ? this.#findOrMake(claim) : this.#volume(name);
    if (volume === undefined) {
      if (claim.status?.phase === undefined) this.#setPhase(claim, "Pending");
      return;
    }
    const ref = volume.spec?.claimRef;
    const { namespace, name: claimName, uid, resourceVersion } = claim.metadata;
    const ours = ref === undefined || (ref.namespace === namespace && ref.name === claimName);
    if (!ours || (ref?.uid !== undefined && ref.uid !== uid)) return;
    const claimRef = {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      namespace,
      name: claimName,
      uid,
      resourceVersion,
    };
    this.#store.patch(VOLUMES, keyOf(volume), { spec: { claimRef } });
    this.#store.patchStatus(VOLUMES, keyOf(volume), { status: { phase: "Bound" } });
    this.#store.patch(CLAIMS, keyOf(claim), {
      metadata: {
        annotations: {
          "pv.kubernetes.io/bind-completed": "yes",
          "pv.kubernetes.io/bound-by-controller": "yes",
        },
      },
      spec: { volumeName: volume.metadata.name },
    });
    this.#store.patchStatus(CLAIMS, keyOf(claim), {
      status: {
        phase: "Bound",
        accessModes: volume.spec?.accessModes ?? [],
        capacity: volume.spec?.capacity ?? {},
      },
    });
  }

  #setPhase(claim: Claim, phase: string): void {
    this.#store.patchStatus(CLAIMS, keyOf(claim), { status: { phase } });
    this.#recorder.record(claim, {
      reason: "WaitForFirstConsumer",
      message: "waiting for first consumer to be created before binding",
    });
  }

  #volume(name: string): PersistentVolume | undefined {
    return this.#store.get(VOLUMES, { namespace: "", name });
  }

  /** A volume kept for this very claim, else a new folder on the chosen node. */
  #findOrMake(claim: Claim): PersistentVolume | undefined {
    const { namespace, name, uid = "", annotations = {} } = claim.metadata;
    const kept = this.#store.list(VOLUMES).find(({ spec }) => {
      const ref = spec?.claimRef;
      const same = ref?.namespace === namespace && ref?.name === name;
      return same && (ref?.uid === undefined || ref.uid === uid);
    });
    if (kept !== undefined) return kept;
    const className = claim.spec?.storageClassName ?? "";
    const storage = this.#store.get(STORAGE_CLASSES, { namespace: "", name: className });
    const node = annotations[SELECTED_NODE];
    if (storage?.provisioner !== PROVISIONER || node === undefined) return undefined;
    const path = join(this.#machineFolder(node), "volumes", `pvc-${uid}`);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const made = this.#store.create<PersistentVolume>(VOLUMES, {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: {
        name: `pvc-${uid}`,
        annotations: { "pv.kubernetes.io/provisioned-by": PROVISIONER },
        finalizers: [VOLUME_PROTECTION],
      },
      spec: volumeSpec(claim, { path, node, reclaimPolicy: storage.reclaimPolicy ?? "Delete" }),
    });
    this.#recorder.record(claim, {
      reason: "ProvisioningSucceeded",
      message: `Successfully provisioned volume ${made.metadata.name}`,
    });
    return made;
  }

  #syncVolume(seen: PersistentVolume): void {
    const volume = this.#volume(seen.metadata.name);
    if (volume === undefined) return;
    const ref = volume.spec?.claimRef;
    if (volume.metadata.deletionTimestamp !== undefined) {
      if (!this.#claimLives(volume)) this.#letVolumeGo(volume);
    } else if (ref?.uid !== undefined && !this.#claimLives(volume)) this.#reclaim(volume);
    else if (volume.status?.phase === undefined || volume.status.phase === "Pending") {
      this.#store.patchStatus(VOLUMES, keyOf(volume), { status: { phase: "Available" } });
    } else if (ref === undefined && volume.status.phase === "Released") {
      this.#store.patchStatus(VOLUMES, keyOf(volume), { status: { phase: "Available" } });
    }
  }

  #claimLives(volume: PersistentVolume): boolean {
    const { namespace = "", name = "", uid } = volume.spec?.claimRef ?? {};
    return this.#store.get(CLAIMS, { namespace, name })?.metadata.uid === uid && uid !== undefined;
  }

  #released(claim: Claim): void {
    const volume = this.#volume(claim.spec?.volumeName ?? "");
    if (volume?.spec?.claimRef?.uid === claim.metadata.uid && volume !== undefined) {
      this.#reclaim(volume);
    }
  }

  #reclaim(volume: PersistentVolume): void {
    if (volume.status?.phase !== "Released") {
      this.#store.patchStatus(VOLUMES, keyOf(volume), { status: { phase: "Released" } });
    }
    if (volume.spec?.persistentVolumeReclaimPolicy !== "Delete") return;
    const path = volume.spec.local?.path;
    const annotations = volume.metadata.annotations ?? {};
    // Only folders that were made here are removed here.
    if (annotations["pv.kubernetes.io/provisioned-by"] !== PROVISIONER || path === undefined)
      return;
    rmSync(path, { recursive: true, force: true });
    if (volume.metadata.deletionTimestamp === undefined) {
      this.#store.delete(VOLUMES, keyOf(volume));
    }
    this.#letVolumeGo(this.#volume(volume.metadata.name));
  }

  #letVolumeGo(volume: PersistentVolume | undefined): void {
    const finalizers = volume?.metadata.finalizers ?? [];
    if (volume === undefined || !finalizers.includes(VOLUME_PROTECTION)) return;
    this.#store.patch(VOLUMES, keyOf(volume), {
      metadata: { finalizers: finalizers.filter((one) => one !== VOLUME_PROTECTION) },
    });
  }
}

function volumeSpec(
  claim: Claim,
  place: { readonly path: string; readonly node: string; readonly reclaimPolicy: string },
): object {
  return {
    accessModes: claim.spec?.accessModes ?? ["ReadWriteOnce"],
    capacity: { storage: requestedStorage(claim) },
    persistentVolumeReclaimPolicy: place.reclaimPolicy,
    storageClassName: claim.spec?.storageClassName,
    volumeMode: "Filesystem",
    local: { path: place.path },
    nodeAffinity: {
      required: {
        nodeSelectorTerms: [
          {
            matchExpressions: [
              { key: "kubernetes.io/hostname", operator: "In", values: [place.node] },
            ],
          },
        ],
      },
    },
  };
}

function requestedStorage(claim: Claim): string {
  const requests = claim.spec?.resources?.requests as Readonly<Record<string, string>> | undefined;
  return requests?.["storage"] ?? "1Gi";
}
