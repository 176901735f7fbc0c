import { apiVersionOf } from "../schema/kinds.ts";
import type { ApiStatus } from "./api-status.ts";
import type { Core } from "./core.ts";
import { expired, statusBody, toApiStatus, tooLarge } from "./failures.ts";
import { parseVersion } from "./lister.ts";
import type { Change } from "./object-store.ts";
import type { ApiObject } from "./objects.ts";
import { type Endpoint, present } from "./registry.ts";
import { type Matcher, objectMatcher } from "./selectors.ts";

export interface WatchRequest {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly sendInitialEvents?: boolean | undefined;
  readonly allowBookmarks?: boolean | undefined;
  /** Seconds after which the server ends the watch. */
  readonly timeoutSeconds?: number | undefined;
  readonly signal: AbortSignal;
}

/** One event as the caller has to see it. */
export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: ApiObject | object;
}

/** Ends a watch by itself, so that clients spread: seconds, twice that at most. */
const TIMEOUT_SECONDS = 1_800;
const BOOKMARK_INTERVAL_MS = 60_000;
/** Events that wait for a slow reader; then the watch ends, and the client begins anew. */
const QUEUE_MAX = 2_000;

/** The event that a change is under a selector: an object may come into view or leave it. */
export function viewed(
  change: Change,
  matches: Matcher | undefined,
): { type: "ADDED" | "MODIFIED" | "DELETED"; object: ApiObject } | undefined {
  const { type, object, before } = change;
  if (matches === undefined) return { type, object };
  const now = type !== "DELETED" && matches(object);
  const earlier = before !== undefined && matches(before);
  if (now) return { type: earlier ? "MODIFIED" : "ADDED", object };
  if (!earlier || before === undefined) return undefined;
  // What left the view is told as it was last in it, under the version of the change.
  const version = { ...before.metadata, resourceVersion: object.metadata.resourceVersion };
  return { type: "DELETED", object: { ...before, metadata: version } as ApiObject };
}

/** Serves watches from the store's history and its stream of changes. */
export class Watcher {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /**
   * Throws ApiStatus for a bad selector or a version that is not yet; one that is too old comes
   * in-band, as upstream.
   */
  watch(endpoint: Endpoint, request: WatchRequest): AsyncIterable<readonly WatchEvent[]> {
    const matches = objectMatcher(endpoint.resource.key, {
      labels: request.labelSelector,
      fields: request.fieldSelector,
    });
    const stream = new WatchStream(this.#core, endpoint, request, matches);
    stream.begin();
    return stream;
  }
}

class WatchStream implements AsyncIterable<readonly WatchEvent[]> {
  readonly #core: Core;
  readonly #endpoint: Endpoint;
  readonly #request: WatchRequest;
  readonly #matches: Matcher | undefined;
  #queue: WatchEvent[] = [];
  #ended = false;
  #wake: () => void = () => undefined;
  #unsubscribe: () => void = () => undefined;
  readonly #stop = new AbortController();
  /** Version up to which the reader knows everything. */
  #seen = 0;

  constructor(core: Core, endpoint: Endpoint, request: WatchRequest, matches: Matcher | undefined) {
    this.#core = core;
    this.#endpoint = endpoint;
    this.#request = request;
    this.#matches = matches;
  }

  begin(): void {
    const { store } = this.#core;
    const { key } = this.#endpoint.resource;
    const from = parseVersion(this.#request.resourceVersion);
    // A store that lost its last writes would not tell the reader what it does not know.
    if (from !== undefined && from > store.version) throw tooLarge(from, store.version);
    this.#seen = store.version;
    this.#unsubscribe = store.subscribe(key, (change) => this.#onChange(change));
    this.#request.signal.addEventListener("abort", () => this.#end(), { once: true });
    if (this.#request.signal.aborted) this.#end();
    const initial = this.#request.sendInitialEvents ?? (from === undefined || from === 0);
    if (initial) {
      for (const object of store.list(key, this.#request.namespace)) {
        if (this.#matches?.(object) !== false) this.#push("ADDED", object);
      }
      if (this.#request.sendInitialEvents === true && this.#request.allowBookmarks === true) {
        this.#bookmark({ "k8s.io/initial-events-end": "true" });
      }
    } else this.#replay(key, from ?? 0);
    this.#runTimers().catch(() => this.#end());
  }

  async *[Symbol.asyncIterator](): AsyncIterator<readonly WatchEvent[]> {
    try {
      while (true) {
        if (this.#queue.length > 0) {
          const batch = this.#queue;
          this.#queue = [];
          yield batch;
        } else if (this.#ended) return;
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.#end();
    }
  }

  #replay(key: string, from: number): void {
    try {
      for (const change of this.#core.store.since(key, from)) this.#onChange(change);
    } catch (error) {
      const failure: ApiStatus = toApiStatus(error);
      this.#queue.push({ type: "ERROR", object: statusBody(expired(failure.message)) });
      this.#end();
    }
  }

  #onChange(change: Change): void {
    if (this.#ended) return;
    this.#seen = change.version;
    const { namespace } = this.#request;
    if (namespace !== undefined && change.object.metadata.namespace !== namespace) return;
    const event = viewed(change, this.#matches);
    if (event === undefined) return;
    this.#push(event.type, event.object);
    if (this.#queue.length > QUEUE_MAX) this.#end();
  }

  #push(type: "ADDED" | "MODIFIED" | "DELETED", object: ApiObject): void {
    this.#queue.push({ type, object: present(object, this.#endpoint.kind) });
    this.#wake();
  }

  #bookmark(annotations?: Readonly<Record<string, string>>): void {
    const { kind } = this.#endpoint;
    const version = Math.max(this.#seen, this.#core.store.version);
    const metadata = {
      resourceVersion: String(version),
      creationTimestamp: null,
      ...(annotations === undefined ? {} : { annotations }),
    };
    const object = { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata };
    this.#queue.push({ type: "BOOKMARK", object });
    this.#wake();
  }

  async #runTimers(): Promise<void> {
    const { clock } = this.#core;
    const seconds = this.#request.timeoutSeconds ?? TIMEOUT_SECONDS * (1 + Math.random());
    const endsAt = clock.monotonic() + seconds * 1000;
    while (!this.#ended) {
      const left = endsAt - clock.monotonic();
      if (left <= 0) break;
      await clock.sleep(Math.min(left, BOOKMARK_INTERVAL_MS), this.#stop.signal);
      if (this.#request.allowBookmarks === true && !this.#ended) this.#bookmark();
    }
    this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#unsubscribe();
    this.#stop.abort();
    this.#wake();
  }
}
