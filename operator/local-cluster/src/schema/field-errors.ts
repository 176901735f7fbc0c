import { ApiStatus } from "../apiserver/api-status.ts";
import type { Json } from "./schema.ts";

/** Types of field errors in Kubernetes' words, with the reason of their cause. */
const REASONS = {
  required: "FieldValueRequired",
  invalid: "FieldValueInvalid",
  type: "FieldValueTypeInvalid",
  unsupported: "FieldValueNotSupported",
  duplicate: "FieldValueDuplicate",
  forbidden: "FieldValueForbidden",
  "too-long": "FieldValueTooLong",
  "too-many": "FieldValueTooMany",
  "not-found": "FieldValueNotFound",
} as const;

const WORDS = {
  required: "Required value",
  invalid: "Invalid value",
  type: "Invalid value",
  unsupported: "Unsupported value",
  duplicate: "Duplicate value",
  forbidden: "Forbidden",
  "too-long": "Too long",
  "too-many": "Too many",
  "not-found": "Not found",
} as const;

export type FieldErrorType = keyof typeof REASONS;

export interface FieldError {
  readonly type: FieldErrorType;
  readonly field: string;
  /** Not shown for required, forbidden and too-long. */
  readonly value?: Json;
  readonly detail?: string;
}

/** `Invalid value: 3: must be at least 4`. */
export function errorBody(error: FieldError): string {
  const words = WORDS[error.type];
  const shown =
    error.type === "required" || error.type === "forbidden" || error.type === "too-long"
      ? words
      : `${words}: ${showValue(error.value)}`;
  return error.detail === undefined || error.detail === "" ? shown : `${shown}: ${error.detail}`;
}

function showValue(value: Json | undefined): string {
  if (value === undefined || value === null) return "null";
  if (typeof value === "string") return quote(value);
  // As Go marshals JSON: with its escapes for HTML.
  return JSON.stringify(value)
    .replaceAll("<", "\\u003c")
    .replaceAll(">", "\\u003e")
    .replaceAll("&", "\\u0026");
}

/** A Go string literal, for what objects contain in practice. */
export function quote(text: string): string {
  return JSON.stringify(text);
}

export function unsupported(field: string, value: Json, supported: readonly Json[]): FieldError {
  const listed = supported.map((entry) => (typeof entry === "string" ? quote(entry) : `${entry}`));
  return { type: "unsupported", field, value, detail: `supported values: ${listed.join(", ")}` };
}

/** The 422 for an object with `errors`, or nothing to throw where there are none. */
export function invalid(
  type: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): ApiStatus {
  const parts = errors.map((error) => `${error.field}: ${errorBody(error)}`);
  const unique = [...new Set(parts)];
  const text = unique.length === 1 ? unique[0] : `[${unique.join(", ")}]`;
  const qualified = type.group === "" ? type.kind : `${type.kind}.${type.group}`;
  return new ApiStatus({
    code: 422,
    reason: "Invalid",
    message: `${qualified} ${quote(name)} is invalid: ${text}`,
    details: { name, ...(type.group === "" ? {} : { group: type.group }), kind: type.kind },
    causes: errors.map((error) => ({
      reason: REASONS[error.type],
      message: errorBody(error),
      field: error.field,
    })),
  });
}

export function badRequest(message: string): ApiStatus {
  return new ApiStatus({ code: 400, reason: "BadRequest", message });
}

/** `parent.child`, `child` at the root. */
export function child(path: string, field: string): string {
  return path === "" ? field : `${path}.${field}`;
}
