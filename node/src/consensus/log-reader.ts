import { attestationsOf, type ResultCertificate } from "../kernel/certificates.ts";
import type { Digest, Epoch, Height } from "../kernel/scalars.ts";
import type { SignedStatement } from "../kernel/statements.ts";
import { proposalStatement } from "./blocks.ts";
import { voteStatement } from "./certificates.ts";
import type {
  ChainRecord,
  CommitProof,
  OrderCertificate,
  QuorumCertificate,
  SignedBlock,
  TimeoutCertificate,
} from "./types.ts";

/** A commit as one log holds it. */
export interface LoggedCommit {
  readonly id: Digest;
  readonly block: SignedBlock;
  readonly proof: CommitProof;
}

/** What one node's chain log says of one epoch, by claim: nothing of it is verified here. */
export interface EpochLog {
  readonly blocks: ReadonlyMap<Digest, SignedBlock>;
  /** In the order of the log. */
  readonly commits: readonly LoggedCommit[];
  readonly certificates: ReadonlyMap<Height, ResultCertificate>;
  /** Everything that members signed, as far as the log has it. */
  readonly statements: readonly SignedStatement[];
}

interface Draft {
  readonly blocks: Map<Digest, SignedBlock>;
  readonly proofs: CommitProof[];
  readonly certificates: Map<Height, ResultCertificate>;
  readonly statements: SignedStatement[];
}

export function votesOf(qc: QuorumCertificate): readonly SignedStatement[] {
  const statement = voteStatement(qc);
  return qc.signatures.map(({ author, signature }) => ({ statement, author, signature }));
}

export function timeoutsOf(tc: TimeoutCertificate): readonly SignedStatement[] {
  const { epoch, round } = tc;
  return tc.timeouts.map(({ author, signature, hqcRound }) => ({
    statement: { kind: "timeout", epoch, round, hqcRound },
    author,
    signature,
  }));
}

export function orderVotesOf(order: OrderCertificate): readonly SignedStatement[] {
  const { epoch, round, blockId } = order;
  const statement = { kind: "order-vote", epoch, round, blockId } as const;
  return order.signatures.map(({ author, signature }) => ({ statement, author, signature }));
}

function addTc(draft: Draft, tc: TimeoutCertificate): void {
  draft.statements.push(...timeoutsOf(tc), ...votesOf(tc.highestQc));
}

function addBlock(draft: Draft, signed: SignedBlock): void {
  const { block, id } = signed;
  if (draft.blocks.has(id)) return;
  draft.blocks.set(id, signed);
  draft.statements.push(proposalStatement(signed), ...votesOf(block.qc), ...block.signsOfLife);
  if (block.tc !== undefined) addTc(draft, block.tc);
}

function addCertificate(draft: Draft, certificate: ResultCertificate): void {
  draft.certificates.set(certificate.result.height, certificate);
  draft.statements.push(...attestationsOf(certificate));
}

function addProof(draft: Draft, proof: CommitProof): void {
  draft.proofs.push(proof);
  if (proof.kind === "order") draft.statements.push(...orderVotesOf(proof.certificate));
  if (proof.kind === "attested") addCertificate(draft, proof.certificate);
  if (proof.kind !== "two-chain") return;
  addBlock(draft, proof.child);
  draft.statements.push(...votesOf(proof.qc));
}

function epochOfProof(proof: CommitProof): Epoch {
  if (proof.kind === "two-chain") return proof.child.block.epoch;
  return proof.kind === "order" ? proof.certificate.epoch : proof.certificate.result.epoch;
}

/** Block that a commit proof commits. */
export function committedBy(proof: CommitProof): Digest {
  if (proof.kind === "two-chain") return proof.child.block.qc.blockId;
  return proof.kind === "order" ? proof.certificate.blockId : proof.certificate.result.blockId;
}

/** Epoch that a record speaks of; undefined for batches, which belong to none. */
export function epochOfRecord(record: ChainRecord): Epoch | undefined {
  switch (record.kind) {
    case "block":
      return record.block.block.epoch;
    case "qc":
      return record.qc.epoch;
    case "tc":
      return record.tc.epoch;
    case "committed":
      return epochOfProof(record.proof);
    case "certified":
      return record.certificate.result.epoch;
    case "epoch":
      return record.proof.certificate.result.epoch;
    default:
      return undefined;
  }
}

function addRecord(draft: Draft, record: ChainRecord): void {
  switch (record.kind) {
    case "block":
      addBlock(draft, record.block);
      return;
    case "qc":
      draft.statements.push(...votesOf(record.qc));
      return;
    case "tc":
      addTc(draft, record.tc);
      return;
    case "committed":
      addProof(draft, record.proof);
      return;
    case "certified":
      addCertificate(draft, record.certificate);
      return;
    case "epoch":
      addCertificate(draft, record.proof.certificate);
      return;
    default:
  }
}

/** Reads everything of one epoch out of a chain log. */
export function readEpochLog(records: Iterable<ChainRecord>, epoch: Epoch): EpochLog {
  const draft: Draft = { blocks: new Map(), proofs: [], certificates: new Map(), statements: [] };
  for (const record of records) if (epochOfRecord(record) === epoch) addRecord(draft, record);
  const { blocks, certificates, statements } = draft;
  const commits = draft.proofs.flatMap((proof) => {
    const id = committedBy(proof);
    const block = blocks.get(id);
    return block === undefined ? [] : [{ id, block, proof }];
  });
  return { blocks, commits, certificates, statements };
}

/**
 * Ids of the committed chain by height: every proven block and its ancestors, as the log has it.
 */
export function committedChain({ blocks, commits }: EpochLog): ReadonlyMap<Height, Digest> {
  const chain = new Map<Height, Digest>();
  for (const commit of commits) {
    let block: SignedBlock | undefined = commit.block;
    while (block !== undefined && chain.get(block.block.height) !== block.id) {
      chain.set(block.block.height, block.id);
      block = blocks.get(block.block.qc.blockId);
    }
  }
  return chain;
}
