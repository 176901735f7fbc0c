import type { Registry, Resource } from "./registry.ts";
import { compareVersions } from "./registry.ts";

interface Sub {
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly string[];
}

const VERBS = [
  "create",
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "update",
  "watch",
] as const;
const PART_VERBS = ["get", "patch", "update"];

/** Resources that take a request and keep nothing. */
const REVIEWS = [
  {
    group: "authorization.k8s.io",
    version: "v1",
    plural: "selfsubjectaccessreviews",
    singular: "selfsubjectaccessreview",
    kind: "SelfSubjectAccessReview",
  },
  {
    group: "authorization.k8s.io",
    version: "v1",
    plural: "selfsubjectrulesreviews",
    singular: "selfsubjectrulesreview",
    kind: "SelfSubjectRulesReview",
  },
] as const;

/** Subresources that are no part of a kind's schema. */
const EXTRA: Readonly<Record<string, readonly Sub[]>> = {
  pods: [
    { name: "binding", group: "", version: "v1", kind: "Binding", verbs: ["create"] },
    { name: "eviction", group: "policy", version: "v1", kind: "Eviction", verbs: ["create"] },
    { name: "log", group: "", version: "v1", kind: "Pod", verbs: ["get"] },
  ],
  namespaces: [
    { name: "finalize", group: "", version: "v1", kind: "Namespace", verbs: ["update"] },
  ],
};

/** Whether a resource has that subresource, and which verbs it takes. */
export function subresourcesOf(resource: Resource, version: string): readonly Sub[] {
  const kind = resource.kinds.find((one) => one.version === version);
  if (kind === undefined) return [];
  const own = { group: kind.group, version, kind: kind.kind };
  return [
    ...(EXTRA[resource.key] ?? []),
    ...(kind.subresources.status ? [{ name: "status", ...own, verbs: PART_VERBS }] : []),
    ...(kind.subresources.scale === undefined
      ? []
      : [
          {
            name: "scale",
            group: "autoscaling",
            version: "v1",
            kind: "Scale",
            verbs: PART_VERBS,
          },
        ]),
  ];
}

function groupVersions(registry: Registry): Map<string, string[]> {
  const groups = new Map<string, Set<string>>();
  const add = (group: string, version: string): void => {
    groups.set(group, (groups.get(group) ?? new Set()).add(version));
  };
  for (const { group, kinds } of registry.all()) {
    for (const { version } of kinds) add(group, version);
  }
  for (const { group, version } of REVIEWS) add(group, version);
  return new Map(
    [...groups].map(([group, versions]) => [group, [...versions].sort(compareVersions)]),
  );
}

function verbsOf(resource: Resource): readonly string[] {
  return resource.key === "namespaces"
    ? VERBS.filter((verb) => verb !== "deletecollection")
    : VERBS;
}

function text(group: string, version: string): string {
  return group === "" ? version : `${group}/${version}`;
}

/** `GET /api/v1` and `/apis/G/V`: APIResourceList; undefined where nothing is served. */
export function resourceList(
  registry: Registry,
  group: string,
  version: string,
): object | undefined {
  const resources: object[] = [];
  for (const resource of registry.all()) {
    const kind = resource.kinds.find((one) => one.version === version);
    if (resource.group !== group || kind === undefined) continue;
    resources.push({
      name: resource.plural,
      singularName: kind.singular,
      namespaced: resource.namespaced,
      kind: kind.kind,
      verbs: verbsOf(resource),
      ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
      ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
    });
    for (const sub of subresourcesOf(resource, version)) {
      const foreign = sub.group !== group || sub.version !== version;
      resources.push({
        name: `${resource.plural}/${sub.name}`,
        singularName: "",
        namespaced: resource.namespaced,
        ...(foreign ? { group: sub.group, version: sub.version } : {}),
        kind: sub.kind,
        verbs: sub.verbs,
      });
    }
  }
  for (const review of REVIEWS) {
    if (review.group !== group || review.version !== version) continue;
    const { plural, singular, kind } = review;
    resources.push({
      name: plural,
      singularName: singular,
      namespaced: false,
      kind,
      verbs: ["create"],
    });
  }
  if (resources.length === 0) return undefined;
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: text(group, version),
    resources,
  };
}

function apiGroup(group: string, versions: readonly string[]): object {
  const list = versions.map((version) => ({ groupVersion: text(group, version), version }));
  return { name: group, versions: list, preferredVersion: list[0] };
}

/** `GET /apis`: APIGroupList. */
export function groupList(registry: Registry): object {
  const groups = [...groupVersions(registry)].filter(([group]) => group !== "");
  return {
    kind: "APIGroupList",
    apiVersion: "v1",
    groups: groups.map(([group, versions]) => apiGroup(group, versions)),
  };
}

/** `GET /apis/G`: APIGroup; undefined where nothing is served. */
export function oneGroup(registry: Registry, group: string): object | undefined {
  const versions = groupVersions(registry).get(group);
  if (versions === undefined || group === "") return undefined;
  return { kind: "APIGroup", apiVersion: "v1", ...apiGroup(group, versions) };
}

/** Type of the answer that holds all groups at once. */
export const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/** `GET /api` (core) or `/apis` in the aggregated form of apidiscovery.k8s.io/v2. */
export function aggregated(registry: Registry, core: boolean): object {
  const items = [...groupVersions(registry)]
    .filter(([group]) => (group === "") === core)
    .map(([group, versions]) => ({
      metadata: { ...(group === "" ? {} : { name: group }), creationTimestamp: null },
      versions: versions.map((version) => ({
        version,
        resources: aggregatedResources(registry, group, version),
        freshness: "Current",
      })),
    }));
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
    items,
  };
}

function aggregatedResources(registry: Registry, group: string, version: string): object[] {
  const found: object[] = [];
  for (const resource of registry.all()) {
    const kind = resource.kinds.find((one) => one.version === version);
    if (resource.group !== group || kind === undefined) continue;
    const scope = resource.namespaced ? "Namespaced" : "Cluster";
    const subresources = subresourcesOf(resource, version).map((sub) => ({
      subresource: sub.name,
      responseKind: { group: sub.group, version: sub.version, kind: sub.kind },
      verbs: sub.verbs,
    }));
    found.push({
      resource: resource.plural,
      responseKind: { group, version, kind: kind.kind },
      scope,
      singularResource: kind.singular,
      verbs: verbsOf(resource),
      ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
      ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
      ...(subresources.length > 0 ? { subresources } : {}),
    });
  }
  for (const review of REVIEWS) {
    if (review.group !== group || review.version !== version) continue;
    const { plural, singular, kind } = review;
    found.push({
      resource: plural,
      responseKind: { group, version, kind },
      scope: "Cluster",
      singularResource: singular,
      verbs: ["create"],
    });
  }
  return found;
}
