import type { Rendered } from "./render.ts";

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

export interface Right {
  /** `cluster`, or the namespace of a Role. */
  readonly where: string;
  readonly group: string;
  readonly resource: string;
  readonly names: readonly string[];
  readonly verbs: readonly string[];
}

/** Every right that the objects grant, one a resource. */
export function rightsOf(objects: readonly Rendered[]): readonly Right[] {
  return objects
    .filter(({ kind }) => kind === "Role" || kind === "ClusterRole")
    .flatMap(({ kind, metadata, ["rules"]: rules }) => {
      const where = kind === "ClusterRole" ? "cluster" : (metadata.namespace ?? "");
      return (rules as readonly Rule[]).flatMap((rule) => rightsOfRule(where, rule));
    });
}

function rightsOfRule(where: string, rule: Rule): readonly Right[] {
  const { apiGroups = [], resources = [], nonResourceURLs = [], resourceNames, verbs } = rule;
  const right = { where, names: [...(resourceNames ?? [])].sort(), verbs: [...verbs].sort() };
  const paths = nonResourceURLs.map((resource) => ({ ...right, group: "url", resource }));
  const kinds = apiGroups.flatMap((group) =>
    resources.map((resource) => ({ ...right, group: group === "" ? "core" : group, resource })),
  );
  return [...kinds, ...paths];
}

/** One line a right, sorted: the file that a person reviews. */
export function rightsText(objects: readonly Rendered[]): string {
  const lines = rightsOf(objects).map(({ where, group, resource, names, verbs }) => {
    const only = names.length === 0 ? "" : ` (only ${names.join(", ")})`;
    return `${where}: ${group}/${resource}${only}: ${verbs.join(" ")}`;
  });
  return `${lines.toSorted().join("\n")}\n`;
}
