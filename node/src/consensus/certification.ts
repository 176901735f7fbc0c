import {
  attestationsOf,
  type ResultCertificate,
  resultDigest,
  verifyResultCertificate,
} from "../kernel/certificates.ts";
import type { Epoch, Height, Millis, PublicKey } from "../kernel/scalars.ts";
import {
  type AttestedResult,
  type SignedStatement,
  verifyStatement,
} from "../kernel/statements.ts";
import { findMember, hasQuorum, type ValidatorSet } from "../kernel/validator-set.ts";
import { findBeyondEnd } from "./beyond-end.ts";
import { sortedSignatures } from "./certificates.ts";
import { isConflict, reportMisconduct } from "./evidence.ts";
import { observeLife } from "./signing.ts";
import { clearSplit, noteSplit } from "./split.ts";
import type { ConsensusState } from "./state.ts";
import { keepEntries, type Turn, withEntry } from "./turn.ts";

/** Attestations and certificates are kept for this many heights above what is certified. */
const AHEAD_MAX = 128;
/** ... and below it, to answer peers and to find E7. */
const BEHIND_MAX = 64;
/** A height whose attestations were lost holds later certificates up no longer than this. */
const GAP_MS: Millis = 1_000;
/** The last of the attestations is on its way for this long. */
const LATE_MS: Millis = 300;
const CERTIFICATE_PACE_MS: Millis = 1_000;

/**
 * The set that may attest a height: the one whose epoch the height is in, past or current. A quorum
 * of an epoch gone by has no say about heights after its end: undefined for those, and for an epoch
 * that this node has not reached.
 */
function setOfResult(
  state: ConsensusState,
  { epoch, height }: AttestedResult,
): ValidatorSet | undefined {
  const { genesisSet } = state.config;
  const { epochProofs } = state.chain;
  const before = epochProofs[epoch - genesisSet.epoch - 1];
  const end = epochProofs[epoch - genesisSet.epoch]?.certificate.result.height;
  if (height <= (before?.certificate.result.height ?? 0)) return undefined;
  if (end !== undefined && height > end) return undefined;
  return setOfEpoch(state, epoch);
}

/** Undefined for an epoch that this node has not reached. */
export function setOfEpoch(
  { config, chain }: ConsensusState,
  epoch: Epoch,
): ValidatorSet | undefined {
  const { genesisSet } = config;
  if (epoch === genesisSet.epoch) return genesisSet;
  return chain.epochProofs[epoch - genesisSet.epoch - 1]?.nextSet;
}

/** E7, and whether this attestation is already here. */
function isKnown(turn: Turn, signed: SignedStatement, height: Height): boolean {
  const known = turn.chain.attestations.get(height)?.get(signed.author);
  if (known === undefined) return false;
  const { scheme, chainId } = turn.state.config;
  if (isConflict(turn, known, signed) && verifyStatement(scheme, chainId, signed)) {
    reportMisconduct(turn, known, signed);
  }
  return true;
}

/** A peer that still attests what has long been certified has missed the certificate. */
function answerLate(turn: Turn, from: PublicKey, height: Height): void {
  const executedAt = turn.chain.results.get(height)?.at ?? turn.now - LATE_MS;
  if (turn.now - executedAt < LATE_MS) return;
  const certificate = turn.chain.certificates.get(height);
  if (certificate !== undefined) turn.send(from, { kind: "result-certificate", certificate });
}

/** A peer's attestation, of this epoch or of the last heights of an older one. */
export function onAttestation(turn: Turn, from: PublicKey, signed: SignedStatement): void {
  const { statement, author } = signed;
  if (statement.kind !== "attestation") return;
  const { height } = statement.result;
  const { certified } = turn.chain;
  const set = setOfResult(turn.state, statement.result);
  if (set === undefined || findMember(set, author) === undefined) {
    findBeyondEnd(turn, signed);
    turn.drop(from, { code: "FOREIGN_AUTHOR", field: "attestation.author" });
    return;
  }
  const { height: tip } = turn.epoch.root;
  if (height <= Math.max(certified, tip - AHEAD_MAX) - BEHIND_MAX || height > tip + AHEAD_MAX) {
    turn.drop(from, { code: "HEIGHT_OUT_OF_WINDOW", field: "attestation.height" });
    return;
  }
  if (height <= certified) answerLate(turn, from, height);
  if (isKnown(turn, signed, height)) return;
  const { scheme, chainId } = turn.state.config;
  if (!verifyStatement(scheme, chainId, signed)) {
    turn.drop(from, { code: "BAD_SIGNATURE", field: "attestation" });
    return;
  }
  observeLife(turn, signed);
  keepAttestation(turn, signed);
}

/** Counts a verified attestation. */
export function keepAttestation(turn: Turn, signed: SignedStatement): void {
  if (signed.statement.kind !== "attestation") return;
  const { height } = signed.statement.result;
  const before = turn.chain.attestations.get(height) ?? new Map<PublicKey, SignedStatement>();
  if (before.has(signed.author)) return;
  const attestations = withEntry(before, signed.author, signed);
  turn.changeChain({ attestations: withEntry(turn.chain.attestations, height, attestations) });
  if (height > turn.chain.certified) {
    certify(turn, signed);
    const set = setOfResult(turn.state, signed.statement.result);
    if (set !== undefined) noteSplit(turn, set, height);
    return;
  }
  const certificate = turn.chain.certificates.get(height);
  if (certificate !== undefined) compareRoot(turn, signed, certificate);
}

/**
 * For logs and metrics: a member whose state is not the quorum's. It is no misconduct by itself.
 */
function compareRoot(
  turn: Turn,
  { statement, author }: SignedStatement,
  { result }: ResultCertificate,
): void {
  if (statement.kind !== "attestation") return;
  if (resultDigest(statement.result) === resultDigest(result)) return;
  turn.observe({ kind: "wrong-root", author, height: result.height });
}

/** A quorum that says the same as `sample` makes a certificate. */
function certify(turn: Turn, sample: SignedStatement): void {
  if (sample.statement.kind !== "attestation") return;
  const { result } = sample.statement;
  const set = setOfResult(turn.state, result);
  if (set === undefined || turn.chain.waiting.has(result.height)) return;
  const digest = resultDigest(result);
  const equal = Array.from(turn.chain.attestations.get(result.height)?.values() ?? []).filter(
    ({ statement }) => {
      return statement.kind === "attestation" && resultDigest(statement.result) === digest;
    },
  );
  const authors = equal.map(({ author }) => author);
  if (!hasQuorum(set, authors)) return;
  keepCertificate(turn, { result, signatures: sortedSignatures(equal) });
}

/** E7, inside certificates: whoever told this node another result than the one certified there. */
function compareAttestations(turn: Turn, certificate: ResultCertificate): void {
  const known = turn.chain.attestations.get(certificate.result.height);
  if (known === undefined) return;
  for (const signed of attestationsOf(certificate)) {
    if (known.has(signed.author)) isKnown(turn, signed, certificate.result.height);
  }
}

export function onResultCertificate(
  turn: Turn,
  from: PublicKey,
  certificate: ResultCertificate,
): void {
  compareAttestations(turn, certificate);
  const set = setOfResult(turn.state, certificate.result);
  // A later epoch: its proof, or the chain up to it, comes first. An older one: not its height.
  if (set === undefined) {
    for (const signed of attestationsOf(certificate)) findBeyondEnd(turn, signed);
    return;
  }
  const { height } = certificate.result;
  if (height <= turn.chain.certified || turn.chain.waiting.has(height)) return;
  if (height > turn.epoch.root.height + AHEAD_MAX) return;
  const { scheme, chainId } = turn.state.config;
  const verified = verifyResultCertificate(scheme, chainId, set, certificate);
  if (!verified.ok) {
    turn.drop(from, verified.error);
    return;
  }
  keepCertificate(turn, certificate);
}

/**
 * Keeps a verified certificate until its height is executed here and the heights below are done.
 */
export function keepCertificate(turn: Turn, certificate: ResultCertificate): void {
  const { height } = certificate.result;
  if (height <= turn.chain.certified || turn.chain.waiting.has(height)) return;
  turn.changeChain({ waiting: withEntry(turn.chain.waiting, height, certificate) });
  clearSplit(turn, height);
  flushCertificates(turn);
}

/** A quorum's result that is not this node's own: its state is wrong, or more than f lie. */
export function agreesWithOwn(turn: Turn, certificate: ResultCertificate): boolean {
  const own = turn.chain.results.get(certificate.result.height)?.result;
  if (own === undefined || resultDigest(own) === resultDigest(certificate.result)) return true;
  const { height, stateRoot } = certificate.result;
  turn.halt(`height ${height}: own state root ${own.stateRoot}, a quorum's ${stateRoot}`, {
    own,
    certificate,
  });
  return false;
}

/**
 * Announces certificates in order of height. A height whose attestations were lost would hold up
 * all later ones, so it is passed over after a second: a peer that has its certificate serves it.
 */
export function flushCertificates(turn: Turn): void {
  for (;;) {
    const { waiting, certified, executed, results } = turn.chain;
    const heights = Array.from(waiting.keys()).filter((height) => height <= executed);
    if (heights.length === 0) return;
    const lowest = heights.reduce((left, right) => Math.min(left, right));
    const gapSince = results.get(certified + 1)?.at ?? turn.now - GAP_MS;
    if (lowest !== certified + 1 && turn.now - gapSince < GAP_MS) return;
    const certificate = waiting.get(lowest);
    if (certificate === undefined || !agreesWithOwn(turn, certificate)) return;
    turn.emit({ kind: "store", record: { kind: "certified", certificate } });
    announce(turn, certificate);
  }
}

/** Tells the shell, and forgets what is certified by now. */
export function announce(turn: Turn, certificate: ResultCertificate): void {
  const { height } = certificate.result;
  const { waiting, certificates } = turn.chain;
  turn.changeChain({
    certified: height,
    waiting: keepEntries(waiting, (key) => key > height),
    certificates: withEntry(certificates, height, certificate),
  });
  turn.emit({ kind: "certified", certificate });
  for (const signed of turn.chain.attestations.get(height)?.values() ?? []) {
    compareRoot(turn, signed, certificate);
  }
  if (certificates.size >= 2 * BEHIND_MAX) forgetBelow(turn, height - BEHIND_MAX);
}

/** While nothing is certified (a node that is catching up), the newest results are enough. */
export function boundUncertified(turn: Turn): void {
  const { results, attestations, executed } = turn.chain;
  if (results.size + attestations.size < 4 * AHEAD_MAX) return;
  forgetBelow(turn, executed - AHEAD_MAX);
}

function forgetBelow(turn: Turn, height: Height): void {
  const { results, attestations, certificates } = turn.chain;
  turn.changeChain({
    results: keepEntries(results, (key) => key > height),
    attestations: keepEntries(attestations, (key) => key > height),
    certificates: keepEntries(certificates, (key) => key > height),
  });
}

/**
 * Attestations that a lost message keeps uncertified go out again; so does the newest certificate.
 */
export function resendAttestations(turn: Turn, olderThanMs: Millis): void {
  flushCertificates(turn);
  const { attestations, certified, results, certificates, certificateSentAt } = turn.chain;
  const own = turn.state.config.self.key;
  const open = Array.from(results.keys()).filter((height) => height > certified);
  for (const height of open.slice(0, 8)) {
    const at = results.get(height)?.at ?? turn.now;
    const signed = attestations.get(height)?.get(own);
    if (signed === undefined || turn.now - at < olderThanMs) continue;
    turn.broadcast({ kind: "statement", signed });
  }
  const newest = certificates.get(certified);
  if (newest === undefined || turn.now - certificateSentAt < CERTIFICATE_PACE_MS) return;
  turn.changeChain({ certificateSentAt: turn.now });
  turn.broadcast({ kind: "result-certificate", certificate: newest });
}
