import { tooOld } from "./failures.ts";
import { type ApiObject, withMeta } from "./objects.ts";

/** One write, in the order of the store. */
export interface Change {
  readonly version: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** Qualified name: `pods`, `deployments.apps`. */
  readonly resource: string;
  readonly object: ApiObject;
  /** What was stored before; absent with ADDED. */
  readonly before?: ApiObject;
}

/** What survives a restart. */
export interface StoredState {
  readonly version: number;
  readonly objects: readonly { readonly resource: string; readonly object: ApiObject }[];
}

/** Where writes go besides memory. */
export interface Journal {
  /** Throws where the change is not kept; then it has not happened. */
  append(change: Change): void;
}

type Listener = (change: Change) => void;

interface Shelf {
  readonly objects: Map<string, ApiObject>;
  /** Keys in the order of a list; undefined after a key came or went. */
  order: string[] | undefined;
  history: Change[];
  /** Every change after this version is in the history. */
  completeFrom: number;
  readonly listeners: Set<Listener>;
}

/** Changes of one resource that a watch can still begin from. */
export const HISTORY_SIZE = 1_000;

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

/**
 * The objects, in memory, under one counter of versions. Each resource keeps a bounded history from
 * which watches are served. It knows nothing about kinds: who writes has admitted before.
 */
export class ObjectStore {
  readonly #shelves = new Map<string, Shelf>();
  readonly #listeners = new Set<Listener>();
  readonly #historySize: number;
  readonly #born: number;
  readonly #journal: Journal | undefined;
  #version: number;

  constructor(options: { historySize?: number; journal?: Journal; state?: StoredState } = {}) {
    this.#historySize = options.historySize ?? HISTORY_SIZE;
    this.#journal = options.journal;
    this.#version = options.state?.version ?? 1;
    this.#born = this.#version;
    for (const { resource, object } of options.state?.objects ?? []) {
      const { namespace = "", name } = object.metadata;
      this.#shelf(resource).objects.set(keyOf(namespace, name), object);
    }
  }

  /** The version of the newest write. */
  get version(): number {
    return this.#version;
  }

  get(resource: string, namespace: string, name: string): ApiObject | undefined {
    return this.#shelves.get(resource)?.objects.get(keyOf(namespace, name));
  }

  /** Objects in the order of namespace and name; without a namespace those of all. */
  list(resource: string, namespace?: string): ApiObject[] {
    const shelf = this.#shelves.get(resource);
    if (shelf === undefined) return [];
    shelf.order ??= [...shelf.objects.keys()].sort();
    const prefix = namespace === undefined ? "" : `${namespace}/`;
    const found: ApiObject[] = [];
    for (const key of shelf.order) {
      if (!key.startsWith(prefix)) continue;
      const object = shelf.objects.get(key);
      if (object !== undefined) found.push(object);
    }
    return found;
  }

  /** The list as it was at an earlier version; undefined where the history is too short. */
  listAt(resource: string, version: number, namespace?: string): ApiObject[] | undefined {
    const shelf = this.#shelf(resource);
    if (version < shelf.completeFrom) return undefined;
    const objects = new Map(shelf.objects);
    for (const change of shelf.history.toReversed()) {
      if (change.version <= version) break;
      const { metadata } = change.object;
      const key = keyOf(metadata.namespace ?? "", metadata.name);
      if (change.before === undefined) objects.delete(key);
      else objects.set(key, change.before);
    }
    const prefix = namespace === undefined ? "" : `${namespace}/`;
    const within = [...objects].filter(([key]) => key.startsWith(prefix));
    return within.sort(([left], [right]) => (left < right ? -1 : 1)).map(([, object]) => object);
  }

  /** A resource that is served from now on: earlier versions of it are too old to watch. */
  beginHistory(resource: string): void {
    const shelf = this.#shelf(resource);
    shelf.history = [];
    shelf.completeFrom = this.#version;
  }

  /** Every object with its resource. */
  *all(): Iterable<{ resource: string; object: ApiObject }> {
    for (const [resource, shelf] of this.#shelves) {
      for (const object of shelf.objects.values()) yield { resource, object };
    }
  }

  /** Stores an object under the next version, which it returns within it. */
  put(resource: string, object: ApiObject): ApiObject {
    const shelf = this.#shelf(resource);
    const { namespace = "", name } = object.metadata;
    const key = keyOf(namespace, name);
    const before = shelf.objects.get(key);
    const version = this.#version + 1;
    const stored = withMeta(object, { resourceVersion: String(version) });
    const change: Change = {
      version,
      type: before === undefined ? "ADDED" : "MODIFIED",
      resource,
      object: stored,
      ...(before === undefined ? {} : { before }),
    };
    this.#journal?.append(change);
    shelf.objects.set(key, stored);
    if (before === undefined) shelf.order = undefined;
    this.#publish(shelf, change);
    return stored;
  }

  /** Takes an object out; what is returned carries the version of its end. */
  remove(resource: string, namespace: string, name: string): ApiObject | undefined {
    const shelf = this.#shelf(resource);
    const key = keyOf(namespace, name);
    const before = shelf.objects.get(key);
    if (before === undefined) return undefined;
    const version = this.#version + 1;
    const object = withMeta(before, { resourceVersion: String(version) });
    const change: Change = { version, type: "DELETED", resource, object, before };
    this.#journal?.append(change);
    shelf.objects.delete(key);
    shelf.order = undefined;
    this.#publish(shelf, change);
    return object;
  }

  /** Throws ApiStatus Expired where the history no longer reaches back to that version. */
  since(resource: string, version: number): readonly Change[] {
    const shelf = this.#shelf(resource);
    if (version < shelf.completeFrom) throw tooOld(version, shelf.completeFrom);
    return shelf.history.filter((change) => change.version > version);
  }

  /** Calls inside every write of the resource, or of all; returns what ends it. */
  subscribe(resource: string | undefined, listener: Listener): () => void {
    const listeners = resource === undefined ? this.#listeners : this.#shelf(resource).listeners;
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }

  #shelf(resource: string): Shelf {
    let shelf = this.#shelves.get(resource);
    if (shelf === undefined) {
      shelf = {
        objects: new Map(),
        order: undefined,
        history: [],
        completeFrom: this.#born,
        listeners: new Set(),
      };
      this.#shelves.set(resource, shelf);
    }
    return shelf;
  }

  #publish(shelf: Shelf, change: Change): void {
    this.#version = change.version;
    shelf.history.push(change);
    // Cut in halves: one copy for many writes.
    if (shelf.history.length >= this.#historySize * 2) {
      const dropped = shelf.history.splice(0, shelf.history.length - this.#historySize);
      shelf.completeFrom = dropped.at(-1)?.version ?? shelf.completeFrom;
    }
    for (const listener of shelf.listeners) listener(change);
    for (const listener of this.#listeners) listener(change);
  }
}
