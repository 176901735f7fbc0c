import type { CompiledKind } from "../schema/kinds.ts";
import { isKind } from "./core.ts";
import { type ApiObject, at, isDictionary, listAt, textAt, withMeta, without } from "./objects.ts";

/** Gives services their addresses; the kubelet gives pods theirs. */
export interface ServiceAddresses {
  /** A free address, or the one asked for. Throws ApiStatus where it is taken or outside. */
  allocate(asked: string | undefined): string;
}

const NOT_READY_SECONDS = 300;
export const PVC_FINALIZER = "kubernetes.io/pvc-protection";

/** What a real server does with built-in kinds beyond their schema. */
export class BuiltinRules {
  readonly #addresses: ServiceAddresses;

  constructor(addresses: ServiceAddresses) {
    this.#addresses = addresses;
  }

  /** Before admission: what is missing and comes from elsewhere than the schema. */
  beforeCreate(kind: CompiledKind, object: ApiObject): ApiObject {
    if (!kind.builtin) return kind.subresources.status ? dropStatus(object) : object;
    if (kind.group !== "") return kind.subresources.status ? dropStatus(object) : object;
    switch (kind.plural) {
      case "pods":
        return newPod(object);
      case "services":
        return newService(dropStatus(object));
      case "namespaces":
        return newNamespace(object);
      case "persistentvolumeclaims":
        return newClaim(object);
      case "secrets":
        return newSecret(object);
      case "nodes":
        return object;
      default:
        return kind.subresources.status ? dropStatus(object) : object;
    }
  }

  /** After admission: what a refused object must not have used up. */
  afterCreate(kind: CompiledKind, object: ApiObject): ApiObject {
    if (!isKind(kind, "", "services")) return object;
    const type = textAt(object, "spec", "type");
    const asked = textAt(object, "spec", "clusterIP");
    if (type === "ExternalName") return object;
    const families = {
      ...(object["spec"] as object),
      ipFamilies: at(object, "spec", "ipFamilies") ?? ["IPv4"],
      ipFamilyPolicy: at(object, "spec", "ipFamilyPolicy") ?? "SingleStack",
    };
    if (asked === "None") return { ...object, spec: families };
    const address = this.#addresses.allocate(asked === "" ? undefined : asked);
    const spec = { ...families, clusterIP: address, clusterIPs: [address] };
    return { ...object, spec };
  }

  beforeUpdate(kind: CompiledKind, object: ApiObject, old: ApiObject): ApiObject {
    if (isKind(kind, "", "secrets")) return newSecret(object);
    if (!isKind(kind, "", "services")) return object;
    const spec = object["spec"];
    const before = old["spec"];
    if (!isDictionary(spec) || !isDictionary(before)) return object;
    const kept: Record<string, unknown> = { ...spec };
    for (const field of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]) {
      if (kept[field] === undefined && before[field] !== undefined) kept[field] = before[field];
    }
    return { ...object, spec: kept };
  }

  /** A namespace stays until it is empty, whatever its metadata says. */
  holdsDeletion(kind: CompiledKind, object: ApiObject): boolean {
    return isKind(kind, "", "namespaces") && listAt(object, "spec", "finalizers").length > 0;
  }
}

function dropStatus(object: ApiObject): ApiObject {
  return without(object, "status") as unknown as ApiObject;
}

function tolerationOf(key: string): object {
  return {
    key: `node.kubernetes.io/${key}`,
    operator: "Exists",
    effect: "NoExecute",
    tolerationSeconds: NOT_READY_SECONDS,
  };
}

/** As the admission plugins ServiceAccount, Priority and DefaultTolerationSeconds leave it. */
function newPod(object: ApiObject): ApiObject {
  const spec = isDictionary(object["spec"]) ? object["spec"] : {};
  const account = textAt(spec, "serviceAccountName") || textAt(spec, "serviceAccount") || "default";
  const tolerations = [...listAt(spec, "tolerations")];
  for (const key of ["not-ready", "unreachable"]) {
    const named = `node.kubernetes.io/${key}`;
    const covered = tolerations.some((one) => {
      const effect = textAt(one, "effect");
      const tolerated = textAt(one, "key");
      return (tolerated === named || tolerated === "") && (effect === "NoExecute" || effect === "");
    });
    if (!covered) tolerations.push(tolerationOf(key));
  }
  return {
    ...dropStatus(object),
    spec: {
      ...spec,
      serviceAccountName: account,
      serviceAccount: account,
      tolerations,
      priority: at(spec, "priority") ?? 0,
      preemptionPolicy: at(spec, "preemptionPolicy") ?? "PreemptLowerPriority",
    },
    status: { phase: "Pending", qosClass: qosClass(spec) },
  };
}

const QOS_RESOURCES = ["cpu", "memory"];

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/ */
function qosClass(spec: unknown): string {
  const containers = [...listAt(spec, "containers"), ...listAt(spec, "initContainers")];
  const quantity = (container: unknown, list: string, resource: string): unknown =>
    at(container, "resources", list, resource);
  const asksNothing = containers.every((container) =>
    QOS_RESOURCES.every(
      (one) =>
        quantity(container, "requests", one) === undefined &&
        quantity(container, "limits", one) === undefined,
    ),
  );
  if (asksNothing) return "BestEffort";
  const bounded = containers.every((container) =>
    QOS_RESOURCES.every((one) => {
      const limit = quantity(container, "limits", one);
      const request = quantity(container, "requests", one) ?? limit;
      return limit !== undefined && String(limit) === String(request);
    }),
  );
  return bounded ? "Guaranteed" : "Burstable";
}

function newService(object: ApiObject): ApiObject {
  const spec = isDictionary(object["spec"]) ? object["spec"] : {};
  const type = textAt(spec, "type") || "ClusterIP";
  if (type === "ExternalName") return { ...object, status: { loadBalancer: {} } };
  const headless = textAt(spec, "clusterIP") === "None";
  return {
    ...object,
    spec: {
      ...spec,
      ...(headless ? { clusterIPs: ["None"] } : {}),
      internalTrafficPolicy: at(spec, "internalTrafficPolicy") ?? "Cluster",
    },
    status: { loadBalancer: {} },
  };
}

function newNamespace(object: ApiObject): ApiObject {
  const spec = isDictionary(object["spec"]) ? object["spec"] : {};
  const labels = {
    ...object.metadata.labels,
    "kubernetes.io/metadata.name": object.metadata.name,
  };
  return {
    ...withMeta(object, { labels }),
    spec: { ...spec, finalizers: ["kubernetes"] },
    status: { phase: "Active" },
  };
}

function newClaim(object: ApiObject): ApiObject {
  const finalizers = object.metadata.finalizers ?? [];
  const kept = finalizers.includes(PVC_FINALIZER) ? finalizers : [...finalizers, PVC_FINALIZER];
  return { ...withMeta(object, { finalizers: kept }), status: { phase: "Pending" } };
}

/** `stringData` is written into `data` in base64 and never kept. */
function newSecret(object: ApiObject): ApiObject {
  const plain = object["stringData"];
  if (!isDictionary(plain)) return object;
  const data: Record<string, unknown> = { ...(object["data"] as object | undefined) };
  for (const [key, value] of Object.entries(plain)) {
    data[key] = Buffer.from(String(value)).toString("base64");
  }
  return { ...without(object, "stringData"), data } as unknown as ApiObject;
}
