import type { PeerMessage, SignedBlock } from "@quorate/proto/consensus/v1/consensus";
import {
  type Block,
  epochGenesisId,
  idOf,
  type QuorumCertificate,
  scanBlock,
  type TimeoutCertificate,
} from "../stranger/blocks.ts";
import { checkEpochProof } from "../stranger/certificates.ts";
import type { GenesisFile } from "../stranger/genesis.ts";
import { powerOf, quorum, type ValidatorSet } from "../stranger/sets.ts";
import { isSignedBy, type Result, type Signed, type Statement } from "../stranger/statements.ts";
import { qcFromWire, signedFromWire, tcFromWire } from "./wire.ts";

type Vote = Extract<Statement, { kind: "vote" }>;

/** A block by whose parent one can propose. */
export interface Parent {
  readonly id: string;
  readonly height: number;
  readonly timestampMs: number;
}

/** What a round needs to be led: a certified parent, and why the round was entered. */
export interface Opening {
  readonly round: number;
  readonly parent: Parent;
  readonly qc: QuorumCertificate;
  readonly tc: TimeoutCertificate | undefined;
}

export interface Position {
  readonly epoch: number;
  readonly round: number;
  readonly qcRound: number;
  readonly committedHeight: number;
}

/** What the follower learnt from one message. */
export type News =
  | { readonly kind: "proposal"; readonly block: Block; readonly id: string }
  | { readonly kind: "opening"; readonly opening: Opening }
  | { readonly kind: "result"; readonly result: Result }
  | { readonly kind: "epoch"; readonly set: ValidatorSet }
  /** The sender is in a later epoch: it will prove that if it hears from this one. */
  | { readonly kind: "behind" };

const KEPT = 512;

/**
 * Follows rounds, certificates and epochs from what peers say, no more than an attack needs: it
 * executes nothing and checks signatures only where it builds on them.
 */
export class Follower {
  readonly #genesis: GenesisFile;
  readonly #votes = new Map<string, Map<string, Signed<Vote>>>();
  readonly #timeouts = new Map<number, Map<string, Signed>>();
  readonly #parents = new Map<string, Parent>();
  #set: ValidatorSet;
  #highestQc: QuorumCertificate;
  #openedRound = 0;
  #round = 1;
  #committedHeight = 0;

  constructor(genesis: GenesisFile) {
    this.#genesis = genesis;
    this.#set = genesis.firstSet;
    const id = epochGenesisId(genesis.chainId, 1, undefined);
    this.#highestQc = { epoch: 1, round: 0, blockId: id, qcRound: 0, signatures: [] };
    this.#parents.set(id, { id, height: 0, timestampMs: genesis.genesisTimeMs });
  }

  get set(): ValidatorSet {
    return this.#set;
  }

  get position(): Position {
    return {
      epoch: this.#set.epoch,
      round: this.#round,
      qcRound: this.#highestQc.round,
      committedHeight: this.#committedHeight,
    };
  }

  receive({ status, body }: PeerMessage): News[] {
    const news: News[] = [];
    if (status !== undefined) {
      const epoch = Number(status.epoch);
      if (epoch > this.#set.epoch) news.push({ kind: "behind" });
      if (epoch === this.#set.epoch) this.#round = Math.max(this.#round, Number(status.round));
      this.#committedHeight = Math.max(this.#committedHeight, Number(status.committedHeight));
    }
    if (body !== undefined) this.#receiveBody(body, news);
    return news;
  }

  #receiveBody(body: NonNullable<PeerMessage["body"]>, news: News[]): void {
    switch (body.$case) {
      case "proposal":
      case "blockResponse":
        this.#takeBlock(body.value, news);
        return;
      case "statement":
        this.#takeStatement(signedFromWire(body.value), news);
        return;
      case "timeout": {
        const { signed, highestQc, lastTc } = body.value;
        if (highestQc !== undefined) this.#takeQc(qcFromWire(highestQc), news);
        if (lastTc !== undefined) this.#takeTc(tcFromWire(lastTc), news);
        this.#takeStatement(signedFromWire(signed), news);
        return;
      }
      case "orderVote":
        if (body.value.qc !== undefined) this.#takeQc(qcFromWire(body.value.qc), news);
        return;
      case "certificates": {
        const { qc, tc } = body.value;
        if (qc !== undefined) this.#takeQc(qcFromWire(qc), news);
        if (tc !== undefined) this.#takeTc(tcFromWire(tc), news);
        return;
      }
      case "epochProof": {
        if (Number(body.value.nextSet?.epoch ?? 0n) !== this.#set.epoch + 1) return;
        const { next, last } = checkEpochProof(this.#genesis.chainId, this.#set, body.value);
        this.#startEpoch(next, last);
        news.push({ kind: "epoch", set: next });
        return;
      }
      default:
        return;
    }
  }

  #startEpoch(set: ValidatorSet, last: Result): void {
    const { epoch } = set;
    const id = epochGenesisId(this.#genesis.chainId, epoch, last);
    this.#set = set;
    this.#votes.clear();
    this.#timeouts.clear();
    this.#parents.clear();
    this.#parents.set(id, { id, height: last.height, timestampMs: last.timestampMs });
    this.#highestQc = { epoch, round: 0, blockId: id, qcRound: 0, signatures: [] };
    this.#openedRound = 0;
    this.#round = 1;
  }

  #takeBlock({ block: bytes }: SignedBlock, news: News[]): void {
    const block = scanBlock(bytes);
    if (block.epoch !== this.#set.epoch) return;
    const id = idOf(bytes);
    this.#parents.set(id, { id, height: block.height, timestampMs: block.timestampMs });
    forgetOldest(this.#parents);
    this.#round = Math.max(this.#round, block.round);
    news.push({ kind: "proposal", block, id });
    this.#takeQc(block.qc, news);
    if (block.tc !== undefined) this.#takeTc(block.tc, news);
  }

  #takeStatement(signed: Signed | undefined, news: News[]): void {
    if (signed === undefined) return;
    const { statement, author } = signed;
    const { epoch, members } = this.#set;
    if (!members.some(({ key }) => key === author)) return;
    if (statement.kind === "attestation") {
      news.push({ kind: "result", result: statement.result });
    } else if (statement.kind === "vote" && statement.epoch === epoch) {
      this.#countVote({ ...signed, statement }, news);
    } else if (statement.kind === "timeout" && statement.epoch === epoch) {
      this.#countTimeout(signed, statement.round, news);
    }
  }

  #countVote(signed: Signed<Vote>, news: News[]): void {
    const { round, blockId, qcRound } = signed.statement;
    if (round <= this.#highestQc.round || !isSignedBy(this.#genesis.chainId, signed)) return;
    const place = `${round}/${blockId}/${qcRound}`;
    const votes = this.#votes.get(place) ?? new Map<string, Signed<Vote>>();
    this.#votes.set(place, votes.set(signed.author, signed));
    forgetOldest(this.#votes);
    if (powerOf(this.#set, new Set(votes.keys())) < quorum(this.#set)) return;
    const { epoch } = this.#set;
    const signatures = sorted([...votes.values()]);
    this.#takeQc({ epoch, round, blockId, qcRound, signatures }, news);
  }

  #countTimeout(signed: Signed, round: number, news: News[]): void {
    if (!isSignedBy(this.#genesis.chainId, signed)) return;
    const timeouts = this.#timeouts.get(round) ?? new Map<string, Signed>();
    this.#timeouts.set(round, timeouts.set(signed.author, signed));
    forgetOldest(this.#timeouts);
    if (powerOf(this.#set, new Set(timeouts.keys())) < quorum(this.#set)) return;
    const entries = sorted([...timeouts.values()]).map(({ statement, author, signature }) => {
      return { author, signature, hqcRound: statement.kind === "timeout" ? statement.hqcRound : 0 };
    });
    const { epoch } = this.#set;
    this.#takeTc({ epoch, round, timeouts: entries, highestQc: this.#highestQc }, news);
  }

  /** Certificates of peers are believed: a false one would only spoil this program's own block. */
  #takeQc(qc: QuorumCertificate, news: News[]): void {
    if (qc.epoch !== this.#set.epoch || qc.round <= this.#highestQc.round) return;
    this.#highestQc = qc;
    this.#open(qc.round + 1, undefined, news);
  }

  #takeTc(tc: TimeoutCertificate | undefined, news: News[]): void {
    if (tc === undefined || tc.epoch !== this.#set.epoch) return;
    this.#takeQc(tc.highestQc, news);
    const highest = Math.max(...tc.timeouts.map(({ hqcRound }) => hqcRound));
    if (this.#highestQc.round >= highest) this.#open(tc.round + 1, tc, news);
  }

  #open(round: number, tc: TimeoutCertificate | undefined, news: News[]): void {
    this.#round = Math.max(this.#round, round);
    const parent = this.#parents.get(this.#highestQc.blockId);
    if (round <= this.#openedRound || parent === undefined) return;
    this.#openedRound = round;
    const qc = this.#highestQc;
    // The layout wants a timeout certificate exactly where the round before was not certified.
    const opening = { round, parent, qc, tc: qc.round + 1 === round ? undefined : tc };
    news.push({ kind: "opening", opening });
  }
}

function sorted<S extends { readonly author: string }>(items: readonly S[]): S[] {
  return [...items].sort((left, right) => (left.author < right.author ? -1 : 1));
}

function forgetOldest(map: Map<unknown, unknown>): void {
  if (map.size <= KEPT) return;
  const [oldest] = map.keys();
  map.delete(oldest);
}
