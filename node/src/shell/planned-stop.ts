import type { Refusal, Result } from "../kernel/result.ts";
import type { Digest, Millis, PublicKey } from "../kernel/scalars.ts";
import type { SignedStatement } from "../kernel/statements.ts";
import { hasGivenNotice } from "../ledger/absence.ts";
import type { LedgerState } from "../ledger/state.ts";
import { absenceDigest, encodeTransaction } from "../ledger/transaction.ts";
import type { Answer, ReplicaState } from "../replica/types.ts";
import type { BurnGuard } from "./burn-guard.ts";
import type { Submission } from "./grpc/submission.ts";
import type { NodeOptions } from "./node-options.ts";
import { notSigning } from "./readiness.ts";

/**
 * Longest wait for the notice's receipt. A chain that stands still, or peers that leave as well,
 * hold up no stop: without the notice the member's count runs, and nothing else is different.
 */
export const NOTICE_MS: Millis = 1_000;

export interface DeparturePorts {
  readonly self: PublicKey;
  readonly chainId: Digest;
  /** The newest executed state. */
  readonly ledger: LedgerState;
  /** The consensus key's consent, through the journal (rule JOURNAL). */
  readonly endorse: (subject: Digest) => Promise<Result<SignedStatement, Refusal>>;
  /** Into this node's own lane; returns what drops the call. */
  readonly submit: (submission: Submission) => Result<() => void, Refusal>;
  /** Calls back once; returns what takes that back. */
  readonly after: (ms: Millis, callback: () => void) => () => void;
}

export type Departure =
  /** Nobody counts this key, or its last notice was less than `absenceEveryMs` ago. */
  | { readonly kind: "needless" }
  | { readonly kind: "announced"; readonly untilMs: Millis }
  | { readonly kind: "refused"; readonly code: string }
  | { readonly kind: "unanswered" };

/** End of the longest absence that the chain would take now, in block time. */
function longestAbsence(ledger: LedgerState, key: PublicKey): Millis | undefined {
  const liveness = ledger.liveness.get(key);
  if (liveness === undefined || hasGivenNotice(ledger, liveness)) return undefined;
  return ledger.timestampMs + ledger.genesis.parameters.rotation.absenceMsMax;
}

/**
 * Rule SILENCE: before a planned stop a member signs an absence notice, so that its count rests
 * while it is away. Returns when the notice is certified, refused, or NOTICE_MS have passed.
 */
export async function announceAbsence(ports: DeparturePorts): Promise<Departure> {
  const untilMs = longestAbsence(ports.ledger, ports.self);
  if (untilMs === undefined) return { kind: "needless" };
  const endorsed = await ports.endorse(absenceDigest(ports.chainId, untilMs));
  if (!endorsed.ok) return { kind: "refused", code: endorsed.error.code };
  const transaction = encodeTransaction({ kind: "absence", untilMs, endorsement: endorsed.value });
  return new Promise((resolve) => {
    const cancel = ports.after(NOTICE_MS, () => resolve({ kind: "unanswered" }));
    const settle = (departure: Departure): void => {
      cancel();
      resolve(departure);
    };
    const answer = (given: Answer): void => settle(departureOf(given, untilMs));
    const taken = ports.submit({ transaction, answer });
    if (!taken.ok) settle({ kind: "refused", code: taken.error.code });
  });
}

/** As a running node does it, where it signs; the outcome is a line of the log. */
export async function leave(
  { halted, consensus, ledger }: ReplicaState,
  guard: BurnGuard["state"],
  ports: Pick<DeparturePorts, "endorse" | "submit"> & Pick<NodeOptions, "keys" | "birth" | "log">,
): Promise<void> {
  const { keys, birth, log, endorse, submit } = ports;
  if (notSigning({ halted, split: consensus.chain.split, guard }) !== undefined) return;
  const { kind: outcome, ...more } = await announceAbsence({
    self: keys.consensus.publicKey,
    chainId: birth.chainId,
    ledger,
    endorse,
    submit,
    after: (ms, callback) => {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
  });
  log.info("absence notice", { outcome, ...more });
}

function departureOf(answer: Answer, untilMs: Millis): Departure {
  if (answer.kind === "refused") return { kind: "refused", code: answer.refusal.code };
  const { execution, position } = answer.receipt;
  const code = execution.receipts[position]?.code ?? "OK";
  return code === "OK" ? { kind: "announced", untilMs } : { kind: "refused", code };
}
