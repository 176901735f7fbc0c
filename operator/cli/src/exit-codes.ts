import {
  ChainRefusalError,
  ClosedError,
  InputError,
  ProofError,
  QuorateError,
  RefusedError,
  UnreachableError,
} from "@quorate/client/errors";
import { ApiError, TransportError } from "@quorate/runtime/transport";
import { ClusterRefusal, NotInTimeError } from "./cluster/errors.ts";

/** What the shell sees; also in --help and docs/cli.md. */
export const EXIT = {
  OK: 0,
  REFUSED: 1,
  USAGE: 2,
  UNREACHABLE: 3,
  UNPROVEN: 4,
  BUG: 70,
} as const;

export const EXIT_CODES_HELP = [
  "Exit codes:",
  "  0   done; of the chain, a certificate that was verified here proves it",
  "  1   refused: by the chain (proven), by every node that answered, or by the API server",
  "  2   wrong usage: an argument, a file or the environment",
  "  3   no node or API server answered in time; what was sent may still be executed",
  "  4   a node gave an answer that its proof does not support",
].join("\n");

export function exitCodeOf(error: unknown): number {
  if (error instanceof InputError) return EXIT.USAGE;
  if (error instanceof ChainRefusalError || error instanceof RefusedError) return EXIT.REFUSED;
  if (error instanceof ClusterRefusal || error instanceof ApiError) return EXIT.REFUSED;
  if (error instanceof TransportError || error instanceof NotInTimeError) return EXIT.UNREACHABLE;
  if (error instanceof ProofError) return EXIT.UNPROVEN;
  if (error instanceof UnreachableError || error instanceof ClosedError) return EXIT.UNREACHABLE;
  return EXIT.BUG;
}

/** The object that --json prints in place of a result: docs/schemas/error.schema.json. */
export interface ErrorDocument {
  readonly error: {
    readonly kind: "refused" | "usage" | "unreachable" | "unproven" | "bug";
    readonly code: string;
    readonly field: string;
    readonly fix: string;
    readonly exitCode: number;
    /** Which node said what did not hold. */
    readonly node?: { readonly endpoint: string; readonly networkKey: string | null };
    /** The transaction that may have been executed, or was executed and refused. */
    readonly transaction?: string;
    /** Height at which the chain refused it. */
    readonly height?: number;
  };
}

const KINDS = new Map<number, ErrorDocument["error"]["kind"]>([
  [EXIT.REFUSED, "refused"],
  [EXIT.USAGE, "usage"],
  [EXIT.UNREACHABLE, "unreachable"],
  [EXIT.UNPROVEN, "unproven"],
]);

/** `transaction`: id of what was being sent when the error came. */
export function errorDocument(error: unknown, transaction: string | undefined): ErrorDocument {
  const exitCode = exitCodeOf(error);
  const known = knownAs(error);
  return {
    error: {
      kind: KINDS.get(exitCode) ?? "bug",
      ...known,
      exitCode,
      ...(error instanceof ProofError && {
        node: { endpoint: error.node.endpoint, networkKey: error.node.networkKey ?? null },
      }),
      ...(transaction !== undefined && { transaction }),
      ...(error instanceof ChainRefusalError && { height: error.height }),
    },
  };
}

function knownAs(error: unknown): Pick<ErrorDocument["error"], "code" | "field" | "fix"> {
  if (error instanceof QuorateError) {
    return { code: error.code, field: error.field, fix: error.fix };
  }
  const field = "API server";
  if (error instanceof ApiError) return { code: codeOf(error.reason), field, fix: error.message };
  if (error instanceof TransportError) {
    const fix = `${error.message}; check --kubeconfig, or start a local one with up`;
    return { code: "API_UNREACHABLE", field, fix };
  }
  return { code: "INTERNAL", field: "quorate", fix: `please report this: ${String(error)}` };
}

/** `NotFound` as `NOT_FOUND`. */
function codeOf(reason: string): string {
  return reason.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toUpperCase();
}
