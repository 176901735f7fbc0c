import type { ResultCertificate } from "../kernel/certificates.ts";
import { endorsesRepair, type RepairSubject, repairStatement } from "../kernel/repair.ts";
import type { Epoch, Height, PublicKey } from "../kernel/scalars.ts";
import {
  type SignedStatement,
  type Statement,
  statementDigest,
  verifyStatement,
} from "../kernel/statements.ts";
import { findMember, hasQuorum, type ValidatorSet, validatorSet } from "../kernel/validator-set.ts";
import { sortedSignatures } from "./certificates.ts";
import { keepAttestation } from "./certification.ts";
import { goesOnFrom, openRepaired } from "./hand-over.ts";
import type { RepairPlan } from "./repair-plan.ts";
import { splitGroups } from "./split.ts";
import { type Turn, withEntry } from "./turn.ts";

/** Heights above the plan's whose own attestations are sent again: the lowest decides. */
const ATTESTED_SENT_MAX = 8;

/** The plan of this node's owner, while its epoch is the current one. */
export function activePlan(turn: Turn): RepairPlan | undefined {
  const { config, set } = turn.state;
  return config.repair?.epoch === set.epoch ? config.repair : undefined;
}

/** Where execution has to stop: at the height that the repair goes on from. */
export function repairHeight(turn: Turn): Height | undefined {
  const { pendingProof } = turn.epoch;
  if (pendingProof?.repair !== undefined) return pendingProof.certificate.result.height;
  return activePlan(turn)?.height;
}

function certificateAt(turn: Turn, height: Height): ResultCertificate | undefined {
  const { certificates, replayed, waiting } = turn.chain;
  return certificates.get(height) ?? waiting.get(height) ?? replayed.get(height);
}

/** A certified height above it, as far as this node knows or its log says. */
function certifiedAbove({ chain }: Turn, height: Height): Height | undefined {
  const known = [...chain.waiting.keys(), ...chain.replayed.keys()];
  return known.find((each) => each > height);
}

/**
 * A result that this node attested above the plan's height may be certified, known to others alone.
 * It endorses only where what the members attested at the next height leaves no quorum for any
 * result; a certificate needs the word of such a node or of none that endorses. See ADR 8.
 */
function mayVoid(turn: Turn, { height, lost }: RepairPlan): boolean {
  const { attested } = turn.state.repair;
  if (attested.length === 0) return true;
  for (const signed of attested) keepAttestation(turn, signed);
  const heard = turn.chain.attestations.get(height + 1) ?? new Map();
  return splitGroups(turn.state.set, heard, lost) !== undefined;
}

/** What the plan stands for on this chain; undefined while this node is not there yet. */
function subjectOf(turn: Turn, plan: RepairPlan): RepairSubject | undefined {
  const { chain } = turn.state;
  if (chain.certified > plan.height) {
    turn.halt(`repair.json names height ${plan.height}: height ${chain.certified} is certified`);
    return undefined;
  }
  if (chain.executed !== plan.height) return undefined;
  const certificate = certificateAt(turn, plan.height);
  if (certificate === undefined) return undefined;
  const { result } = certificate;
  if (result.stateRoot !== plan.stateRoot) {
    turn.halt(
      `repair.json names root ${plan.stateRoot} at height ${plan.height}, a quorum ` +
        `attested ${result.stateRoot}`,
    );
    return undefined;
  }
  const later = certifiedAbove(turn, plan.height);
  if (later !== undefined || !goesOnFrom(turn, result)) {
    const problem = later === undefined ? "the epoch ends there" : `height ${later} is certified`;
    turn.halt(`repair.json names height ${plan.height}: ${problem}`);
    return undefined;
  }
  return { epoch: plan.epoch, result, version: plan.version };
}

/**
 * SPLIT: once the owner's plan stands on what this node has executed and a quorum certified, the
 * node endorses it. The journal holds one endorsement for an abandoned epoch, whatever the plan.
 */
export function tryRepair(turn: Turn): void {
  const plan = activePlan(turn);
  if (plan === undefined || turn.state.halted !== undefined) return;
  const mayEndorse = mayVoid(turn, plan);
  const subject = subjectOf(turn, plan);
  if (subject === undefined) return;
  const { set, config, repair } = turn.state;
  const { chainId } = config;
  const statement = repairStatement(chainId, subject);
  if (!repair.asked) {
    if (!mayEndorse) return;
    turn.change({ repair: { ...repair, asked: true } });
    if (findMember(set, config.self.key) === undefined) return;
    turn.emit({ kind: "sign", statement, safety: turn.epoch.safety });
    return;
  }
  const wanted = statementDigest(chainId, statement);
  const equal = Array.from(repair.endorsements.values()).filter((signed) => {
    return statementDigest(chainId, signed.statement) === wanted;
  });
  const authors = equal.map(({ author }) => author);
  if (!hasQuorum(set, authors)) return;
  const certificate = certificateAt(turn, plan.height);
  if (certificate === undefined) return;
  const voucher = { version: plan.version, signatures: sortedSignatures(equal) };
  openRepaired(turn, { certificate, nextSet: sameSetIn(set, plan.epoch + 1), repair: voucher });
}

/** A repair changes nobody's seat. */
export function sameSetIn(set: ValidatorSet, epoch: Epoch): ValidatorSet {
  return validatorSet(epoch, set.members);
}

/** A member's endorsement of a repair; kept only where this node's owner has a plan too. */
export function onRepairEndorsement(turn: Turn, from: PublicKey, signed: SignedStatement): void {
  const { set, config } = turn.state;
  if (activePlan(turn) === undefined || findMember(set, signed.author) === undefined) {
    turn.drop(from, { code: "FOREIGN_KIND", field: "statement.kind" });
    return;
  }
  if (!endorsesRepair(signed.statement, set.epoch)) {
    turn.drop(from, { code: "FOREIGN_KIND", field: "statement.nonce" });
    return;
  }
  const known = turn.state.repair.endorsements.get(signed.author);
  if (known !== undefined) return;
  if (!verifyStatement(config.scheme, config.chainId, signed)) {
    turn.drop(from, { code: "BAD_SIGNATURE", field: "endorsement" });
    return;
  }
  keepEndorsement(turn, signed);
}

/** The own endorsement goes out at once. Others that the replica asked for are not of a repair. */
export function onEndorsementSigned(turn: Turn, signed: SignedStatement): void {
  const { epoch } = turn.state.set;
  if (activePlan(turn) === undefined || !endorsesRepair(signed.statement, epoch)) return;
  keepEndorsement(turn, signed);
  turn.broadcast({ kind: "statement", signed });
}

function keepEndorsement(turn: Turn, signed: SignedStatement): void {
  const { repair } = turn.state;
  const endorsements = withEntry(repair.endorsements, signed.author, signed);
  turn.change({ repair: { ...repair, endorsements } });
}

/**
 * The journal has the endorsement of another repair of this epoch: it stays the only one. Or the
 * ledger says why it could not follow this one.
 */
export function onEndorsementRefused(
  turn: Turn,
  statement: Statement,
  reason: string | undefined,
): void {
  const plan = activePlan(turn);
  if (plan === undefined || !endorsesRepair(statement, plan.epoch)) return;
  const { epoch } = plan;
  turn.halt(
    reason ?? `this key has endorsed another repair of epoch ${epoch}: it endorses no second`,
  );
}

/**
 * The own endorsement goes out again until the epoch is open: peers start when they start. So does
 * what this node attested before it started, with a plan or without: another binary would say
 * something else, which the journal refuses, and the others must see that the split is real.
 */
export function resendEndorsement(turn: Turn): void {
  const { set, chain, repair } = turn.state;
  const open = repair.attested.filter(({ statement }) => {
    if (statement.kind !== "attestation" || statement.result.epoch !== set.epoch) return false;
    return statement.result.height > chain.certified;
  });
  for (const signed of open.slice(0, ATTESTED_SENT_MAX)) {
    turn.broadcast({ kind: "statement", signed });
  }
  if (activePlan(turn) === undefined) return;
  const own = turn.state.repair.endorsements.get(turn.state.config.self.key);
  if (own !== undefined) turn.broadcast({ kind: "statement", signed: own });
}
