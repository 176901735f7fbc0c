import type { Draft } from "./api-store.ts";

type Fields = Record<string, unknown>;

const IDENTITY = new Set(["apiVersion", "kind"]);
const META = new Set([
  "name",
  "namespace",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
]);

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Paths of all leaves as JSON texts; lists are one leaf each. */
function leavesOf(value: Fields, path: readonly string[] = []): string[] {
  return Object.entries(value).flatMap(([name, inner]) => {
    if (path.length === 0 && IDENTITY.has(name)) return [];
    if (path.length === 1 && path[0] === "metadata" && META.has(name)) return [];
    const here = [...path, name];
    return isFields(inner) && Object.keys(inner).length > 0
      ? leavesOf(inner, here)
      : [JSON.stringify(here)];
  });
}

function at(object: Fields, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, name) => (isFields(value) ? value[name] : undefined), object);
}

function put(object: Fields, path: readonly string[], value: unknown): void {
  const [last = "", ...before] = path.toReversed();
  let holder = object;
  for (const name of before.toReversed()) {
    if (!isFields(holder[name])) holder[name] = {};
    holder = holder[name] as Fields;
  }
  if (value === undefined) delete holder[last];
  else holder[last] = value;
}

const same = (left: unknown, right: unknown): boolean =>
  JSON.stringify(left) === JSON.stringify(right);

/** Who owns which field: enough of server-side apply for conflicts and for what is left out. */
export class FieldOwners {
  /** By uid, by manager and operation. */
  readonly #owners = new Map<string, Map<string, Set<string>>>();

  /** A create, an update or a merge patch: what it changed is its writer's. */
  noteUpdate(uid: string, manager: string, before: Fields | undefined, after: Fields): void {
    const owner = this.#of(uid, `${manager}/Update`);
    for (const path of leavesOf(after)) {
      const steps: string[] = JSON.parse(path);
      if (before === undefined || !same(at(before, steps), at(after, steps))) {
        this.#drop(uid, path);
        owner.add(path);
      }
    }
  }

  /** Applies; the paths in conflict where others own another value and nobody forces. */
  apply(
    draft: Draft,
    applied: Fields,
    who: { readonly manager: string; readonly force: boolean; readonly status: boolean },
  ): readonly string[] {
    const uid = draft.metadata.uid ?? "";
    const name = `${who.manager}/Apply${who.status ? "/status" : ""}`;
    const mine = this.#of(uid, name);
    const paths = leavesOf(applied);
    const live = draft as unknown as Fields;
    const conflicts = paths.filter((path) => {
      const steps: string[] = JSON.parse(path);
      if (same(at(live, steps), at(applied, steps))) return false;
      return [...(this.#owners.get(uid) ?? [])].some(
        ([other, owned]) => other !== name && owned.has(path),
      );
    });
    if (conflicts.length > 0 && !who.force) return conflicts;
    for (const path of conflicts) this.#drop(uid, path);
    for (const path of mine) {
      const wanted = paths.includes(path);
      const others = [...(this.#owners.get(uid) ?? [])].some(
        ([other, owned]) => other !== name && owned.has(path),
      );
      if (!wanted && !others) put(live, JSON.parse(path), undefined);
    }
    mine.clear();
    for (const path of paths) {
      mine.add(path);
      const steps: string[] = JSON.parse(path);
      put(live, steps, structuredClone(at(applied, steps)));
    }
    return [];
  }

  #of(uid: string, name: string): Set<string> {
    const managers = this.#owners.get(uid) ?? new Map<string, Set<string>>();
    this.#owners.set(uid, managers);
    const owned = managers.get(name) ?? new Set<string>();
    managers.set(name, owned);
    return owned;
  }

  #drop(uid: string, path: string): void {
    for (const owned of this.#owners.get(uid)?.values() ?? []) owned.delete(path);
  }
}
