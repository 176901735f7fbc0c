import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { Refusal } from "../../kernel/result.ts";
import type { Millis } from "../../kernel/scalars.ts";

/** About this node and this moment: the same call may succeed later or elsewhere. */
const TRANSIENT: ReadonlySet<string> = new Set(["STATE_NOT_CERTIFIED", "RECEIPT_NOT_HELD"]);
/** There may be room in a moment. */
const EXHAUSTED: ReadonlySet<string> = new Set([
  "OVERLOADED",
  "QUEUE_FULL",
  "TOO_MANY_WAITERS",
  "TOO_MANY_REFUSED",
  "TOO_MANY_QUERIES",
  "TOO_MANY_CALLS",
]);
/** When it is worth another try, where the refusal does not say it. */
const RETRY_MS: Millis = 100;

/** A refusal of the moment says when to come again. */
export type Hinted = Refusal & { readonly retryAfterMs?: Millis };

/** Milliseconds; 0 where the same call will not succeed by waiting. */
export function retryAfter({ code, retryAfterMs }: Hinted): Millis {
  return retryAfterMs ?? (EXHAUSTED.has(code) ? RETRY_MS : 0);
}

function statusOf({ code, field }: Refusal): status {
  if (EXHAUSTED.has(code)) return status.RESOURCE_EXHAUSTED;
  if (TRANSIENT.has(code) || field === "node") return status.UNAVAILABLE;
  if (code.endsWith("_NOT_FOUND")) return status.NOT_FOUND;
  return status.INVALID_ARGUMENT;
}

/** A refusal as a gRPC error: the parts travel in trailing metadata, the details are for people. */
export function serviceError(refusal: Hinted): Partial<ServiceError> {
  const metadata = new Metadata();
  metadata.set("quorate-code", refusal.code);
  metadata.set("quorate-field", header(refusal.field));
  metadata.set("quorate-fix", header(refusal.fix));
  const retryMs = retryAfter(refusal);
  if (retryMs > 0) metadata.set("quorate-retry-after-ms", String(retryMs));
  const details = `${refusal.code}: ${refusal.field}: ${refusal.fix}`;
  return { code: statusOf(refusal), details, metadata };
}

/** HTTP/2 header values are printable ASCII. */
function header(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").trim();
}
