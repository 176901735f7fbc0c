import type { Epoch } from "../kernel/scalars.ts";
import { type Statement, statementEpoch, statementIndex } from "../kernel/statements.ts";
import type { EvidenceKind } from "./state.ts";

/** Two different statements of one kind under one (epoch, index): EVIDENCE. */
const PAIRS: Partial<Readonly<Record<Statement["kind"], EvidenceKind | "E9">>> = {
  proposal: "E1",
  vote: "E2",
  "order-vote": "E3",
  attestation: "E7",
  batch: "E8",
  "oracle-report": "E9",
};

/**
 * Which offence two different statements of one key show; undefined: an honest key may sign both.
 */
export function classify(first: Statement, second: Statement): EvidenceKind | "E9" | undefined {
  if (statementEpoch(first) !== statementEpoch(second)) return undefined;
  if (first.kind === second.kind) {
    return statementIndex(first) === statementIndex(second) ? PAIRS[first.kind] : undefined;
  }
  if (second.kind === "timeout") return againstTimeout(first, second);
  if (first.kind === "timeout") return againstTimeout(second, first);
  return undefined;
}

/**
 * E4: an order vote at r and a timeout at r' >= r that claims a highest certificate below r.
 * E5: a vote whose block rests on the certificate of round q, and a later timeout that claims less.
 */
function againstTimeout(
  statement: Statement,
  timeout: Extract<Statement, { kind: "timeout" }>,
): EvidenceKind | undefined {
  if (statement.kind !== "order-vote" && statement.kind !== "vote") return undefined;
  if (timeout.round < statement.round) return undefined;
  const rested = statement.kind === "vote" ? statement.qcRound : statement.round;
  if (timeout.hqcRound >= rested) return undefined;
  return statement.kind === "vote" ? "E5" : "E4";
}

/** Epoch and index of a pair, as they order E9 offences; see `statementIndex`. */
export function offenceOf(statement: Statement): {
  readonly epoch: Epoch;
  readonly index: number;
} {
  return { epoch: statementEpoch(statement), index: statementIndex(statement) };
}
