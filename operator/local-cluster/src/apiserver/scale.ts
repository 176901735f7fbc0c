import type { CompiledKind } from "../schema/kinds.ts";
import { badRequest, invalid } from "./failures.ts";
import { readJsonPath } from "./json-path.ts";
import { type ApiObject, at, type Dictionary, isDictionary, numberAt } from "./objects.ts";
import { labelSelectorText } from "./selectors.ts";

/** `autoscaling/v1 Scale` of an object, read by the paths that its kind declares. */
export function scaleOf(kind: CompiledKind, object: ApiObject): ApiObject {
  const paths = kind.subresources.scale;
  if (paths === undefined) throw new Error(`${kind.kind} has no scale subresource`);
  const [replicas] = readJsonPath(object, paths.specReplicasPath);
  const [current] = readJsonPath(object, paths.statusReplicasPath);
  const selector = kind.builtin
    ? labelSelectorText(at(object, "spec", "selector"))
    : readJsonPath(object, paths.labelSelectorPath ?? ".nothing").at(0);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    },
    spec: typeof replicas === "number" && replicas !== 0 ? { replicas } : {},
    status: {
      replicas: typeof current === "number" ? current : 0,
      ...(typeof selector === "string" && selector !== "" ? { selector } : {}),
    },
  };
}

function setAt(value: unknown, path: readonly string[], leaf: unknown): Dictionary {
  const [field = "", ...rest] = path;
  const base = isDictionary(value) ? value : {};
  return { ...base, [field]: rest.length === 0 ? leaf : setAt(base[field], rest, leaf) };
}

/** The object with the replicas and the version that a Scale asks for. */
export function withScale(kind: CompiledKind, object: ApiObject, scale: unknown): ApiObject {
  const paths = kind.subresources.scale;
  if (paths === undefined) throw badRequest(`${kind.kind} has no scale subresource`);
  const replicas = numberAt(scale, "spec", "replicas") ?? 0;
  if (!Number.isInteger(replicas) || replicas < 0) {
    throw invalid({ group: "autoscaling", kind: "Scale" }, object.metadata.name, [
      {
        reason: "FieldValueInvalid",
        message: `Invalid value: ${replicas}: should be a non-negative integer`,
        field: "spec.replicas",
      },
    ]);
  }
  const steps = paths.specReplicasPath.split(".").filter((step) => step !== "");
  const scaled = setAt(object, steps, replicas) as unknown as ApiObject;
  const version = at(scale, "metadata", "resourceVersion");
  const resourceVersion = typeof version === "string" && version !== "" ? version : undefined;
  const metadata: Record<string, unknown> = { ...scaled.metadata };
  if (resourceVersion === undefined) delete metadata["resourceVersion"];
  else metadata["resourceVersion"] = resourceVersion;
  return { ...scaled, metadata: metadata as unknown as ApiObject["metadata"] };
}
