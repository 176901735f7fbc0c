import type { KubeObject, ObjectKey, ResourceType } from "@quorate/runtime/objects";

/** A change of one object, in the order of the store. */
export interface StoreEvent<T extends KubeObject = KubeObject> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** As it is now; with DELETED as it was last. */
  readonly object: T;
}

export interface StoreListOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface StoreDeleteOptions {
  /** Precondition: another uid is a Conflict. */
  readonly uid?: string;
  /**
   * For pods in seconds. Absent: what the pod's spec says, and the pod stays with its
   * `deletionTimestamp`. 0 is what a kubelet sends once the processes have ended: gone at once.
   */
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
}

/**
 * The API server from inside its own process, for the kubelet and the controllers: the admission,
 * defaults, versions and errors (`ApiStatus`) of an HTTP request, without the socket. All calls are
 * synchronous: between a read and a write nobody else writes. Objects are shared with the store:
 * read them, never change them in place.
 */
export interface StoreClient {
  get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): T | undefined;
  list<T extends KubeObject>(type: ResourceType<T>, options?: StoreListOptions): readonly T[];
  /**
   * Every object that is there as ADDED, then each change; returns what ends it. `onEvent` is never
   * called inside the write that caused it, but in a microtask of its own: it may write again.
   */
  watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: StoreListOptions,
    onEvent: (event: StoreEvent<T>) => void,
  ): () => void;
  create<T extends KubeObject>(type: ResourceType<T>, object: unknown): T;
  /** PUT of the whole object: a stale `metadata.resourceVersion` is a Conflict, none is none. */
  update<T extends KubeObject>(type: ResourceType<T>, object: T): T;
  /** JSON merge patch of the object; its status is left alone. */
  patch<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, patch: unknown): T;
  /** JSON merge patch of `/status`: `{ status: {...} }`; arrays are replaced as a whole. */
  patchStatus<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, patch: unknown): T;
  /** `pods/binding`: the only way to give a pod its node. Throws Conflict where it has one. */
  bind(pod: ObjectKey, node: string): void;
  /** Throws ApiStatus NotFound where it is gone already. */
  delete(type: ResourceType, key: ObjectKey, options?: StoreDeleteOptions): void;
}

/** What `GET pods/NAME/log` asks of the kubelet of the pod's node. */
export interface LogRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly follow: boolean;
  /** The log of the container's last life before this one. */
  readonly previous: boolean;
  /** Newest lines only. */
  readonly tailLines?: number;
  /** Lines since this time, in milliseconds since the Unix epoch. */
  readonly sinceMs?: number;
  readonly limitBytes?: number;
  /** Each line begins with its RFC 3339 time in nanoseconds and a blank. */
  readonly timestamps: boolean;
  /** Aborts when the reader has gone. */
  readonly signal: AbortSignal;
}

/**
 * Supplied by the kubelet: the bytes of a container's log; with `follow` until the container or the
 * signal ends. Throws ApiStatus (BadRequest) where there is no such log.
 */
export type LogProvider = (request: LogRequest) => AsyncIterable<Uint8Array>;
