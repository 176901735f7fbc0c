import { equalBytes } from "../kernel/bytes.ts";
import {
  type Digest,
  type Epoch,
  type Height,
  type PublicKey,
  type Round,
  ZERO_DIGEST,
} from "../kernel/scalars.ts";
import {
  type SignatureScheme,
  type SignedStatement,
  type Statement,
  signingBytes,
  statementIndex,
  verifyStatement,
} from "../kernel/statements.ts";
import { breaksVoteRule } from "./round-rule.ts";
import type { SignedBlock } from "./types.ts";

type Timeout = Extract<Statement, { readonly kind: "timeout" }>;
type Vote = Extract<Statement, { readonly kind: "vote" }>;

/** Proof against one key, as the ledger takes it (rule EVIDENCE). */
export type Charge =
  | {
      readonly kind: "pair";
      readonly evidence: "E1" | "E2" | "E3" | "E4" | "E5" | "E7" | "E10";
      readonly culprit: PublicKey;
      readonly first: SignedStatement;
      readonly second: SignedStatement;
    }
  | {
      readonly kind: "invalid-vote";
      readonly evidence: "E6";
      readonly culprit: PublicKey;
      readonly vote: SignedStatement;
      readonly block: SignedBlock;
    };

/** Kinds of which an honest key signs one statement under one index. */
const UNIQUE: Partial<Record<Statement["kind"], "E1" | "E2" | "E3" | "E7">> = {
  proposal: "E1",
  vote: "E2",
  "order-vote": "E3",
  attestation: "E7",
};

/** What one key said in one epoch: the first statement of each kind and index. */
class Testimony {
  readonly said = new Map<string, SignedStatement>();
  readonly votes: SignedStatement[] = [];
  readonly orderVotes: SignedStatement[] = [];
  readonly timeouts: SignedStatement[] = [];
  readonly attestations: SignedStatement[] = [];
}

interface Options {
  readonly chainId: Digest;
  readonly scheme: SignatureScheme;
  readonly epoch: Epoch;
  /** Where the epoch ended, by a hand-over that was verified. */
  readonly end: Height | undefined;
}

/**
 * Finds who signed what no honest key signs in a pile of one epoch's statements, from whatever
 * logs. Every statement is verified when it comes, so a forged one accuses nobody and hides
 * nothing. One charge for each key: the chain condemns it once.
 */
export class MisconductSearch {
  readonly #options: Options;
  readonly #testimonies = new Map<PublicKey, Testimony>();
  readonly #charges = new Map<PublicKey, Charge>();
  readonly #blocks = new Map<Digest, SignedBlock>();

  constructor(options: Options) {
    this.#options = options;
  }

  /** A block whose bytes hash to its id; votes for it are judged by it (E6). */
  addBlock(block: SignedBlock): void {
    if (block.block.epoch === this.#options.epoch) this.#blocks.set(block.id, block);
  }

  add(signed: SignedStatement): void {
    const { statement, author } = signed;
    if (UNIQUE[statement.kind] === undefined && statement.kind !== "timeout") return;
    const said = this.#testimonyOf(author);
    const place = `${statement.kind}/${statementIndex(statement)}`;
    const before = said.said.get(place);
    // The usual case: the same signature stands in a block, in a record and in the other log.
    if (before !== undefined && equalBytes(before.signature, signed.signature)) return;
    const { scheme, chainId } = this.#options;
    if (!verifyStatement(scheme, chainId, signed)) return;
    if (before !== undefined) {
      this.#compare(before, signed);
      return;
    }
    said.said.set(place, signed);
    if (statement.kind === "vote") said.votes.push(signed);
    if (statement.kind === "order-vote") said.orderVotes.push(signed);
    if (statement.kind === "timeout") said.timeouts.push(signed);
    if (statement.kind === "attestation") said.attestations.push(signed);
  }

  /** All charges, by culprit's key. */
  finish(): readonly Charge[] {
    for (const testimony of this.#testimonies.values()) {
      for (const timeout of testimony.timeouts) this.#contradict(testimony, timeout);
      for (const vote of testimony.votes) this.#judgeVote(vote);
      this.#judgeEnd(testimony);
    }
    return Array.from(this.#charges.values()).toSorted((left, right) => {
      return left.culprit < right.culprit ? -1 : 1;
    });
  }

  #testimonyOf(author: PublicKey): Testimony {
    const known = this.#testimonies.get(author) ?? new Testimony();
    this.#testimonies.set(author, known);
    return known;
  }

  #charge(charge: Charge): void {
    if (!this.#charges.has(charge.culprit)) this.#charges.set(charge.culprit, charge);
  }

  #compare(first: SignedStatement, second: SignedStatement): void {
    const { chainId } = this.#options;
    const evidence = UNIQUE[first.statement.kind];
    const [left, right] = [first, second].map((each) => signingBytes(chainId, each.statement));
    if (evidence === undefined || left === undefined || right === undefined) return;
    if (equalBytes(left, right)) return;
    this.#charge({ kind: "pair", evidence, culprit: first.author, first, second });
  }

  /** E4 and E5 of one timeout: what was said at its round or before and rested on more. */
  #contradict({ votes, orderVotes }: Testimony, timeout: SignedStatement): void {
    const { round, hqcRound } = timeout.statement as Timeout;
    const culprit = timeout.author;
    const order = orderVotes.find(({ statement }) => {
      const at = roundOf(statement);
      return at <= round && at > hqcRound;
    });
    if (order !== undefined) {
      this.#charge({ kind: "pair", evidence: "E4", culprit, first: order, second: timeout });
    }
    const vote = votes.find(({ statement }) => {
      return roundOf(statement) <= round && (statement as Vote).qcRound > hqcRound;
    });
    if (vote !== undefined) {
      this.#charge({ kind: "pair", evidence: "E5", culprit, first: vote, second: timeout });
    }
  }

  /** E10: who attested where the epoch ended, and then a height beyond. */
  #judgeEnd({ attestations }: Testimony): void {
    const { end } = this.#options;
    if (end === undefined) return;
    const first = attestations.find((each) => endOf(each) === end);
    const second = attestations.find(({ statement }) => statementIndex(statement) > end);
    if (first === undefined || second === undefined) return;
    this.#charge({ kind: "pair", evidence: "E10", culprit: first.author, first, second });
  }

  #judgeVote(vote: SignedStatement): void {
    const block = this.#blocks.get((vote.statement as Vote).blockId);
    if (block === undefined || !breaksVoteRule(vote.statement as Vote, block.block)) return;
    const culprit = vote.author;
    this.#charge({ kind: "invalid-vote", evidence: "E6", culprit, vote, block });
  }
}

/** The height, if the attested result ends its epoch. */
function endOf({ statement }: SignedStatement): Height | undefined {
  if (statement.kind !== "attestation" || statement.result.nextSetHash === ZERO_DIGEST) {
    return undefined;
  }
  return statement.result.height;
}

function roundOf(statement: Statement): Round {
  return "round" in statement ? statement.round : 0;
}
