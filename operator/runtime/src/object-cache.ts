import { deepFreeze } from "./deep-freeze.ts";
import type { KubeObject, ObjectKey } from "./objects.ts";

/** What became of one object. */
export type Change<T> =
  | { readonly kind: "added"; readonly object: T }
  | { readonly kind: "updated"; readonly object: T; readonly previous: T }
  | {
      readonly kind: "deleted";
      /** As it was last seen. */
      readonly object: T;
      /** The deletion itself was missed: a later list lacks the object. */
      readonly missed: boolean;
    };

/** Without what nobody here reads: managedFields are half of an object's bytes. */
function slim<T extends KubeObject>(object: T): T {
  const metadata: T["metadata"] & { managedFields?: unknown } = { ...object.metadata };
  delete metadata.managedFields;
  return deepFreeze({ ...object, metadata });
}

/** Objects by namespace and name, and by the labels asked for. All of them are frozen. */
export class ObjectCache<T extends KubeObject> {
  readonly #byNamespace = new Map<string, Map<string, T>>();
  readonly #byLabel = new Map<string, Map<string, Set<T>>>();
  #size = 0;

  constructor(indexLabels: readonly string[] = []) {
    for (const label of indexLabels) this.#byLabel.set(label, new Map());
  }

  get size(): number {
    return this.#size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#byNamespace.get(key.namespace)?.get(key.name);
  }

  list(namespace?: string): readonly T[] {
    if (namespace !== undefined) return [...(this.#byNamespace.get(namespace)?.values() ?? [])];
    return [...this.#byNamespace.values()].flatMap((objects) => [...objects.values()]);
  }

  /** The objects with this label, which must be one of the indexed. */
  withLabel(label: string, value: string, namespace?: string): readonly T[] {
    const index = this.#byLabel.get(label);
    if (!index) throw new RangeError(`${label} is not indexed; name it in indexLabels`);
    const found = [...(index.get(value) ?? [])];
    if (namespace === undefined) return found;
    return found.filter((object) => (object.metadata.namespace ?? "") === namespace);
  }

  /** Takes an object as the server has it now. */
  put(object: T): readonly Change<T>[] {
    const next = slim(object);
    const { namespace = "", name, uid, resourceVersion } = next.metadata;
    const previous = this.get({ namespace, name });
    if (previous === undefined) {
      this.#insert(next);
      return [{ kind: "added", object: next }];
    }
    if (previous.metadata.uid !== uid) {
      // Deleted and made anew while nobody looked: two objects, not a change of one.
      this.#remove(previous);
      this.#insert(next);
      return [
        { kind: "deleted", object: previous, missed: true },
        { kind: "added", object: next },
      ];
    }
    if (resourceVersion !== undefined && previous.metadata.resourceVersion === resourceVersion) {
      return [];
    }
    this.#remove(previous);
    this.#insert(next);
    return [{ kind: "updated", object: next, previous }];
  }

  /** The server says that the object is gone; `object` is its last state. */
  delete(object: T): readonly Change<T>[] {
    const { namespace = "", name } = object.metadata;
    const previous = this.get({ namespace, name });
    if (previous === undefined) return [];
    this.#remove(previous);
    const sameObject = previous.metadata.uid === object.metadata.uid;
    const last = sameObject ? slim(object) : previous;
    return [{ kind: "deleted", object: last, missed: !sameObject }];
  }

  /** Takes a whole list: what it lacks is deleted. */
  replaceAll(objects: readonly T[]): readonly Change<T>[] {
    const listed = new Set(objects.map(({ metadata }) => cacheKey(metadata)));
    const changes: Change<T>[] = [];
    for (const object of this.list()) {
      if (listed.has(cacheKey(object.metadata))) continue;
      this.#remove(object);
      changes.push({ kind: "deleted", object, missed: true });
    }
    return changes.concat(...objects.map((object) => this.put(object)));
  }

  #insert(object: T): void {
    const { namespace = "", name, labels } = object.metadata;
    const objects = this.#byNamespace.get(namespace) ?? new Map<string, T>();
    this.#byNamespace.set(namespace, objects.set(name, object));
    this.#size += 1;
    for (const [label, index] of this.#byLabel) {
      const value = labels?.[label];
      if (value === undefined) continue;
      const found = index.get(value);
      if (found) found.add(object);
      else index.set(value, new Set([object]));
    }
  }

  #remove(object: T): void {
    const { namespace = "", name, labels } = object.metadata;
    const objects = this.#byNamespace.get(namespace);
    objects?.delete(name);
    if (objects?.size === 0) this.#byNamespace.delete(namespace);
    this.#size -= 1;
    for (const [label, index] of this.#byLabel) {
      const value = labels?.[label];
      const found = value === undefined ? undefined : index.get(value);
      found?.delete(object);
      if (value !== undefined && found?.size === 0) index.delete(value);
    }
  }
}

function cacheKey(metadata: { readonly namespace?: string; readonly name: string }): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}
