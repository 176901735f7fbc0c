import { apiErrorOf, bodyOf, isExpired, isRecord } from "./api-status.ts";
import { BackOff } from "./back-off.ts";
import type { Clock, Random } from "./clock.ts";
import type { Log } from "./log.ts";
import { type Change, ObjectCache } from "./object-cache.ts";
import type { KubeObject, ObjectKey, ResourceType } from "./objects.ts";
import { listAll, objectOf } from "./paged-list.ts";
import { collectionPath } from "./resource-path.ts";
import { ApiError, type Transport, TransportError, type WatchEvent } from "./transport.ts";

export interface InformerOptions<T extends KubeObject> {
  readonly transport: Transport;
  readonly type: ResourceType<T>;
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Labels that `withLabel` is asked for. */
  readonly indexLabels?: readonly string[];
  readonly pageSize?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** After the cache has it. A throw is logged and harms nobody else. */
  readonly onChange?: (change: Change<T>) => void;
}

/** A copy of one kind of objects, kept up to date. Objects are frozen: copy one to change it. */
export interface Informer<T extends KubeObject> {
  /** Runs until the signal aborts; never rejects. To be called once. */
  start(signal: AbortSignal): Promise<void>;
  /** The first list is in. */
  synced(): boolean;
  /** Resolves with the first list; rejects with the signal's reason. */
  whenSynced(signal: AbortSignal): Promise<void>;
  get(key: ObjectKey): T | undefined;
  /** Of one namespace, or all. */
  list(namespace?: string): readonly T[];
  /** Objects with this value of an indexed label. */
  withLabel(label: string, value: string, namespace?: string): readonly T[];
}

const PAGE_SIZE = 500;
/** The server ends a watch after 5 to 10 min, as client-go asks: connections rot unseen. */
const WATCH_SECONDS = 300;
/** A watch that says nothing so long after its end was due is dead. */
const WATCH_OVERDUE_MS = 15_000;
/** A watch that lived so long was well: the next one starts at once. */
const HEALTHY_MS = 5_000;
/** Failures in a row after which only a new list is believed. */
const FAILURES_MAX = 3;
const BACK_OFF_FIRST_MS = 400;
const BACK_OFF_MOST_MS = 15_000;

class Reflector<T extends KubeObject> implements Informer<T> {
  readonly #options: InformerOptions<T>;
  readonly #cache: ObjectCache<T>;
  readonly #backOff: BackOff;
  readonly #firstList: Promise<void>;
  #resolveFirstList: () => void = () => undefined;
  #isSynced = false;
  /** Where the next watch goes on; undefined: list first. */
  #resumeAt: string | undefined;

  constructor(options: InformerOptions<T>) {
    this.#options = options;
    this.#firstList = new Promise((resolve) => {
      this.#resolveFirstList = resolve;
    });
    this.#cache = new ObjectCache<T>(options.indexLabels);
    this.#backOff = new BackOff({
      firstMs: BACK_OFF_FIRST_MS,
      mostMs: BACK_OFF_MOST_MS,
      random: options.random,
    });
  }

  synced(): boolean {
    return this.#isSynced;
  }

  async whenSynced(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const stop = () => reject(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
      void this.#firstList.then(() => {
        signal.removeEventListener("abort", stop);
        resolve();
      });
    });
  }

  get(key: ObjectKey): T | undefined {
    return this.#cache.get(key);
  }

  list(namespace?: string): readonly T[] {
    return this.#cache.list(namespace);
  }

  withLabel(label: string, value: string, namespace?: string): readonly T[] {
    return this.#cache.withLabel(label, value, namespace);
  }

  async start(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      let failed = false;
      let startedAt: number | undefined;
      try {
        if (this.#resumeAt === undefined) await this.#relist(signal);
        startedAt = clock.monotonic();
        await this.#watch(signal);
      } catch (error) {
        if (signal.aborted) return;
        failed = true;
        this.#judge(error);
      }
      const healthy = startedAt !== undefined && clock.monotonic() - startedAt >= HEALTHY_MS;
      if (healthy) this.#backOff.reset();
      if (healthy && !failed) continue;
      const waitMs = this.#backOff.nextMs();
      if (this.#backOff.failures > FAILURES_MAX) this.#resumeAt = undefined;
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
  }

  /** Decides whether the next watch may go on where this one failed. */
  #judge(error: unknown): void {
    const { log, type } = this.#options;
    const expired = isExpired(error);
    const goesOn =
      error instanceof TransportError || (error instanceof ApiError && error.status === 429);
    if (!goesOn) this.#resumeAt = undefined;
    const fields = { resource: type.plural, err: error, relist: !goesOn };
    if (expired) log.info(fields, "watch expired");
    else log.warn(fields, "list or watch failed");
  }

  async #relist(signal: AbortSignal): Promise<void> {
    const { transport, type, pageSize = PAGE_SIZE, ...scope } = this.#options;
    const list = await listAll(type, {
      ...(scope.namespace !== undefined && { namespace: scope.namespace }),
      ...(scope.labelSelector !== undefined && { labelSelector: scope.labelSelector }),
      ...(scope.fieldSelector !== undefined && { fieldSelector: scope.fieldSelector }),
      pageSize,
      fetchPage: async (path) => bodyOf(await transport.request({ method: "GET", path, signal })),
    });
    signal.throwIfAborted();
    const changes = this.#cache.replaceAll(list.items);
    this.#resumeAt = list.resourceVersion;
    this.#isSynced = true;
    this.#tell(changes);
    this.#resolveFirstList();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { transport, type, namespace, labelSelector, fieldSelector, ...rest } = this.#options;
    const seconds = Math.floor(WATCH_SECONDS * (1 + rest.random()));
    const path = collectionPath(type, namespace, {
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: this.#resumeAt,
      timeoutSeconds: String(seconds),
      labelSelector,
      fieldSelector,
    });
    const ended = new AbortController();
    const overdue = new AbortController();
    void rest.clock.sleep(seconds * 1_000 + WATCH_OVERDUE_MS, ended.signal).then(
      () => overdue.abort(new TransportError(`${type.plural}: the watch outlived its end`)),
      () => undefined,
    );
    try {
      const either = AbortSignal.any([signal, overdue.signal]);
      for await (const event of transport.watch(path, either)) {
        if (signal.aborted) return;
        this.#take(event);
      }
      overdue.signal.throwIfAborted();
    } finally {
      ended.abort();
    }
  }

  #take(event: WatchEvent): void {
    const { type } = this.#options;
    if (event.type === "ERROR") throw inBandError(event.object);
    if (event.type === "BOOKMARK") {
      this.#resumeAt = versionOf(type, event.object);
      return;
    }
    const object = objectOf(type, event.object);
    const version = versionOf(type, event.object);
    const changes = event.type === "DELETED" ? this.#cache.delete(object) : this.#cache.put(object);
    this.#resumeAt = version;
    this.#tell(changes);
  }

  #tell(changes: readonly Change<T>[]): void {
    const { onChange, log, type } = this.#options;
    if (!onChange) return;
    for (const change of changes) {
      try {
        onChange(change);
      } catch (error) {
        const { namespace, name } = change.object.metadata;
        log.error({ resource: type.plural, namespace, name, err: error }, "a handler threw");
      }
    }
  }
}

/** The Status of an ERROR event, which comes with HTTP 200. */
function inBandError(status: unknown): ApiError {
  const code = isRecord(status) && typeof status["code"] === "number" ? status["code"] : 500;
  return apiErrorOf(code, status);
}

function versionOf(type: ResourceType, object: unknown): string {
  const metadata = isRecord(object) ? object["metadata"] : undefined;
  const version = isRecord(metadata) ? metadata["resourceVersion"] : undefined;
  if (typeof version === "string" && version !== "") return version;
  throw new TypeError(`${type.plural}: the server sent an event without a resourceVersion`);
}

/** Lists, watches, lists again where it must. */
export function createInformer<T extends KubeObject>(options: InformerOptions<T>): Informer<T> {
  return new Reflector(options);
}
