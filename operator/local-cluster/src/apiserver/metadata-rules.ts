import { randomInt } from "node:crypto";
import type { CompiledKind } from "../schema/kinds.ts";
import type { StatusCause } from "./api-status.ts";
import { invalid } from "./failures.ts";
import type { ApiObject, Dictionary, Meta } from "./objects.ts";
import { isDictionary, sameJson, without } from "./objects.ts";

// Wordings and patterns: k8s.io/apimachinery pkg/util/validation, release 1.34.
const LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?";
const QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const VALUE = `(${QUALIFIED})?`;

const SUBDOMAIN_WORDS =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'," +
  " and must start and end with an alphanumeric character (e.g. 'example.com', regex used for" +
  ` validation is '${SUBDOMAIN}')`;
const LABEL_WORDS =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must" +
  " start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for" +
  ` validation is '${LABEL}')`;
const LABEL_1035_WORDS =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an" +
  " alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123'," +
  ` regex used for validation is '${LABEL_1035}')`;
const QUALIFIED_WORDS =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with" +
  " an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for" +
  ` validation is '${QUALIFIED}')`;
const VALUE_WORDS =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.'," +
  " and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or" +
  ` '12345', regex used for validation is '${VALUE}')`;

interface NameRule {
  readonly pattern: RegExp;
  readonly words: string;
  readonly lengthMax: number;
}

function nameRule(pattern: string, words: string, lengthMax: number): NameRule {
  return { pattern: new RegExp(`^${pattern}$`), words, lengthMax };
}

const SUBDOMAIN_RULE = nameRule(SUBDOMAIN, SUBDOMAIN_WORDS, 253);
const LABEL_RULE = nameRule(LABEL, LABEL_WORDS, 63);
const SERVICE_RULE = nameRule(LABEL_1035, LABEL_1035_WORDS, 63);

const STANDARD_FINALIZERS = ["orphan", "foregroundDeletion", "kubernetes"];

/** Built-in kinds whose objects count generations; custom ones all do. */
const WITH_GENERATION = new Set([
  "pods",
  "deployments.apps",
  "replicasets.apps",
  "statefulsets.apps",
  "daemonsets.apps",
  "poddisruptionbudgets.policy",
  "customresourcedefinitions.apiextensions.k8s.io",
  "networkpolicies.networking.k8s.io",
  "ingresses.networking.k8s.io",
  "jobs.batch",
  "cronjobs.batch",
  "priorityclasses.scheduling.k8s.io",
  "validatingadmissionpolicies.admissionregistration.k8s.io",
  "validatingadmissionpolicybindings.admissionregistration.k8s.io",
]);

function wrong(field: string, value: string, words: string): StatusCause {
  return {
    reason: "FieldValueInvalid",
    message: `Invalid value: ${JSON.stringify(value)}: ${words}`,
    field,
  };
}

function checkName(rule: NameRule, name: string, field: string): StatusCause[] {
  if (name.length > rule.lengthMax) {
    return [wrong(field, name, `must be no more than ${rule.lengthMax} characters`)];
  }
  return rule.pattern.test(name) ? [] : [wrong(field, name, rule.words)];
}

function checkQualified(text: string, field: string): StatusCause[] {
  const parts = text.split("/");
  const name = parts.at(-1) ?? "";
  const causes: StatusCause[] = [];
  if (parts.length === 2 && !SUBDOMAIN_RULE.pattern.test(parts[0] ?? "")) {
    causes.push(wrong(field, text, `prefix part ${SUBDOMAIN_WORDS}`));
  }
  if (name.length > 63) {
    causes.push(wrong(field, text, "name part must be no more than 63 characters"));
  } else if (parts.length > 2 || !new RegExp(`^${QUALIFIED}$`).test(name)) {
    causes.push(wrong(field, text, QUALIFIED_WORDS));
  }
  return causes;
}

function checkLabels(labels: unknown): StatusCause[] {
  if (!isDictionary(labels)) return [];
  return Object.entries(labels).flatMap(([key, value]) => {
    const causes = checkQualified(key, "metadata.labels");
    if (typeof value !== "string") return causes;
    if (value.length > 63) {
      causes.push(wrong("metadata.labels", value, "must be no more than 63 characters"));
    } else if (!new RegExp(`^${VALUE}$`).test(value)) {
      causes.push(wrong("metadata.labels", value, VALUE_WORDS));
    }
    return causes;
  });
}

function checkFinalizers(finalizers: unknown): StatusCause[] {
  if (!Array.isArray(finalizers)) return [];
  return finalizers.flatMap((finalizer, index) => {
    const text = String(finalizer);
    const field = `metadata.finalizers[${index}]`;
    const causes = checkQualified(text, field);
    if (causes.length === 0 && !text.includes("/") && !STANDARD_FINALIZERS.includes(text)) {
      const words = "name is neither a standard finalizer name nor is it fully qualified";
      causes.push(wrong(field, text, words));
    }
    return causes;
  });
}

/** Throws ApiStatus Invalid for metadata that no kind of object may have. */
export function checkMetadata(kind: CompiledKind, meta: Dictionary): void {
  const name = typeof meta["name"] === "string" ? meta["name"] : "";
  const causes: StatusCause[] = [];
  if (name === "") {
    const message = "Required value: name or generateName is required";
    causes.push({ reason: "FieldValueRequired", message, field: "metadata.name" });
  } else {
    const rule =
      kind.group !== "" || !["namespaces", "services"].includes(kind.plural)
        ? SUBDOMAIN_RULE
        : kind.plural === "services"
          ? SERVICE_RULE
          : LABEL_RULE;
    causes.push(...checkName(rule, name, "metadata.name"));
  }
  causes.push(...checkLabels(meta["labels"]));
  for (const key of Object.keys((meta["annotations"] ?? {}) as object)) {
    causes.push(...checkQualified(key.toLowerCase(), "metadata.annotations"));
  }
  causes.push(...checkFinalizers(meta["finalizers"]));
  if (causes.length > 0) throw invalid(kind, name, causes);
}

export function countsGenerations(kind: CompiledKind): boolean {
  const key = kind.group === "" ? kind.plural : `${kind.plural}.${kind.group}`;
  return !kind.builtin || WITH_GENERATION.has(key);
}

// No vowels and nothing that looks alike, as the generator of a real server has it.
const SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789";

/** The name of an object that asked for one: five random letters after its prefix. */
export function generateName(prefix: string): string {
  let suffix = "";
  for (let i = 0; i < 5; i++) suffix += SUFFIX_LETTERS[randomInt(SUFFIX_LETTERS.length)];
  return prefix.slice(0, 58) + suffix;
}

/** `metadata` of a new object: what the server sets is set, what a client can't set is dropped. */
export function newMetadata(
  kind: CompiledKind,
  asked: Dictionary,
  given: { namespace: string; uid: string; now: string },
): Dictionary {
  const name = asked["name"];
  const prefix = asked["generateName"];
  const named =
    (typeof name !== "string" || name === "") && typeof prefix === "string" && prefix !== ""
      ? { name: generateName(prefix) }
      : {};
  const server = [
    "namespace",
    "selfLink",
    "resourceVersion",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
  ];
  return {
    ...without(asked, ...server),
    ...named,
    ...(kind.namespaced ? { namespace: given.namespace } : {}),
    uid: given.uid,
    creationTimestamp: given.now,
    ...(countsGenerations(kind) ? { generation: 1 } : {}),
  };
}

/** `metadata` of an update: the server's own fields stay as they are stored. */
export function updatedMetadata(asked: Dictionary, old: Meta): Dictionary {
  const server = without(asked, "selfLink", "generation", "deletionTimestamp");
  const kept: Record<string, unknown> = {
    ...without(server, "deletionGracePeriodSeconds"),
    name: old.name,
    uid: old.uid,
    creationTimestamp: old.creationTimestamp,
    resourceVersion: old.resourceVersion,
  };
  const stays = [
    "namespace",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
  ] as const;
  for (const field of stays) {
    if (old[field] !== undefined) kept[field] = old[field];
  }
  return kept;
}

/** Throws where an object that is being deleted would get a new finalizer. */
export function checkNoNewFinalizers(kind: CompiledKind, object: ApiObject, old: ApiObject): void {
  if (old.metadata.deletionTimestamp === undefined) return;
  const before = old.metadata.finalizers ?? [];
  const added = (object.metadata.finalizers ?? []).filter((one) => !before.includes(one));
  if (added.length === 0) return;
  const found = `[]string{${added.map((one) => JSON.stringify(one)).join(", ")}}`;
  throw invalid(kind, object.metadata.name, [
    {
      reason: "FieldValueForbidden",
      message:
        "Forbidden: no new finalizers can be added if the object is being deleted, found new" +
        ` finalizers ${found}`,
      field: "metadata.finalizers",
    },
  ]);
}

/** Whether what the generation counts differs: everything but metadata and, where apart, status. */
export function specChanged(kind: CompiledKind, object: ApiObject, old: ApiObject): boolean {
  const apart = ["metadata", "apiVersion", "kind"];
  if (kind.subresources.status || kind.builtin) apart.push("status");
  return !sameJson(without(object, ...apart), without(old, ...apart));
}
