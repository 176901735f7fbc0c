import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ApiStatus } from "../apiserver/api-status.ts";
import type { LogProvider, StoreClient } from "../apiserver/store-client.ts";
import { type ImageProgram, ImageTable } from "../kubelet/image-table.ts";
import { Kubelet } from "../kubelet/kubelet.ts";
import type { BackOffPolicy } from "../kubelet/restart-back-off.ts";
import { PidFile, sweepLeftovers } from "../supervisor/pid-file.ts";
import type { AddressPlan } from "./address-plan.ts";
import { PODS, type Pod } from "./api-types.ts";
import { attempt, type OnError } from "./attempt.ts";
import { DeploymentController } from "./deployment-controller.ts";
import { EndpointController } from "./endpoints.ts";
import { EventExpiry } from "./event-expiry.ts";
import type { ClusterNetwork } from "./network.ts";
import { NodeLifecycle } from "./node-lifecycle.ts";
import { ReplicaSetController } from "./replica-set-controller.ts";
import { Scheduler } from "./scheduler.ts";
import { ServiceProxy } from "./service-proxy.ts";
import { VolumeBinder } from "./volume-binder.ts";

export interface MachineryOptions {
  /** A door to the API for each component, by its field manager. */
  readonly client: (fieldManager: string) => StoreClient;
  readonly network: ClusterNetwork;
  readonly plan: AddressPlan;
  readonly folder: string;
  /** Virtual machines `local-1`, `local-2`, ..., each a zone of its own. */
  readonly nodes: number;
  readonly images: readonly ImageProgram[];
  readonly nodeGraceMs: number;
  readonly kubeconfigFile: string;
  readonly backOff?: BackOffPolicy;
  readonly onError: OnError;
}

const CONTROLLERS = "kube-controller-manager";

/** Everything of the cluster behind its API: controllers and kubelets. */
export class Machinery {
  readonly kubelets: readonly Kubelet[];
  readonly #options: MachineryOptions;
  readonly #ends: (() => void | Promise<void>)[] = [];

  constructor(options: MachineryOptions) {
    this.#options = options;
    const { folder, nodes, plan, images, nodeGraceMs, network, backOff, onError } = options;
    const pids = join(folder, "pids.json");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    sweepLeftovers(pids);
    const pidFile = new PidFile(pids);
    const table = new ImageTable(images);
    this.kubelets = Array.from({ length: nodes }, (_, index) => {
      const name = `local-${index + 1}`;
      return new Kubelet({
        name,
        address: plan.machine(index),
        labels: { "topology.kubernetes.io/zone": `zone-${index + 1}` },
        store: guarded(options.client("kubelet"), onError),
        onError,
        images: table,
        addresses: network,
        folder: this.#machineFolder(name),
        pidFile,
        kubeconfigFile: options.kubeconfigFile,
        compileCacheFolder: join(folder, "compile-cache"),
        leaseRenewMs: Math.min(10_000, Math.max(250, nodeGraceMs / 4)),
        ...(backOff === undefined ? {} : { backOff }),
      });
    });
  }

  start(): void {
    const { client, network, nodeGraceMs, onError } = this.#options;
    const store = guarded(client(CONTROLLERS), onError);
    network.attach(store);
    for (const kubelet of this.kubelets) kubelet.start();
    this.#ends.push(
      new NodeLifecycle({ store, graceMs: nodeGraceMs, onError }).start(),
      new VolumeBinder(store, (node) => this.#machineFolder(node)).start(),
      new Scheduler(guarded(client("kube-scheduler"), onError), onError).start(),
      new EndpointController(store).start(),
      new ServiceProxy({ store, network, onError }).start(),
      new ReplicaSetController(store).start(),
      new DeploymentController(store).start(),
      new EventExpiry(store, onError).start(),
    );
  }

  /** Stops controllers, then all pods' processes; the objects stay for the next start. */
  async stop(): Promise<void> {
    for (const end of this.#ends.splice(0)) await end();
    await Promise.all(this.kubelets.map((kubelet) => kubelet.shutDown()));
  }

  readonly logs: LogProvider = (request) => {
    const { namespace, pod: name, container } = request;
    for (const kubelet of this.kubelets) {
      const log = kubelet.logs(request);
      if (log !== undefined) return log;
    }
    const pod = this.#options.client(CONTROLLERS).get(PODS, { namespace, name });
    const old = request.previous
      ? `previous terminated container "${container}" in pod "${name}" not found`
      : `container "${container}" in pod "${name}" is waiting to start: ` +
        `${waitingReason(pod, container) ?? "ContainerCreating"}`;
    throw new ApiStatus({ code: 400, reason: "BadRequest", message: old });
  };

  #machineFolder(name: string): string {
    return join(this.#options.folder, "machines", name);
  }
}

/** An event that cannot be handled must not end the events that come after it. */
function guarded(store: StoreClient, onError: OnError): StoreClient {
  return {
    ...store,
    watch: (type, options, onEvent) =>
      store.watch(type, options, (event) => attempt(onError, () => onEvent(event))),
  };
}

function waitingReason(pod: Pod | undefined, container: string): string | undefined {
  const statuses = pod?.status?.containerStatuses ?? [];
  return statuses.find(({ name }) => name === container)?.state?.waiting?.reason;
}
