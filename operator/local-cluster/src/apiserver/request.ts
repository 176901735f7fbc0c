import { parse as parseYaml } from "yaml";
import { ApiStatus } from "./api-status.ts";
import { badRequest, invalid } from "./failures.ts";
import { type Dictionary, isDictionary } from "./objects.ts";
import { decodeProtobuf } from "./protobuf.ts";

/** One request, free of sockets. */
export interface ApiCall {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
  /** Aborts when the caller has gone: ends watches and logs. */
  readonly signal: AbortSignal;
}

export type ApiBody = string | Uint8Array | AsyncIterable<string | Uint8Array>;

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: ApiBody;
}

/** What a path names, after the prefix of the API. */
export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly plural: string;
  readonly name: string;
  readonly subresource: string;
}

const NAMESPACE_SUBRESOURCES = ["status", "finalize"];

/** Undefined where the path is not one of a resource. */
export function parseResourcePath(path: string): ResourcePath | undefined {
  const parts = path.split("/").filter((part) => part !== "");
  const core = parts[0] === "api";
  if (!core && parts[0] !== "apis") return undefined;
  const group = core ? "" : (parts[1] ?? "");
  const version = parts[core ? 1 : 2] ?? "";
  let rest = parts.slice(core ? 2 : 3);
  let namespace = "";
  if (rest[0] === "namespaces" && rest.length > 2) {
    if (!(core && rest.length === 3 && NAMESPACE_SUBRESOURCES.includes(rest[2] ?? ""))) {
      namespace = rest[1] ?? "";
      rest = rest.slice(2);
    }
  }
  const [plural, name = "", ...subresource] = rest;
  if (plural === undefined) return undefined;
  return { group, version, namespace, plural, name, subresource: subresource.join("/") };
}

/** The query of a request with the checks that several verbs share. */
export class Query {
  readonly #values: URLSearchParams;

  constructor(text: string) {
    this.#values = new URLSearchParams(text);
  }

  text(name: string): string | undefined {
    return this.#values.get(name) ?? undefined;
  }

  flag(name: string): boolean {
    const value = this.#values.get(name);
    return value === "true" || value === "1";
  }

  number(name: string): number | undefined {
    const value = this.#values.get(name);
    if (value === null || value === "") return undefined;
    const number = Number(value);
    if (!Number.isSafeInteger(number)) {
      throw badRequest(`strconv.ParseInt: parsing "${value}": invalid syntax`);
    }
    return number;
  }

  /** `kind` names the options that a refusal is about: DeleteOptions, CreateOptions, ... */
  dryRun(kind: string): boolean {
    const values = this.#values.getAll("dryRun").filter((value) => value !== "");
    const wrong = values.find((value) => value !== "All");
    if (wrong === undefined) return values.length > 0;
    const message = `Unsupported value: ["${wrong}"]: supported values: "All"`;
    throw invalid({ group: "meta.k8s.io", kind }, "", [
      { reason: "FieldValueNotSupported", message, field: "dryRun" },
    ]);
  }

  get fieldValidation(): "Strict" | "Warn" | "Ignore" {
    const value = this.#values.get("fieldValidation");
    return value === "Strict" || value === "Ignore" ? value : "Warn";
  }
}

/** Client name of a request without `fieldManager`: the User-Agent up to its first slash. */
export function managerOf(call: ApiCall, query: Query): string {
  const named = query.text("fieldManager");
  if (named !== undefined && named !== "") return named;
  return (call.headers["user-agent"] ?? "unknown").split("/")[0] ?? "unknown";
}

export function mediaType(call: ApiCall): string {
  return (call.headers["content-type"] ?? "application/json").split(";")[0]?.trim() ?? "";
}

/** The body as a value of JSON, from whatever form it was sent in. Empty: undefined. */
export function decodeBody(call: ApiCall): unknown {
  if (call.body.length === 0) return undefined;
  const type = mediaType(call);
  if (type === "application/vnd.kubernetes.protobuf") return decodeProtobuf(call.body);
  const text = new TextDecoder().decode(call.body);
  if (type === "application/yaml" || type === "application/apply-patch+yaml") {
    return decodeYaml(text);
  }
  if (!/^application\/([\w.-]+\+)?json$/.test(type)) {
    throw new ApiStatus({
      code: 415,
      reason: "UnsupportedMediaType",
      message: "415: Unsupported Media Type",
    });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw badRequest(`the object provided is unrecognized: json parse error: ${reason}`);
  }
}

function decodeYaml(text: string): unknown {
  try {
    return parseYaml(text, { version: "1.1", merge: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw badRequest(`error decoding YAML: ${reason}`);
  }
}

/** The body where an object is needed. */
export function decodeObject(call: ApiCall): Dictionary {
  const body = decodeBody(call);
  if (!isDictionary(body)) throw badRequest("the body of the request must be an object");
  return body;
}

export function jsonAnswer(
  status: number,
  body: object,
  warnings: readonly string[] = [],
): ApiAnswer {
  return {
    status,
    headers: {
      "content-type": "application/json",
      ...(warnings.length === 0 ? {} : { warning: warnings.map(warningHeader) }),
    },
    body: `${JSON.stringify(body)}\n`,
  };
}

function warningHeader(text: string): string {
  return `299 - "${text.replace(/[\\"]/g, "\\$&").replace(/[\r\n]+/g, " ")}"`;
}
