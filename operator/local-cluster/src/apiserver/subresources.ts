import { mergePatch } from "../patch/merge-patch.ts";
import { trackUpdate } from "../patch/track.ts";
import type { Json } from "../schema/schema.ts";
import { ApiStatus } from "./api-status.ts";
import type { Core } from "./core.ts";
import { type Deleter, parseDeleteOptions } from "./deleter.ts";
import { boundPod, checkEviction } from "./eviction.ts";
import { badRequest, methodNotAllowed, noSuchResource } from "./failures.ts";
import type { Lister } from "./lister.ts";
import { type ApiObject, at, type Dictionary, listAt, textAt } from "./objects.ts";
import type { Endpoint } from "./registry.ts";
import type { Representation } from "./representation.ts";
import { type ApiAnswer, decodeObject, jsonAnswer, type Query } from "./request.ts";
import { patchOf, type Request, writeOptions } from "./request-options.ts";
import { scaleOf, withScale } from "./scale.ts";
import type { LogProvider, LogRequest } from "./store-client.ts";
import type { Target, Writer } from "./writer.ts";

interface Parts {
  readonly core: Core;
  readonly writer: Writer;
  readonly deleter: Deleter;
  readonly lister: Lister;
}

/** What stands behind an object's name in a URL: status, scale, log, eviction, binding. */
export class Subresources {
  readonly #parts: Parts;
  readonly #representation: Representation;
  #logs: LogProvider | undefined;

  constructor(parts: Parts, representation: Representation) {
    this.#parts = parts;
    this.#representation = representation;
  }

  setLogProvider(provider: LogProvider): void {
    this.#logs = provider;
  }

  handle(request: Request, endpoint: Endpoint): ApiAnswer {
    const { path } = request;
    const target: Target = { ...endpoint, namespace: path.namespace, name: path.name };
    const { key } = endpoint.resource;
    const { status, scale } = endpoint.kind.subresources;
    switch (path.subresource) {
      case "status":
        if (status) return this.#status(request, target);
        break;
      case "scale":
        if (scale !== undefined) return this.#scale(request, target);
        break;
      case "log":
        if (key === "pods") return this.#log(request, target);
        break;
      case "eviction":
        if (key === "pods") return this.#evict(request, target);
        break;
      case "binding":
        if (key === "pods") return this.#bind(request, target);
        break;
      case "finalize":
        if (key === "namespaces") return this.#finalize(request, target);
        break;
      default:
        break;
    }
    throw noSuchResource();
  }

  #status(request: Request, target: Target): ApiAnswer {
    const { call, query } = request;
    const { writer, lister } = this.#parts;
    const options = writeOptions(request);
    switch (call.method) {
      case "GET": {
        const object = lister.get(target, target.namespace, target.name);
        return this.#representation.one(call, query, target, object);
      }
      case "PUT": {
        const { object } = writer.update(target, decodeObject(call), options, "status");
        return this.#representation.one(call, query, target, object);
      }
      case "PATCH": {
        const { object } = writer.patch(target, patchOf(request), options, "status");
        return this.#representation.one(call, query, target, object);
      }
      default:
        throw methodNotAllowed();
    }
  }

  #scale(request: Request, target: Target): ApiAnswer {
    const { call } = request;
    const { writer, lister } = this.#parts;
    const current = lister.get(target, target.namespace, target.name);
    if (call.method === "GET") return jsonAnswer(200, scaleOf(target.kind, current));
    let asked: Dictionary;
    if (call.method === "PUT") asked = decodeObject(call);
    else if (call.method === "PATCH") {
      const scale = scaleOf(target.kind, current) as unknown as Json;
      asked = mergePatch(scale, patchOf(request).patch as Json) as Dictionary;
    } else throw methodNotAllowed();
    const scaled = withScale(target.kind, current, asked);
    const version = scaled.metadata.resourceVersion ?? current.metadata.resourceVersion;
    const body = { ...scaled, metadata: { ...scaled.metadata, resourceVersion: version } };
    const { object } = writer.update(target, body, writeOptions(request), "scale");
    return jsonAnswer(200, scaleOf(target.kind, object));
  }

  #evict(request: Request, target: Target): ApiAnswer {
    const { call, query } = request;
    if (call.method !== "POST") throw methodNotAllowed();
    const eviction = decodeObject(call);
    checkEviction(this.#parts.core, eviction, target);
    const options = parseDeleteOptions(at(eviction, "deleteOptions"), {
      propagation: undefined,
      grace: undefined,
      dryRun: query.dryRun("CreateOptions"),
    });
    this.#parts.deleter.delete(target, options);
    return jsonAnswer(201, {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Success",
      code: 201,
    });
  }

  #bind(request: Request, target: Target): ApiAnswer {
    const { call } = request;
    if (call.method !== "POST") throw methodNotAllowed();
    const { core, lister } = this.#parts;
    const pod = lister.get(target, target.namespace, target.name);
    const bound = boundPod(pod, decodeObject(call), core.now());
    core.store.put(
      target.resource.key,
      trackUpdate(target.kind, {
        before: pod as never,
        after: bound as never,
        fieldManager: writeOptions(request).fieldManager,
        subresource: "status",
        now: core.now(),
      }) as unknown as ApiObject,
    );
    return jsonAnswer(201, {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Success",
      code: 201,
    });
  }

  /** PUT of a namespace's own finalizers, by whoever emptied it. */
  #finalize(request: Request, target: Target): ApiAnswer {
    const { call, query } = request;
    if (call.method !== "PUT") throw methodNotAllowed();
    const { core, lister } = this.#parts;
    const namespace = lister.get(target, "", target.name);
    const finalizers = listAt(decodeObject(call), "spec", "finalizers");
    const spec = finalizers.length === 0 ? {} : { finalizers };
    const stored = core.store.put("namespaces", { ...namespace, spec });
    return this.#representation.one(call, query, target, stored);
  }

  #log({ call, query }: Request, target: Target): ApiAnswer {
    if (call.method !== "GET") throw methodNotAllowed();
    const pod = this.#parts.lister.get(target, target.namespace, target.name);
    const container = containerOf(pod, query.text("container"));
    if (this.#logs === undefined) throw badRequest("this server has no kubelet to read logs from");
    if (textAt(pod, "spec", "nodeName") === "") {
      // A pod without a node has written nothing.
      return { status: 200, headers: { "content-type": "text/plain" }, body: "" };
    }
    const request: LogRequest = {
      namespace: target.namespace,
      pod: target.name,
      container,
      follow: query.flag("follow"),
      previous: query.flag("previous"),
      timestamps: query.flag("timestamps"),
      signal: call.signal,
      ...logLimits(query, this.#parts.core.clock.now()),
    };
    const body = this.#logs(request);
    return { status: 200, headers: { "content-type": "text/plain" }, body };
  }
}

function logLimits(
  query: Query,
  nowMs: number,
): Pick<LogRequest, "tailLines" | "limitBytes" | "sinceMs"> {
  const tailLines = query.number("tailLines");
  const limitBytes = query.number("limitBytes");
  const seconds = query.number("sinceSeconds");
  const time = query.text("sinceTime");
  const sinceMs =
    time !== undefined
      ? Date.parse(time)
      : seconds === undefined
        ? undefined
        : nowMs - seconds * 1000;
  return {
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(sinceMs === undefined || Number.isNaN(sinceMs) ? {} : { sinceMs }),
  };
}

function containerOf(pod: ApiObject, asked: string | undefined): string {
  const { name } = pod.metadata;
  const names = (field: string): string[] =>
    listAt(pod, "spec", field).map((container) => textAt(container, "name"));
  const [containers, init] = [names("containers"), names("initContainers")];
  if (asked !== undefined && asked !== "") {
    if ([...containers, ...init].includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  const [only] = containers;
  if (only !== undefined && containers.length === 1) return only;
  const also = init.length === 0 ? "" : ` or one of the init containers: [${init.join(" ")}]`;
  throw new ApiStatus({
    code: 400,
    reason: "BadRequest",
    message:
      `a container name must be specified for pod ${name}, choose one of:` +
      ` [${containers.join(" ")}]${also}`,
  });
}
