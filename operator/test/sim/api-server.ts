import type { ApiRequest, ApiResponse } from "@quorate/runtime/transport";
import { validatorRotationStatus } from "../../src/api/v1alpha1/validator-rotation.ts";
import { validatorSetStatus } from "../../src/api/v1alpha1/validator-set-status.ts";
import { isGuarded } from "../disruption.ts";
import type { ApiStore, Draft, Stored } from "./api-store.ts";
import { FieldOwners } from "./field-owners.ts";

const PATH = new RegExp(
  "^/(?:api/v1|apis/[^/]+/[^/]+)(?:/namespaces/([^/]+))?" + "/([a-z]+)(?:/([^/]+)(?:/([a-z]+))?)?$",
);
/** Written by nobody but through `/status`. */
const WITH_STATUS = new Set(["validatorsets", "validatorrotations", "pods", "services", "nodes"]);

export interface Target {
  readonly namespace: string | undefined;
  readonly plural: string;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  readonly query: URLSearchParams;
}

export function targetOf(path: string): Target {
  const url = new URL(path, "http://server");
  const match = PATH.exec(url.pathname);
  if (match === null) throw new Error(`the fake API server knows no path ${path}`);
  const [, namespace, plural = "", name, subresource] = match;
  return { namespace, plural, name, subresource, query: url.searchParams };
}

export function refusal(
  code: number,
  reason: string,
  more: { readonly message?: string; readonly retryAfterSeconds?: number } = {},
): ApiResponse {
  const { message = `${reason}: refused`, retryAfterSeconds } = more;
  const body = { kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message };
  return { status: code, body, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
}

export function selects(selector: string | null, { metadata }: Stored): boolean {
  if (selector === null || selector === "") return true;
  const [label = "", value] = selector.split("=");
  const has = metadata.labels?.[label];
  return value === undefined ? has !== undefined : has === value;
}

type Fields = Record<string, unknown>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** RFC 7386. */
function merged(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const result: Fields = isFields(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = merged(result[name], value);
  }
  return result;
}

interface Snapshot {
  readonly items: readonly Stored[];
  readonly version: number;
}

/** An API server in memory, without faults: those are the connection's (api-connection.ts). */
export class ApiServer {
  readonly #store: ApiStore;
  readonly #now: () => number;
  readonly #owners = new FieldOwners();
  readonly #pages = new Map<string, Snapshot>();
  #addresses = 0;
  #tokens = 0;

  constructor(store: ApiStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  handle(request: ApiRequest): ApiResponse {
    const target = targetOf(request.path);
    if (target.name === undefined) {
      if (request.method === "GET") return this.#list(target);
      if (request.method === "POST") return this.#create(target, request.body as Draft);
    } else if (request.method === "GET") {
      const object = this.#live(target);
      return object === undefined ? refusal(404, "NotFound") : { status: 200, body: object };
    } else if (request.method === "POST" && target.subresource === "eviction") {
      const { deleteOptions } = request.body as { deleteOptions: unknown };
      const pod = this.#live(target);
      const others = (plural: string) => this.#store.list(plural, target.namespace);
      const budgets = others("poddisruptionbudgets");
      if (pod !== undefined && isGuarded(pod, others("pods"), budgets)) {
        const message = "Cannot evict pod as it would violate the pod's disruption budget.";
        return refusal(429, "TooManyRequests", { message });
      }
      return this.#delete(target, deleteOptions);
    } else if (request.method === "DELETE") return this.#delete(target, request.body);
    else if (request.method === "PUT") return this.#replace(target, request.body as Draft);
    else if (request.method === "PATCH") return this.#patch(target, request);
    throw new Error(`the fake API server knows no ${request.method} ${request.path}`);
  }

  /** Pages that were begun are no longer kept. */
  expirePages(): void {
    this.#pages.clear();
  }

  #live({ plural, namespace, name = "" }: Target): Stored | undefined {
    return this.#store.get(plural, namespace, name);
  }

  #list({ plural, namespace, query }: Target): ApiResponse {
    const token = query.get("continue");
    const snapshot =
      token === null
        ? {
            items: this.#store
              .list(plural, namespace)
              .filter((object) => selects(query.get("labelSelector"), object)),
            version: this.#store.version,
          }
        : this.#pages.get(token);
    if (snapshot === undefined) return refusal(410, "Expired");
    const { items, version } = snapshot;
    // Smaller pages than asked for, so that paging happens at all.
    const limit = query.get("limit") === null ? items.length : 4;
    const rest = items.slice(limit);
    const metadata: Fields = { resourceVersion: String(version) };
    if (rest.length > 0) {
      this.#tokens += 1;
      metadata["continue"] = `page-${this.#tokens}`;
      this.#pages.set(`page-${this.#tokens}`, { items: rest, version });
    }
    return { status: 200, body: { kind: "List", metadata, items: items.slice(0, limit) } };
  }

  #create({ plural, namespace, query }: Target, body: Draft): ApiResponse {
    const draft = structuredClone(body);
    if (namespace !== undefined) draft.metadata.namespace = namespace;
    const { name } = draft.metadata;
    if (this.#store.get(plural, namespace, name) !== undefined) {
      return refusal(409, "AlreadyExists", { message: `${plural} "${name}" already exists` });
    }
    if (WITH_STATUS.has(plural)) delete draft["status"];
    if (plural === "services") {
      this.#addresses += 1;
      const clusterIP = `10.96.0.${this.#addresses}`;
      draft["spec"] = { ...draft["spec"], clusterIP, clusterIPs: [clusterIP] };
    }
    if (plural === "pods") draft["status"] = { phase: "Pending" };
    const object = this.#store.create(plural, draft);
    const manager = query.get("fieldManager") ?? "unknown";
    this.#owners.noteUpdate(object.metadata.uid, manager, undefined, object);
    return { status: 201, body: object };
  }

  #replace(target: Target, body: Draft): ApiResponse {
    const live = this.#live(target);
    if (live === undefined) return refusal(404, "NotFound");
    const { resourceVersion, uid } = body.metadata;
    if (resourceVersion !== undefined && resourceVersion !== live.metadata.resourceVersion) {
      return refusal(409, "Conflict", { message: "the object has been modified" });
    }
    if (uid !== undefined && uid !== live.metadata.uid) return refusal(409, "Conflict");
    const draft = structuredClone(body);
    draft.metadata = { ...live.metadata, ...draft.metadata };
    return this.#written(target, live, draft);
  }

  #patch(target: Target, { contentType, body }: ApiRequest): ApiResponse {
    const live = this.#live(target);
    if (contentType === "application/merge-patch+json") {
      if (live === undefined) return refusal(404, "NotFound");
      const version = (body as Partial<Draft>).metadata?.resourceVersion;
      if (version !== undefined && version !== live.metadata.resourceVersion) {
        return refusal(409, "Conflict", { message: "the object has been modified" });
      }
      return this.#written(target, live, merged(structuredClone(live), body) as Draft);
    }
    if (contentType !== "application/apply-patch+yaml") throw new Error(`patch ${contentType}`);
    return live === undefined ? refusal(404, "NotFound") : this.#apply(target, live, body);
  }

  #apply(target: Target, live: Stored, body: unknown): ApiResponse {
    const draft = this.#store.draftOf(live);
    const status = target.subresource === "status";
    const wrong = status ? statusProblem(target.plural, body) : undefined;
    if (wrong !== undefined) return refusal(422, "Invalid", { message: wrong });
    const manager = target.query.get("fieldManager") ?? "unknown";
    const force = target.query.get("force") === "true";
    const applied = { ...(body as Fields) };
    const { resourceVersion } = (applied["metadata"] ?? {}) as { resourceVersion?: string };
    if (resourceVersion !== undefined && resourceVersion !== live.metadata.resourceVersion) {
      return refusal(409, "Conflict", { message: "the object has been modified" });
    }
    if (status) delete applied["metadata"];
    const conflicts = this.#owners.apply(draft, applied, { manager, force, status });
    if (conflicts.length > 0) {
      return refusal(409, "Conflict", { message: `Apply failed: ${conflicts.join(", ")}` });
    }
    if (isFrozenData(live, draft)) return refusal(422, "Invalid", { message: "immutable" });
    return { status: 200, body: this.#store.replace(target.plural, live, draft) };
  }

  #written(target: Target, live: Stored, draft: Draft): ApiResponse {
    if (isFrozenData(live, draft)) return refusal(422, "Invalid", { message: "immutable" });
    if (WITH_STATUS.has(target.plural)) draft["status"] = live["status"];
    if (draft["status"] === undefined) delete draft["status"];
    const manager = target.query.get("fieldManager") ?? "unknown";
    this.#owners.noteUpdate(live.metadata.uid, manager, live, draft as unknown as Fields);
    return { status: 200, body: this.#store.replace(target.plural, live, draft) };
  }

  #delete(target: Target, options: unknown): ApiResponse {
    const live = this.#live(target);
    if (live === undefined) return refusal(404, "NotFound");
    const wanted = (options as { preconditions?: { uid?: string } } | undefined)?.preconditions;
    if (wanted?.uid !== undefined && wanted.uid !== live.metadata.uid) {
      return refusal(409, "Conflict", { message: "the UID in the precondition differs" });
    }
    const { finalizers = [], deletionTimestamp } = live.metadata;
    if (deletionTimestamp !== undefined) return { status: 200, body: live };
    const spec = live["spec"] as { nodeName?: string } | undefined;
    const waits = finalizers.length > 0 || (target.plural === "pods" && spec?.nodeName);
    if (!waits) {
      this.#store.remove(target.plural, live);
      return { status: 200, body: { kind: "Status", status: "Success" } };
    }
    const draft = this.#store.draftOf(live);
    draft.metadata.deletionTimestamp = new Date(this.#now()).toISOString();
    return { status: 200, body: this.#store.replace(target.plural, live, draft) };
  }
}

function isFrozenData(live: Stored, draft: Draft): boolean {
  return (
    live["immutable"] === true && JSON.stringify(live["data"]) !== JSON.stringify(draft["data"])
  );
}

/** The status as the CRD's schema wants it. */
function statusProblem(plural: string, body: unknown): string | undefined {
  const schema = plural === "validatorsets" ? validatorSetStatus : validatorRotationStatus;
  const judged = schema.safeParse((body as Fields)["status"]);
  return judged.success ? undefined : JSON.stringify(judged.error.issues);
}
