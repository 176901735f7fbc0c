import { encodeBlock, openBlock } from "../../src/consensus/codec.ts";
import { leaderOf } from "../../src/consensus/leader-election.ts";
import { encodeOrdering, orderBlock, startOrdering } from "../../src/consensus/ordering.ts";
import type { JournalRecord } from "../../src/consensus/safety-data.ts";
import { epochGenesisId } from "../../src/consensus/state.ts";
import type { QuorumCertificate, SignedBlock } from "../../src/consensus/types.ts";
import { compareText } from "../../src/kernel/bytes.ts";
import type { ResultCertificate } from "../../src/kernel/certificates.ts";
import type { Digest, Millis } from "../../src/kernel/scalars.ts";
import {
  type AttestedResult,
  type SignedStatement,
  type Statement,
  signingBytes,
} from "../../src/kernel/statements.ts";
import { createLedger } from "../../src/ledger/create-ledger.ts";
import { executeBlock } from "../../src/ledger/execute-block.ts";
import { genesisSet } from "../../src/ledger/genesis.ts";
import type { Genesis } from "../../src/ledger/genesis-file.ts";
import type { LedgerState } from "../../src/ledger/state.ts";
import { encodeTransaction } from "../../src/ledger/transaction.ts";
import { executableBlock } from "../../src/replica/executable-block.ts";
import type { KeyPair } from "../../src/shell/key-file.ts";

const SPAN_MS: Millis = 200;

/**
 * The first blocks of a chain, made by one hand that holds all keys: signed, certified and executed
 * like any others, so that validators go on from them. Oracle reports are executed without a lane,
 * which nobody sees who starts from a snapshot above them.
 */
export class SignedChain {
  readonly #genesis: Genesis;
  readonly #chainId: Digest;
  readonly #keys: ReadonlyMap<string, KeyPair>;
  #ordered: ReturnType<typeof startOrdering>;
  #qc: QuorumCertificate;
  state: LedgerState;
  readonly #records: JournalRecord[] = [];
  block: SignedBlock | undefined;
  result: AttestedResult | undefined;

  constructor(genesis: Genesis, chainId: Digest, keys: readonly KeyPair[]) {
    this.#genesis = genesis;
    this.#chainId = chainId;
    this.#keys = new Map(keys.map((key) => [key.publicKey, key]));
    this.state = createLedger(genesis, chainId);
    const { epoch } = this.state.set;
    this.#ordered = startOrdering(chainId, genesisSet(genesis), new Map());
    const blockId = epochGenesisId(chainId, epoch, undefined);
    this.#qc = { epoch, round: 0, blockId, qcRound: 0, signatures: [] };
  }

  /** The certificate of the newest block. */
  get qc(): QuorumCertificate {
    return this.#qc;
  }

  sign(author: string, statement: Statement): SignedStatement {
    const key = this.#keys.get(author);
    if (key === undefined) throw new Error(`no key of ${author}`);
    const signature = key.sign(signingBytes(this.#chainId, statement));
    const { epoch } = this.state.set;
    const { round } = this.#qc;
    const oneChainRound = this.#qc.qcRound;
    const safety = { epoch, lastVotedRound: round, oneChainRound, highestTimeoutRound: 0 };
    this.#records.push({ statement, author, signature, safety });
    return { statement, author, signature };
  }

  /** What an author's journal has to hold: all that it has signed (rule JOURNAL). */
  signedBy(author: string): readonly JournalRecord[] {
    return this.#records.filter((record) => record.author === author);
  }

  #signAll(statement: Statement): ResultCertificate["signatures"] {
    return [...this.#keys.keys()].toSorted(compareText).map((author) => {
      return { author, signature: this.sign(author, statement).signature };
    });
  }

  /** One more block, in the round after its parent's; every key reports `prices` for its slot. */
  extend(prices: readonly bigint[]): void {
    const { set, timestampMs, height } = this.state;
    const { epoch } = set;
    const round = this.#qc.round + 1;
    const { electorate, ordering } = this.#ordered;
    const proposer = leaderOf(electorate, ordering.elections, round);
    const bytes = encodeBlock({
      ...{ epoch, round, height: height + 1, proposer, timestampMs: timestampMs + SPAN_MS },
      ...{ qc: this.#qc, tc: undefined, cut: [], signsOfLife: [] },
    });
    const { id } = openBlock(bytes, new Uint8Array(64));
    const proposal = { kind: "proposal", epoch, round, blockId: id } as const;
    const block = openBlock(bytes, this.sign(proposer, proposal).signature);
    this.#ordered = orderBlock(this.#ordered, block.block, []);
    const executable = executableBlock(block, [], encodeOrdering(this.#ordered.ordering));
    const slot = Math.floor((timestampMs - this.#genesis.genesisTimeMs) / this.#slotMs);
    const transactions = prices.flatMap((price, market) =>
      set.members.map(({ key }) => {
        const report = { kind: "oracle-report", epoch, market, slot, price } as const;
        const signed = this.sign(key, report);
        return { lane: key, bytes: encodeTransaction({ kind: "oracle-report", report: signed }) };
      }),
    );
    // Signed a line above by the keys themselves.
    const scheme = { verify: () => true };
    const executed = executeBlock(this.state, { ...executable, transactions }, scheme);
    this.state = executed.state;
    this.result = executed.result;
    this.block = block;
    const vote = { kind: "vote", epoch, round, blockId: id, qcRound: this.#qc.round } as const;
    // The safety data of a vote is that after it.
    const { round: qcRound } = this.#qc;
    this.#qc = { epoch, round, blockId: id, qcRound, signatures: [] };
    this.#qc = { ...this.#qc, signatures: this.#signAll(vote) };
  }

  get #slotMs(): Millis {
    return this.#genesis.parameters.margin.oracleSlotMs;
  }

  /** The certificate of all members for this result. */
  certify(result: AttestedResult): ResultCertificate {
    return { result, signatures: this.#signAll({ kind: "attestation", result }) };
  }
}
