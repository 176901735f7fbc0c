import {
  ApiError,
  type ApiRequest,
  type ApiResponse,
  type Transport,
  TransportError,
  type WatchEvent,
} from "@quorate/runtime/transport";
import { refusal, selects, targetOf } from "./api-server.ts";
import type { HistoryEntry } from "./api-store.ts";
import type { OperatorProcess } from "./operator-process.ts";
import type { World } from "./world.ts";

const BOOKMARK_MS = 60_000;
const LATENCY_MS_MOST = 20;
const EXPIRED = { kind: "Status", code: 410, reason: "Expired", message: "too old" };

/** Where a watch stands. */
interface Cursor {
  readonly plural: string;
  readonly selector: string | null;
  readonly namespace: string | undefined;
  readonly endsAt: number;
  next: number;
  bookmarkAt: number;
}

/** The event of an entry, as a watch with this selector has it. */
function eventOf(entry: HistoryEntry, selector: string | null): WatchEvent | undefined {
  const { type, object, before } = entry;
  const is = selects(selector, object);
  const was = before !== undefined && selects(selector, before);
  if (type === "DELETED") return was ? { type, object } : undefined;
  if (is && was) return { type: "MODIFIED", object };
  if (is) return { type: "ADDED", object };
  return was
    ? { type: "DELETED", object: { ...object, metadata: { ...object.metadata } } }
    : undefined;
}

/** One process's way to the API server, with every fault that a real one has. */
export class ApiConnection implements Transport {
  readonly #world: World;
  readonly #process: OperatorProcess;

  constructor(world: World, process: OperatorProcess) {
    this.#world = world;
    this.#process = process;
  }

  request(request: ApiRequest): Promise<ApiResponse> {
    this.#world.checks.request(this.#process, request);
    const answer = this.#process.guard(this.#send(request));
    const { signal } = request;
    if (signal === undefined) return answer;
    // What was sent arrives, whether or not somebody still waits for the answer.
    return new Promise((resolve, reject) => {
      const stop = () => reject(signal.reason);
      if (signal.aborted) stop();
      signal.addEventListener("abort", stop, { once: true });
      answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
    });
  }

  async #send(request: ApiRequest): Promise<ApiResponse> {
    const { weather, network, clock } = this.#world;
    const isWrite = request.method !== "GET";
    await clock.sleep(1 + network.integer(0, LATENCY_MS_MOST));
    if (weather.away || this.#process.cutOff) {
      this.#count("away");
      await clock.sleep(network.chance(0.5) ? 1 : 10_000);
      throw new TransportError("connect: refused or timed out");
    }
    const early = await this.#refusal();
    if (early !== undefined) return early;
    if (isWrite && network.chance(weather.conflicts)) this.#touch(request);
    if (this.#dies(isWrite, false)) return new Promise(() => undefined);
    const response = this.#handle(request);
    if (this.#dies(isWrite, true)) return new Promise(() => undefined);
    if (network.chance(weather.slow)) {
      this.#count("slow");
      await clock.sleep(network.integer(1_000, 9_000));
    }
    if (network.chance(weather.lostAfter)) {
      this.#count("answer lost after the effect");
      if (network.chance(0.3)) return refusal(504, "Timeout");
      throw new TransportError("the connection broke");
    }
    return response;
  }

  async #refusal(): Promise<ApiResponse | undefined> {
    const { weather, network, clock } = this.#world;
    if (network.chance(weather.tooManyRequests)) {
      this.#count("429");
      return refusal(429, "TooManyRequests", { retryAfterSeconds: network.integer(0, 4) });
    }
    if (network.chance(weather.serverErrors)) {
      this.#count("5xx");
      return refusal(network.pick([500, 502, 503]), "InternalError");
    }
    if (network.chance(weather.lostBefore)) {
      this.#count("request lost");
      await clock.sleep(network.integer(1, 4_000));
      throw new TransportError("the connection broke");
    }
    return undefined;
  }

  #handle(request: ApiRequest): ApiResponse {
    const { server, checks, weather, network } = this.#world;
    if (request.path.includes("/eviction") && network.chance(weather.evictionsRefused)) {
      this.#count("eviction refused");
      return refusal(429, "TooManyRequests", { message: "it would violate the disruption budget" });
    }
    checks.beforeHandle(this.#process, request);
    const response = server.handle(request);
    if (response.status === 409) this.#count("409");
    checks.afterHandle(this.#process, request, response);
    return response;
  }

  #dies(isWrite: boolean, afterEffect: boolean): boolean {
    const death = this.#process.deathAtWrite;
    if (!isWrite || death === undefined || death.afterEffect !== afterEffect) return false;
    death.left -= 1;
    if (death.left > 0) return false;
    this.#process.deathAtWrite = undefined;
    this.#world.killed(this.#process, afterEffect ? "after a write" : "before a write");
    return true;
  }

  /** Another writer was quicker. */
  #touch(request: ApiRequest): void {
    const { store } = this.#world;
    const { plural, namespace, name } = targetOf(request.path);
    const live = name === undefined ? undefined : store.get(plural, namespace, name);
    if (live === undefined) return;
    this.#count("touched by another writer");
    store.update(plural, live, (draft) => {
      const { annotations = {} } = draft.metadata;
      const touched = Number(annotations["example.com/touched"] ?? 0) + 1;
      draft.metadata.annotations = { ...annotations, "example.com/touched": String(touched) };
    });
  }

  #count(what: string): void {
    this.#world.counts.add(`api: ${what}`);
  }

  async *watch(path: string, signal: AbortSignal): AsyncIterable<WatchEvent> {
    this.#world.checks.request(this.#process, { method: "GET", path });
    const both = AbortSignal.any([signal, this.#process.dead.signal]);
    const lines = this.#lines(path, both)[Symbol.asyncIterator]();
    for (;;) {
      const line = await this.#process.guard(lines.next());
      if (line.done === true) return;
      yield line.value;
    }
  }

  async *#lines(path: string, signal: AbortSignal): AsyncIterable<WatchEvent> {
    const { store, weather, network, clock } = this.#world;
    const { plural, namespace, query } = targetOf(path);
    const selector = query.get("labelSelector");
    await clock.sleep(1 + network.integer(0, LATENCY_MS_MOST));
    if (weather.away || this.#process.cutOff) throw new TransportError("connect: refused");
    const from = Number(query.get("resourceVersion") ?? "0");
    if (from < store.compactedTo) {
      this.#count("410");
      if (network.chance(0.5)) throw new ApiError(410, "Expired", "too old resource version");
      yield { type: "ERROR", object: EXPIRED };
      return;
    }
    const newer = store.history(plural).findIndex(({ version }) => version > from);
    const cursor = {
      plural,
      selector,
      namespace,
      next: newer === -1 ? store.history(plural).length : newer,
      endsAt: clock.monotonic() + Number(query.get("timeoutSeconds") ?? "300") * 1_000,
      bookmarkAt: clock.monotonic() + BOOKMARK_MS,
    };
    const cuts = this.#world.cuts;
    while (!signal.aborted && clock.monotonic() < cursor.endsAt) {
      if (this.#world.cuts !== cuts || network.chance(weather.watchBreaks)) {
        yield* this.#broken();
        return;
      }
      const line = this.#next(cursor);
      if (line === "wait") await store.wait(plural, clock.monotonic() + 250, signal);
      else if (line !== "skip") yield line;
    }
  }

  /** The next line of a watch, if there is one by now. */
  #next(cursor: Cursor): WatchEvent | "wait" | "skip" {
    const { store, weather, clock } = this.#world;
    const { plural, selector, namespace } = cursor;
    if (weather.watchesDeaf) return "wait";
    const now = clock.monotonic();
    const entry = store.history(plural)[cursor.next];
    if (entry !== undefined && entry.atMs + weather.watchLagMs <= now) {
      cursor.next += 1;
      const isHere = namespace === undefined || entry.object.metadata.namespace === namespace;
      return (isHere ? eventOf(entry, selector) : undefined) ?? "skip";
    }
    if (entry !== undefined || now < cursor.bookmarkAt) return "wait";
    cursor.bookmarkAt = now + BOOKMARK_MS;
    this.#count("bookmark");
    return { type: "BOOKMARK", object: { metadata: { resourceVersion: `${store.version}` } } };
  }

  async *#broken(): AsyncIterable<WatchEvent> {
    this.#count("watch broken");
    const { network } = this.#world;
    if (network.chance(0.3)) return;
    if (network.chance(0.3)) {
      const object = { kind: "Status", code: 500, reason: "InternalError", message: "etcd" };
      yield { type: "ERROR", object };
      return;
    }
    throw new TransportError("the connection broke");
  }
}
