import type { Core } from "./core.ts";
import { type DeleteOptions, type Deleter, parseDeleteOptions } from "./deleter.ts";
import { AGGREGATED, aggregated, groupList, oneGroup, resourceList } from "./discovery.ts";
import { methodNotAllowed, noSuchResource, toApiStatus } from "./failures.ts";
import type { Lister } from "./lister.ts";
import { type ApiObject, isDictionary } from "./objects.ts";
import { OpenapiDocuments } from "./openapi-documents.ts";
import type { Endpoint } from "./registry.ts";
import { Representation, refusalAnswer } from "./representation.ts";
import {
  type ApiAnswer,
  type ApiCall,
  decodeBody,
  decodeObject,
  jsonAnswer,
  parseResourcePath,
  Query,
} from "./request.ts";
import { patchOf, type Request, writeOptions } from "./request-options.ts";
import { reviewAccess, VERSION } from "./self-description.ts";
import type { LogProvider } from "./store-client.ts";
import { Subresources } from "./subresources.ts";
import type { Watcher } from "./watcher.ts";
import type { Target, Writer, Written } from "./writer.ts";

export interface RouterParts {
  readonly core: Core;
  readonly writer: Writer;
  readonly deleter: Deleter;
  readonly lister: Lister;
  readonly watcher: Watcher;
}

const PLAIN = { "content-type": "text/plain; charset=utf-8" };

/** Leads each request to its verb and writes the answer. */
export class ApiRouter {
  readonly #parts: RouterParts;
  readonly #representation: Representation;
  readonly #openapi: OpenapiDocuments;
  readonly #subresources: Subresources;

  constructor(parts: RouterParts) {
    this.#parts = parts;
    this.#representation = new Representation(parts.core);
    this.#openapi = new OpenapiDocuments(parts.core.registry);
    this.#subresources = new Subresources(parts, this.#representation);
  }

  setLogProvider(provider: LogProvider): void {
    this.#subresources.setLogProvider(provider);
  }

  handle(call: ApiCall): ApiAnswer {
    try {
      return this.#parts.core.run(() => this.#route(call));
    } catch (error) {
      return refusalAnswer(toApiStatus(error));
    }
  }

  #route(call: ApiCall): ApiAnswer {
    const [path = "", query = ""] = call.path.split(/\?(.*)/s);
    const described = this.#describe(call, path);
    if (described !== undefined) return described;
    const target = parseResourcePath(path);
    if (target === undefined) return notFoundPage();
    const request: Request = { call, query: new Query(query), path: target };
    const review = reviewAccess(request);
    if (review !== undefined) return review;
    const { registry } = this.#parts.core;
    const endpoint = registry.find(target.group, target.version, target.plural);
    if (endpoint === undefined) {
      if (registry.serves(target.group, target.version) && target.group === "") {
        throw noSuchResource();
      }
      return notFoundPage();
    }
    if (target.subresource !== "") return this.#subresources.handle(request, endpoint);
    return target.name === ""
      ? this.#collection(request, endpoint)
      : this.#object(request, endpoint);
  }

  /** What the server says about itself; undefined for a path of a resource. */
  #describe(call: ApiCall, path: string): ApiAnswer | undefined {
    const trimmed = path.replace(/\/+$/, "");
    if (["/healthz", "/readyz", "/livez"].includes(trimmed)) {
      return { status: 200, headers: PLAIN, body: "ok" };
    }
    if (trimmed === "/version") return jsonAnswer(200, VERSION);
    if (trimmed === "/openapi/v3") return jsonAnswer(200, this.#openapi.index());
    if (trimmed.startsWith("/openapi/")) return this.#openapiDocument(trimmed);
    return this.#discovery(call, trimmed);
  }

  #discovery(call: ApiCall, path: string): ApiAnswer | undefined {
    const { registry } = this.#parts.core;
    const [root, group = "", version = "", ...rest] = path.split("/").slice(1);
    if (rest.length > 0 || (root !== "api" && root !== "apis")) return undefined;
    if (group === "") {
      if ((call.headers["accept"] ?? "").includes("as=APIGroupDiscoveryList")) {
        const body = JSON.stringify(aggregated(registry, root === "api"));
        return { status: 200, headers: { "content-type": AGGREGATED }, body };
      }
      return jsonAnswer(200, root === "api" ? CORE_VERSIONS : groupList(registry));
    }
    if (root === "api") {
      return version === "" ? found(resourceList(registry, "", group)) : undefined;
    }
    return found(
      version === "" ? oneGroup(registry, group) : resourceList(registry, group, version),
    );
  }

  #openapiDocument(path: string): ApiAnswer {
    const text = this.#openapi.document(path.slice("/openapi/v3/".length));
    if (!path.startsWith("/openapi/v3/") || text === undefined) return notFoundPage();
    return { status: 200, headers: { "content-type": "application/json" }, body: text };
  }

  #collection(request: Request, endpoint: Endpoint): ApiAnswer {
    const { call, query, path } = request;
    switch (call.method) {
      case "GET":
        return query.flag("watch") ? this.#watch(request, endpoint) : this.#list(request, endpoint);
      case "POST": {
        if (endpoint.resource.namespaced && path.namespace === "") throw methodNotAllowed();
        const { writer } = this.#parts;
        const written = writer.create(
          endpoint,
          path.namespace,
          decodeObject(call),
          writeOptions(request),
        );
        return this.#written(request, endpoint, written);
      }
      case "DELETE":
        return this.#deleteCollection(request, endpoint);
      default:
        throw methodNotAllowed();
    }
  }

  #object(request: Request, endpoint: Endpoint): ApiAnswer {
    const { call, query, path } = request;
    const { writer, lister } = this.#parts;
    const target: Target = { ...endpoint, namespace: path.namespace, name: path.name };
    switch (call.method) {
      case "GET": {
        if (query.flag("watch")) return this.#watch(request, endpoint);
        const object = lister.get(endpoint, path.namespace, path.name);
        return this.#representation.one(call, query, endpoint, object);
      }
      case "PUT":
        return this.#written(
          request,
          endpoint,
          writer.update(target, decodeObject(call), writeOptions(request)),
        );
      case "PATCH": {
        const patch = patchOf(request);
        return this.#written(request, endpoint, writer.patch(target, patch, writeOptions(request)));
      }
      case "DELETE":
        return this.#delete(request, target);
      default:
        throw methodNotAllowed();
    }
  }

  #written({ call, query }: Request, endpoint: Endpoint, written: Written): ApiAnswer {
    const answer = this.#representation.one(call, query, endpoint, written.object);
    const { warning } = jsonAnswer(200, {}, written.warnings).headers;
    return {
      ...answer,
      status: written.created ? 201 : 200,
      headers: { ...answer.headers, ...(warning === undefined ? {} : { warning }) },
    };
  }

  #list({ call, query, path }: Request, endpoint: Endpoint): ApiAnswer {
    const listed = this.#parts.lister.list(endpoint, {
      namespace: path.namespace === "" ? undefined : path.namespace,
      labelSelector: query.text("labelSelector"),
      fieldSelector: query.text("fieldSelector"),
      limit: query.number("limit"),
      continue: query.text("continue"),
      resourceVersion: query.text("resourceVersion"),
      resourceVersionMatch: query.text("resourceVersionMatch"),
    });
    return this.#representation.list(call, query, endpoint, listed);
  }

  #watch({ call, query, path }: Request, endpoint: Endpoint): ApiAnswer {
    const named = path.name === "" ? [] : [`metadata.name=${path.name}`];
    const fields = [...named, ...(query.text("fieldSelector") ?? "").split(",")];
    const initial = query.text("sendInitialEvents");
    const events = this.#parts.watcher.watch(endpoint, {
      namespace: path.namespace === "" ? undefined : path.namespace,
      labelSelector: query.text("labelSelector"),
      fieldSelector: fields.filter((field) => field !== "").join(","),
      resourceVersion: query.text("resourceVersion"),
      sendInitialEvents: initial === undefined ? undefined : query.flag("sendInitialEvents"),
      allowBookmarks: query.flag("allowWatchBookmarks"),
      timeoutSeconds: query.number("timeoutSeconds"),
      signal: call.signal,
    });
    return {
      status: 200,
      headers: { "content-type": "application/json" },
      body: this.#representation.watch(call, query, endpoint, events),
    };
  }

  #deleteCollection(request: Request, endpoint: Endpoint): ApiAnswer {
    const { query, path, call } = request;
    if (endpoint.resource.namespaced && path.namespace === "") throw methodNotAllowed();
    const options = deleteOptions(request);
    const listed = this.#parts.lister.list(endpoint, {
      namespace: path.namespace === "" ? undefined : path.namespace,
      labelSelector: query.text("labelSelector"),
      fieldSelector: query.text("fieldSelector"),
    });
    for (const { metadata } of listed.items) {
      const target = { ...endpoint, namespace: path.namespace, name: metadata.name };
      this.#parts.deleter.delete(target, options);
    }
    return this.#representation.list(call, query, endpoint, listed);
  }

  #delete(request: Request, target: Target): ApiAnswer {
    const { call, query } = request;
    const { object, gone } = this.#parts.deleter.delete(target, deleteOptions(request));
    if (!gone || RETURNS_OBJECT.has(target.resource.key)) {
      return this.#representation.one(call, query, target, object);
    }
    return jsonAnswer(200, deletedStatus(target, object));
  }
}

/** Resources whose DELETE answers with the object instead of a Status. */
const RETURNS_OBJECT = new Set([
  "pods",
  "services",
  "serviceaccounts",
  "persistentvolumes",
  "persistentvolumeclaims",
  "podtemplates",
  "resourcequotas",
]);

const CORE_VERSIONS = {
  kind: "APIVersions",
  versions: ["v1"],
  serverAddressByClientCIDRs: [],
};

function deletedStatus({ resource }: Target, { metadata }: ApiObject): object {
  const group = resource.group === "" ? {} : { group: resource.group };
  const details = { name: metadata.name, ...group, kind: resource.plural, uid: metadata.uid };
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details };
}

function notFoundPage(): ApiAnswer {
  return { status: 404, headers: PLAIN, body: "404 page not found\n" };
}

function found(body: object | undefined): ApiAnswer {
  return body === undefined ? notFoundPage() : jsonAnswer(200, body);
}

function deleteOptions({ call, query }: Request): DeleteOptions {
  const body = decodeBody(call);
  return parseDeleteOptions(isDictionary(body) ? body : undefined, {
    propagation: query.text("propagationPolicy"),
    grace: query.number("gracePeriodSeconds"),
    dryRun: query.dryRun("DeleteOptions"),
  });
}
