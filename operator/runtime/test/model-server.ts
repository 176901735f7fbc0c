import type { Random } from "../src/clock.ts";
import {
  ApiError,
  type ApiRequest,
  type ApiResponse,
  type Transport,
  TransportError,
  type WatchEvent,
} from "../src/transport.ts";
import { listOf, ok, refusal } from "./scripted-transport.ts";

interface Stored {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels: Readonly<Record<string, string>>;
  };
}

interface Entry {
  readonly version: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: Stored;
}

const STATUS_500 = { kind: "Status", code: 500, reason: "InternalError", message: "etcd" };
const STATUS_410 = { kind: "Status", code: 410, reason: "Expired", message: "too old" };

/**
 * The dumb model of one kind of objects: a map, its history, and a server that answers from them
 * with every fault of a real one while `faults` is set.
 */
export class ModelServer implements Transport {
  readonly objects = new Map<string, Stored>();
  readonly #history: Entry[] = [];
  readonly #random: Random;
  #version = 1;
  #kept = 0;
  #uids = 0;
  #pages = 0;
  readonly #snapshots = new Map<string, { readonly items: Stored[]; readonly version: number }>();
  readonly #watchers = new Set<() => void>();
  faults = false;

  constructor(random: Random) {
    this.#random = random;
  }

  put(name: string, labels: Readonly<Record<string, string>>): void {
    const before = this.objects.get(name);
    this.#version += 1;
    if (!before) this.#uids += 1;
    const uid = before?.metadata.uid ?? `uid-${this.#uids}`;
    const resourceVersion = String(this.#version);
    const metadata = { name, namespace: "ns", uid, resourceVersion, labels };
    this.objects.set(name, { metadata });
    this.#record(before ? "MODIFIED" : "ADDED", { metadata });
  }

  remove(name: string): void {
    const before = this.objects.get(name);
    if (!before) return;
    this.objects.delete(name);
    this.#version += 1;
    const resourceVersion = String(this.#version);
    this.#record("DELETED", { metadata: { ...before.metadata, resourceVersion } });
  }

  /** Forgets the history: whoever is behind gets 410. */
  compact(): void {
    this.#kept = this.#version;
    this.#snapshots.clear();
  }

  /** Every connection breaks. */
  cut(): void {
    for (const wake of this.#watchers) wake();
    this.#watchers.clear();
  }

  #record(type: Entry["type"], object: Stored): void {
    this.#history.push({ version: this.#version, type, object });
    for (const wake of this.#watchers) wake();
  }

  #chance(probability: number): boolean {
    return this.faults && this.#random() < probability;
  }

  async request(request: ApiRequest): Promise<ApiResponse> {
    if (this.#chance(0.1)) throw new TransportError("no answer");
    if (this.#chance(0.1)) return refusal(500, "InternalError");
    const query = new URL(request.path, "http://server").searchParams;
    const token = query.get("continue");
    if (token !== null && this.#chance(0.1)) this.compact();
    const snapshot = token === null ? this.#snapshot() : this.#snapshots.get(token);
    if (!snapshot) return refusal(410, "Expired");
    const limit = Number(query.get("limit") ?? snapshot.items.length);
    const page = snapshot.items.slice(0, limit);
    const rest = snapshot.items.slice(limit);
    if (rest.length === 0) return listOf(page, String(snapshot.version));
    this.#pages += 1;
    const next = `page-${this.#pages}`;
    this.#snapshots.set(next, { items: rest, version: snapshot.version });
    return ok({
      metadata: { resourceVersion: String(snapshot.version), continue: next },
      items: page,
    });
  }

  #snapshot() {
    return { items: [...this.objects.values()], version: this.#version };
  }

  async *watch(path: string, signal: AbortSignal): AsyncIterable<WatchEvent> {
    const from = Number(new URL(path, "http://server").searchParams.get("resourceVersion"));
    if (this.#chance(0.1)) throw new TransportError("refused");
    if (from < this.#kept) {
      if (this.#random() < 0.5) throw new ApiError(410, "Expired", "too old");
      yield { type: "ERROR", object: STATUS_410 };
      return;
    }
    let seen = from;
    while (!signal.aborted) {
      const next = this.#history.find((entry) => entry.version > seen);
      if (next) {
        if (this.#chance(0.05)) throw new TransportError("cut in the middle");
        if (this.#chance(0.05)) return;
        seen = next.version;
        yield { type: next.type, object: next.object };
        continue;
      }
      if (this.#chance(0.3)) {
        yield {
          type: "BOOKMARK",
          object: { metadata: { resourceVersion: String(this.#version) } },
        };
      }
      const changed = await this.#wait(signal);
      if (this.#chance(0.1)) yield { type: "ERROR", object: STATUS_500 };
      if (!changed) return;
    }
  }

  /** False: the watch ends. */
  #wait(signal: AbortSignal): Promise<boolean> {
    const before = this.#version;
    return new Promise((resolve) => {
      const wake = () => {
        this.#watchers.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve(this.#version !== before);
      };
      this.#watchers.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }
}
