import { encodeBatch, encodeBlock, openBatch, openBlock } from "../../src/consensus/codec.ts";
import type { Effect } from "../../src/consensus/effects.ts";
import { leaderOf } from "../../src/consensus/leader-election.ts";
import { type ConsensusState, createConsensus } from "../../src/consensus/state.ts";
import { step } from "../../src/consensus/step.ts";
import type {
  Block,
  PeerBody,
  PeerMessage,
  QuorumCertificate,
  SignedBatch,
  SignedBlock,
  TimeoutCertificate,
} from "../../src/consensus/types.ts";
import { sha256Hex } from "../../src/crypto/sha256.ts";
import { PRODUCTION } from "../../src/kernel/parameters.ts";
import { ZERO_DIGEST } from "../../src/kernel/scalars.ts";
import type { SignedStatement, Statement } from "../../src/kernel/statements.ts";
import type { ValidatorSet } from "../../src/kernel/validator-set.ts";
import {
  CHAIN_ID,
  GENESIS_TIME_MS,
  keyOf,
  networkKeyOf,
  STUB_SCHEME,
  setOf,
  signStub,
} from "./stub-keys.ts";

/** One real node among peers whose every message the test makes by hand. */
export class Solo {
  state: ConsensusState;
  now = GENESIS_TIME_MS + 1_000;
  readonly effects: Effect[] = [];
  readonly names: readonly string[];

  constructor(
    powers: Readonly<Record<string, bigint>> = { a: 1n, b: 1n, c: 1n, d: 1n },
    self = "a",
  ) {
    this.names = Object.keys(powers);
    this.state = createConsensus({
      chainId: CHAIN_ID,
      self: { key: keyOf(self), networkKey: networkKeyOf(self) },
      parameters: PRODUCTION.consensus,
      scheme: STUB_SCHEME,
      genesisSet: setOf(1, powers),
      genesisTimeMs: GENESIS_TIME_MS,
    });
    this.input({ kind: "start" });
  }

  get set(): ValidatorSet {
    return this.state.set;
  }

  input(input: Parameters<typeof step>[1]): readonly Effect[] {
    const result = step(this.state, input, this.now);
    this.state = result.state;
    this.effects.push(...result.effects);
    return result.effects;
  }

  receive(from: string, body: PeerBody): readonly Effect[] {
    const { epoch, round } = { epoch: this.set.epoch, round: this.state.epoch.round };
    const status = { epoch, round, qcRound: 0, committedHeight: 0 };
    const message: PeerMessage = { status, body };
    return this.input({ kind: "message", from: networkKeyOf(from), message });
  }

  /** Answers every open `sign` of these effects, as the signer would. */
  sign(effects: readonly Effect[], self = "a"): readonly Effect[] {
    return effects.flatMap((effect) => {
      if (effect.kind !== "sign") return [];
      return this.input({ kind: "signed", signed: signStub(keyOf(self), effect.statement) });
    });
  }

  leader(round: number): string {
    const { epoch, set } = this.state;
    const key = leaderOf({ set, order: epoch.order }, epoch.elections, round);
    return this.names.find((name) => keyOf(name) === key) ?? "";
  }

  signed(kind: Statement["kind"]): Statement[] {
    return this.effects.flatMap((effect) => {
      return effect.kind === "sign" && effect.statement.kind === kind ? [effect.statement] : [];
    });
  }

  dropped(): string[] {
    return this.effects.flatMap((effect) => {
      return effect.kind === "observe" && effect.event.kind === "dropped"
        ? [effect.event.code]
        : [];
    });
  }

  misconduct(): Extract<Effect, { kind: "misconduct" }>[] {
    return this.effects.filter((effect) => effect.kind === "misconduct");
  }

  /** A block that the node would vote for, but for what `patch` changes. */
  block(patch: Partial<Block> = {}): SignedBlock {
    const qc = patch.qc ?? this.state.epoch.highestQc;
    const round = patch.round ?? qc.round + 1;
    const proposer = patch.proposer ?? keyOf(this.leader(round));
    const block: Block = {
      epoch: this.set.epoch,
      round,
      height: qc.round + 1,
      proposer,
      timestampMs: this.now,
      qc,
      tc: undefined,
      cut: [],
      signsOfLife: [],
      ...patch,
    };
    return seal(block);
  }
}

export function seal(block: Block): SignedBlock {
  const bytes = encodeBlock(block);
  const { epoch, round, proposer } = block;
  const statement = { kind: "proposal", epoch, round, blockId: sha256Hex(bytes) } as const;
  return openBlock(bytes, signStub(proposer, statement).signature);
}

export function voteOf(name: string, { block, id }: SignedBlock): SignedStatement {
  const { epoch, round, qc } = block;
  return signStub(keyOf(name), { kind: "vote", epoch, round, blockId: id, qcRound: qc.round });
}

export function orderVoteOf(name: string, { block, id }: SignedBlock): SignedStatement {
  const { epoch, round } = block;
  return signStub(keyOf(name), { kind: "order-vote", epoch, round, blockId: id });
}

export function timeoutOf(
  name: string,
  round: number,
  hqcRound: number,
  epoch = 1,
): SignedStatement {
  return signStub(keyOf(name), { kind: "timeout", epoch, round, hqcRound });
}

function byAuthor(statements: readonly SignedStatement[]): SignedStatement[] {
  return statements.toSorted((left, right) => (left.author < right.author ? -1 : 1));
}

export function qcOf(names: readonly string[], signed: SignedBlock): QuorumCertificate {
  const { epoch, round, qc } = signed.block;
  const signatures = byAuthor(names.map((name) => voteOf(name, signed))).map((vote) => {
    return { author: vote.author, signature: vote.signature };
  });
  return { epoch, round, blockId: signed.id, qcRound: qc.round, signatures };
}

export function tcOf(
  round: number,
  hqcRounds: Readonly<Record<string, number>>,
  highestQc: QuorumCertificate,
): TimeoutCertificate {
  const { epoch } = highestQc;
  const timeouts = byAuthor(
    Object.entries(hqcRounds).map(([name, hqcRound]) => timeoutOf(name, round, hqcRound, epoch)),
  ).map(({ author, signature, statement }) => {
    return { author, signature, hqcRound: statement.kind === "timeout" ? statement.hqcRound : 0 };
  });
  return { epoch, round, timeouts, highestQc };
}

export function batchOf(
  name: string,
  sequence: number,
  text: string,
  previous = ZERO_DIGEST,
): SignedBatch {
  const transactions = [new TextEncoder().encode(text)];
  const bytes = encodeBatch({ author: keyOf(name), sequence, previous, transactions });
  const digest = sha256Hex(bytes);
  const { signature } = signStub(keyOf(name), { kind: "batch", sequence, digest });
  return openBatch(bytes, signature);
}
