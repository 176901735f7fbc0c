import { ApiStatus } from "./api-status.ts";
import { invalid } from "./failures.ts";
import { isDictionary, sorted } from "./objects.ts";

/** As Go prints a decoded value with `%+v`. */
function goText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (!isDictionary(value)) return value === null ? "<nil>" : String(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${fields.map(([name, item]) => `${name}:${goText(item)}`).join(" ")}]`;
}

/**
 * Unknown fields that a patch brought in: a real server tells them as Invalid and shows what the
 * patch made, where a create or an update is a BadRequest. Any other error is left as it is.
 */
export function strictPatchFailure(
  error: unknown,
  call: { readonly patch: unknown; readonly contentType: string },
  patched: unknown,
): unknown {
  if (!(error instanceof ApiStatus) || error.code !== 400) return error;
  const at = error.message.indexOf("strict decoding error: ");
  if (at < 0) return error;
  const shown =
    call.contentType === "application/strategic-merge-patch+json"
      ? goText(call.patch)
      : JSON.stringify(sorted(patched));
  const message = `Invalid value: ${JSON.stringify(shown)}: ${error.message.slice(at)}`;
  return invalid({ group: "", kind: "" }, "", [
    { reason: "FieldValueInvalid", message, field: "patch" },
  ]);
}
