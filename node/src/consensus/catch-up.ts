import { verifyResultCertificate } from "../kernel/certificates.ts";
import { ok, type Refusal, type Result, refuse } from "../kernel/result.ts";
import type { Digest, Height, Millis, PublicKey } from "../kernel/scalars.ts";
import { verifyStatement } from "../kernel/statements.ts";
import { insertBlock } from "./block-tree.ts";
import { onBlock, proposalStatement } from "./blocks.ts";
import { verifyOrder, verifyQc } from "./certificates.ts";
import { commitUpTo } from "./commit.ts";
import { armSyncTimer, gotWanted, RETRY_MS } from "./fetch.ts";
import { onEpochProof } from "./hand-over.ts";
import { batchStatement } from "./lanes.ts";
import { acceptQc, lastTc } from "./rounds.ts";
import { segmentFrom } from "./segments.ts";
import { keepEntries, type Turn, withEntry } from "./turn.ts";
import type {
  BatchReference,
  ChainSegment,
  PeerStatus,
  SignedBatch,
  SignedBlock,
} from "./types.ts";
import { keepBallot } from "./vote-keeper.ts";

/** A peer behind is helped this often at most. */
const HELP_PACE_MS: Millis = 100;
/** Messages on their way make every peer look one round behind for a moment. */
const IN_FLIGHT_MS: Millis = 50;
/** Further behind than this, a node asks for the chain at once. */
const LAG_TOLERATED = 8;
/** An answer is large: a peer that asks more often waits for its own retry. */
const CHAIN_PACE_MS: Millis = 10;
/** One read of the log at a time for a peer; a read that answers nothing is over by then. */
const LOAD_MS: Millis = 1_000;
const BATCHES_SERVED_MAX = 16;

function mayHelp(turn: Turn, kind: string, peer: PublicKey, paceMs = HELP_PACE_MS): boolean {
  const key = `${kind}/${peer}`;
  const before = turn.sync.helped.get(key);
  if (before !== undefined && turn.now - before < paceMs) return false;
  turn.changeSync({ helped: withEntry(turn.sync.helped, key, turn.now) });
  return true;
}

/** R9: reads the position that rides on every message; helps who is behind, notes who is ahead. */
export function noteStatus(turn: Turn, from: PublicKey, status: PeerStatus): void {
  const { set, epoch, chain, config } = turn.state;
  if (status.epoch < set.epoch) {
    const proof = chain.epochProofs[status.epoch - config.genesisSet.epoch];
    if (proof === undefined || !mayHelp(turn, "epoch", from)) return;
    turn.send(from, { kind: "epoch-proof", proof });
    return;
  }
  const ahead = status.epoch > set.epoch || status.committedHeight > epoch.root.height;
  if (ahead) noteClaim(turn, from, status);
  if (status.epoch === set.epoch) helpWithCertificates(turn, from, status);
}

/** Every message claims something: the same claim again costs no copy of all peers' claims. */
function noteClaim(turn: Turn, from: PublicKey, status: PeerStatus): void {
  const known = turn.sync.claims.get(from);
  const same = known?.epoch === status.epoch && known.committedHeight === status.committedHeight;
  if (!same) turn.changeSync({ claims: withEntry(turn.sync.claims, from, status) });
}

function helpWithCertificates(turn: Turn, peer: PublicKey, status: PeerStatus): void {
  const { round, root, highestQc, highestTc, highestOrder, enteredAt } = turn.epoch;
  const settled = turn.now - enteredAt >= IN_FLIGHT_MS;
  const late = status.round < round && (settled || round - status.round > 1);
  const uncommitted = settled && status.committedHeight < root.height && status.round <= round;
  if (!(late || uncommitted) || !mayHelp(turn, "certificates", peer)) return;
  const tc = lastTc(turn) ?? (status.round <= (highestTc?.round ?? 0) ? highestTc : undefined);
  const qc = highestQc.round > 0 ? highestQc : undefined;
  turn.send(peer, { kind: "certificates", qc, tc, order: highestOrder });
}

/** Asks for the chain if peers are ahead and the ordinary messages do not close the gap. */
export function maybeSync(turn: Turn): void {
  const { set, epoch, sync } = turn.state;
  const { height } = epoch.root;
  const claims = keepEntries(sync.claims, (_, claim) => {
    return claim.epoch > set.epoch || (claim.epoch === set.epoch && claim.committedHeight > height);
  });
  if (claims !== sync.claims) turn.changeSync({ claims });
  if (claims.size === 0) {
    if (sync.behindSince !== undefined) turn.changeSync({ behindSince: undefined });
    return;
  }
  const behindSince = sync.behindSince ?? turn.now;
  if (sync.behindSince === undefined) turn.changeSync({ behindSince });
  const far = Array.from(claims.values()).some((claim) => {
    return claim.epoch > set.epoch || claim.committedHeight - height > LAG_TOLERATED;
  });
  const waiting = sync.asked !== undefined && turn.now - sync.asked.at < RETRY_MS;
  const patient = !far && turn.now - behindSince < RETRY_MS;
  if (!waiting && !patient) askChain(turn);
  armSyncTimer(turn);
}

/** Asks the peer that claims most; one that did not answer in time loses its claim. */
function askChain(turn: Turn): void {
  const { asked } = turn.sync;
  if (asked !== undefined) {
    const claims = keepEntries(turn.sync.claims, (peer) => peer !== asked.peer);
    turn.changeSync({ claims, asked: undefined });
  }
  const best = Array.from(turn.sync.claims).reduce<[PublicKey, PeerStatus] | undefined>(
    (left, right) => {
      if (left === undefined) return right;
      return right[1].committedHeight > left[1].committedHeight ? right : left;
    },
    undefined,
  );
  if (best === undefined) return;
  turn.changeSync({ asked: { peer: best[0], at: turn.now } });
  turn.send(best[0], { kind: "chain-request", fromHeight: turn.epoch.root.height + 1 });
}

/** Answers from memory, or has the shell read the log. */
export function onChainRequest(turn: Turn, from: PublicKey, fromHeight: Height): void {
  const { committed, baseHeight, certificates, epochProofs } = turn.chain;
  if (fromHeight < 1 || fromHeight > baseHeight + committed.length - 1) return;
  if (!mayHelp(turn, "chain", from, CHAIN_PACE_MS)) return;
  if (fromHeight < baseHeight) {
    if (mayHelp(turn, "history", from, LOAD_MS)) {
      turn.emit({ kind: "load-history", to: from, fromHeight });
    }
    return;
  }
  const genesisEpoch = turn.state.config.genesisSet.epoch;
  const segment = segmentFrom(
    {
      committed,
      baseHeight,
      certificate: (height) => certificates.get(height),
      epochProof: (epoch) => epochProofs[epoch - genesisEpoch],
    },
    fromHeight,
  );
  if (segment !== undefined) turn.send(from, { kind: "chain-response", segment });
}

/** The shell has read the log: the peer may ask for more. */
export function onHistory(turn: Turn, to: PublicKey, segment: ChainSegment): void {
  const loading = `history/${to}`;
  turn.changeSync({ helped: keepEntries(turn.sync.helped, (key) => key !== loading) });
  turn.send(to, { kind: "chain-response", segment });
}

function checkProof(turn: Turn, segment: ChainSegment, last: SignedBlock): Result<void, Refusal> {
  const { proof } = segment;
  const { state } = turn;
  const mismatch = refuse("PROOF_MISMATCH", "segment.proof", "prove the last block of the segment");
  if (proof.kind === "order") {
    return proof.certificate.blockId === last.id ? verifyOrder(state, proof.certificate) : mismatch;
  }
  if (proof.kind === "attested") {
    const { blockId, epoch } = proof.certificate.result;
    if (blockId !== last.id || epoch !== segment.epoch) return mismatch;
    const { scheme, chainId } = state.config;
    return verifyResultCertificate(scheme, chainId, state.set, proof.certificate);
  }
  const { child, qc } = proof;
  const linked = child.block.qc.blockId === last.id && child.id === qc.blockId;
  const next = child.block.round === last.block.round + 1 && qc.round === child.block.round;
  // It goes into the log as the proof, so that a known one is no excuse for junk signatures.
  return linked && next ? verifyQc(state, qc) : mismatch;
}

/** The new blocks of the segment, if they continue this node's chain link by link. */
function linkedBlocks(turn: Turn, segment: ChainSegment): Result<readonly SignedBlock[], Refusal> {
  const { root } = turn.epoch;
  const fresh = segment.blocks.filter(({ block }) => block.height > root.height);
  let { id, height, round } = root;
  for (const { block, id: blockId } of fresh) {
    const linked = block.qc.blockId === id && block.height === height + 1 && block.round > round;
    if (!linked || block.epoch !== turn.state.set.epoch) {
      return refuse(
        "CHAIN_BROKEN",
        "segment.blocks",
        `continue from height ${height} of this chain`,
      );
    }
    ({ height, round } = block);
    id = blockId;
  }
  return ok(fresh);
}

/**
 * The batches of the segment's cuts, those not here already with their author's signature checked.
 */
function checkBatches(
  turn: Turn,
  segment: ChainSegment,
  blocks: readonly SignedBlock[],
): Result<readonly SignedBatch[], Refusal> {
  const offered = new Map<Digest, SignedBatch>(segment.batches.map((each) => [each.digest, each]));
  const taken: SignedBatch[] = [];
  const { scheme, chainId } = turn.state.config;
  for (const reference of blocks.flatMap(({ block }) => block.cut)) {
    if (turn.lanes.pool.has(reference.digest)) continue;
    const batch = offered.get(reference.digest);
    if (batch === undefined) {
      return refuse("BATCH_MISSING", "segment.batches", "send the batches of every block");
    }
    if (!verifyStatement(scheme, chainId, batchStatement(batch))) {
      return refuse(
        "BAD_SIGNATURE",
        "segment.batches",
        `batch ${batch.digest} is not its author's`,
      );
    }
    taken.push(batch);
  }
  return ok(taken);
}

/**
 * A peer's answer: the ids chain the blocks to this node's own, the proof commits the last one, so
 * all of them are committed. Nothing else about them has to be believed.
 */
export function onChainResponse(turn: Turn, from: PublicKey, segment: ChainSegment): void {
  if (segment.epoch !== turn.state.set.epoch) return;
  const blocks = linkedBlocks(turn, segment);
  if (!blocks.ok) {
    turn.drop(from, blocks.error);
    return;
  }
  const last = blocks.value.at(-1);
  if (last !== undefined) {
    const proven = checkProof(turn, segment, last);
    if (!proven.ok) {
      turn.drop(from, proven.error);
      return;
    }
    const batches = checkBatches(turn, segment, blocks.value);
    if (!batches.ok) {
      turn.drop(from, batches.error);
      return;
    }
    if (!takeBlocks(turn, from, blocks.value)) return;
    const pool = new Map(turn.lanes.pool);
    for (const signed of batches.value) {
      pool.set(signed.digest, { signed, stored: false, receivedAt: turn.now });
      gotWanted(turn, signed.digest);
    }
    turn.changeLanes({ pool });
    const target = { blockId: last.id, round: last.block.round, proof: segment.proof };
    // An answer that brought nothing is not a reason to ask again at once.
    if (commitUpTo(turn, target)) turn.changeSync({ asked: undefined });
    if (segment.proof.kind === "two-chain") {
      onBlock(turn, from, segment.proof.child);
      acceptQc(turn, segment.proof.qc, from);
    }
  }
  if (segment.epochProof !== undefined) onEpochProof(turn, from, segment.epochProof);
}

function takeBlocks(turn: Turn, from: PublicKey, blocks: readonly SignedBlock[]): boolean {
  const { scheme, chainId } = turn.state.config;
  for (const signed of blocks) {
    if (turn.epoch.blocks.has(signed.id)) continue;
    const statement = proposalStatement(signed);
    if (!verifyStatement(scheme, chainId, statement)) {
      turn.drop(from, { code: "BAD_SIGNATURE", field: "segment.blocks" });
      return false;
    }
    // E1 is found here too: the committed block against another one of its author.
    keepBallot(turn, statement);
    insertBlock(turn, signed, false);
    gotWanted(turn, signed.id);
  }
  return true;
}

export function onBlockRequest(turn: Turn, from: PublicKey, blockId: Digest): void {
  const node = turn.epoch.blocks.get(blockId);
  const committed = turn.chain.committed.findLast(({ signed }) => signed.id === blockId);
  const block = node?.signed ?? committed?.signed;
  if (block !== undefined) turn.send(from, { kind: "block-response", block });
}

export function onBatchRequest(
  turn: Turn,
  from: PublicKey,
  references: readonly BatchReference[],
): void {
  for (const { digest } of references.slice(0, BATCHES_SERVED_MAX)) {
    const pooled = turn.lanes.pool.get(digest)?.signed;
    const batch = pooled ?? committedBatch(turn, digest);
    if (batch !== undefined) turn.send(from, { kind: "batch", batch });
  }
}

function committedBatch(turn: Turn, digest: Digest): SignedBatch | undefined {
  for (const { batches } of turn.chain.committed) {
    const found = batches.find((batch) => batch.digest === digest);
    if (found !== undefined) return found;
  }
  return undefined;
}
