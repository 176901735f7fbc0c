import { type BlockHead, scanBlockHead } from "../stranger/blocks.ts";
import { sha256 } from "../stranger/bytes.ts";
import { type Signed, type Statement, signedBytes } from "../stranger/statements.ts";

const MEMBERS_MAX = 128;
/** Of a result that does not end its epoch. */
const NO_SET = "00".repeat(32);

/** Kinds of which an honest key signs one statement only, for one epoch and index (EVIDENCE). */
const PAIRS: Readonly<Record<string, string>> = {
  proposal: "E1",
  vote: "E2",
  "order-vote": "E3",
  attestation: "E7",
  batch: "E8",
  "oracle-report": "E9",
};

export function epochOf(statement: Statement): number {
  if (statement.kind === "batch" || statement.kind === "endorsement") return 0;
  return statement.kind === "attestation" ? statement.result.epoch : statement.epoch;
}

export function indexOf(statement: Statement): number {
  switch (statement.kind) {
    case "batch":
      return statement.sequence;
    case "attestation":
      return statement.result.height;
    case "heartbeat":
      return statement.height;
    case "oracle-report":
      return statement.slot * 1_024 + statement.market;
    case "endorsement":
      return statement.nonce;
    default:
      return statement.round;
  }
}

/** E4 and E5: a timeout that denies the certificate on which an earlier signature rests. */
function denial(left: Statement, right: Statement): string | undefined {
  const [signed, timeout] = left.kind === "timeout" ? [right, left] : [left, right];
  if (timeout.kind !== "timeout") return undefined;
  if (signed.kind !== "vote" && signed.kind !== "order-vote") return undefined;
  const rested = signed.kind === "vote" ? signed.qcRound : signed.round;
  if (timeout.round < signed.round || timeout.hqcRound >= rested) return undefined;
  return signed.kind === "vote" ? "E5" : "E4";
}

function digest(chainId: string, { statement }: Signed): string {
  return sha256(signedBytes(chainId, statement));
}

/** Name of the offence that the pair shows, signatures not yet looked at; undefined: none. */
export function offence(chainId: string, first: Signed, second: Signed): string | undefined {
  const [left, right] = [first.statement, second.statement];
  const digests = [digest(chainId, first), digest(chainId, second)] as const;
  if (first.author !== second.author || digests[0] === digests[1]) return undefined;
  if (epochOf(left) !== epochOf(right)) return undefined;
  // One pair has one proof: by index, then by digest.
  const [before, after] = [indexOf(left), indexOf(right)];
  if (before > after || (before === after && digests[0] > digests[1])) return undefined;
  if (left.kind !== right.kind) return denial(left, right);
  if (left.kind === "attestation" && before < after) {
    return left.result.nextSetHash === NO_SET ? undefined : "E10";
  }
  return before === after ? PAIRS[left.kind] : undefined;
}

/**
 * E6: the vote names a block (by the digest of its bytes) that no honest key votes for, by rounds
 * alone.
 */
export function isInvalidVote(
  vote: Extract<Statement, { kind: "vote" }>,
  block: Uint8Array,
): boolean {
  if (sha256(block) !== vote.blockId) return false;
  let head: BlockHead;
  try {
    head = scanBlockHead(block);
  } catch {
    return false;
  }
  const { epoch, round, qc, tc } = head;
  const lists = [qc.signatures, tc?.timeouts ?? []];
  if (lists.some(({ length }) => length > MEMBERS_MAX)) return false;
  const isNamed = vote.epoch === epoch && vote.round === round && vote.qcRound === qc.round;
  const follows = round === qc.round + 1;
  const highest = Math.max(0, ...(tc?.timeouts ?? []).map(({ hqcRound }) => hqcRound));
  const skips = tc?.epoch === epoch && tc.round + 1 === round && qc.round >= highest;
  return !(isNamed && qc.epoch === epoch && qc.round < round && (follows || skips));
}
