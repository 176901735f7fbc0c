import type { FieldError } from "./field-errors.ts";
import type { CompiledKind } from "./kinds.ts";
import { metadataErrors } from "./names.ts";
import type { JsonObject } from "./schema.ts";

export interface Judged {
  readonly object: JsonObject;
  readonly old: JsonObject | undefined;
  readonly subresource: "status" | "scale" | undefined;
}

export function validateBuiltin(kind: CompiledKind, judged: Judged): FieldError[] {
  const metadata = judged.object["metadata"] as JsonObject;
  return metadataErrors(metadata, { namespaced: kind.namespaced, nameForm: "subdomain" });
}
