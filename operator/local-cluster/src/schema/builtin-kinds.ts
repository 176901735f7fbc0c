import { schemaOfModel } from "./builtin-schema.ts";
import type { CompiledKind } from "./compiled-kind.ts";
import { openapiReference } from "./openapi.ts";

/** `model group kind plural short-names scope status categories`, `-` for none. */
const ROWS = `
V1Pod - Pod pods po namespaced status all
V1Service - Service services svc namespaced status all
V1ConfigMap - ConfigMap configmaps cm namespaced - -
V1Secret - Secret secrets - namespaced - -
V1PersistentVolumeClaim - PersistentVolumeClaim persistentvolumeclaims pvc namespaced status -
V1PersistentVolume - PersistentVolume persistentvolumes pv cluster status -
V1Node - Node nodes no cluster status -
V1Namespace - Namespace namespaces ns cluster status -
CoreV1Event - Event events ev namespaced - -
V1ServiceAccount - ServiceAccount serviceaccounts sa namespaced - -
V1Endpoints - Endpoints endpoints ep namespaced - -
EventsV1Event events.k8s.io Event events ev namespaced - -
V1Lease coordination.k8s.io Lease leases - namespaced - -
V1Deployment apps Deployment deployments deploy namespaced status all
V1ReplicaSet apps ReplicaSet replicasets rs namespaced status all
V1PodDisruptionBudget policy PodDisruptionBudget poddisruptionbudgets pdb namespaced status -
V1Role rbac.authorization.k8s.io Role roles - namespaced - -
V1RoleBinding rbac.authorization.k8s.io RoleBinding rolebindings - namespaced - -
V1ClusterRole rbac.authorization.k8s.io ClusterRole clusterroles - cluster - -
V1ClusterRoleBinding rbac.authorization.k8s.io ClusterRoleBinding clusterrolebindings - cluster - -
V1StorageClass storage.k8s.io StorageClass storageclasses sc cluster - -
V1CustomResourceDefinition apiextensions.k8s.io CustomResourceDefinition \
customresourcedefinitions crd,crds cluster status api-extensions
V1EndpointSlice discovery.k8s.io EndpointSlice endpointslices - namespaced - -
V1PriorityClass scheduling.k8s.io PriorityClass priorityclasses pc cluster - -
V1NetworkPolicy networking.k8s.io NetworkPolicy networkpolicies netpol namespaced - -
V1ValidatingAdmissionPolicy admissionregistration.k8s.io ValidatingAdmissionPolicy \
validatingadmissionpolicies - cluster status -
V1ValidatingAdmissionPolicyBinding admissionregistration.k8s.io ValidatingAdmissionPolicyBinding \
validatingadmissionpolicybindings - cluster - -
`;

const SCALED = {
  specReplicasPath: ".spec.replicas",
  statusReplicasPath: ".status.replicas",
  labelSelectorPath: ".status.selector",
};

export function compileBuiltinKinds(): CompiledKind[] {
  return ROWS.trim()
    .split("\n")
    .map((row) => compileRow(row.split(" ")));
}

function compileRow(row: readonly string[]): CompiledKind {
  const [model = "", groupWord = "-", kind = "", plural = "", short = "-"] = row;
  const [scope, status, categories = "-"] = row.slice(5);
  const group = groupWord === "-" ? "" : groupWord;
  const openapiName = `${packageOf(group)}.v1.${kind}`;
  const schema = { ...schemaOfModel(model), openapiName };
  return {
    group,
    version: "v1",
    kind,
    listKind: `${kind}List`,
    plural,
    singular: kind.toLowerCase(),
    shortNames: short === "-" ? [] : short.split(","),
    categories: categories === "-" ? [] : categories.split(","),
    namespaced: scope === "namespaced",
    subresources: {
      status: status === "status",
      ...(group === "apps" ? { scale: SCALED } : {}),
    },
    columns: [],
    get openapi() {
      return openapiReference(schema, { group, version: "v1", kind });
    },
    openapiName,
    builtin: true,
    schema,
  };
}

function packageOf(group: string): string {
  if (group === "apiextensions.k8s.io") {
    return "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions";
  }
  return `io.k8s.api.${group === "" ? "core" : (group.split(".")[0] ?? group)}`;
}
