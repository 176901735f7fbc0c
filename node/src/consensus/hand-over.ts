import { defined } from "../kernel/assert.ts";
import { type EpochProof, resultDigest, verifyEpochProof } from "../kernel/certificates.ts";
import { isRepairable } from "../kernel/repair.ts";
import type { PublicKey } from "../kernel/scalars.ts";
import type { AttestedResult } from "../kernel/statements.ts";
import {
  contradicts,
  overlaps,
  type ValidatorSet,
  validatorSetHash,
} from "../kernel/validator-set.ts";
import { findBeyondNewEnd } from "./beyond-end.ts";
import { keepCertificate } from "./certification.ts";
import type { LanePosition } from "./chain-view.ts";
import { prunePool, signDraft } from "./lanes.ts";
import { boundBy } from "./own-past.ts";
import { NO_REPAIR } from "./repair-plan.ts";
import { enterRound } from "./rounds.ts";
import { type CommittedEntry, createEpoch, epochGenesisId, type PooledBatch } from "./state.ts";
import { keepEntries, type Turn } from "./turn.ts";

function proofOf(turn: Turn, epoch: number): EpochProof | undefined {
  return turn.chain.epochProofs[epoch - turn.state.config.genesisSet.epoch];
}

/** A hand-over that breaks the rule is never followed, whoever signed it. */
function checkNextSet(turn: Turn, before: ValidatorSet, nextSet: ValidatorSet): boolean {
  if (contradicts(nextSet, turn.state.config.checkpoint)) {
    const named = `the checkpoint in this node's configuration names another set`;
    turn.halt(`${named} for epoch ${nextSet.epoch} than a quorum of epoch ${before.epoch} did`);
    return false;
  }
  if (nextSet.epoch === before.epoch + 1 && overlaps(before, nextSet)) return true;
  turn.halt(`the set of epoch ${nextSet.epoch} shares too little with epoch ${before.epoch}`);
  return false;
}

/** This node executed the block that ends its epoch; or does so again, after a restart. */
export function endEpoch(turn: Turn, result: AttestedResult, nextSet: ValidatorSet): void {
  if (result.nextSetHash !== validatorSetHash(nextSet)) {
    turn.halt(`height ${result.height}: the result does not name its next set`);
    return;
  }
  const known = proofOf(turn, result.epoch);
  if (known !== undefined) {
    if (resultDigest(known.certificate.result) === resultDigest(result)) {
      turn.emit({ kind: "epoch-started", proof: known });
    } else {
      turn.halt(`height ${result.height}: executed anew, the end of the epoch differs`);
    }
    return;
  }
  if (!checkNextSet(turn, turn.state.set, nextSet)) return;
  turn.changeEpoch({ handOver: { result, nextSet } });
  const { pendingProof } = turn.epoch;
  if (pendingProof !== undefined) handOver(turn, pendingProof);
}

/** Called whenever a result may have been certified: the quorum's word starts the next epoch. */
export function tryHandOver(turn: Turn): void {
  const pending = turn.epoch.handOver;
  if (pending === undefined || turn.state.halted !== undefined) return;
  const { height } = pending.result;
  const certificate = turn.chain.waiting.get(height) ?? turn.chain.certificates.get(height);
  if (certificate === undefined) return;
  handOver(turn, { certificate, nextSet: pending.nextSet });
}

export function onEpochProof(turn: Turn, from: PublicKey, proof: EpochProof): void {
  if (proof.nextSet.epoch !== turn.state.set.epoch + 1) return;
  const { set, config } = turn.state;
  const verified = verifyEpochProof(config.scheme, config.chainId, set, proof);
  if (!verified.ok) {
    turn.drop(from, verified.error);
    return;
  }
  if (!checkNextSet(turn, set, proof.nextSet)) return;
  turn.changeEpoch({ pendingProof: proof });
  if (proof.repair !== undefined) {
    openRepaired(turn, proof);
    return;
  }
  if (turn.epoch.handOver !== undefined) handOver(turn, proof);
}

interface SplitChain {
  readonly kept: readonly CommittedEntry[];
  readonly void: readonly CommittedEntry[];
  /** Lanes where the epoch ends. */
  readonly lanes: ReadonlyMap<PublicKey, LanePosition>;
}

/** Splits what is ordered after the block that ends the epoch from what stays. */
function splitAt(turn: Turn, proof: EpochProof): SplitChain {
  const { committed, baseHeight, results, certificates, ordered } = turn.chain;
  const { height, blockId } = proof.certificate.result;
  const index = height - baseHeight;
  if (index === -1) {
    // A repair at the very height of the snapshot that this node began with: no block is below.
    const result = results.get(height)?.result ?? certificates.get(height)?.result;
    if (defined(result, `the result of ${height}`).blockId !== blockId) {
      turn.halt(`height ${height}: a quorum ended the epoch elsewhere`);
    }
    return { kept: [], void: committed, lanes: ordered.ordering.view.lanes };
  }
  const last = defined(committed[index], `block ${height}, which ends the epoch`);
  if (last.signed.id !== blockId) turn.halt(`height ${height}: a quorum ended the epoch elsewhere`);
  const attested = { kind: "attested", certificate: proof.certificate } as const;
  const end = { ...last, proof: last.proof ?? attested };
  const kept = [...committed.slice(0, index), end];
  return { kept, void: committed.slice(index + 1), lanes: last.lanes };
}

/**
 * Starts the next epoch (Reconfiguration 4). What was ordered after the block that ends the epoch
 * is void: it was never executed, and its batches wait to be ordered again.
 */
function handOver(turn: Turn, proof: EpochProof): void {
  const { result } = proof.certificate;
  const own = turn.epoch.handOver;
  if (own === undefined) return;
  if (resultDigest(own.result) !== resultDigest(result)) {
    turn.halt(`height ${result.height}: own result of the epoch's end differs from a quorum's`, {
      own: own.result,
      certificate: proof.certificate,
    });
    return;
  }
  startEpoch(turn, proof);
}

/** The epoch's own result, or the very one where the epoch began: nothing below it is ever void. */
export function goesOnFrom(turn: Turn, result: AttestedResult): boolean {
  const { set, chain } = turn.state;
  if (!isRepairable(result, set)) return false;
  if (result.epoch === set.epoch) return true;
  const began = chain.epochProofs.at(-1)?.certificate.result;
  return began !== undefined && resultDigest(began) === resultDigest(result);
}

/**
 * SPLIT: a quorum goes on from a certified result. A node that has executed beyond it writes that
 * down and starts anew: its state is one of those that are void.
 */
export function openRepaired(turn: Turn, proof: EpochProof): void {
  const { result } = proof.certificate;
  const { executed } = turn.chain;
  if (!goesOnFrom(turn, result)) {
    turn.halt(`a quorum repairs from height ${result.height}, below where this epoch began`);
    return;
  }
  if (executed < result.height) {
    // The chain up to there comes first.
    turn.changeEpoch({ pendingProof: proof });
    return;
  }
  if (executed > result.height) {
    turn.emit({ kind: "store", record: { kind: "epoch", proof } });
    const reason = `a quorum goes on from height ${result.height}, executed here is ${executed}`;
    turn.change({ halted: reason });
    turn.emit({ kind: "restart", reason });
    return;
  }
  startEpoch(turn, proof);
  const { results, attestations, waiting } = turn.chain;
  const isKept = (height: number): boolean => height <= result.height;
  turn.changeChain({
    split: undefined,
    results: keepEntries(results, isKept),
    attestations: keepEntries(attestations, isKept),
    waiting: keepEntries(waiting, isKept),
  });
  const { givenUp } = turn.state.repair;
  turn.change({ repair: { ...NO_REPAIR, givenUp } });
}

/** A node that executes its chain anew comes by the repairs that it has followed before. */
export function repeatRepairs(turn: Turn, height: number): void {
  for (const proof of turn.chain.epochProofs) {
    if (proof.repair === undefined || proof.certificate.result.height !== height) continue;
    turn.emit({ kind: "epoch-started", proof });
  }
}

/** Starts the epoch of the proof, whose result this node has executed. */
function startEpoch(turn: Turn, proof: EpochProof): void {
  const { result } = proof.certificate;
  const split = splitAt(turn, proof);
  if (turn.state.halted !== undefined) return;
  turn.emit({ kind: "store", record: { kind: "epoch", proof } });
  keepCertificate(turn, proof.certificate);
  const { chainId } = turn.state.config;
  const { nextSet } = proof;
  const genesisId = epochGenesisId(chainId, nextSet.epoch, result);
  const { height, timestampMs } = result;
  const { future } = turn.epoch;
  const { lanes } = split;
  const start = { set: nextSet, height, timestampMs, lanes, genesisId };
  const pool = new Map<string, PooledBatch>(turn.lanes.pool);
  for (const signed of split.void.flatMap(({ batches }) => batches)) {
    pool.set(signed.digest, { signed, stored: true, receivedAt: turn.now });
  }
  const fresh = { ...createEpoch(chainId, start, turn.now), future };
  // A log that lost its end comes here a second time: what was signed in the epoch stays promised.
  const past = turn.state.ownFuture.get(nextSet.epoch);
  const epoch = past === undefined ? fresh : { ...fresh, ...boundBy(past) };
  turn.change({ set: nextSet, epoch });
  turn.changeLanes({ pool });
  turn.changeChain({ committed: split.kept, epochProofs: [...turn.chain.epochProofs, proof] });
  const claims = keepEntries(turn.sync.claims, (_, { epoch }) => epoch >= nextSet.epoch);
  turn.changeSync({ wants: new Map(), claims, asked: undefined, behindSince: undefined });
  prunePool(turn);
  signDraft(turn);
  turn.emit({ kind: "epoch-started", proof });
  findBeyondNewEnd(turn, height);
  enterRound(turn, 1, "epoch");
  turn.broadcast({ kind: "epoch-proof", proof });
}
