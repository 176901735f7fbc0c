import { applyPatch } from "../patch/patch.ts";
import { trackUpdate } from "../patch/track.ts";
import { type Admitted, admit } from "../schema/admit.ts";
import { apiVersionOf, type CompiledKind } from "../schema/kinds.ts";
import type { JsonObject } from "../schema/schema.ts";
import type { ApiStatus } from "./api-status.ts";
import type { BuiltinRules } from "./builtin-rules.ts";
import type { Core, WriteOptions } from "./core.ts";
import {
  alreadyExists,
  badRequest,
  conflict,
  forbidden,
  invalid,
  modified,
  notFound,
} from "./failures.ts";
import {
  checkNoNewFinalizers,
  checkUid,
  countsGenerations,
  newMetadata,
  specChanged,
  updatedMetadata,
} from "./metadata-rules.ts";
import {
  type ApiObject,
  type Dictionary,
  isDictionary,
  type Meta,
  sameJson,
  withMeta,
  without,
} from "./objects.ts";
import { strictPatchFailure } from "./patch-failures.ts";
import { type Endpoint, present } from "./registry.ts";

/** An object of one resource. */
export interface Target extends Endpoint {
  readonly namespace: string;
  readonly name: string;
}

export interface Written {
  readonly object: ApiObject;
  readonly warnings: readonly string[];
  /** The write made the object. */
  readonly created: boolean;
}

export interface PatchCall {
  readonly patch: unknown;
  readonly contentType: string;
  readonly force: boolean;
}

type Subresource = "status" | "scale" | undefined;

/** Resources whose PUT must name the version that it replaces, custom ones besides. */
const VERSION_NEEDED = new Set(["leases.coordination.k8s.io"]);
/** Resources that a PUT creates where they are missing. */
const PUT_CREATES = new Set(["leases.coordination.k8s.io", "services", "events"]);

/** Creates, replaces and patches objects: the way of every write into the store. */
export class Writer {
  readonly #core: Core;
  readonly #rules: BuiltinRules;

  constructor(core: Core, rules: BuiltinRules) {
    this.#core = core;
    this.#rules = rules;
  }

  create(endpoint: Endpoint, namespace: string, body: Dictionary, options: WriteOptions): Written {
    const { kind, resource } = endpoint;
    this.#checkType(kind, body);
    const asked = isDictionary(body["metadata"]) ? body["metadata"] : {};
    this.#checkNamespace(kind, namespace, asked);
    const now = this.#core.now();
    const uid = this.#core.newUid();
    const metadata = newMetadata(kind, asked, { namespace, uid, now });
    if (resource.namespaced) this.#namespaceMustTake(endpoint, namespace, String(metadata["name"]));
    const draft = { ...body, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata };
    const { object, warnings } = this.#admit(kind, {
      object: this.#rules.beforeCreate(kind, draft as unknown as ApiObject),
      operation: "create",
      fieldValidation: options.fieldValidation,
    });
    const { name } = object.metadata;
    const existing = this.#core.store.get(resource.key, namespace, name);
    if (existing !== undefined) {
      throw alreadyExists(resource, name, existing.metadata.deletionTimestamp !== undefined);
    }
    const tracked = this.#track(kind, { after: object, fieldManager: options.fieldManager });
    const created = this.#rules.afterCreate(kind, tracked);
    return { object: this.#store(endpoint, created, options), warnings, created: true };
  }

  update(
    target: Target,
    body: Dictionary,
    options: WriteOptions,
    subresource?: Subresource,
  ): Written {
    const { kind, resource, namespace, name } = target;
    this.#checkType(kind, body);
    const asked = isDictionary(body["metadata"]) ? body["metadata"] : {};
    if (asked["name"] !== name) {
      throw wrongName(String(asked["name"] ?? ""), name);
    }
    this.#checkNamespace(kind, namespace, asked);
    const old = this.#core.store.get(resource.key, namespace, name);
    if (old === undefined) {
      if (subresource === undefined && PUT_CREATES.has(resource.key)) {
        return this.create(target, namespace, body, options);
      }
      throw notFound(resource, name);
    }
    const version = asked["resourceVersion"];
    if ((version === undefined || version === "") && this.#needsVersion(target)) {
      throw invalid({ group: "", kind: resource.key }, name, [
        {
          reason: "FieldValueInvalid",
          message: "Invalid value: 0: must be specified for an update",
          field: "metadata.resourceVersion",
        },
      ]);
    }
    return this.#replace(target, present(old, kind), body, { ...options, subresource });
  }

  patch(
    target: Target,
    call: PatchCall,
    options: WriteOptions,
    subresource?: Subresource,
  ): Written {
    const { kind, resource, namespace, name } = target;
    const old = this.#core.store.get(resource.key, namespace, name);
    const applies = call.contentType === "application/apply-patch+yaml";
    if (old === undefined && (!applies || subresource !== undefined))
      throw notFound(resource, name);
    const live = old === undefined ? undefined : present(old, kind);
    const patched = applyPatch(kind, {
      ...(live === undefined ? {} : { live: live as unknown as JsonObject }),
      patch: call.patch,
      contentType: call.contentType,
      fieldManager: options.fieldManager,
      force: call.force,
      ...(subresource === undefined ? {} : { subresource }),
      now: this.#core.now(),
    }) as unknown as Dictionary;
    if (live === undefined) return this.#createApplied(target, patched, options);
    this.#checkPatched(target, patched);
    try {
      const how = { patched: true, subresource, applied: applies };
      return this.#replace(target, live, patched, { ...options, ...how });
    } catch (error) {
      throw strictPatchFailure(error, call, patched);
    }
  }

  #createApplied(target: Target, patched: Dictionary, options: WriteOptions): Written {
    const meta = isDictionary(patched["metadata"]) ? patched["metadata"] : {};
    const managedFields = meta["managedFields"];
    const made = this.create(target, target.namespace, patched, { ...options, dryRun: true });
    const object = withMeta(made.object, { managedFields });
    return { ...made, object: this.#store(target, object, options) };
  }

  #checkPatched({ kind, name, namespace }: Target, patched: Dictionary): void {
    const meta = isDictionary(patched["metadata"]) ? patched["metadata"] : {};
    if (meta["name"] !== name) {
      throw wrongName(String(meta["name"] ?? ""), name);
    }
    this.#checkNamespace(kind, namespace, meta);
  }

  #replace(
    target: Target,
    old: ApiObject,
    body: Dictionary,
    options: WriteOptions & { subresource: Subresource; patched?: boolean; applied?: boolean },
  ): Written {
    const { kind, resource, name } = target;
    const asked = isDictionary(body["metadata"]) ? body["metadata"] : {};
    if (options.patched === true) checkUid(kind, asked, old.metadata);
    this.#checkPreconditions(target, asked, old);
    const metadata = updatedMetadata(asked, old.metadata);
    const whole = { ...body, apiVersion: old.apiVersion, kind: kind.kind, metadata };
    const draft =
      options.subresource === "status"
        ? this.#onlyStatus(kind, whole, old)
        : this.#withoutStatus(kind, whole, old);
    checkNoNewFinalizers(kind, draft, old);
    const { object, warnings } = this.#admit(kind, {
      object: this.#rules.beforeUpdate(kind, draft, old),
      old: old as unknown as JsonObject,
      operation: "update",
      fieldValidation: options.fieldValidation,
      ...(options.subresource === undefined ? {} : { subresource: options.subresource }),
    });
    const grown =
      options.subresource !== "status" && countsGenerations(kind) && specChanged(kind, object, old)
        ? withMeta(object, { generation: (old.metadata.generation ?? 0) + 1 })
        : object;
    const tracked =
      options.applied === true
        ? withMeta(grown, { managedFields: asked["managedFields"] })
        : this.#track(kind, {
            before: old,
            after: withMeta(grown, { managedFields: asked["managedFields"] }),
            fieldManager: options.fieldManager,
            subresource: options.subresource,
          });
    if (sameButTimes(tracked, old)) return { object: old, warnings, created: false };
    const stored = this.#core.store.get(resource.key, target.namespace, name);
    if (stored === undefined) throw notFound(resource, name);
    return { object: this.#store(target, tracked, options), warnings, created: false };
  }

  #store({ kind, resource }: Endpoint, object: ApiObject, options: WriteOptions): ApiObject {
    if (options.dryRun) return object;
    const inStorage = present(object, resource.storage);
    const { metadata } = inStorage;
    const finished =
      metadata.deletionTimestamp !== undefined &&
      (metadata.finalizers ?? []).length === 0 &&
      (metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
      !this.#rules.holdsDeletion(kind, inStorage);
    if (finished && this.#core.store.get(resource.key, metadata.namespace ?? "", metadata.name)) {
      const gone = this.#core.store.remove(resource.key, metadata.namespace ?? "", metadata.name);
      return present(gone ?? inStorage, kind);
    }
    return present(this.#core.store.put(resource.key, inStorage), kind);
  }

  #admit(
    kind: CompiledKind,
    request: Omit<Parameters<typeof admit>[1], "object"> & { object: ApiObject },
  ): { object: ApiObject; warnings: readonly string[] } {
    const object = request.object as unknown as JsonObject;
    const admitted: Admitted = admit(kind, { ...request, object });
    return { object: admitted.object as unknown as ApiObject, warnings: admitted.warnings };
  }

  #track(
    kind: CompiledKind,
    write: {
      before?: ApiObject;
      after: ApiObject;
      fieldManager: string;
      subresource?: Subresource;
    },
  ): ApiObject {
    const { before, after, fieldManager, subresource } = write;
    return trackUpdate(kind, {
      ...(before === undefined ? {} : { before: before as unknown as JsonObject }),
      after: after as unknown as JsonObject,
      fieldManager,
      ...(subresource === undefined ? {} : { subresource }),
      now: this.#core.now(),
    }) as unknown as ApiObject;
  }

  #checkType(kind: CompiledKind, body: Dictionary): void {
    const apiVersion = body["apiVersion"];
    const given = body["kind"];
    const fits =
      (apiVersion === undefined || apiVersion === "" || apiVersion === apiVersionOf(kind)) &&
      (given === undefined || given === "" || given === kind.kind);
    if (fits) return;
    const what = String(given ?? kind.kind);
    const why =
      what === kind.kind
        ? `no kind "${what}" is registered for version "${String(apiVersion)}" in scheme` +
          ' "pkg/runtime/scheme.go:110"'
        : `converting (${kind.version}.${what}) to (core.${kind.kind}): unknown conversion`;
    const version = String(apiVersion ?? kind.version).replace(/^.*\//, "");
    throw badRequest(`${what} in version "${version}" cannot be handled as a ${kind.kind}: ${why}`);
  }

  #checkNamespace(kind: CompiledKind, namespace: string, asked: Dictionary): void {
    const given = asked["namespace"];
    if (!kind.namespaced || given === undefined || given === "" || given === namespace) return;
    throw badRequest(
      "the namespace of the provided object does not match the namespace sent on the request",
    );
  }

  #namespaceMustTake({ resource }: Endpoint, namespace: string, name: string): void {
    const found = this.#core.store.get("namespaces", "", namespace);
    if (found === undefined) throw notFound({ group: "", plural: "namespaces" }, namespace);
    if (found.metadata.deletionTimestamp === undefined) return;
    const why = `unable to create new content in namespace ${namespace} because it is being`;
    throw forbidden(resource, name, `${why} terminated`, [
      {
        reason: "NamespaceTerminating",
        message: `namespace ${namespace} is being terminated`,
        field: "metadata.namespace",
      },
    ]);
  }

  #needsVersion({ resource, kind }: Target): boolean {
    return !kind.builtin || VERSION_NEEDED.has(resource.key);
  }

  #checkPreconditions(
    { resource, namespace, name }: Target,
    asked: Dictionary,
    old: ApiObject,
  ): void {
    const uid = asked["uid"];
    if (typeof uid === "string" && uid !== "" && uid !== old.metadata.uid) {
      const key = `/registry/${resource.plural}/${namespace === "" ? "" : `${namespace}/`}${name}`;
      throw conflict(
        resource,
        name,
        `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0,` +
          ` AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid},` +
          ` UID in object meta: ${old.metadata.uid ?? ""}`,
      );
    }
    const version = asked["resourceVersion"];
    if (typeof version !== "string" || version === "") return;
    if (version !== old.metadata.resourceVersion) throw modified(resource, name);
  }

  /** The main endpoint leaves status as it is, where it is a subresource. */
  #withoutStatus(kind: CompiledKind, draft: Dictionary, old: ApiObject): ApiObject {
    if (!kind.subresources.status) return draft as unknown as ApiObject;
    const rest = without(draft, "status");
    const status = old["status"];
    return { ...rest, ...(status === undefined ? {} : { status }) } as unknown as ApiObject;
  }

  /** `/status` changes status alone; of built-in kinds also labels and annotations, as upstream. */
  #onlyStatus(kind: CompiledKind, draft: Dictionary, old: ApiObject): ApiObject {
    const status = draft["status"];
    const asked = draft["metadata"] as Meta;
    const changed = kind.builtin ? { labels: asked.labels, annotations: asked.annotations } : {};
    const kept = withMeta(old, { ...changed, managedFields: asked.managedFields });
    const rest = without(kept, "status");
    return { ...rest, ...(status === undefined ? {} : { status }) } as unknown as ApiObject;
  }
}

function wrongName(given: string, wanted: string): ApiStatus {
  return badRequest(
    given === ""
      ? `the name of the object (${wanted} based on URL) was undeterminable: name must be provided`
      : `the name of the object (${given}) does not match the name on the URL (${wanted})`,
  );
}

/** A write that changes nothing but the times of managedFields is none. */
function sameButTimes(object: ApiObject, old: ApiObject): boolean {
  const bare = (one: ApiObject): object => {
    const fields = (one.metadata.managedFields ?? []).map((entry) =>
      isDictionary(entry) ? without(entry, "time") : entry,
    );
    return { ...one, metadata: { ...one.metadata, managedFields: fields } };
  };
  return sameJson(bare(object), bare(old));
}
