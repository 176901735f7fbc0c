import { ageOf } from "./durations.ts";
import { type ApiObject, at, isDictionary, listAt, numberAt, textAt } from "./objects.ts";
import { podCells } from "./pod-columns.ts";
import { labelSelectorText } from "./selectors.ts";
import { type Cell, type Column, column, NAME_COLUMN, type TableForm } from "./table-form.ts";

type Read = (object: ApiObject, nowMs: number) => Cell;
type Entry = readonly [name: string, read: Read, options?: Partial<Column>];

const WIDE = { priority: 1 };
const INTEGER = { type: "integer" };

const name: Read = ({ metadata }) => metadata.name;
const age: Read = ({ metadata }, nowMs) => ageOf(metadata.creationTimestamp, nowMs);
const AGE: Entry = ["Age", age];

function text(...path: readonly string[]): Read {
  return (object) => textAt(object, ...path);
}

function orElse(read: Read, otherwise: string): Read {
  return (object, nowMs) => read(object, nowMs) || otherwise;
}

function count(...path: readonly string[]): Read {
  return (object) => numberAt(object, ...path) ?? 0;
}

function form(entries: readonly Entry[], nameAt = 0, nameColumn = NAME_COLUMN): TableForm {
  const rest = entries.map(([title, , options]) => column(title, options));
  const columns = [...rest.slice(0, nameAt), nameColumn, ...rest.slice(nameAt)];
  const reads = entries.map(([, read]) => read);
  const all = [...reads.slice(0, nameAt), name, ...reads.slice(nameAt)];
  return { columns, cells: (object, nowMs) => all.map((read) => read(object, nowMs)) };
}

function selectorOf(...path: readonly string[]): Read {
  return (object) => labelSelectorText(at(object, ...path)) || "<none>";
}

function containers(field: "name" | "image"): Read {
  return (object) =>
    listAt(object, "spec", "template", "spec", "containers")
      .map((container) => textAt(container, field))
      .join(",");
}

const MODES: Readonly<Record<string, string>> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};

function modes(...path: readonly string[]): Read {
  return (object) => {
    const list = listAt(object, ...path).map(String);
    return Object.entries(MODES)
      .filter(([mode]) => list.includes(mode))
      .map(([, short]) => short)
      .join(",");
  };
}

function dataSize(...fields: readonly string[]): Read {
  return (object) =>
    fields.reduce((sum, field) => sum + Object.keys((object[field] ?? {}) as object).length, 0);
}

const ports: Read = (object) => {
  const list = listAt(object, "spec", "ports").map((port) => {
    const nodePort = numberAt(port, "nodePort");
    const outside = nodePort === undefined ? "" : `:${nodePort}`;
    return `${numberAt(port, "port") ?? 0}${outside}/${textAt(port, "protocol") || "TCP"}`;
  });
  return list.join(",") || "<none>";
};

const externalIp: Read = (object) => {
  const type = textAt(object, "spec", "type");
  if (type === "ExternalName") return textAt(object, "spec", "externalName");
  const list = listAt(object, "spec", "externalIPs").map(String);
  if (type === "LoadBalancer") return list.join(",") || "<pending>";
  return list.join(",") || "<none>";
};

const serviceSelector: Read = (object) => {
  const selector = at(object, "spec", "selector");
  if (!isDictionary(selector)) return "<none>";
  const terms = Object.entries(selector).map(([key, value]) => `${key}=${String(value)}`);
  return terms.sort().join(",") || "<none>";
};

const claimStatus: Read = (object) =>
  object.metadata.deletionTimestamp === undefined
    ? textAt(object, "status", "phase")
    : "Terminating";

const claimCapacity: Read = (object) =>
  textAt(object, "spec", "volumeName") === ""
    ? ""
    : textAt(object, "status", "capacity", "storage");

const nodeStatus: Read = (object) => {
  const ready = listAt(object, "status", "conditions").find(
    (one) => textAt(one, "type") === "Ready",
  );
  const status =
    ready === undefined ? "Unknown" : textAt(ready, "status") === "True" ? "Ready" : "NotReady";
  return at(object, "spec", "unschedulable") === true ? `${status},SchedulingDisabled` : status;
};

const nodeRoles: Read = ({ metadata }) => {
  const prefix = "node-role.kubernetes.io/";
  const roles = Object.keys(metadata.labels ?? {})
    .filter((label) => label.startsWith(prefix))
    .map((label) => label.slice(prefix.length));
  return roles.sort().join(",") || "<none>";
};

function nodeAddress(type: string): Read {
  return (object) => {
    const found = listAt(object, "status", "addresses").find((one) => textAt(one, "type") === type);
    return textAt(found, "address") || "<none>";
  };
}

function nodeInfo(field: string): Read {
  return orElse(text("status", "nodeInfo", field), "<unknown>");
}

const eventSeen: Read = (object, nowMs) => {
  const series = textAt(object, "series", "lastObservedTime");
  const last = series || textAt(object, "lastTimestamp") || textAt(object, "eventTime");
  return last === "" ? "<unknown>" : ageOf(last, nowMs);
};

const eventFirst: Read = (object, nowMs) => {
  const first = textAt(object, "firstTimestamp") || textAt(object, "eventTime");
  return first === "" ? "<unknown>" : ageOf(first, nowMs);
};

const eventObject: Read = (object) => {
  const kind = textAt(object, "involvedObject", "kind").toLowerCase();
  return `${kind}/${textAt(object, "involvedObject", "name")}`;
};

const eventSource: Read = (object) => {
  const component = textAt(object, "source", "component") || textAt(object, "reportingComponent");
  const host = textAt(object, "source", "host") || textAt(object, "reportingInstance");
  return host === "" ? component : `${component}, ${host}`;
};

const eventCount: Read = (object) =>
  numberAt(object, "series", "count") ?? numberAt(object, "count") ?? 1;

function budget(field: string): Read {
  return (object) => {
    const value = at(object, "spec", field);
    return value === undefined ? "N/A" : String(value);
  };
}

function subjects(kind: string): Read {
  return (object) =>
    listAt(object, "subjects")
      .filter((one) => textAt(one, "kind") === kind)
      .map((one) => {
        const namespace = textAt(one, "namespace");
        return namespace === "" ? textAt(one, "name") : `${namespace}/${textAt(one, "name")}`;
      })
      .join(",");
}

const CREATED: Entry = [
  "Created At",
  ({ metadata }) => metadata.creationTimestamp ?? null,
  { type: "date" },
];
const BINDING: readonly Entry[] = [
  ["Role", (object) => `${textAt(object, "roleRef", "kind")}/${textAt(object, "roleRef", "name")}`],
  AGE,
  ["Users", subjects("User"), WIDE],
  ["Groups", subjects("Group"), WIDE],
  ["ServiceAccounts", subjects("ServiceAccount"), WIDE],
];
const WORKLOAD_WIDE: readonly Entry[] = [
  ["Containers", containers("name"), WIDE],
  ["Images", containers("image"), WIDE],
  ["Selector", selectorOf("spec", "selector"), WIDE],
];

/** Titles and order as a server of release 1.34 sends them. */
const FORMS: Readonly<Record<string, TableForm>> = {
  pods: {
    columns: [
      NAME_COLUMN,
      ...["Ready", "Status", "Restarts", "Age"].map((title) => column(title)),
      ...["IP", "Node", "Nominated Node", "Readiness Gates"].map((title) => column(title, WIDE)),
    ],
    cells: podCells,
  },
  services: form([
    ["Type", text("spec", "type")],
    ["Cluster-IP", orElse(text("spec", "clusterIP"), "<none>")],
    ["External-IP", externalIp],
    ["Port(s)", ports],
    AGE,
    ["Selector", serviceSelector, WIDE],
  ]),
  configmaps: form([["Data", dataSize("data", "binaryData")], AGE]),
  secrets: form([["Type", text("type")], ["Data", dataSize("data")], AGE]),
  serviceaccounts: form([["Secrets", (object) => listAt(object, "secrets").length], AGE]),
  namespaces: form([["Status", text("status", "phase")], AGE]),
  persistentvolumeclaims: form([
    ["Status", claimStatus],
    ["Volume", text("spec", "volumeName")],
    ["Capacity", claimCapacity],
    ["Access Modes", modes("status", "accessModes")],
    ["StorageClass", text("spec", "storageClassName")],
    ["VolumeAttributesClass", orElse(text("spec", "volumeAttributesClassName"), "<unset>")],
    AGE,
    ["VolumeMode", text("spec", "volumeMode"), WIDE],
  ]),
  persistentvolumes: form([
    ["Capacity", text("spec", "capacity", "storage")],
    ["Access Modes", modes("spec", "accessModes")],
    ["Reclaim Policy", text("spec", "persistentVolumeReclaimPolicy")],
    ["Status", claimStatus],
    [
      "Claim",
      (object) => {
        const namespace = textAt(object, "spec", "claimRef", "namespace");
        return namespace === "" ? "" : `${namespace}/${textAt(object, "spec", "claimRef", "name")}`;
      },
    ],
    ["StorageClass", text("spec", "storageClassName")],
    ["VolumeAttributesClass", orElse(text("spec", "volumeAttributesClassName"), "<unset>")],
    ["Reason", text("status", "reason")],
    AGE,
    ["VolumeMode", text("spec", "volumeMode"), WIDE],
  ]),
  nodes: form([
    ["Status", nodeStatus],
    ["Roles", nodeRoles],
    AGE,
    ["Version", text("status", "nodeInfo", "kubeletVersion")],
    ["Internal-IP", nodeAddress("InternalIP"), WIDE],
    ["External-IP", nodeAddress("ExternalIP"), WIDE],
    ["OS-Image", nodeInfo("osImage"), WIDE],
    ["Kernel-Version", nodeInfo("kernelVersion"), WIDE],
    ["Container-Runtime", nodeInfo("containerRuntimeVersion"), WIDE],
  ]),
  events: form(
    [
      ["Last Seen", eventSeen],
      ["Type", text("type")],
      ["Reason", text("reason")],
      ["Object", eventObject],
      ["Subobject", text("involvedObject", "fieldPath"), WIDE],
      ["Source", eventSource, WIDE],
      ["Message", (object) => textAt(object, "message").trim()],
      ["First Seen", eventFirst, WIDE],
      ["Count", eventCount, WIDE],
    ],
    9,
    { ...NAME_COLUMN, ...WIDE },
  ),
  "leases.coordination.k8s.io": form([["Holder", text("spec", "holderIdentity")], AGE]),
  "deployments.apps": form([
    [
      "Ready",
      (object) => {
        const ready = numberAt(object, "status", "readyReplicas") ?? 0;
        return `${ready}/${numberAt(object, "spec", "replicas") ?? 0}`;
      },
    ],
    ["Up-to-date", count("status", "updatedReplicas")],
    ["Available", count("status", "availableReplicas")],
    AGE,
    ...WORKLOAD_WIDE,
  ]),
  "replicasets.apps": form([
    ["Desired", count("spec", "replicas"), INTEGER],
    ["Current", count("status", "replicas"), INTEGER],
    ["Ready", count("status", "readyReplicas"), INTEGER],
    AGE,
    ...WORKLOAD_WIDE,
  ]),
  "customresourcedefinitions.apiextensions.k8s.io": form([CREATED]),
  "poddisruptionbudgets.policy": form([
    ["Min Available", budget("minAvailable")],
    ["Max Unavailable", budget("maxUnavailable")],
    ["Allowed Disruptions", count("status", "disruptionsAllowed"), INTEGER],
    AGE,
  ]),
  "roles.rbac.authorization.k8s.io": form([CREATED]),
  "clusterroles.rbac.authorization.k8s.io": form([CREATED]),
  "rolebindings.rbac.authorization.k8s.io": form(BINDING),
  "clusterrolebindings.rbac.authorization.k8s.io": form(BINDING),
  "storageclasses.storage.k8s.io": form([
    ["Provisioner", text("provisioner")],
    ["ReclaimPolicy", text("reclaimPolicy")],
    ["VolumeBindingMode", text("volumeBindingMode")],
    ["AllowVolumeExpansion", (object) => at(object, "allowVolumeExpansion") === true],
    AGE,
  ]),
  "networkpolicies.networking.k8s.io": form([
    ["Pod-Selector", selectorOf("spec", "podSelector")],
    AGE,
  ]),
  "priorityclasses.scheduling.k8s.io": form([
    ["Value", count("value"), INTEGER],
    ["Global-Default", (object) => at(object, "globalDefault") === true, { type: "boolean" }],
    AGE,
    ["PreemptionPolicy", text("preemptionPolicy")],
  ]),
};

/** The columns of a built-in kind; undefined where it shows name and age alone. */
export function builtinTable(resource: string): TableForm | undefined {
  return FORMS[resource];
}
