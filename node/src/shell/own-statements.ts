import type {
  ChainSegment,
  CommitProof,
  OrderCertificate,
  PeerBody,
  QuorumCertificate,
  SignedBatch,
  SignedBlock,
  TimeoutCertificate,
} from "../consensus/types.ts";
import type { AuthorSignature, ResultCertificate } from "../kernel/certificates.ts";
import type { PublicKey } from "../kernel/scalars.ts";
import type { SignedStatement, Statement } from "../kernel/statements.ts";

/** Collects what one key is said to have signed, wherever it stands in a message (rule BURN). */
class Collector {
  readonly #author: PublicKey;
  readonly found: SignedStatement[] = [];

  constructor(author: PublicKey) {
    this.#author = author;
  }

  signed(signed: SignedStatement): void {
    if (signed.author === this.#author) this.found.push(signed);
  }

  #shared(statement: Statement, signatures: readonly AuthorSignature[]): void {
    for (const { author, signature } of signatures) this.signed({ statement, author, signature });
  }

  qc({ epoch, round, blockId, qcRound, signatures }: QuorumCertificate): void {
    this.#shared({ kind: "vote", epoch, round, blockId, qcRound }, signatures);
  }

  order({ epoch, round, blockId, signatures }: OrderCertificate): void {
    this.#shared({ kind: "order-vote", epoch, round, blockId }, signatures);
  }

  tc({ epoch, round, timeouts, highestQc }: TimeoutCertificate): void {
    for (const { author, signature, hqcRound } of timeouts) {
      const statement = { kind: "timeout", epoch, round, hqcRound } as const;
      this.signed({ statement, author, signature });
    }
    this.qc(highestQc);
  }

  result({ result, signatures }: ResultCertificate): void {
    this.#shared({ kind: "attestation", result }, signatures);
  }

  block({ block, id, signature }: SignedBlock): void {
    const { epoch, round, proposer } = block;
    const statement = { kind: "proposal", epoch, round, blockId: id } as const;
    this.signed({ statement, author: proposer, signature });
    this.qc(block.qc);
    if (block.tc !== undefined) this.tc(block.tc);
    for (const signed of block.signsOfLife) this.signed(signed);
  }

  batch({ batch, digest, signature }: SignedBatch): void {
    const statement = { kind: "batch", sequence: batch.sequence, digest } as const;
    this.signed({ statement, author: batch.author, signature });
  }

  proof(proof: CommitProof): void {
    if (proof.kind === "order") this.order(proof.certificate);
    if (proof.kind === "attested") this.result(proof.certificate);
    if (proof.kind === "two-chain") {
      this.block(proof.child);
      this.qc(proof.qc);
    }
  }

  segment({ blocks, batches, proof, epochProof }: ChainSegment): void {
    for (const block of blocks) this.block(block);
    for (const batch of batches) this.batch(batch);
    this.proof(proof);
    if (epochProof !== undefined) this.result(epochProof.certificate);
  }
}

/**
 * Statements in the message that carry a signature said to be of `author`; none is verified here.
 */
export function statementsBy(author: PublicKey, body: PeerBody): readonly SignedStatement[] {
  const collector = new Collector(author);
  collect(collector, body);
  return collector.found;
}

function collect(collector: Collector, body: PeerBody): void {
  switch (body.kind) {
    case "proposal":
    case "block-response":
      collector.block(body.block);
      return;
    case "statement":
      collector.signed(body.signed);
      return;
    case "order-vote":
      collector.signed(body.signed);
      collector.qc(body.qc);
      return;
    case "timeout":
      collector.signed(body.signed);
      collector.qc(body.highestQc);
      if (body.lastTc !== undefined) collector.tc(body.lastTc);
      return;
    case "certificates":
      if (body.qc !== undefined) collector.qc(body.qc);
      if (body.tc !== undefined) collector.tc(body.tc);
      if (body.order !== undefined) collector.order(body.order);
      return;
    case "batch":
      collector.batch(body.batch);
      return;
    case "chain-response":
      collector.segment(body.segment);
      return;
    case "epoch-proof":
      collector.result(body.proof.certificate);
      return;
    case "result-certificate":
      collector.result(body.certificate);
      return;
    case "block-request":
    case "batch-request":
    case "chain-request":
    case "state-request":
    case "state-response":
      return;
    default:
      body satisfies never;
  }
}

/** The statements that a message itself makes: cheap, for remembering what each peer said last. */
export function authoredStatement(body: PeerBody): SignedStatement | undefined {
  switch (body.kind) {
    case "statement":
    case "order-vote":
    case "timeout":
      return body.signed;
    case "proposal": {
      const { block, id, signature } = body.block;
      const { epoch, round, proposer } = block;
      return {
        statement: { kind: "proposal", epoch, round, blockId: id },
        author: proposer,
        signature,
      };
    }
    case "batch": {
      const { batch, digest, signature } = body.batch;
      const statement = { kind: "batch", sequence: batch.sequence, digest } as const;
      return { statement, author: batch.author, signature };
    }
    default:
      return undefined;
  }
}
