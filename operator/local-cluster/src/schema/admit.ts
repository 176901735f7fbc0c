import type { CompiledKind } from "./kinds.ts";
import type { JsonObject } from "./schema.ts";

export interface AdmitRequest {
  readonly object: JsonObject;
  /** What is stored; given for `update`. */
  readonly old?: JsonObject;
  readonly operation: "create" | "update";
  readonly subresource?: "status" | "scale";
  /** What happens to unknown fields: refused, told as warnings, or dropped in silence. */
  readonly fieldValidation: "Strict" | "Warn" | "Ignore";
}

export interface Admitted {
  readonly object: JsonObject;
  /** Texts for the `Warning` header of the answer. */
  readonly warnings: string[];
}

/**
 * What an API server does between decoding and storing: drop unknown fields, fill in defaults,
 * keep status apart, validate. The caller sets uid, times, generation and resourceVersion, and
 * calls `trackUpdate` afterwards unless the write was a server-side apply.
 *
 * @throws ApiStatus: BadRequest for unknown fields in Strict, Invalid with causes otherwise.
 */
export function admit(_kind: CompiledKind, request: AdmitRequest): Admitted {
  return { object: structuredClone(request.object), warnings: [] };
}
