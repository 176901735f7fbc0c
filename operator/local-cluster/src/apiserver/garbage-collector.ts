import type { OwnerReference } from "@quorate/runtime/objects";
import type { Core } from "./core.ts";
import {
  type Deleter,
  FOREGROUND_FINALIZER,
  ORPHAN_FINALIZER,
  type Propagation,
} from "./deleter.ts";
import type { Change } from "./object-store.ts";
import { type ApiObject, withMeta } from "./objects.ts";
import { isOfGroup } from "./registry.ts";

/** Where an object is. */
interface Place {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

function placeOf(resource: string, object: ApiObject): Place {
  return { resource, namespace: object.metadata.namespace ?? "", name: object.metadata.name };
}

/**
 * Deletes what has no owner left. Background: the dependents follow once the owner is gone.
 * Foreground: the owner waits for those that block it. Orphan: they lose the reference and stay.
 * The rules of https://kubernetes.io/docs/concepts/architecture/garbage-collection/.
 */
export class GarbageCollector {
  readonly #core: Core;
  readonly #deleter: Deleter;
  readonly #places = new Map<string, Place>();
  readonly #dependents = new Map<string, Set<string>>();
  readonly #owners = new Map<string, readonly string[]>();

  constructor(core: Core, deleter: Deleter) {
    this.#core = core;
    this.#deleter = deleter;
  }

  /** Learns what is stored, then follows the store. */
  start(): void {
    for (const { resource, object } of this.#core.store.all()) this.#learn(resource, object);
    for (const uid of [...this.#owners.keys()]) this.#core.later(() => this.#examine(uid));
    this.#core.store.subscribe(undefined, (change) => this.#onChange(change));
  }

  #onChange({ type, resource, object }: Change): void {
    const uid = object.metadata.uid;
    if (uid === undefined) return;
    if (type !== "DELETED") {
      this.#learn(resource, object);
      if ((object.metadata.ownerReferences ?? []).length > 0) {
        this.#core.later(() => this.#examine(uid));
      }
      if (object.metadata.deletionTimestamp !== undefined) {
        this.#core.later(() => this.#finishOwner(uid));
      }
      return;
    }
    const waiting = this.#owners.get(uid) ?? [];
    this.#forget(uid);
    const orphans = [...(this.#dependents.get(uid) ?? [])];
    this.#core.later(() => {
      for (const dependent of orphans) this.#examine(dependent);
      for (const owner of waiting) this.#finishOwner(owner);
    });
  }

  #learn(resource: string, object: ApiObject): void {
    const uid = object.metadata.uid;
    if (uid === undefined) return;
    this.#places.set(uid, placeOf(resource, object));
    const owners = (object.metadata.ownerReferences ?? []).map((reference) => reference.uid);
    for (const owner of this.#owners.get(uid) ?? []) {
      if (!owners.includes(owner)) this.#unlink(owner, uid);
    }
    if (owners.length === 0) {
      this.#owners.delete(uid);
      return;
    }
    this.#owners.set(uid, owners);
    for (const owner of owners) {
      const set = this.#dependents.get(owner) ?? new Set();
      set.add(uid);
      this.#dependents.set(owner, set);
    }
  }

  #forget(uid: string): void {
    this.#places.delete(uid);
    for (const owner of this.#owners.get(uid) ?? []) this.#unlink(owner, uid);
    this.#owners.delete(uid);
  }

  #unlink(owner: string, dependent: string): void {
    const set = this.#dependents.get(owner);
    set?.delete(dependent);
    if (set?.size === 0) this.#dependents.delete(owner);
  }

  #object(uid: string): ApiObject | undefined {
    const place = this.#places.get(uid);
    if (place === undefined) return undefined;
    const found = this.#core.store.get(place.resource, place.namespace, place.name);
    return found?.metadata.uid === uid ? found : undefined;
  }

  /** An owner of another namespace does not count: the reference dangles. */
  #owner(reference: OwnerReference, dependent: ApiObject): ApiObject | undefined {
    const owner = this.#object(reference.uid);
    if (owner === undefined || owner.metadata.name !== reference.name) return undefined;
    if (!this.#isOfKind(reference)) return undefined;
    const namespace = owner.metadata.namespace;
    return namespace === undefined || namespace === dependent.metadata.namespace
      ? owner
      : undefined;
  }

  /** A reference names group and kind too; the version does not matter. */
  #isOfKind({ uid, apiVersion, kind }: OwnerReference): boolean {
    const resource = this.#core.registry.byKey(this.#places.get(uid)?.resource ?? "");
    // A kind that is no longer served: its objects go with it.
    if (resource === undefined) return true;
    return resource.storage.kind === kind && isOfGroup(apiVersion, resource.group);
  }

  /** Deletes a dependent whose owners are all gone or wait for it; drops references that dangle. */
  #examine(uid: string): void {
    const object = this.#object(uid);
    const references = object?.metadata.ownerReferences ?? [];
    if (object === undefined || references.length === 0) return;
    const solid: OwnerReference[] = [];
    let waited = false;
    for (const reference of references) {
      const owner = this.#owner(reference, object);
      if (owner === undefined) continue;
      const { deletionTimestamp, finalizers = [] } = owner.metadata;
      if (deletionTimestamp !== undefined && finalizers.includes(FOREGROUND_FINALIZER)) {
        waited = true;
      } else solid.push(reference);
    }
    if (solid.length === references.length) return;
    if (solid.length > 0) {
      this.#put(uid, withMeta(object, { ownerReferences: solid }));
      return;
    }
    if (object.metadata.deletionTimestamp !== undefined) return;
    const propagation = waited && this.#hasDependents(uid) ? "Foreground" : policyOf(object);
    this.#delete(uid, propagation);
  }

  #hasDependents(uid: string): boolean {
    return (this.#dependents.get(uid)?.size ?? 0) > 0;
  }

  /** Takes the collector's own finalizers off a dying owner once they are met. */
  #finishOwner(uid: string): void {
    const owner = this.#object(uid);
    if (owner?.metadata.deletionTimestamp === undefined) return;
    const finalizers = owner.metadata.finalizers ?? [];
    const dependents = [...(this.#dependents.get(uid) ?? [])];
    if (finalizers.includes(ORPHAN_FINALIZER)) {
      for (const dependent of dependents) this.#release(dependent, uid);
      this.#dropFinalizer(uid, ORPHAN_FINALIZER);
      return;
    }
    if (!finalizers.includes(FOREGROUND_FINALIZER)) return;
    for (const dependent of dependents) this.#examine(dependent);
    const blocked = [...(this.#dependents.get(uid) ?? [])].some((dependent) =>
      (this.#object(dependent)?.metadata.ownerReferences ?? []).some(
        (reference) => reference.uid === uid && reference.blockOwnerDeletion === true,
      ),
    );
    if (!blocked) this.#dropFinalizer(uid, FOREGROUND_FINALIZER);
  }

  #release(dependent: string, owner: string): void {
    const object = this.#object(dependent);
    if (object === undefined) return;
    const left = (object.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== owner);
    this.#put(
      dependent,
      withMeta(object, { ownerReferences: left.length === 0 ? undefined : left }),
    );
  }

  #dropFinalizer(uid: string, finalizer: string): void {
    const object = this.#object(uid);
    if (object === undefined) return;
    const left = (object.metadata.finalizers ?? []).filter((one) => one !== finalizer);
    const grace = object.metadata.deletionGracePeriodSeconds ?? 0;
    if (left.length === 0 && grace === 0) {
      const { resource, namespace, name } = placeOf(this.#places.get(uid)?.resource ?? "", object);
      this.#core.store.remove(resource, namespace, name);
      return;
    }
    this.#put(uid, withMeta(object, { finalizers: left.length === 0 ? undefined : left }));
  }

  #put(uid: string, object: ApiObject): void {
    const place = this.#places.get(uid);
    if (place !== undefined) this.#core.store.put(place.resource, object);
  }

  #delete(uid: string, propagation: Propagation): void {
    const place = this.#places.get(uid);
    const resource = place && this.#core.registry.byKey(place.resource);
    if (place === undefined || resource === undefined) return;
    const { namespace, name } = place;
    this.#deleter.delete(
      { resource, kind: resource.storage, namespace, name },
      { propagation, uid },
    );
  }
}

function policyOf(object: ApiObject): Propagation {
  const finalizers = object.metadata.finalizers ?? [];
  if (finalizers.includes(ORPHAN_FINALIZER)) return "Orphan";
  return finalizers.includes(FOREGROUND_FINALIZER) ? "Foreground" : "Background";
}
