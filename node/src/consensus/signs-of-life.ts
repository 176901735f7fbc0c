import { equalBytes } from "../kernel/bytes.ts";
import { ok, type Refusal, type Result, refuse } from "../kernel/result.ts";
import type { Millis, PublicKey, Round } from "../kernel/scalars.ts";
import { type SignedStatement, verifyStatement } from "../kernel/statements.ts";
import type { ChainView } from "./chain-view.ts";
import { keepEntries, type Turn } from "./turn.ts";
import type { Block, QuorumCertificate } from "./types.ts";
import { knownBallot, PAST_ROUNDS_MAX } from "./vote-keeper.ts";

/** SILENCE: late votes of the last second, at least of 64 rounds. */
const LATE_MS: Millis = 1_000;
const LATE_ROUNDS_MIN = 64;
const HEARTBEATS_MAX = 256;
/** Heartbeats of keys that a voter knows neither as members nor as spares, in one block. */
const STRANGERS_MAX = 16;

function isLateKind({ statement }: SignedStatement): boolean {
  const { kind } = statement;
  return kind === "vote" || kind === "order-vote" || kind === "timeout";
}

function signers(qc: QuorumCertificate): ReadonlySet<PublicKey> {
  return new Set(qc.signatures.map(({ author }) => author));
}

/**
 * What a proposer adds for members that its certificate does not show: certificates hold only the
 * fastest quorum, and a member 150 ms slower than the rest must never look silent (rule SILENCE).
 */
export function collectSignsOfLife(
  turn: Turn,
  { qc, round }: { readonly qc: QuorumCertificate; readonly round: Round },
  view: ChainView,
): readonly SignedStatement[] {
  const { newest, heartbeats } = turn.epoch;
  const certified = signers(qc);
  const late = turn.state.set.members.flatMap(({ key }) => {
    const entry = newest.get(key);
    if (entry === undefined || certified.has(key)) return [];
    const { statement } = entry.signed;
    if (!("round" in statement) || statement.round >= round) return [];
    const recent = turn.now - entry.at <= LATE_MS || statement.round >= round - LATE_ROUNDS_MIN;
    const unused = statement.round > (view.late.get(key) ?? 0);
    return recent && unused && statement.round >= round - PAST_ROUNDS_MAX ? [entry.signed] : [];
  });
  const members = turn.state.set.members.map(({ key }) => key);
  const keys = new Set([...members, ...turn.state.spares]);
  const beats = Array.from(keys).flatMap((key) => {
    const signed = heartbeats.get(key);
    if (signed?.statement.kind !== "heartbeat") return [];
    return signed.statement.height > (view.heartbeats.get(key) ?? -1) ? [signed] : [];
  });
  return [...late, ...beats.slice(0, HEARTBEATS_MAX)];
}

/** Signatures that this node verified when the statement itself arrived are not verified again. */
function isVerified(turn: Turn, signed: SignedStatement): boolean {
  const { statement, author } = signed;
  const known =
    statement.kind === "heartbeat" ? turn.epoch.heartbeats.get(author) : knownBallot(turn, signed);
  if (known === undefined || !equalBytes(known.signature, signed.signature)) return false;
  return JSON.stringify(known.statement) === JSON.stringify(statement);
}

function checkLate(turn: Turn, block: Block, view: ChainView, signed: SignedStatement): boolean {
  const { statement, author } = signed;
  if (!("round" in statement) || !turn.isMember(author)) return false;
  const oldest = Math.max(view.late.get(author) ?? 0, block.round - PAST_ROUNDS_MAX - 1);
  return statement.round > oldest && statement.round < block.round;
}

/** What is wrong with one sign, apart from repeats: its epoch, kind, bounds, signature. */
function checkSign(
  turn: Turn,
  { block, view }: { readonly block: Block; readonly view: ChainView },
  signed: SignedStatement,
): Result<void, Refusal> {
  const { statement, author } = signed;
  if (!("epoch" in statement) || statement.epoch !== block.epoch) {
    return refuse("FOREIGN_EPOCH", "signsOfLife", `carry statements of epoch ${block.epoch}`);
  }
  if (statement.kind === "heartbeat") {
    if (statement.height <= (view.heartbeats.get(author) ?? -1)) {
      return refuse("HEARTBEAT_USED", "signsOfLife", "carry each heartbeat once");
    }
  } else if (!isLateKind(signed)) {
    return refuse("FOREIGN_KIND", "signsOfLife", "carry votes, order votes, timeouts, heartbeats");
  } else if (signers(block.qc).has(author) || !checkLate(turn, block, view, signed)) {
    return refuse("SIGN_OUT_OF_BOUNDS", "signsOfLife", "carry new statements of absent members");
  }
  const { scheme, chainId } = turn.state.config;
  if (isVerified(turn, signed) || verifyStatement(scheme, chainId, signed)) return ok(undefined);
  return refuse("BAD_SIGNATURE", "signsOfLife", `the signature of ${author} does not verify`);
}

/**
 * True if the block carries more heartbeats of strangers than spares are registered or released at
 * once. Which spares are registered depends on how far a node has executed; a few unknown keys
 * split no votes, many fill the chain with what the ledger ignores.
 */
export function hasManyStrangers(turn: Turn, block: Block): boolean {
  const { spares } = turn.state;
  const strangers = block.signsOfLife.filter(({ statement, author }) => {
    return statement.kind === "heartbeat" && !turn.isMember(author) && !spares.includes(author);
  });
  return strangers.length > STRANGERS_MAX;
}

/**
 * Forgets the heartbeats of strangers on the committed chain, when all of it is executed: then the
 * members and spares known here are those of every proposer so far.
 */
export function forgetStrangers(turn: Turn): void {
  const { root } = turn.epoch;
  if (turn.chain.executed !== root.height) return;
  const { spares } = turn.state;
  const heartbeats = keepEntries(root.view.heartbeats, (key) => {
    return turn.isMember(key) || spares.includes(key);
  });
  if (heartbeats === root.view.heartbeats) return;
  turn.changeEpoch({ root: { ...root, view: { ...root.view, heartbeats } } });
}

/**
 * A voter's check: bounded, of this epoch, not used before, signed. A heartbeat may be of a
 * stranger (see `hasManyStrangers`); the ledger ignores it.
 */
export function checkSignsOfLife(turn: Turn, block: Block, view: ChainView): Result<void, Refusal> {
  const seen = new Set<string>();
  for (const signed of block.signsOfLife) {
    const place = `${isLateKind(signed) ? "late" : "heartbeat"}/${signed.author}`;
    if (seen.has(place) || seen.size >= 2 * HEARTBEATS_MAX) {
      return refuse("DUPLICATE_SIGN", "signsOfLife", "carry one late statement and one heartbeat");
    }
    seen.add(place);
    const checked = checkSign(turn, { block, view }, signed);
    if (!checked.ok) return checked;
  }
  return ok(undefined);
}
