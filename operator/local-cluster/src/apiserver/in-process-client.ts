import type { KubeObject, ObjectKey, ResourceType } from "@quorate/runtime/objects";
import { trackUpdate } from "../patch/track.ts";
import type { Core, WriteOptions } from "./core.ts";
import type { Deleter } from "./deleter.ts";
import { boundPod } from "./eviction.ts";
import { noSuchResource, notFound } from "./failures.ts";
import type { ApiObject, Dictionary } from "./objects.ts";
import { type Endpoint, present } from "./registry.ts";
import { objectMatcher } from "./selectors.ts";
import type { StoreClient, StoreEvent } from "./store-client.ts";
import { viewed } from "./watcher.ts";
import type { Target, Writer } from "./writer.ts";

const PODS = { apiVersion: "v1", kind: "Pod", plural: "pods", namespaced: true } as const;

interface Parts {
  readonly core: Core;
  readonly writer: Writer;
  readonly deleter: Deleter;
}

function endpointOf(core: Core, type: ResourceType): Endpoint {
  const slash = type.apiVersion.indexOf("/");
  const group = slash < 0 ? "" : type.apiVersion.slice(0, slash);
  const endpoint = core.registry.find(group, type.apiVersion.slice(slash + 1), type.plural);
  if (endpoint === undefined) throw noSuchResource();
  return endpoint;
}

export function createStoreClient(parts: Parts, fieldManager: string): StoreClient {
  const { core, writer, deleter } = parts;
  const options: WriteOptions = { fieldManager, fieldValidation: "Strict", dryRun: false };
  const targetOf = (type: ResourceType, key: ObjectKey): Target => ({
    ...endpointOf(core, type),
    ...key,
  });
  const patch = <T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    merge: unknown,
    subresource?: "status",
  ): T => {
    const call = { patch: merge, contentType: "application/merge-patch+json", force: false };
    const target = targetOf(type, key);
    return core.run(() => writer.patch(target, call, options, subresource).object) as unknown as T;
  };
  return {
    get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): T | undefined {
      const { resource, kind } = endpointOf(core, type);
      const found = core.store.get(resource.key, key.namespace, key.name);
      return found === undefined ? undefined : (present(found, kind) as unknown as T);
    },
    list<T extends KubeObject>(type: ResourceType<T>, asked = {}): readonly T[] {
      const { resource, kind } = endpointOf(core, type);
      const { namespace, labelSelector, fieldSelector } = asked as Record<string, string>;
      const matches = objectMatcher(resource.key, { labels: labelSelector, fields: fieldSelector });
      const all = core.store.list(resource.key, namespace);
      const chosen = matches === undefined ? all : all.filter(matches);
      return chosen.map((object) => present(object, kind)) as unknown as T[];
    },
    watch: (type, asked, onEvent) => watchStore(core, endpointOf(core, type), asked, onEvent),
    create<T extends KubeObject>(type: ResourceType<T>, object: unknown): T {
      const body = object as Dictionary & { metadata?: { namespace?: string } };
      const namespace = type.namespaced ? (body.metadata?.namespace ?? "default") : "";
      const endpoint = endpointOf(core, type);
      return core.run(
        () => writer.create(endpoint, namespace, body, options).object,
      ) as unknown as T;
    },
    update<T extends KubeObject>(type: ResourceType<T>, object: T): T {
      const { namespace = "", name } = object.metadata;
      const target = targetOf(type, { namespace, name });
      const body = object as unknown as Dictionary;
      return core.run(() => writer.update(target, body, options).object) as unknown as T;
    },
    patch: (type, key, merge) => patch(type, key, merge),
    patchStatus: (type, key, merge) => patch(type, key, merge, "status"),
    bind(key, node): void {
      const { resource, kind } = endpointOf(core, { ...PODS });
      const pod = core.store.get(resource.key, key.namespace, key.name);
      if (pod === undefined) throw notFound(resource, key.name);
      const now = core.now();
      const after = boundPod(pod, { target: { name: node } }, now) as never;
      const tracked = { before: pod as never, after, fieldManager, subresource: "status", now };
      core.run(() => core.store.put(resource.key, trackUpdate(kind, tracked as never) as never));
    },
    delete(type, key, asked = {}): void {
      core.run(() =>
        deleter.delete(targetOf(type, key), {
          uid: asked.uid,
          gracePeriodSeconds: asked.gracePeriodSeconds,
          propagation: asked.propagationPolicy,
        }),
      );
    },
  };
}

function watchStore<T extends KubeObject>(
  core: Core,
  { resource, kind }: Endpoint,
  asked: { namespace?: string; labelSelector?: string; fieldSelector?: string },
  onEvent: (event: StoreEvent<T>) => void,
): () => void {
  const matches = objectMatcher(resource.key, {
    labels: asked.labelSelector,
    fields: asked.fieldSelector,
  });
  const queue: StoreEvent<T>[] = [];
  let ended = false;
  let scheduled = false;
  const flush = (): void => {
    scheduled = false;
    for (let event = queue.shift(); event !== undefined && !ended; event = queue.shift()) {
      onEvent(event);
    }
  };
  const push = (type: StoreEvent["type"], object: ApiObject): void => {
    queue.push({ type, object: present(object, kind) as unknown as T });
    if (scheduled) return;
    scheduled = true;
    queueMicrotask(flush);
  };
  for (const object of core.store.list(resource.key, asked.namespace)) {
    if (matches?.(object) !== false) push("ADDED", object);
  }
  const unsubscribe = core.store.subscribe(resource.key, (change) => {
    const { namespace } = change.object.metadata;
    if (asked.namespace !== undefined && namespace !== asked.namespace) return;
    const event = viewed(change, matches);
    if (event !== undefined) push(event.type, event.object);
  });
  return () => {
    ended = true;
    unsubscribe();
  };
}
