import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { StoreClient } from "../apiserver/store-client.ts";
import { portNumber } from "../kubelet/prober.ts";
import { selects } from "./address-plan.ts";
import {
  ENDPOINT_SLICES,
  type Endpoint,
  type EndpointSlice,
  hasEnded,
  isReady,
  keyOf,
  NODES,
  PODS,
  type Pod,
  SERVICES,
  type Service,
} from "./api-types.ts";

const SERVICE_LABEL = "kubernetes.io/service-name";
const MANAGED_LABEL = "endpointslice.kubernetes.io/managed-by";
const MANAGER = "endpointslice-controller.k8s.io";

/** Keeps one EndpointSlice for each service with a selector. */
export class EndpointController {
  readonly #store: StoreClient;

  constructor(store: StoreClient) {
    this.#store = store;
  }

  start(): () => void {
    const ends = [
      this.#store.watch(SERVICES, {}, ({ type, object }) => {
        // The slice of a deleted service goes with its owner.
        if (type !== "DELETED") this.#sync(object);
      }),
      this.#store.watch(PODS, {}, ({ object }) => this.#syncOf(object)),
    ];
    return () => {
      for (const end of ends) end();
    };
  }

  #syncOf(pod: Pod): void {
    const { namespace = "" } = pod.metadata;
    for (const service of this.#store.list(SERVICES, { namespace })) {
      if (selects(service, pod)) this.#sync(service);
    }
  }

  #sync(service: Service): void {
    const there = this.#store.get(SERVICES, keyOf(service));
    if (there === undefined || there.metadata.deletionTimestamp !== undefined) return;
    if (Object.keys(there.spec?.selector ?? {}).length === 0) return;
    const { namespace = "", name } = there.metadata;
    const [slice] = this.#store.list(ENDPOINT_SLICES, {
      namespace,
      labelSelector: `${SERVICE_LABEL}=${name},${MANAGED_LABEL}=${MANAGER}`,
    });
    const pods = this.#store.list(PODS, { namespace }).filter((pod) => selects(there, pod));
    const endpoints = this.#endpoints(there, pods);
    const ports = slicePorts(there, pods[0]);
    if (slice === undefined) this.#create(there, { endpoints, ports });
    else if (
      !isDeepStrictEqual(slice.endpoints ?? [], endpoints) ||
      !isDeepStrictEqual(slice.ports ?? [], ports)
    ) {
      this.#store.patch(ENDPOINT_SLICES, keyOf(slice), { endpoints, ports });
    }
  }

  #endpoints(service: Service, pods: readonly Pod[]): readonly Endpoint[] {
    const always = service.spec?.publishNotReadyAddresses === true;
    return pods.flatMap((pod) => {
      const address = pod.status?.podIP;
      if (address === undefined || hasEnded(pod)) return [];
      const terminating = pod.metadata.deletionTimestamp !== undefined;
      const serving = isReady(pod);
      const { nodeName } = pod.spec ?? {};
      const node = this.#store.get(NODES, { namespace: "", name: nodeName ?? "" });
      const zone = node?.metadata.labels?.["topology.kubernetes.io/zone"];
      const { namespace = "", name, uid = "" } = pod.metadata;
      return [
        {
          addresses: [address],
          conditions: { ready: always || (serving && !terminating), serving, terminating },
          ...(nodeName === undefined ? {} : { nodeName }),
          targetRef: { kind: "Pod", namespace, name, uid },
          ...(zone === undefined ? {} : { zone }),
        },
      ];
    });
  }

  #create(service: Service, parts: Pick<EndpointSlice, "endpoints" | "ports">): void {
    const { namespace, name, uid = "", labels = {} } = service.metadata;
    this.#store.create(ENDPOINT_SLICES, {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        namespace,
        name: `${name}-${randomBytes(3).toString("hex").slice(0, 5)}`,
        labels: { ...labels, [SERVICE_LABEL]: name, [MANAGED_LABEL]: MANAGER },
        ownerReferences: [
          {
            apiVersion: "v1",
            kind: "Service",
            name,
            uid,
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      addressType: "IPv4",
      ...parts,
    });
  }
}

/** Ports as a pod has them: a named target port is looked up there. */
export function slicePorts(service: Service, pod: Pod | undefined) {
  return (service.spec?.ports ?? []).map(({ name, port, targetPort, protocol }) => {
    const [container] = (pod?.spec?.containers ?? []).filter(
      (one) => portNumber(targetPort ?? port, one) !== undefined,
    );
    const number = container === undefined ? port : portNumber(targetPort ?? port, container);
    return { name: name ?? "", port: number ?? port, protocol: protocol ?? "TCP" };
  });
}
