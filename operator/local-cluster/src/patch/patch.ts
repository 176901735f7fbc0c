import { ApiStatus } from "../apiserver/api-status.ts";
import type { CompiledKind } from "../schema/kinds.ts";
import type { Json, JsonObject } from "../schema/schema.ts";
import { isObject, mergePatch } from "./merge-patch.ts";

export type PatchType =
  | "application/json-patch+json"
  | "application/merge-patch+json"
  | "application/strategic-merge-patch+json"
  | "application/apply-patch+yaml";

export interface PatchRequest {
  /** What is stored; absent only for an apply that creates. */
  readonly live?: JsonObject;
  /** The decoded body. */
  readonly patch: unknown;
  readonly contentType: string;
  readonly fieldManager: string;
  /** Server-side apply: take fields from other managers instead of a conflict. */
  readonly force: boolean;
  readonly subresource?: "status" | "scale";
  /** RFC 3339 with seconds: the time of a managedFields entry. */
  readonly now: string;
}

/**
 * The object that a patch asks for, not yet admitted. Server-side apply has its managedFields set
 * already; after the other types call `admit`, then `trackUpdate`.
 *
 * @throws ApiStatus: 415 for an unknown type, 422 for a patch that does not fit, 409 for conflicts.
 */
export function applyPatch(kind: CompiledKind, request: PatchRequest): JsonObject {
  const type = request.contentType.split(";")[0]?.trim();
  if (type === "application/merge-patch+json" && request.live !== undefined) {
    return mergePatch(request.live, request.patch as Json) as JsonObject;
  }
  throw new ApiStatus({
    code: 415,
    reason: "UnsupportedMediaType",
    message:
      "the body of the request was in an unknown format - accepted media types include: " +
      "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
    details: { kind: kind.kind, group: kind.group },
  });
}

export interface TrackRequest {
  /** What was stored; absent for a create. */
  readonly before?: JsonObject;
  /** The admitted object, which may carry managedFields as the client sent them. */
  readonly after: JsonObject;
  readonly fieldManager: string;
  readonly subresource?: "status" | "scale";
  readonly now: string;
}

/** `after` with the managedFields that a create, update or patch (not an apply) leaves. */
export function trackUpdate(_kind: CompiledKind, request: TrackRequest): JsonObject {
  const managedFields = isObject(request.before?.["metadata"])
    ? request.before["metadata"]["managedFields"]
    : undefined;
  const metadata = isObject(request.after["metadata"]) ? request.after["metadata"] : {};
  return { ...request.after, metadata: { ...metadata, managedFields } };
}
