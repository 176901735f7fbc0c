import type { CompiledKind } from "../schema/kinds.ts";
import { apiVersionOf } from "../schema/kinds.ts";
import { qualified } from "./failures.ts";
import type { ApiObject } from "./objects.ts";

/** One resource with all its served versions. */
export interface Resource {
  /** Qualified name, the key of its objects in the store. */
  readonly key: string;
  readonly group: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Newest first, as discovery orders them. */
  readonly kinds: readonly CompiledKind[];
  /** The version that objects are stored in. */
  readonly storage: CompiledKind;
  /** Name of the CustomResourceDefinition; absent for a built-in resource. */
  readonly crd?: string;
}

/** A resource in the version that a request names. */
export interface Endpoint {
  readonly resource: Resource;
  readonly kind: CompiledKind;
}

/** Whether an `apiVersion`, as `apps/v1` or `v1`, is of that group. */
export function isOfGroup(apiVersion: string, group: string): boolean {
  return apiVersion.includes("/") ? apiVersion.startsWith(`${group}/`) : group === "";
}

/** `v1` before `v1beta2` before `v1alpha1`, greater numbers first. */
export function compareVersions(left: string, right: string): number {
  const parse = (version: string): [number, number, number] => {
    const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
    if (match === null) return [-1, 0, 0];
    const stage = match[2] === undefined ? 2 : match[2] === "beta" ? 1 : 0;
    return [stage, Number(match[1]), Number(match[3] ?? 0)];
  };
  const [a, b] = [parse(left), parse(right)];
  return b[0] - a[0] || b[1] - a[1] || b[2] - a[2] || (left < right ? -1 : 1);
}

/** Which resources there are: the built-in ones, and those that CRDs add. */
export class Registry {
  readonly #resources = new Map<string, Resource>();

  constructor(builtin: readonly CompiledKind[]) {
    const byKey = new Map<string, CompiledKind[]>();
    for (const kind of builtin) {
      const key = qualified(kind);
      byKey.set(key, [...(byKey.get(key) ?? []), kind]);
    }
    for (const kinds of byKey.values()) {
      const [first] = kinds;
      if (first !== undefined) this.#add(kinds, first);
    }
  }

  /** Adds or replaces the resource of a CRD. */
  addCrd(crd: { name: string; kinds: readonly CompiledKind[]; storageVersion: string }): Resource {
    const [first] = crd.kinds;
    if (first === undefined) throw new Error(`the CRD ${crd.name} serves no version`);
    const storage = crd.kinds.find(({ version }) => version === crd.storageVersion) ?? first;
    return this.#add(crd.kinds, storage, crd.name);
  }

  removeCrd(name: string): void {
    for (const resource of this.#resources.values()) {
      if (resource.crd === name) this.#resources.delete(resource.key);
    }
  }

  all(): readonly Resource[] {
    return [...this.#resources.values()];
  }

  byKey(key: string): Resource | undefined {
    return this.#resources.get(key);
  }

  find(group: string, version: string, plural: string): Endpoint | undefined {
    const resource = this.#resources.get(qualified({ group, plural }));
    const kind = resource?.kinds.find((one) => one.version === version);
    return resource === undefined || kind === undefined ? undefined : { resource, kind };
  }

  /** Whether any resource is served under this group and version. */
  serves(group: string, version: string): boolean {
    return this.all().some(
      (one) => one.group === group && one.kinds.some((kind) => kind.version === version),
    );
  }

  #add(kinds: readonly CompiledKind[], storage: CompiledKind, crd?: string): Resource {
    const { group, plural, namespaced } = storage;
    const resource: Resource = {
      key: qualified(storage),
      group,
      plural,
      namespaced,
      kinds: [...kinds].sort((a, b) => compareVersions(a.version, b.version)),
      storage,
      ...(crd === undefined ? {} : { crd }),
    };
    this.#resources.set(resource.key, resource);
    return resource;
  }
}

/** A stored object in the version asked for: conversion `None`, only `apiVersion` differs. */
export function present(object: ApiObject, kind: CompiledKind): ApiObject {
  const apiVersion = apiVersionOf(kind);
  return object.apiVersion === apiVersion ? object : { ...object, apiVersion };
}
