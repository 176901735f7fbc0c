import type { FieldError } from "./field-errors.ts";
import { isObject } from "./prune.ts";
import type { JsonObject } from "./schema.ts";

const LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

export const SUBDOMAIN_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or " +
  "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used " +
  `for validation is '${SUBDOMAIN}')`;
export const LABEL_TEXT =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and " +
  "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used " +
  `for validation is '${LABEL}')`;
export const DNS_1035_TEXT =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an " +
  "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', " +
  "regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const NAME_PART_TEXT =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end " +
  "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for " +
  `validation is '${QUALIFIED}')`;
const LABEL_VALUE_TEXT =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', " +
  "and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or " +
  "'12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const PREFIX_TEXT = `prefix part ${SUBDOMAIN_TEXT}`;

export type NameForm = "subdomain" | "label" | "dns-1035" | "path-segment";

const FORMS: Readonly<Record<NameForm, { pattern: RegExp; longest: number; text: string }>> = {
  subdomain: { pattern: new RegExp(`^${SUBDOMAIN}$`), longest: 253, text: SUBDOMAIN_TEXT },
  label: { pattern: new RegExp(`^${LABEL}$`), longest: 63, text: LABEL_TEXT },
  "dns-1035": { pattern: /^[a-z]([-a-z0-9]*[a-z0-9])?$/, longest: 63, text: DNS_1035_TEXT },
  "path-segment": { pattern: /^(?!\.\.?$)[^/%]*$/, longest: 253, text: "may not contain '/'" },
};

/** What is wrong with a name, in the server's words; nothing if it is right. */
export function nameProblems(name: string, form: NameForm): string[] {
  const { pattern, longest, text } = FORMS[form];
  const problems: string[] = [];
  if (name.length > longest) problems.push(`must be no more than ${longest} bytes`);
  if (form === "label" && name.includes(".") && FORMS.subdomain.pattern.test(name)) {
    problems.push("must not contain dots");
  } else if (!pattern.test(name)) problems.push(text);
  return problems;
}

/** Key of a label or annotation: optional prefix, slash, name. */
function keyProblems(key: string): string[] {
  const parts = key.split("/");
  const name = parts.pop() ?? "";
  const problems: string[] = [];
  const prefix = parts[0];
  if (parts.length > 1) {
    return [
      "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start " +
        "and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', " +
        `regex used for validation is '${QUALIFIED}') with an optional DNS subdomain prefix and ` +
        "'/' (e.g. 'example.com/MyName')",
    ];
  }
  if (prefix === "") problems.push("prefix part must be non-empty");
  else if (prefix !== undefined && !new RegExp(`^${SUBDOMAIN}$`).test(prefix)) {
    problems.push(PREFIX_TEXT);
  }
  if (name === "") problems.push("name part must be non-empty");
  else if (name.length > 63) problems.push("name part must be no more than 63 bytes");
  if (!new RegExp(`^${QUALIFIED}$`).test(name)) problems.push(NAME_PART_TEXT);
  return problems;
}

export function labelErrors(labels: unknown, field: string): FieldError[] {
  if (!isObject(labels)) return [];
  const errors: FieldError[] = [];
  const keys: FieldError[] = [];
  for (const [key, value] of sortedEntries(labels)) {
    for (const detail of keyProblems(key))
      keys.push({ type: "invalid", field, value: key, detail });
    const text = `${value}`;
    if (text.length > 63) {
      errors.push({ type: "invalid", field, value: text, detail: "must be no more than 63 bytes" });
    }
    if (!new RegExp(`^(${QUALIFIED})?$`).test(text)) {
      errors.push({ type: "invalid", field, value: text, detail: LABEL_VALUE_TEXT });
    }
  }
  return [...errors, ...keys];
}

const ANNOTATION_BYTES = 256 * 1024;

/** Errors of `metadata` that all kinds share. */
export function metadataErrors(
  metadata: JsonObject,
  kind: { readonly namespaced: boolean; readonly nameForm: NameForm },
): FieldError[] {
  const errors: FieldError[] = [];
  const field = "metadata.name";
  const generate = metadata["generateName"];
  if (typeof generate === "string" && generate !== "") {
    // A trailing dash is fine: characters follow it.
    const probe = generate.replace(/-$/, "a");
    for (const detail of nameProblems(probe, kind.nameForm)) {
      errors.push({ type: "invalid", field: "metadata.generateName", value: generate, detail });
    }
  }
  const name = metadata["name"];
  if (typeof name !== "string" || name === "") {
    errors.push({ type: "required", field, detail: "name or generateName is required" });
  } else {
    for (const detail of nameProblems(name, kind.nameForm)) {
      errors.push({ type: "invalid", field, value: name, detail });
    }
  }
  errors.push(...labelErrors(metadata["labels"], "metadata.labels"));
  errors.push(...annotationErrors(metadata["annotations"]));
  errors.push(...ownerErrors(metadata["ownerReferences"]));
  errors.push(...finalizerErrors(metadata["finalizers"]));
  return errors;
}

function annotationErrors(annotations: unknown): FieldError[] {
  if (!isObject(annotations)) return [];
  const field = "metadata.annotations";
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of sortedEntries(annotations)) {
    for (const detail of keyProblems(key.toLowerCase())) {
      errors.push({ type: "invalid", field, value: key, detail });
    }
    bytes += key.length + `${value}`.length;
  }
  if (bytes > ANNOTATION_BYTES) {
    errors.push({
      type: "too-long",
      field,
      detail: `may not be more than ${ANNOTATION_BYTES} bytes`,
    });
  }
  return errors;
}

function ownerErrors(owners: unknown): FieldError[] {
  if (!Array.isArray(owners)) return [];
  const errors: FieldError[] = [];
  let controller: string | undefined;
  for (const owner of owners) {
    if (!isObject(owner)) continue;
    for (const part of ["apiVersion", "kind", "name", "uid"]) {
      if (typeof owner[part] === "string" && owner[part] !== "") continue;
      const field = `metadata.ownerReferences.${part}`;
      const detail = part === "apiVersion" ? "version must not be empty" : "must not be empty";
      errors.push({ type: "invalid", field, value: "", detail });
    }
    if (owner["controller"] !== true) continue;
    const name = `${owner["kind"]}/${owner["name"]}`;
    if (controller === undefined) {
      controller = name;
      continue;
    }
    const detail =
      'Only one reference can have Controller set to true. Found "true" in references for ' +
      `${controller} and ${name}`;
    const value = owners.map(ownerValue);
    errors.push({ type: "invalid", field: "metadata.ownerReferences", value, detail });
  }
  return errors;
}

/** In the order of Go's struct. */
function ownerValue(owner: unknown): JsonObject {
  const from = isObject(owner) ? owner : {};
  const { apiVersion = "", kind = "", name = "", uid = "", ...rest } = from;
  return { apiVersion, kind, name, uid, ...rest };
}

/** Finalizers without a slash that are the server's own words. */
const PLAIN_FINALIZERS = new Set(["orphan", "foregroundDeletion", "kubernetes"]);

function finalizerErrors(finalizers: unknown): FieldError[] {
  const field = "metadata.finalizers";
  return textsOf(finalizers).flatMap((value) =>
    keyProblems(value).map((detail): FieldError => ({ type: "invalid", field, value, detail })),
  );
}

/** Kinds of Kubernetes itself: their finalizers have a slash or are its own words. */
export function plainFinalizerErrors(finalizers: unknown): FieldError[] {
  const detail = "name is neither a standard finalizer name nor is it fully qualified";
  return textsOf(finalizers).flatMap((value, index): FieldError[] => {
    const field = `metadata.finalizers[${index}]`;
    return isPlain(value) ? [{ type: "invalid", field, value, detail }] : [];
  });
}

/** Custom kinds may have any finalizer; the server advises against the ones added without slash. */
export function finalizerWarnings(metadata: unknown, old: unknown): string[] {
  const list = (one: unknown) => textsOf(isObject(one) ? one["finalizers"] : undefined);
  const before = new Set(list(old));
  const advice =
    "prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer" +
    " writers";
  return [...new Set(list(metadata))]
    .filter((value) => !before.has(value) && isPlain(value))
    .sort()
    .map((value) => `metadata.finalizers: ${JSON.stringify(value)}: ${advice}`);
}

function isPlain(finalizer: string): boolean {
  return !finalizer.includes("/") && !PLAIN_FINALIZERS.has(finalizer);
}

function textsOf(list: unknown): string[] {
  return (Array.isArray(list) ? list : []).filter((one) => typeof one === "string");
}

function sortedEntries(object: JsonObject): [string, unknown][] {
  return Object.entries(object).sort(([left], [right]) => (left < right ? -1 : 1));
}
