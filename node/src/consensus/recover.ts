import type { ResultCertificate } from "../kernel/certificates.ts";
import type { Digest } from "../kernel/scalars.ts";
import type { SignedStatement } from "../kernel/statements.ts";
import { type Base, beginAt, beginAtGenesis } from "./base.ts";
import type { LanePosition } from "./chain-view.ts";
import { type History, readHistory } from "./history.ts";
import { boundBy, ownFuture, ownPastOf } from "./own-past.ts";
import { recoverRepair } from "./repair-plan.ts";
import type { JournalRecord } from "./safety-data.ts";
import {
  type ChainState,
  type ConsensusConfig,
  type ConsensusState,
  createConsensus,
  type EpochState,
  type LanesState,
  type PooledBatch,
} from "./state.ts";
import { keepEntries } from "./turn.ts";
import type { ChainRecord, QuorumCertificate, SignedBatch, TimeoutCertificate } from "./types.ts";

export interface Recovered {
  readonly journal: readonly JournalRecord[];
  readonly chain: readonly ChainRecord[];
  /** The snapshot that this node starts from; none: genesis. */
  readonly base?: Base | undefined;
}

/**
 * The state of a node that was here before: committed chain, certificates and lanes from its log,
 * safety data and what it signed last from its journal (rule JOURNAL). Input `start` has it execute
 * anew what its log has above the snapshot, or above genesis if it starts from none.
 *
 * @throws AssertionError if the log lacks what its committed records rest on.
 */
export function recover(config: ConsensusConfig, recovered: Recovered): ConsensusState {
  const { base } = recovered;
  const beginning = base === undefined ? beginAtGenesis(config) : beginAt(config, base);
  const history = readHistory(config, recovered.chain, beginning);
  const fresh = createConsensus(config);
  return {
    ...fresh,
    set: history.set,
    epoch: recoverEpoch(history, recovered),
    lanes: recoverLanes(config, history, recovered.journal, fresh.lanes),
    chain: recoverChain(history, fresh.chain, base?.certificate),
    spares: base?.spares ?? fresh.spares,
    repair: recoverRepair(config.repair, recovered.journal),
    ownFuture: ownFuture(recovered.journal, history.set.epoch),
  };
}

function recoverChain(
  { committed, epochProofs, certificates, beginning }: History,
  fresh: ChainState,
  certificate: ResultCertificate | undefined,
): ChainState {
  const { height, ordered } = beginning;
  const above = keepEntries(certificates, (each) => each > height);
  return {
    ...fresh,
    committed,
    baseHeight: height + 1,
    executed: height,
    certified: height,
    certificates: new Map(certificate === undefined ? [] : [[height, certificate]]),
    epochProofs,
    replayed: above,
    ordered,
  };
}

/**
 * Certificates of the root and above, from records and from the blocks that carry them. The first
 * of a block stays: blocks' own certificates before records, copies inside timeout certificates
 * last.
 */
function recoverCertified(history: History): ReadonlyMap<Digest, QuorumCertificate> {
  const { epoch, qcs } = history;
  const carried = Array.from(epoch.blocks.values()).map(({ signed }) => signed.block.qc);
  const certified = new Map<Digest, QuorumCertificate>();
  if (epoch.root.round === 0) certified.set(epoch.genesisQc.blockId, epoch.genesisQc);
  for (const qc of [...carried, ...qcs, ...recoverTcs(history).map((tc) => tc.highestQc)]) {
    const isNew = qc.round > 0 && qc.round >= epoch.root.round && !certified.has(qc.blockId);
    if (isNew) certified.set(qc.blockId, qc);
  }
  return certified;
}

function recoverTcs({ epoch, tcs }: History): readonly TimeoutCertificate[] {
  const carried = Array.from(epoch.blocks.values()).flatMap(({ signed }) => signed.block.tc ?? []);
  return [...tcs, ...carried];
}

function recoverEpoch(history: History, { journal, base }: Recovered): EpochState {
  const { epoch, set } = history;
  const certified = recoverCertified(history);
  const rootQc = (history.committed.at(-1)?.signed ?? base?.block)?.block.qc;
  const inEpoch = rootQc?.epoch === set.epoch ? rootQc : epoch.genesisQc;
  const highestQc = Array.from(certified.values()).reduce((highest, qc) => {
    return qc.round > highest.round ? qc : highest;
  }, inEpoch);
  const highestTc = recoverTcs(history).reduce<TimeoutCertificate | undefined>((highest, tc) => {
    return highest === undefined || tc.round > highest.round ? tc : highest;
  }, undefined);
  const past = ownPastOf(journal, set.epoch);
  const { timeout } = past;
  return {
    ...epoch,
    ...boundBy(past),
    certified,
    highestQc,
    highestTc,
    round: Math.max(highestQc.round, highestTc?.round ?? 0) + 1,
    storedQcRound: highestQc.round,
    storedTcRound: highestTc?.round ?? 0,
    ownTimeout: timeout && { signed: timeout, qc: named(timeout, certified, highestQc) },
  };
}

/** The certificate that a timeout names, or the highest one, which says more. */
function named(
  { statement }: SignedStatement,
  certified: ReadonlyMap<Digest, QuorumCertificate>,
  highestQc: QuorumCertificate,
): QuorumCertificate {
  const round = statement.kind === "timeout" ? statement.hqcRound : 0;
  return Array.from(certified.values()).find((qc) => qc.round === round) ?? highestQc;
}

/** This node's own batches with the signatures that only the journal has for certain. */
function signOwn(
  batch: SignedBatch,
  signatures: ReadonlyMap<Digest, Uint8Array>,
): SignedBatch | undefined {
  const signature = signatures.get(batch.digest);
  if (signature !== undefined) return { ...batch, signature };
  return batch.signature.some((byte) => byte !== 0) ? batch : undefined;
}

function recoverLanes(
  config: ConsensusConfig,
  history: History,
  journal: readonly JournalRecord[],
  fresh: LanesState,
): LanesState {
  const author = config.self.key;
  const signatures = new Map<Digest, Uint8Array>();
  let own: LanePosition = history.epoch.root.view.lanes.get(author) ?? fresh.own;
  for (const { statement, signature } of journal) {
    if (statement.kind !== "batch") continue;
    signatures.set(statement.digest, signature);
    const { sequence, digest } = statement;
    if (sequence > own.sequence) own = { sequence, digest };
  }
  const pool = new Map<Digest, PooledBatch>();
  let draft: LanesState["draft"];
  for (const [digest, batch] of history.open) {
    const signed = batch.batch.author === author ? signOwn(batch, signatures) : batch;
    if (signed !== undefined) pool.set(digest, { signed, stored: true, receivedAt: 0 });
    // Cut and stored, but the power went before the signature: it is signed at the start.
    else if (batch.batch.sequence === own.sequence + 1 && batch.batch.previous === own.digest) {
      draft = { batch: batch.batch, digest, bytes: batch.bytes };
    }
  }
  const position = draft && { sequence: draft.batch.sequence, digest: draft.digest };
  return { ...fresh, pool, draft, own: position ?? own };
}
