import type { JsonObject } from "../schema/schema.ts";

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
