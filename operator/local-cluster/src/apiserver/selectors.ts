import { badRequest } from "./failures.ts";
import { parseLabelSelector, type Requirement } from "./label-selector.ts";
import type { ApiObject } from "./objects.ts";
import { at } from "./objects.ts";

export type Matcher = (object: ApiObject) => boolean;

export type Labels = Readonly<Record<string, string>>;

/** Operators as objects spell them: those of label selectors and of node selector terms. */
const OPERATORS: Readonly<Record<string, Requirement["operator"]>> = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "absent",
  Gt: "gt",
  Lt: "lt",
};

/** A requirement of an object's selector; one with an operator that is unknown is never met. */
export function meetsExpression(
  labels: Labels,
  { key, operator, values = [] }: { key: string; operator: string; values?: readonly string[] },
): boolean {
  const known = OPERATORS[operator];
  return known !== undefined && meets(labels, { key, operator: known, values });
}

/**
 * A `metav1.LabelSelector` as a test of labels: an empty one selects all, an absent one nothing.
 */
export function selectorMatcher(selector: unknown): (labels: Labels) => boolean {
  if (typeof selector !== "object" || selector === null) return () => false;
  const { matchLabels = {}, matchExpressions = [] } = selector as {
    readonly matchLabels?: Labels;
    readonly matchExpressions?: readonly Parameters<typeof meetsExpression>[1][];
  };
  const wanted = Object.entries(matchLabels);
  return (labels) =>
    wanted.every(([key, value]) => meets(labels, { key, operator: "in", values: [value] })) &&
    matchExpressions.every((one) => meetsExpression(labels, one));
}

function meets(labels: Labels, requirement: Requirement): boolean {
  const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
  const [first = ""] = requirement.values;
  switch (requirement.operator) {
    case "exists":
      return value !== undefined;
    case "absent":
      return value === undefined;
    case "in":
      return value !== undefined && requirement.values.includes(value);
    case "notin":
      return value === undefined || !requirement.values.includes(value);
    case "gt":
      return value !== undefined && Number(value) > Number(first);
    case "lt":
      return value !== undefined && Number(value) < Number(first);
  }
}

/** `app=web,tier in (a,b),!old` as a test of labels. */
export function labelMatcher(
  selector: string,
): (labels: Readonly<Record<string, string>>) => boolean {
  const requirements = parseLabelSelector(selector);
  return (labels) => requirements.every((requirement) => meets(labels, requirement));
}

/** A `metav1.LabelSelector` in the form of a query; undefined selects nothing. */
export function labelSelectorText(selector: unknown): string | undefined {
  const labels = at(selector, "matchLabels");
  const expressions = at(selector, "matchExpressions");
  if (typeof selector !== "object" || selector === null) return undefined;
  const terms = Object.entries((labels ?? {}) as Record<string, string>).map(
    ([key, value]) => `${key}=${value}`,
  );
  for (const one of Array.isArray(expressions) ? expressions : []) {
    const { key, operator, values } = one as { key: string; operator: string; values?: string[] };
    if (operator === "Exists") terms.push(key);
    else if (operator === "DoesNotExist") terms.push(`!${key}`);
    else terms.push(`${key} ${operator.toLowerCase()} (${(values ?? []).join(",")})`);
  }
  return terms.join(",");
}

type FieldRead = (object: ApiObject) => string;

function path(...fields: readonly string[]): FieldRead {
  return (object) => {
    const found = at(object, ...fields);
    return found === undefined || found === null ? "" : String(found);
  };
}

const METADATA_FIELDS: Readonly<Record<string, FieldRead>> = {
  "metadata.name": path("metadata", "name"),
  "metadata.namespace": path("metadata", "namespace"),
};

/** Fields that a built-in resource can be selected by, besides its name and namespace. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  pods: [
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
  ],
  events: [
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
  ],
  secrets: ["type"],
  namespaces: ["status.phase"],
  nodes: ["spec.unschedulable"],
  services: ["spec.clusterIP", "spec.type"],
};

function fieldRead(resource: string, selectable: readonly string[], field: string): FieldRead {
  const known = METADATA_FIELDS[field];
  if (known !== undefined) return known;
  if (!selectable.includes(field)) {
    throw badRequest(
      resource === "configmaps"
        ? `"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`
        : `field label not supported: ${field}`,
    );
  }
  if (field === "source") return path("source", "component");
  if (field === "spec.unschedulable" || field === "spec.hostNetwork") {
    const read = path(...field.split("."));
    return (object) => read(object) || "false";
  }
  return path(...field.split("."));
}

function splitFieldTerm(term: string): { field: string; equal: boolean; value: string } {
  const match = /^(?<field>[^=!]+)(?<op>==|!=|=)(?<value>.*)$/.exec(term);
  const groups = match?.groups;
  if (groups === undefined) {
    throw badRequest(`invalid field selector: "${term}"; can't understand it`);
  }
  const { field = "", op, value = "" } = groups;
  return { field, equal: op !== "!=", value: value.replace(/\\([\\,=])/g, "$1") };
}

/** `metadata.name=x,status.phase!=Running` as a test of objects of that resource. */
export function fieldMatcher(resource: string, selector: string): Matcher {
  const terms = selector.split(/(?<!\\),/).filter((term) => term !== "");
  const selectable = FIELDS[resource] ?? [];
  const tests = terms.map((term) => {
    const { field, equal, value } = splitFieldTerm(term);
    const read = fieldRead(resource, selectable, field);
    return (object: ApiObject) => (read(object) === value) === equal;
  });
  return (object) => tests.every((test) => test(object));
}

/** Both selectors of a request as one test; undefined selects everything. */
export function objectMatcher(
  resource: string,
  selectors: { readonly labels?: string | undefined; readonly fields?: string | undefined },
): Matcher | undefined {
  const tests: Matcher[] = [];
  if (selectors.labels !== undefined && selectors.labels !== "") {
    const match = labelMatcher(selectors.labels);
    tests.push((object) => match(object.metadata.labels ?? {}));
  }
  if (selectors.fields !== undefined && selectors.fields !== "") {
    tests.push(fieldMatcher(resource, selectors.fields));
  }
  if (tests.length === 0) return undefined;
  return (object) => tests.every((test) => test(object));
}
