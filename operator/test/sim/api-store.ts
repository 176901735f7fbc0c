import type { KubeObject, ObjectMeta } from "@quorate/runtime/objects";

/** An object as the store keeps it: never changed, replaced by the next version. */
export interface Stored extends KubeObject {
  readonly metadata: ObjectMeta & { readonly uid: string; readonly resourceVersion: string };
  readonly [field: string]: unknown;
}

/** A copy to be changed by the one who holds it. */
export interface Draft {
  apiVersion: string;
  kind: string;
  metadata: { -readonly [K in keyof ObjectMeta]: ObjectMeta[K] };
  // biome-ignore lint/suspicious/noExplicitAny: objects of all kinds, as JSON has them
  [field: string]: any;
}

export interface HistoryEntry {
  readonly version: number;
  readonly atMs: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: Stored;
  readonly before: Stored | undefined;
}

interface Waiter {
  readonly plural: string;
  readonly dueMs: number;
  readonly wake: () => void;
}

export function keyText(namespace: string | undefined, name: string): string {
  return `${namespace ?? ""}/${name}`;
}

/** Everything in etcd, with its history: what a watch reads. */
export class ApiStore {
  readonly #now: () => number;
  readonly #kinds = new Map<string, Map<string, Stored>>();
  readonly #history = new Map<string, HistoryEntry[]>();
  #waiters: Waiter[] = [];
  #version = 1;
  #uids = 0;
  /** Watches from before this version are told 410. */
  compactedTo = 0;
  /** Told of every version, before anybody can read it. */
  onWrite: (plural: string, entry: HistoryEntry) => void = () => undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  get version(): number {
    return this.#version;
  }

  get(plural: string, namespace: string | undefined, name: string): Stored | undefined {
    return this.#kinds.get(plural)?.get(keyText(namespace, name));
  }

  list(plural: string, namespace?: string): readonly Stored[] {
    const all = [...(this.#kinds.get(plural)?.values() ?? [])];
    return namespace === undefined
      ? all
      : all.filter(({ metadata }) => metadata.namespace === namespace);
  }

  history(plural: string): readonly HistoryEntry[] {
    return this.#history.get(plural) ?? [];
  }

  draftOf(object: KubeObject): Draft {
    return structuredClone(object) as unknown as Draft;
  }

  create(plural: string, draft: Draft): Stored {
    this.#uids += 1;
    draft.metadata.uid = `uid-${this.#uids}`;
    draft.metadata.generation = 1;
    draft.metadata.creationTimestamp = new Date(this.#now()).toISOString();
    return this.#write(plural, draft, undefined);
  }

  /** The next version; nothing is written where nothing differs. */
  replace(plural: string, before: Stored, draft: Draft): Stored {
    draft.metadata.resourceVersion = before.metadata.resourceVersion;
    draft.metadata.generation = before.metadata.generation ?? 1;
    if (JSON.stringify(draft) === JSON.stringify(before)) return before;
    const spec = (object: unknown) => JSON.stringify((object as { spec?: unknown }).spec);
    const goes =
      draft.metadata.deletionTimestamp !== undefined &&
      before.metadata.deletionTimestamp === undefined;
    if (goes || spec(draft) !== spec(before)) draft.metadata.generation += 1;
    const finalizers = draft.metadata.finalizers ?? [];
    const isPod = plural === "pods";
    if (draft.metadata.deletionTimestamp !== undefined && finalizers.length === 0 && !isPod) {
      this.remove(plural, before);
      return before;
    }
    return this.#write(plural, draft, before);
  }

  /** For the cluster's own controllers: read, change, write, without a conflict. */
  update(plural: string, object: Stored, change: (draft: Draft) => void): Stored | undefined {
    const live = this.get(plural, object.metadata.namespace, object.metadata.name);
    if (live === undefined || live.metadata.uid !== object.metadata.uid) return undefined;
    const draft = this.draftOf(live);
    change(draft);
    return this.replace(plural, live, draft);
  }

  remove(plural: string, object: Stored): void {
    const { namespace, name } = object.metadata;
    const live = this.get(plural, namespace, name);
    if (live === undefined || live.metadata.uid !== object.metadata.uid) return;
    this.#kinds.get(plural)?.delete(keyText(namespace, name));
    this.#version += 1;
    const metadata = { ...live.metadata, resourceVersion: String(this.#version) };
    this.#record(plural, { type: "DELETED", object: { ...live, metadata }, before: live });
  }

  /** History up to now is forgotten. */
  compact(): void {
    this.compactedTo = this.#version;
  }

  /** Resolves with the next write of this kind, or at a time. */
  wait(plural: string, dueMs: number, stop: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        stop.removeEventListener("abort", end);
        resolve();
      };
      const waiter = { plural, dueMs, wake };
      const end = () => {
        this.#waiters = this.#waiters.filter((each) => each !== waiter);
        resolve();
      };
      if (stop.aborted) return resolve();
      stop.addEventListener("abort", end, { once: true });
      this.#waiters.push(waiter);
    });
  }

  /** Wakes whoever waited for a time. */
  tick(): void {
    const now = this.#now();
    this.#wake(({ dueMs }) => dueMs <= now);
  }

  #write(plural: string, draft: Draft, before: Stored | undefined): Stored {
    this.#version += 1;
    draft.metadata.resourceVersion = String(this.#version);
    const object = draft as unknown as Stored;
    const kind = this.#kinds.get(plural) ?? new Map<string, Stored>();
    this.#kinds.set(plural, kind);
    kind.set(keyText(object.metadata.namespace, object.metadata.name), object);
    this.#record(plural, { type: before === undefined ? "ADDED" : "MODIFIED", object, before });
    return object;
  }

  #record(plural: string, change: Omit<HistoryEntry, "version" | "atMs">): void {
    const entry = { ...change, version: this.#version, atMs: this.#now() };
    const entries = this.#history.get(plural) ?? [];
    this.#history.set(plural, entries);
    entries.push(entry);
    this.onWrite(plural, entry);
    this.#wake((waiter) => waiter.plural === plural);
  }

  #wake(due: (waiter: Waiter) => boolean): void {
    const woken = this.#waiters.filter(due);
    if (woken.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => !due(waiter));
    for (const { wake } of woken) wake();
  }
}
