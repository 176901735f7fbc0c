import { PVC_FINALIZER } from "./builtin-rules.ts";
import type { Core, WriteOptions } from "./core.ts";
import type { Deleter } from "./deleter.ts";
import type { Change } from "./object-store.ts";
import { type ApiObject, at, isDictionary, listAt, textAt, withMeta } from "./objects.ts";
import type { Writer } from "./writer.ts";

const CONTROLLER: WriteOptions = {
  fieldManager: "kube-controller-manager",
  fieldValidation: "Ignore",
  dryRun: false,
};

const CA_DESCRIPTION =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal" +
  " endpoints such as the internal service IP or kubernetes.default.svc. No other usage is" +
  " guaranteed across distributions of Kubernetes clusters.";

/**
 * What controllers of a real cluster do for every namespace: a service account and the CA in each
 * new one, emptying of those that end, and claims that stay while a pod uses them.
 */
export class NamespaceLifecycle {
  readonly #core: Core;
  readonly #writer: Writer;
  readonly #deleter: Deleter;
  readonly #caCertificate: string;

  constructor(parts: { core: Core; writer: Writer; deleter: Deleter; caCertificate: string }) {
    this.#core = parts.core;
    this.#writer = parts.writer;
    this.#deleter = parts.deleter;
    this.#caCertificate = parts.caCertificate;
  }

  start(): void {
    const { store } = this.#core;
    store.subscribe(undefined, (change) => this.#onChange(change));
    for (const name of ["default", "kube-system", "kube-public", "kube-node-lease"]) {
      if (store.get("namespaces", "", name) === undefined) this.#create("namespaces", "", { name });
    }
    for (const namespace of store.list("namespaces")) this.#furnish(namespace.metadata.name);
    for (const namespace of store.list("namespaces")) {
      if (namespace.metadata.deletionTimestamp !== undefined) this.#sweep(namespace.metadata.name);
    }
    for (const claim of store.list("persistentvolumeclaims")) this.#releaseClaim(claim);
  }

  #onChange({ type, resource, object }: Change): void {
    const { name, namespace = "", deletionTimestamp } = object.metadata;
    if (resource === "namespaces") {
      if (type === "ADDED") this.#core.later(() => this.#furnish(name));
      else if (deletionTimestamp !== undefined) this.#core.later(() => this.#sweep(name));
      return;
    }
    if (type === "DELETED" && namespace !== "") {
      if (resource === "configmaps" && name === "kube-root-ca.crt") {
        this.#core.later(() => this.#furnish(namespace));
      }
      this.#core.later(() => this.#sweep(namespace));
    }
    if (resource === "persistentvolumeclaims" && deletionTimestamp !== undefined) {
      this.#core.later(() => this.#releaseClaim(object));
    }
    if (resource === "pods" && type === "DELETED") this.#core.later(() => this.#onPodGone(object));
  }

  #create(plural: string, namespace: string, metadata: object, rest: object = {}): void {
    const resource = this.#core.registry.byKey(plural);
    if (resource === undefined) return;
    const endpoint = { resource, kind: resource.storage };
    this.#core.run(() =>
      this.#writer.create(endpoint, namespace, { metadata, ...rest }, CONTROLLER),
    );
  }

  #furnish(name: string): void {
    const { store } = this.#core;
    const namespace = store.get("namespaces", "", name);
    if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined) return;
    if (store.get("serviceaccounts", name, "default") === undefined) {
      this.#create("serviceaccounts", name, { name: "default" });
    }
    const found = store.get("configmaps", name, "kube-root-ca.crt");
    if (found !== undefined && at(found, "data", "ca.crt") === this.#caCertificate) return;
    if (found !== undefined) store.remove("configmaps", name, "kube-root-ca.crt");
    const annotations = { "kubernetes.io/description": CA_DESCRIPTION };
    this.#create(
      "configmaps",
      name,
      { name: "kube-root-ca.crt", annotations },
      { data: { "ca.crt": this.#caCertificate } },
    );
  }

  /** Deletes what a dying namespace still holds, and then the namespace. */
  #sweep(name: string): void {
    const { store, registry } = this.#core;
    const namespace = store.get("namespaces", "", name);
    if (namespace?.metadata.deletionTimestamp === undefined) return;
    let left = 0;
    for (const resource of registry.all()) {
      if (!resource.namespaced) continue;
      for (const object of store.list(resource.key, name)) {
        if (object.metadata.deletionTimestamp === undefined) {
          const target = {
            resource,
            kind: resource.storage,
            namespace: name,
            name: object.metadata.name,
          };
          this.#deleter.delete(target, { propagation: "Background" });
        }
        if (store.get(resource.key, name, object.metadata.name) !== undefined) left += 1;
      }
    }
    const current = store.get("namespaces", "", name);
    if (left > 0 || current === undefined) return;
    if ((current.metadata.finalizers ?? []).length === 0) store.remove("namespaces", "", name);
    else if (listAt(current, "spec", "finalizers").length > 0) {
      store.put("namespaces", { ...current, spec: {} });
    }
  }

  #onPodGone(pod: ApiObject): void {
    for (const volume of listAt(pod, "spec", "volumes")) {
      const claimName = textAt(volume, "persistentVolumeClaim", "claimName");
      const namespace = pod.metadata.namespace ?? "";
      const claim =
        claimName === ""
          ? undefined
          : this.#core.store.get("persistentvolumeclaims", namespace, claimName);
      if (claim !== undefined) this.#releaseClaim(claim);
    }
  }

  /** A dying claim loses its protection once no pod that lives mounts it. */
  #releaseClaim(claim: ApiObject): void {
    const { store } = this.#core;
    const { namespace = "", name } = claim.metadata;
    const current = store.get("persistentvolumeclaims", namespace, name);
    const finalizers = current?.metadata.finalizers ?? [];
    if (current?.metadata.deletionTimestamp === undefined) return;
    if (!finalizers.includes(PVC_FINALIZER)) return;
    const used = store
      .list("pods", namespace)
      .some(
        (pod) =>
          !["Succeeded", "Failed"].includes(textAt(pod, "status", "phase")) &&
          listAt(pod, "spec", "volumes").some(
            (volume) =>
              isDictionary(volume) && textAt(volume, "persistentVolumeClaim", "claimName") === name,
          ),
      );
    if (used) return;
    const left = finalizers.filter((one) => one !== PVC_FINALIZER);
    if (left.length === 0) store.remove("persistentvolumeclaims", namespace, name);
    else store.put("persistentvolumeclaims", withMeta(current, { finalizers: left }));
  }
}
