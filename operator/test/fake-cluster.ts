// A cluster in memory for passes of the reconciler: objects, a kubelet that starts pods at once,
// nodes that know their keys, and a count of every write.
import { sha256Hex } from "@quorate/node/crypto/sha256";
import { asciiBytes } from "@quorate/node/kernel/bytes";
import { genesisHash } from "@quorate/node/ledger/genesis";
import type { KubeClient } from "@quorate/runtime/kube-client";
import type { KubeObject, ObjectKey, ResourceType } from "@quorate/runtime/objects";
import type {
  ConfigMap,
  Node,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget,
  Service,
} from "@quorate/runtime/resources";
import { ApiError } from "@quorate/runtime/transport";
import { LABELS } from "../src/api/v1alpha1/labels.ts";
import type { ValidatorRotation, ValidatorSet } from "../src/api/v1alpha1/types.ts";
import type { ClusterView, SetObjects } from "../src/observe/cluster-cache.ts";
import type { NodeControlPort, NodeIdentity, NodeRegistration } from "../src/ports.ts";
import { isGuarded } from "./disruption.ts";

type Stored = KubeObject & { status?: unknown; spec?: unknown; data?: unknown };

/** Stands for a kill -9 between two writes. */
export class Killed extends Error {
  override readonly name = "Killed";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function merged(before: unknown, patch: unknown): unknown {
  if (!isObject(before) || !isObject(patch)) return patch;
  const result: Record<string, unknown> = { ...before };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = merged(result[name], value);
  }
  return result;
}

export class FakeCluster implements KubeClient, ClusterView {
  readonly stored = new Map<string, Stored>();
  /** `verb Kind/name`, oldest first. */
  readonly writes: string[] = [];
  readonly machines: Node[] = [];
  /** After so many writes the process is dead; undefined: it lives. */
  writesLeft: number | undefined;
  #uids = 0;
  #versions = 0;

  constructor(zones: number) {
    for (let zone = 1; zone <= zones; zone += 1) {
      this.machines.push({
        apiVersion: "v1",
        kind: "Node",
        metadata: { name: `m-${zone}`, labels: { "topology.kubernetes.io/zone": `zone-${zone}` } },
        status: { conditions: [{ type: "Ready", status: "True" }] },
      } as unknown as Node);
    }
  }

  #key(kind: string, { namespace, name }: ObjectKey): string {
    return `${kind}/${namespace}/${name}`;
  }

  /** As a person or the API server itself would. */
  put<T extends KubeObject>(object: T): T {
    const { namespace = "", name, uid } = object.metadata;
    this.#versions += 1;
    this.#uids += 1;
    const metadata = {
      ...object.metadata,
      uid: uid ?? `uid-${this.#uids}`,
      resourceVersion: String(this.#versions),
    };
    const stored = { ...object, metadata };
    this.stored.set(this.#key(object.kind, { namespace, name }), stored);
    return stored;
  }

  #write(verb: string, { kind, metadata }: KubeObject): void {
    if (this.writesLeft === 0) throw new Killed(`before ${verb} ${kind}/${metadata.name}`);
    if (this.writesLeft !== undefined) this.writesLeft -= 1;
    this.writes.push(`${verb} ${kind}/${metadata.name}`);
  }

  find<T extends KubeObject>(kind: string, name: string, namespace = "ns"): T | undefined {
    return this.stored.get(this.#key(kind, { namespace, name })) as T | undefined;
  }

  all<T extends KubeObject>(kind: string): readonly T[] {
    return [...this.stored.values()].filter((each) => each.kind === kind) as unknown as T[];
  }

  async get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<T | undefined> {
    return this.stored.get(this.#key(type.kind, key)) as T | undefined;
  }

  async list<T extends KubeObject>(type: ResourceType<T>): Promise<readonly T[]> {
    return this.all<T>(type.kind);
  }

  async create<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T> {
    const { namespace = "", name } = object.metadata;
    if (this.stored.has(this.#key(type.kind, { namespace, name }))) {
      throw new ApiError(409, "AlreadyExists", `${type.plural} "${name}" already exists`);
    }
    this.#write("create", object);
    if (object.kind === "Service") {
      const { spec } = object as unknown as Stored;
      const clusterIP = `10.0.0.${Number(name.split("-").at(-1)) + 1}`;
      return this.put({ ...object, spec: { ...(spec as object), clusterIP } });
    }
    return this.put(object);
  }

  async apply<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T> {
    this.#write("apply", object);
    const before = await this.get(type, keyOf(object));
    return this.put(merged(before ?? {}, object) as T);
  }

  async applyStatus<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T> {
    const before = await this.get(type, keyOf(object));
    if (before === undefined) throw new ApiError(404, "NotFound", "gone");
    const { resourceVersion = before.metadata.resourceVersion } = object.metadata;
    if (resourceVersion !== before.metadata.resourceVersion) {
      throw new ApiError(409, "Conflict", "the object has been modified");
    }
    this.#write("status", object);
    return this.put({ ...before, status: (object as Stored).status });
  }

  async mergePatch<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patch: unknown,
  ): Promise<T> {
    const before = await this.get(type, key);
    if (before === undefined) throw new ApiError(404, "NotFound", "gone");
    this.#write("patch", before);
    const after = this.put(merged(before, patch) as T);
    const { deletionTimestamp, finalizers = [] } = after.metadata;
    if (deletionTimestamp !== undefined && finalizers.length === 0) {
      this.stored.delete(this.#key(type.kind, key));
    }
    return after;
  }

  async replace<T extends KubeObject>(_: ResourceType<T>, object: T): Promise<T> {
    this.#write("replace", object);
    return this.put(object);
  }

  async delete(type: ResourceType, key: ObjectKey, { uid }: { uid: string }): Promise<void> {
    const there = await this.get(type, key);
    if (there === undefined || there.metadata.uid !== uid) return;
    this.#write("delete", there);
    this.stored.delete(this.#key(type.kind, key));
  }

  async evict(key: ObjectKey, { uid }: { uid: string }): Promise<void> {
    const there = this.stored.get(this.#key("Pod", key));
    if (there === undefined || there.metadata.uid !== uid) return;
    const budgets = this.all("PodDisruptionBudget");
    if (isGuarded(there, this.all("Pod"), budgets)) {
      throw new ApiError(429, "TooManyRequests", "it would violate the pod's disruption budget");
    }
    this.#write("evict", there);
    this.stored.delete(this.#key("Pod", key));
  }

  set(key: ObjectKey): ValidatorSet | undefined {
    return this.stored.get(this.#key("ValidatorSet", key)) as unknown as ValidatorSet | undefined;
  }

  rotations({ name }: ObjectKey): readonly ValidatorRotation[] {
    return this.all<ValidatorRotation>("ValidatorRotation").filter(({ spec }) => spec.set === name);
  }

  objects({ name }: ObjectKey): SetObjects {
    const of = <T extends KubeObject>(kind: string): readonly T[] =>
      this.all<T>(kind).filter(({ metadata }) => metadata.labels?.[LABELS.set] === name);
    return {
      pods: of<Pod>("Pod"),
      services: of<Service>("Service"),
      configMaps: of<ConfigMap>("ConfigMap"),
      claims: of<PersistentVolumeClaim>("PersistentVolumeClaim"),
      budgets: of<PodDisruptionBudget>("PodDisruptionBudget"),
    };
  }

  nodes(): readonly Node[] {
    return this.machines;
  }

  /** The kubelet: every pod that has none gets its Service's address and runs. */
  startPods(): void {
    for (const pod of this.all<Pod>("Pod")) {
      const service = this.find<Service>("Service", pod.metadata.name);
      if (pod.status?.podIP !== undefined) continue;
      this.put({
        ...pod,
        spec: { ...pod.spec, nodeName: "m-1" },
        status: {
          phase: "Running",
          podIP: service?.spec?.clusterIP,
          conditions: [{ type: "Ready", status: "True" }],
          containerStatuses: [],
        },
      } as unknown as Pod);
    }
  }

  /** Hash of the genesis that the cluster has; empty without one. */
  genesis(set: string): string {
    const text = this.find<ConfigMap>("ConfigMap", `${set}-genesis`)?.data?.["genesis.json"];
    return text === undefined ? "" : genesisHash(Uint8Array.from(Buffer.from(text)));
  }
}

function keyOf({ metadata }: KubeObject): ObjectKey {
  return { namespace: metadata.namespace ?? "", name: metadata.name };
}

/** The nodes behind the pods: each made its keys once, for as long as its volume lives. */
export class FakeNodes implements NodeControlPort {
  readonly #cluster: FakeCluster;
  readonly #set: string;
  /** Volumes that were lost, by pod address: another generation of keys. */
  readonly generation = new Map<string, number>();
  readonly silent = new Set<string>();
  readonly registered: string[] = [];

  constructor(cluster: FakeCluster, set: string) {
    this.#cluster = cluster;
    this.#set = set;
  }

  keyAt(ip: string, kind: "consensus" | "network"): string {
    return sha256Hex(asciiBytes(`${kind} ${ip} ${this.generation.get(ip) ?? 0}`));
  }

  async identity(address: string): Promise<NodeIdentity> {
    const ip = address.split(":")[0] ?? "";
    if (this.silent.has(ip)) throw new Error(`${address}: no answer`);
    return {
      consensusKey: this.keyAt(ip, "consensus"),
      networkKey: this.keyAt(ip, "network"),
      address: `${ip}:7001`,
      genesisHash: this.#cluster.genesis(this.#set),
    };
  }

  async signRegistration(address: string): Promise<NodeRegistration> {
    this.registered.push(address);
    return { nonce: 0, possession: "11".repeat(64), networkSignature: "22".repeat(64) };
  }
}
