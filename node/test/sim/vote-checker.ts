import type {
  Block,
  CommitProof,
  OrderCertificate,
  QuorumCertificate,
  TimeoutCertificate,
} from "../../src/consensus/types.ts";
import type { EpochProof } from "../../src/kernel/certificates.ts";
import type { Digest, Epoch, Millis, PublicKey } from "../../src/kernel/scalars.ts";
import type { AttestedResult, Statement } from "../../src/kernel/statements.ts";
import type { ValidatorSet } from "../../src/kernel/validator-set.ts";
import type { ReplicaState } from "../../src/replica/types.ts";
import { demand } from "./violation.ts";

/** No honest clock is turned back further between a judgement and its signature. */
const CLOCK_SLACK_MS = 150;

/** Where the chain of one epoch begins. */
interface Position {
  readonly height: number;
  readonly timestampMs: Millis;
  /** Newest ordered index of each lane; shared between blocks that order nothing. */
  readonly lanes: ReadonlyMap<PublicKey, number>;
}

interface Options {
  readonly genesisTimeMs: Millis;
  readonly clockAheadMsMax: Millis;
  readonly isHonest: (key: PublicKey) => boolean;
  /** Undefined for an epoch that no honest node has handed over to. */
  readonly setOf: (epoch: Epoch) => ValidatorSet | undefined;
}

/** What one honest node holds of certificates, compared by identity: each is judged once. */
interface Held {
  qc?: QuorumCertificate;
  tc?: TimeoutCertificate | undefined;
  order?: OrderCertificate | undefined;
  commit?: CommitProof | undefined;
  epoch?: EpochProof | undefined;
}

function attestationKey(result: AttestedResult): string {
  const { epoch, height, blockId, stateRoot, receiptsRoot, nextSetHash } = result;
  return `attestation ${epoch} ${height} ${blockId} ${stateRoot} ${receiptsRoot} ${nextSetHash}`;
}

/** What a signature says, as far as certificates rest on it; undefined for all others. */
function saying(statement: Statement): string | undefined {
  switch (statement.kind) {
    case "vote":
      return voteKey(statement);
    case "order-vote":
      return orderKey(statement);
    case "timeout":
      return `timeout ${statement.epoch} ${statement.round} ${statement.hqcRound}`;
    case "attestation":
      return attestationKey(statement.result);
    default:
      return undefined;
  }
}

type VoteFields = Pick<QuorumCertificate, "epoch" | "round" | "blockId" | "qcRound">;

function voteKey({ epoch, round, blockId, qcRound }: VoteFields): string {
  return `vote ${epoch} ${round} ${blockId} ${qcRound}`;
}

function orderKey({ epoch, round, blockId }: Omit<OrderCertificate, "signatures">): string {
  return `order ${epoch} ${round} ${blockId}`;
}

/**
 * R2, R3, R5, R7 and EPOCH written a second time: what an honest node votes for and what it takes
 * for a certificate, held against the signatures that honest keys really made. No signature is
 * verified here and no code of the product judges: whom an honest key did not sign for, it counts
 * for nothing, whatever bytes are shown.
 */
export class VoteChecker {
  readonly #options: Options;
  readonly #said = new Map<string, Set<PublicKey>>();
  readonly #positions = new Map<Digest, Position>();
  readonly #starts = new Map<Epoch, Position>();
  readonly #held = new Map<PublicKey, Held>();

  constructor(options: Options) {
    this.#options = options;
    const { genesisTimeMs: timestampMs } = options;
    this.#starts.set(1, { height: 0, timestampMs, lanes: new Map() });
  }

  /** An honest key makes this signature; its replica holds `state`. */
  signing(author: PublicKey, statement: Statement, state: ReplicaState, now: Millis): void {
    const said = saying(statement);
    if (said === undefined) return;
    const authors = this.#said.get(said) ?? new Set();
    this.#said.set(said, authors.add(author));
    if (statement.kind !== "vote") return;
    const block = state.consensus.epoch.blocks.get(statement.blockId)?.signed.block;
    if (block === undefined) return;
    this.#checkVote(author, statement.blockId, block, now);
  }

  /** The chain went into the next epoch at this block. */
  epochEnded(next: Epoch, { blockId }: AttestedResult): void {
    const end = this.#positions.get(blockId);
    if (end !== undefined) this.#starts.set(next, end);
  }

  /** After each step of an honest node: what is new of its certificates. */
  stepped(node: PublicKey, { consensus }: ReplicaState): void {
    const { highestQc, highestTc, highestOrder, commitTarget, pendingProof } = consensus.epoch;
    const held = this.#held.get(node) ?? {};
    this.#held.set(node, held);
    if (held.qc !== highestQc) this.#checkQc(node, highestQc);
    held.qc = highestQc;
    if (highestTc !== undefined && held.tc !== highestTc) this.#checkTc(node, highestTc);
    held.tc = highestTc;
    if (highestOrder !== undefined && held.order !== highestOrder) {
      this.#demandBacked(node, orderKey(highestOrder), highestOrder);
    }
    held.order = highestOrder;
    const commit = commitTarget?.proof;
    if (commit !== undefined && held.commit !== commit) this.checkCommit(node, commit);
    held.commit = commit;
    if (pendingProof !== undefined && held.epoch !== pendingProof) {
      this.checkEpochProof(node, pendingProof);
    }
    held.epoch = pendingProof;
  }

  /** A node commits by this proof (R5). */
  checkCommit(node: PublicKey, proof: CommitProof): void {
    if (proof.kind === "order") {
      this.#demandBacked(node, orderKey(proof.certificate), proof.certificate);
    } else if (proof.kind === "two-chain") {
      const { round, qc } = proof.child.block;
      const what = () => `${short(node)} commits ${qc.round} by its child of ${round}`;
      demand(round === qc.round + 1, "R5: two rounds in a row", what);
      this.#checkQc(node, proof.qc);
      demand(proof.qc.blockId === proof.child.id, "R5: the child is certified", what);
    } else {
      const { result } = proof.certificate;
      this.#demandBacked(node, attestationKey(result), { ...result, round: result.height });
    }
  }

  /** A node goes on into the next epoch by this proof. */
  checkEpochProof(node: PublicKey, { certificate, repair }: EpochProof): void {
    if (repair !== undefined) return;
    const { result } = certificate;
    this.#demandBacked(node, attestationKey(result), { ...result, round: result.height });
  }

  /** Honest members who said it, with all who lie, are a quorum; else nobody may believe it. */
  #demandBacked(
    node: PublicKey,
    said: string,
    { epoch, round }: { readonly epoch: Epoch; readonly round: number },
  ): void {
    const authors = this.#said.get(said);
    const what = () => `${short(node)} believes a certificate of ${epoch}/${round}: ${said}`;
    this.#demandQuorum(epoch, (key) => authors?.has(key) === true, what);
  }

  #demandQuorum(epoch: Epoch, says: (key: PublicKey) => boolean, what: () => string): void {
    const set = this.#options.setOf(epoch);
    demand(set !== undefined, "a certificate is a quorum's word", what);
    if (set === undefined) return;
    let power = 0n;
    let all = 0n;
    for (const { key, power: each } of set.members) {
      all += each;
      if (!this.#options.isHonest(key) || says(key)) power += each;
    }
    demand(power * 3n > all * 2n, "a certificate is a quorum's word", () => {
      return `${what()}: ${power} of ${all}`;
    });
  }

  #checkQc(node: PublicKey, qc: QuorumCertificate): void {
    if (qc.round > 0) this.#demandBacked(node, voteKey(qc), qc);
  }

  /** Each honest name in it is of one who timed out so, and its names are a quorum. */
  #checkTc(node: PublicKey, { epoch, round, timeouts }: TimeoutCertificate): void {
    const named = new Set(timeouts.map(({ author }) => author));
    const what = () => `${short(node)} believes timeouts of ${epoch}/${round}`;
    demand(named.size === timeouts.length, "R7: each signer once", what);
    const set = this.#options.setOf(epoch);
    let power = 0n;
    let all = 0n;
    for (const member of set?.members ?? []) {
      all += member.power;
      if (named.has(member.key)) power += member.power;
    }
    demand(power * 3n > all * 2n, "R7: a quorum timed out", () => `${what()}: ${power} of ${all}`);
    for (const { author, hqcRound } of timeouts) {
      if (!this.#options.isHonest(author)) continue;
      const said = this.#said.get(`timeout ${epoch} ${round} ${hqcRound}`)?.has(author);
      demand(said === true, "R7: nobody is quoted falsely", () => `${what()} by ${short(author)}`);
    }
  }

  #checkVote(author: PublicKey, id: Digest, block: Block, now: Millis): void {
    const { qc, tc, round, height, timestampMs } = block;
    const what = () => `${short(author)} votes for ${height} in ${round} on ${qc.round}`;
    this.#checkQc(author, qc);
    if (round !== qc.round + 1) {
      demand(tc?.round === round - 1, "R2: rounds follow each other", what);
      if (tc !== undefined) {
        this.#checkTc(author, tc);
        const locked = tc.timeouts.every(({ hqcRound }) => hqcRound <= qc.round);
        demand(locked, "R2: no certificate of the timeouts is passed over", what);
      }
    }
    const aheadMs = timestampMs - now;
    const most = this.#options.clockAheadMsMax + CLOCK_SLACK_MS;
    demand(aheadMs <= most, "R2: block time ahead", () => `${what()}, ${aheadMs} ms ahead`);
    const parent = qc.round === 0 ? this.#starts.get(qc.epoch) : this.#positions.get(qc.blockId);
    if (parent === undefined) return;
    demand(height === parent.height + 1, "R2: height", () => `${what()} after ${parent.height}`);
    const spanMs = timestampMs - parent.timestampMs;
    demand(spanMs > 0, "R2: block time reversed", () => `${what()}, ${spanMs} ms on`);
    if (this.#positions.has(id)) return;
    const lanes = this.#lanesAfter(block, parent.lanes, what);
    this.#positions.set(id, { height, timestampMs, lanes });
  }

  #lanesAfter({ cut }: Block, before: Position["lanes"], what: () => string): Position["lanes"] {
    if (cut.length === 0) return before;
    const lanes = new Map(before);
    for (const { author, sequence } of cut) {
      const last = lanes.get(author) ?? 0;
      const gap = () => `${what()}: batch ${sequence} of ${short(author)} after ${last}`;
      demand(sequence === last + 1, "R2: lanes without gaps", gap);
      lanes.set(author, sequence);
    }
    return lanes;
  }
}

function short(key: PublicKey): string {
  return key.slice(0, 8);
}
