// An API server with one living set, `dev` in namespace `quorate-dev`, as a real reconciler left
// it.
import { AccountKey } from "@quorate/client/account-key";
import type {
  MemberStatus,
  ValidatorSet,
  ValidatorSetSpec,
} from "@quorate/operator/api/v1alpha1/types";
import type { KubeClient } from "@quorate/runtime/kube-client";
import type { KubeObject, ObjectKey } from "@quorate/runtime/objects";
import { ApiError, TransportError } from "@quorate/runtime/transport";
import { FakeCluster } from "../../test/fake-cluster.ts";
import { Stage } from "../../test/stage.ts";
import type { Cluster, LocalCluster, LogOptions } from "../src/cluster/ports.ts";

export const NAMESPACE = "quorate-dev";

/** The stage's set `s` in `ns` under the names that the documentation uses. */
function renamed(objects: readonly object[]): readonly KubeObject[] {
  const text = JSON.stringify(objects)
    .replaceAll(/"s(?<rest>-[\w-]+)?"/g, '"dev$<rest>"')
    .replaceAll('"quorate.dev/set=s"', '"quorate.dev/set=dev"')
    .replaceAll('"ns"', `"${NAMESPACE}"`);
  return JSON.parse(text);
}

export class FakeApi {
  readonly cluster = new FakeCluster(0);
  readonly owner: AccountKey;
  /** Block time of the newest verified header, ms. */
  readonly nowMs: number;
  readonly logs = new Map<string, readonly string[]>();
  readonly asked: (LogOptions & { readonly pod: string })[] = [];
  isReachable = true;
  closed = 0;

  private constructor(objects: readonly object[], owner: AccountKey, nowMs: number) {
    for (const object of renamed(objects)) this.cluster.put(object);
    this.owner = owner;
    this.nowMs = nowMs;
  }

  /** `lost`: a voter that fell silent before the last pass. */
  static async start(spec: Partial<ValidatorSetSpec> = {}, lost?: string): Promise<FakeApi> {
    const owner = AccountKey.fromSeed("07".repeat(32));
    const stage = new Stage();
    const [first] = stage.set.spec.owners;
    if (first === undefined) throw new Error("the stage's set has an owner");
    stage.applySet({ owners: [{ ...first, key: owner.publicKey }], ...spec });
    await stage.born();
    if (lost !== undefined) {
      const service = stage.cluster.find("Service", lost);
      const key = service?.metadata.annotations?.["quorate.dev/consensus-key"] ?? "";
      stage.cluster.stored.delete(`Pod/ns/${lost}`);
      await stage.lose(key, 60_000);
      await stage.pass();
    }
    // Each pod on a machine of its own, as a scheduler binds them.
    const machines = stage.cluster.machines.map(({ metadata }) => metadata.name);
    const stored = [...stage.cluster.stored.values()].map((object) =>
      object.kind === "Pod"
        ? { ...object, spec: { ...(object.spec as object), nodeName: machines.shift() } }
        : object,
    );
    return new FakeApi([...stored, ...stage.cluster.machines], owner, stage.clock.now());
  }

  /** Mode Approve with a plan that waits, and a member that is not registered yet. */
  static async waiting(): Promise<FakeApi> {
    const api = await FakeApi.start({ mode: "Approve" }, "s-2");
    api.member("dev-4", { role: "Joining" });
    return api;
  }

  /** Changes what status says of a member. */
  member(name: string, change: Partial<MemberStatus>): void {
    this.change(({ status }) => ({
      status: {
        ...status,
        members: status?.members.map((each) =>
          each.name === name ? { ...each, ...change } : each,
        ),
      },
    }));
  }

  get set(): ValidatorSet {
    const set = this.cluster.set({ namespace: NAMESPACE, name: "dev" });
    if (set === undefined) throw new Error("the set is gone");
    return set;
  }

  change(change: (set: ValidatorSet) => object): void {
    this.cluster.put({ ...this.set, ...change(this.set) } as KubeObject);
  }

  /** As the program gets it. */
  open = async (): Promise<Cluster> => {
    const kube = this.#kube();
    return {
      kube,
      namespace: "default",
      logs: (pod, options) => this.#log(pod, options),
      close: () => {
        this.closed += 1;
      },
    };
  };

  /** Lists by namespace, and fails as a whole where nobody answers. */
  #kube(): KubeClient {
    const check = (): void => {
      if (!this.isReachable) throw new TransportError("GET /api at 127.0.0.1:1: ECONNREFUSED");
    };
    return new Proxy<KubeClient>(this.cluster, {
      get: (target, name: keyof KubeClient) => {
        if (name === "list") {
          const list: KubeClient["list"] = async (type, options) => {
            check();
            const all = await target.list(type, options);
            const { namespace } = options ?? {};
            return namespace === undefined
              ? all
              : all.filter(({ metadata }) => metadata.namespace === namespace);
          };
          return list;
        }
        check();
        return target[name].bind(target);
      },
    });
  }

  async *#log({ name }: ObjectKey, options: LogOptions): AsyncIterable<string> {
    this.asked.push({ pod: name, ...options });
    const lines = this.logs.get(name);
    if (lines === undefined) {
      throw new ApiError(
        400,
        "BadRequest",
        `container "node" in pod "${name}" is waiting to start`,
      );
    }
    for (const line of lines) {
      yield options.timestamps ? line : line.slice(line.indexOf(" ") + 1);
    }
  }
}

/** Folders with daemons, in memory. */
export class FakeLocalCluster implements LocalCluster {
  readonly folders = new Set<string>();
  readonly daemons = new Map<string, number>();
  readonly foreign = new Set<string>();
  /** A daemon that does not end. */
  isDeaf = false;
  /** Ready ones; the manifest wants one. */
  operatorReplicas = 1;
  started: { readonly folder: string; readonly nodes: number } | undefined;

  running(folder: string) {
    const pid = this.daemons.get(folder);
    return pid === undefined ? undefined : { pid, kubeconfig: `${folder}/kubeconfig` };
  }

  async start(folder: string, nodes: number) {
    this.started = { folder, nodes };
    this.folders.add(folder);
    this.daemons.set(folder, 4_242);
    return { kubeconfig: `${folder}/kubeconfig` };
  }

  stop(pid: number): void {
    if (this.isDeaf) return;
    for (const [folder, each] of this.daemons) if (each === pid) this.daemons.delete(folder);
  }

  holdsCluster(folder: string): boolean | undefined {
    if (this.foreign.has(folder)) return false;
    return this.folders.has(folder) ? true : undefined;
  }

  remove(folder: string): void {
    this.folders.delete(folder);
  }

  manifest() {
    const object = (kind: string, name: string, more: object) =>
      JSON.stringify({ apiVersion: "v1", kind, metadata: { name }, ...more });
    const established = { conditions: [{ type: "Established", status: "True" }] };
    return [
      object("CustomResourceDefinition", "sets", { status: established }),
      object("Deployment", "quorate-operator", {
        metadata: { namespace: "quorate-system", name: "quorate-operator" },
        status: { readyReplicas: this.operatorReplicas, updatedReplicas: 1 },
      }),
    ].join("\n---\n");
  }
}
