import type { CompiledKind } from "../schema/kinds.ts";
import { type Core, isKind } from "./core.ts";
import { conflict, invalid, notFound } from "./failures.ts";
import {
  type ApiObject,
  at,
  type Dictionary,
  listAt,
  numberAt,
  textAt,
  timestamp,
  withMeta,
} from "./objects.ts";
import { present } from "./registry.ts";
import type { Target } from "./writer.ts";

export const FOREGROUND_FINALIZER = "foregroundDeletion";
export const ORPHAN_FINALIZER = "orphan";

export type Propagation = "Background" | "Foreground" | "Orphan";

/** `metav1.DeleteOptions`, as far as it is used. */
export interface DeleteOptions {
  readonly propagation?: Propagation | undefined;
  readonly gracePeriodSeconds?: number | undefined;
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface Deleted {
  readonly object: ApiObject;
  /** It is gone; otherwise it waits for its finalizers or its grace. */
  readonly gone: boolean;
}

const GRACE_SECONDS = 30;

/** Options from the body of a DELETE, overridden by its query. */
export function parseDeleteOptions(
  body: unknown,
  query: {
    readonly propagation: string | undefined;
    readonly grace: number | undefined;
    readonly dryRun: boolean;
  },
): DeleteOptions {
  const propagation = query.propagation ?? textAt(body, "propagationPolicy");
  const orphans = at(body, "orphanDependents");
  const known = ["Background", "Foreground", "Orphan"];
  if (propagation !== "" && !known.includes(propagation)) {
    const message =
      `Unsupported value: "${propagation}": supported values: ` +
      '"Foreground", "Background", "Orphan", "nil"';
    throw invalid({ group: "meta.k8s.io", kind: "DeleteOptions" }, "", [
      { reason: "FieldValueNotSupported", message, field: "propagationPolicy" },
    ]);
  }
  const byFlag = orphans === true ? "Orphan" : orphans === false ? "Background" : undefined;
  return {
    propagation: propagation === "" ? byFlag : (propagation as Propagation),
    gracePeriodSeconds: query.grace ?? numberAt(body, "gracePeriodSeconds"),
    uid: textAt(body, "preconditions", "uid") || undefined,
    resourceVersion: textAt(body, "preconditions", "resourceVersion") || undefined,
    dryRun: query.dryRun || listAt(body, "dryRun").includes("All"),
  };
}

/** Deletes objects: at once, or by a deletionTimestamp that somebody has to finish. */
export class Deleter {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  delete(target: Target, options: DeleteOptions): Deleted {
    const { kind, resource, namespace, name } = target;
    const stored = this.#core.store.get(resource.key, namespace, name);
    if (stored === undefined) throw notFound(resource, name);
    this.#checkPreconditions(target, stored, options);
    const finalizers = this.#finalizers(stored, options.propagation);
    const marked = withMeta(stored, {
      finalizers: finalizers.length === 0 ? undefined : finalizers,
    });
    const grace = isKind(kind, "", "pods") ? podGrace(stored, options.gracePeriodSeconds) : 0;
    const waits = grace > 0 || finalizers.length > 0 || this.#isHeldNamespace(kind, stored);
    if (!waits) {
      if (options.dryRun === true) return { object: present(stored, kind), gone: true };
      const gone = this.#core.store.remove(resource.key, namespace, name);
      return { object: present(gone ?? stored, kind), gone: true };
    }
    const already = this.#unchanged(stored, marked, grace);
    if (already || options.dryRun === true) {
      return { object: present(already ? stored : marked, kind), gone: false };
    }
    const dying = this.#dying(kind, marked, grace);
    return { object: present(this.#core.store.put(resource.key, dying), kind), gone: false };
  }

  #dying(kind: CompiledKind, object: ApiObject, grace: number): ApiObject {
    const { generation, deletionTimestamp } = object.metadata;
    const dying = withMeta(object, {
      deletionTimestamp:
        deletionTimestamp !== undefined && grace === 0
          ? deletionTimestamp
          : timestamp(this.#core.clock.now() + grace * 1000),
      deletionGracePeriodSeconds: grace,
      ...(generation === undefined || deletionTimestamp !== undefined
        ? {}
        : { generation: generation + 1 }),
    });
    if (!isKind(kind, "", "namespaces")) return dying;
    const status = { ...(dying["status"] as Dictionary | undefined), phase: "Terminating" };
    return { ...withMeta(dying, { deletionGracePeriodSeconds: undefined }), status };
  }

  /** A second delete changes nothing, unless it shortens the grace or adds a policy. */
  #unchanged(stored: ApiObject, marked: ApiObject, grace: number): boolean {
    if (stored.metadata.deletionTimestamp === undefined) return false;
    const before = stored.metadata.finalizers ?? [];
    const after = marked.metadata.finalizers ?? [];
    const same = before.length === after.length && before.every((one) => after.includes(one));
    return same && grace >= (stored.metadata.deletionGracePeriodSeconds ?? 0);
  }

  #isHeldNamespace(kind: CompiledKind, stored: ApiObject): boolean {
    return isKind(kind, "", "namespaces") && listAt(stored, "spec", "finalizers").length > 0;
  }

  #finalizers(stored: ApiObject, asked: Propagation | undefined): string[] {
    const before = stored.metadata.finalizers ?? [];
    const others = before.filter((one) => one !== FOREGROUND_FINALIZER && one !== ORPHAN_FINALIZER);
    if (asked === undefined) return [...before];
    if (asked === "Foreground") return [...others, FOREGROUND_FINALIZER];
    if (asked === "Orphan") return [...others, ORPHAN_FINALIZER];
    return others;
  }

  #checkPreconditions(target: Target, stored: ApiObject, options: DeleteOptions): void {
    const { group, kind } = target.kind;
    const { uid, resourceVersion } = stored.metadata;
    if (options.uid !== undefined && options.uid !== uid) {
      throw conflict(
        { group, plural: kind },
        target.name,
        `the UID in the precondition (${options.uid}) does not match the UID in record (${uid}).` +
          " The object might have been deleted and then recreated",
      );
    }
    if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
      throw conflict(
        { group, plural: kind },
        target.name,
        `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the` +
          ` ResourceVersion in record (${resourceVersion}). The object might have been modified`,
      );
    }
  }
}

/**
 * Seconds until a pod is taken away. A pod without a node or one that has ended waits for nobody; a
 * second delete can only shorten.
 */
function podGrace(pod: ApiObject, asked: number | undefined): number {
  const phase = textAt(pod, "status", "phase");
  if (textAt(pod, "spec", "nodeName") === "") return 0;
  if (phase === "Succeeded" || phase === "Failed") return 0;
  const own = numberAt(pod, "spec", "terminationGracePeriodSeconds") ?? GRACE_SECONDS;
  const wanted = Math.max(0, asked ?? own);
  const left = pod.metadata.deletionGracePeriodSeconds;
  return pod.metadata.deletionTimestamp === undefined || left === undefined
    ? wanted
    : Math.min(wanted, left);
}
