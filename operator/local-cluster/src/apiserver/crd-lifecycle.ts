import { compileCrd } from "../schema/kinds.ts";
import type { Core } from "./core.ts";
import type { Deleter } from "./deleter.ts";
import type { Change } from "./object-store.ts";
import { type ApiObject, at, isDictionary, listAt, sameJson, textAt, withMeta } from "./objects.ts";

export const CRDS = "customresourcedefinitions.apiextensions.k8s.io";
const CLEANUP_FINALIZER = "customresourcecleanup.apiextensions.k8s.io";

/** Serves the resources that CustomResourceDefinitions describe, and removes their objects. */
export class CrdLifecycle {
  readonly #core: Core;
  readonly #deleter: Deleter;

  constructor(core: Core, deleter: Deleter) {
    this.#core = core;
    this.#deleter = deleter;
  }

  start(): void {
    for (const crd of this.#core.store.list(CRDS)) this.#establish(crd);
    this.#core.store.subscribe(undefined, (change) => this.#onChange(change));
  }

  #onChange({ type, resource, object, before }: Change): void {
    if (resource === CRDS) {
      const { name } = object.metadata;
      if (type === "DELETED") this.#core.registry.removeCrd(name);
      else if (object.metadata.deletionTimestamp !== undefined) {
        this.#core.later(() => this.#clean(name));
      } else if (before === undefined || !sameJson(before["spec"], object["spec"])) {
        this.#core.later(() => this.#establish(this.#core.store.get(CRDS, "", name)));
      }
      return;
    }
    const crd = this.#core.registry.byKey(resource)?.crd;
    if (type === "DELETED" && crd !== undefined) this.#core.later(() => this.#clean(crd));
  }

  #establish(crd: ApiObject | undefined): void {
    if (crd === undefined) return;
    const storageVersion = listAt(crd, "spec", "versions").find(
      (version) => at(version, "storage") === true,
    );
    if (this.#core.registry.byKey(crd.metadata.name) === undefined) {
      this.#core.store.beginHistory(crd.metadata.name);
    }
    this.#core.registry.addCrd({
      name: crd.metadata.name,
      kinds: compileCrd(crd),
      storageVersion: textAt(storageVersion, "name"),
    });
    const status = establishedStatus(crd, textAt(storageVersion, "name"), this.#core.now());
    const finalizers = crd.metadata.finalizers ?? [];
    const kept = finalizers.includes(CLEANUP_FINALIZER)
      ? finalizers
      : [...finalizers, CLEANUP_FINALIZER];
    const established = { ...withMeta(crd, { finalizers: kept }), status };
    if (!sameJson(established, crd)) this.#core.store.put(CRDS, established);
  }

  /** Deletes the objects of a dying CRD, and lets it go once there are none. */
  #clean(name: string): void {
    const { store, registry } = this.#core;
    const crd = store.get(CRDS, "", name);
    if (crd?.metadata.deletionTimestamp === undefined) return;
    const resource = registry.byKey(name);
    for (const object of resource === undefined ? [] : store.list(resource.key)) {
      if (object.metadata.deletionTimestamp !== undefined || resource === undefined) continue;
      const { namespace = "" } = object.metadata;
      this.#deleter.delete(
        { resource, kind: resource.storage, namespace, name: object.metadata.name },
        { propagation: "Background" },
      );
    }
    if (resource !== undefined && store.list(resource.key).length > 0) return;
    const current = store.get(CRDS, "", name);
    const left = (current?.metadata.finalizers ?? []).filter((one) => one !== CLEANUP_FINALIZER);
    if (current === undefined) return;
    if (left.length === 0) store.remove(CRDS, "", name);
    else store.put(CRDS, withMeta(current, { finalizers: left }));
  }
}

function establishedStatus(crd: ApiObject, storageVersion: string, now: string): object {
  const names = at(crd, "spec", "names");
  const previous = listAt(crd, "status", "conditions");
  const stored = listAt(crd, "status", "storedVersions");
  const condition = (type: string, reason: string, message: string): object => {
    const same = previous.find((one) => at(one, "type") === type && at(one, "status") === "True");
    return isDictionary(same)
      ? same
      : { type, status: "True", lastTransitionTime: now, reason, message };
  };
  return {
    conditions: [
      condition("NamesAccepted", "NoConflicts", "no conflicts found"),
      condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ],
    acceptedNames: names,
    storedVersions: stored.includes(storageVersion) ? stored : [...stored, storageVersion],
  };
}
