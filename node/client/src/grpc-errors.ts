import { type ServiceError, status } from "@grpc/grpc-js";
import { DecodeError } from "@quorate/node/kernel/codec";
import type { Millis } from "@quorate/node/kernel/scalars";
import {
  DoorRefusalError,
  type NodeError,
  type NodeName,
  NodeUnavailableError,
  ProofError,
} from "./errors.ts";

/** Codes under which the same call may succeed later, or at another node. */
const TRANSIENT = new Set([
  status.CANCELLED,
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.RESOURCE_EXHAUSTED,
  status.ABORTED,
  status.UNAVAILABLE,
  status.INTERNAL,
  status.UNIMPLEMENTED,
]);

/** Refusals that say something about one node and nothing about what was asked. */
const OF_ONE_NODE = new Set(["CERTIFICATE_MISSING", "RECEIPT_NOT_HELD", "TOO_MANY_WAITERS"]);

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "metadata" in error;
}

/** What a failed call, or an answer that did not decode, means. Rethrows what is neither. */
export function nodeError(error: unknown, node: NodeName): NodeError {
  if (error instanceof DecodeError) {
    const fix = `the answer is malformed: ${error.message}`;
    return new ProofError({ code: "MALFORMED_ANSWER", field: error.field, fix }, node, {
      cause: error,
    });
  }
  if (!isServiceError(error)) throw error;
  const said = (name: string): string => String(error.metadata.get(name)[0] ?? "");
  const code = said("quorate-code");
  const refusal = { code, field: said("quorate-field"), fix: said("quorate-fix") };
  const isOfOneNode = refusal.field === "node" || OF_ONE_NODE.has(code);
  if (TRANSIENT.has(error.code) || isOfOneNode) {
    const unavailable =
      code === "" ? { code: unavailableCode(error), field: "node", fix: describe(error) } : refusal;
    const retryAfterMs = retryAfter(said("quorate-retry-after-ms"));
    return new NodeUnavailableError(unavailable, node, { cause: error, retryAfterMs });
  }
  const door = code === "" ? { code: "REFUSED", field: "request", fix: describe(error) } : refusal;
  return new DoorRefusalError(door, node, { cause: error });
}

/** What a node says is no more than advice: nobody waits for it longer than this. */
const RETRY_MS_MAX = 5_000;

function retryAfter(text: string): Millis | undefined {
  if (!/^[0-9]{1,9}$/.test(text)) return undefined;
  return Math.min(Number(text), RETRY_MS_MAX);
}

function unavailableCode(error: ServiceError): string {
  return error.code === status.DEADLINE_EXCEEDED ? "NODE_TIMEOUT" : "NODE_UNAVAILABLE";
}

function describe(error: ServiceError): string {
  return `the node did not answer (${status[error.code] ?? error.code}: ${error.details})`;
}
