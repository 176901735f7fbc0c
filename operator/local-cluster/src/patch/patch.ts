import jsonPatch, { type Operation } from "fast-json-patch";
import { ApiStatus } from "../apiserver/api-status.ts";
import { badRequest } from "../schema/field-errors.ts";
import type { CompiledKind } from "../schema/kinds.ts";
import type { Json, JsonObject } from "../schema/schema.ts";
import { serverSideApply } from "./apply.ts";
import { isObject, mergePatch } from "./merge-patch.ts";
import type { PatchRequest } from "./patch-request.ts";
import { strategicMerge } from "./strategic-merge.ts";

/**
 * The object that a patch asks for, not yet admitted. Server-side apply has its managedFields set
 * already; after the other types call `admit`, then `trackUpdate`.
 *
 * @throws ApiStatus: 415 for an unknown type, 422 for a patch that does not fit, 409 for conflicts.
 */
export function applyPatch(kind: CompiledKind, request: PatchRequest): JsonObject {
  const { live, patch } = request;
  const type = request.contentType.split(";")[0]?.trim();
  if (type === "application/apply-patch+yaml") return serverSideApply(kind, request);
  if (live === undefined) throw new Error("only an apply may create: the caller answers 404");
  switch (type) {
    case "application/json-patch+json":
      return jsonPatched(live, patch);
    case "application/merge-patch+json":
      return mergePatch(live, objectPatch(patch)) as JsonObject;
    case "application/strategic-merge-patch+json":
      if (kind.builtin) return strategicMerge(kind.schema, live, objectPatch(patch));
      throw unsupportedType(kind);
    default:
      throw unsupportedType(kind);
  }
}

function unsupportedType(kind: CompiledKind): ApiStatus {
  const types = ["application/json-patch+json", "application/merge-patch+json"];
  if (kind.builtin) types.push("application/strategic-merge-patch+json");
  types.push("application/apply-patch+yaml");
  return new ApiStatus({
    code: 415,
    reason: "UnsupportedMediaType",
    message:
      "the body of the request was in an unknown format - accepted media types include: " +
      types.join(", "),
  });
}

function objectPatch(patch: unknown): JsonObject {
  if (isObject(patch)) return patch;
  const name = Array.isArray(patch) ? "array" : typeof patch;
  const go = "Go value of type map[string]interface {}";
  throw badRequest(`error decoding patch: json: cannot unmarshal ${name} into ${go}`);
}

function jsonPatched(live: JsonObject, patch: unknown): JsonObject {
  if (!Array.isArray(patch)) {
    const go = "Go value of type []handlers.jsonPatchOp";
    throw badRequest(`error decoding patch: json: cannot unmarshal object into ${go}`);
  }
  try {
    const copy = structuredClone(live) as Json;
    let document: Json = copy;
    for (const operation of patch as Operation[]) {
      const lenient = replaceOrAdd(document, operation);
      document = jsonPatch.applyOperation(document, lenient, true, true).newDocument;
    }
    if (isObject(document)) return document;
  } catch (error) {
    throw unfit(error);
  }
  throw unfit(undefined);
}

/** Go's library lets `replace` set a field that is not there yet; `remove` stays strict. */
function replaceOrAdd(document: Json, operation: Operation): Operation {
  if (operation.op !== "replace") return operation;
  const at = operation.path.lastIndexOf("/");
  const parent: unknown = jsonPatch.getValueByPointer(document, operation.path.slice(0, at));
  const field = jsonPatch.unescapePathComponent(operation.path.slice(at + 1));
  const missing = isObject(parent) && parent[field] === undefined;
  return missing ? { ...operation, op: "add" } : operation;
}

/** The words of a real server, which keeps the reason to itself; the cause stays for logs. */
function unfit(cause: unknown): ApiStatus {
  const status = new ApiStatus({
    code: 422,
    reason: "Invalid",
    message: "the server rejected our request due to an error in our request",
  });
  status.cause = cause;
  return status;
}
