import { LightClient, type TrustPeriod } from "@quorate/light-client/light-client";
import {
  verifyReceiptLeaf,
  verifyReceiptLeaves,
  verifyStateEntry,
} from "@quorate/light-client/proofs";
import type { TrustedHeader } from "@quorate/light-client/trusted-header";
import { ed25519 } from "@quorate/node/crypto/ed25519";
import { isHex } from "@quorate/node/kernel/bytes";
import type { ResultCertificate } from "@quorate/node/kernel/certificates";
import type { Digest, Epoch, Height, PublicKey } from "@quorate/node/kernel/scalars";
import type { SignatureScheme } from "@quorate/node/kernel/statements";
import type { ValidatorSet } from "@quorate/node/kernel/validator-set";
import type { Genesis } from "@quorate/node/ledger/genesis-file";
import type { Owner, Spare } from "@quorate/node/ledger/state";
import { transactionId } from "@quorate/node/ledger/transaction";
import type { SwapRecord } from "@quorate/node/ledger/types";
import type { FundLeaf, MarketLeaf, OrderLeaf } from "@quorate/node/margin/leaves";
import type { MarketId } from "@quorate/node/margin/types";
import { type CertifiedReceipts, decodeLeaves, readReceipt, withAdvice } from "./block-leaves.ts";
import { provenBlocks, type VerifiedBlock } from "./block-proof.ts";
import { accepted, type CertifiedReceipt } from "./certified-receipt.ts";
import { type Clock, systemClock } from "./clock.ts";
import { type CheckedStart, type ConnectOptions, checkedStart } from "./connect-options.ts";
import {
  ClosedError,
  closedBy,
  InputError,
  type NodeError,
  NodeUnavailableError,
  ProofError,
} from "./errors.ts";
import { readEvidence, type VerifiedEvidence } from "./evidence-reads.ts";
import { DEFAULT_TIMEOUTS, FailOver, type Timeouts } from "./fail-over.ts";
import { openGrpcNode } from "./grpc-node.ts";
import type { CertifiedLeaf } from "./leaf.ts";
import {
  type AccountState,
  type CapsState,
  type FundingState,
  type OrderName,
  readAccount,
  readCaps,
  readFund,
  readFunding,
  readMarket,
  readOrder,
  readTerms,
  type TermsState,
} from "./margin-reads.ts";
import { mergedCertificates } from "./merged-certificates.ts";
import { type ProofRequest, type Proven, prove } from "./prove.ts";
import type { CallLimits, ClaimedReceipt, ClaimedStatus, QueryNode } from "./query-node.ts";
import { readSeats, readSet, readSpares, readSwaps, type SeatState } from "./seat-reads.ts";
import { type BondState, type Pots, readBond, readOwner, readPots } from "./staking-reads.ts";
import { Submissions } from "./submissions.ts";
import { demand, Trust } from "./trust.ts";
import { askWitnesses, type Testimony } from "./witnesses.ts";

/**
 * Opens no connection yet. Throws InputError for a wrong genesis, endpoint or trusted header.
 */
export async function connect(options: ConnectOptions): Promise<QuorateClient> {
  return new QuorateClient(await checkedStart(options), options);
}

/**
 * A light client with several nodes to ask. Every answer is verified before it is returned, or says
 * in its type that it is not (`rumour`). Safe for concurrent calls.
 */
export class QuorateClient {
  readonly chainId: Digest;
  readonly genesis: Genesis;
  readonly #closing = new AbortController();
  readonly #clock: Clock;
  readonly #timeouts: Timeouts;
  readonly #trust: Trust;
  readonly #nodes: readonly QueryNode[];
  readonly #failOver: FailOver;
  readonly #scheme: SignatureScheme;
  readonly #onNodeError: (error: NodeError) => void;
  /** What the caller trusts: proofs for others start from it. */
  readonly #start: TrustedHeader;
  readonly #trustPeriod: TrustPeriod | undefined;
  /** Network keys of proven spares: they serve queries too. */
  readonly #spareKeys = new Set<PublicKey>();
  /** Reads never go back behind what this client read or wrote before. */
  #heightFloor: Height = 0;

  constructor({ genesis, trusted }: CheckedStart, options: ConnectOptions) {
    this.genesis = genesis;
    this.chainId = trusted.chainId;
    this.#start = trusted;
    this.#trustPeriod = options.trustPeriod;
    this.#clock = options.clock ?? systemClock;
    this.#timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    this.#onNodeError = options.onNodeError ?? (() => undefined);
    this.#scheme = options.scheme ?? ed25519;
    const light = new LightClient({
      scheme: this.#scheme,
      trusted,
      trustPeriod: options.trustPeriod,
    });
    this.#trust = new Trust(light, () => this.#pin());
    const open = options.openNode ?? ((endpoint) => openGrpcNode(endpoint, light.networkKeys()));
    this.#nodes = [...new Set(options.endpoints)].map(open);
    this.#failOver = new FailOver({
      nodes: this.#nodes,
      timeouts: this.#timeouts,
      clock: this.#clock,
      signal: this.#closing.signal,
      onNodeError: this.#onNodeError,
    });
  }

  /** The newest set that was proven to this client. */
  get trustedSet(): ValidatorSet {
    return this.#trust.light.set;
  }

  /** Where another client may start from. */
  get trustedHeader(): TrustedHeader {
    return this.#trust.light.trusted;
  }

  /** The set of an epoch, if it was proven to this client. */
  setOf(epoch: Epoch): ValidatorSet | undefined {
    return this.#trust.light.setOf(epoch);
  }

  /** The greatest height of which this client verified a certificate. */
  get newestHeight(): Height {
    return this.#trust.light.newestHeight;
  }

  /**
   * Returns when the chain has executed the transaction and a quorum certified it. Where a node is
   * silent or lies, the same bytes go to the next: a nonce is executed once, so nothing happens
   * twice. Throws ChainRefusalError (executed and refused, proven), RefusedError, ProofError,
   * UnreachableError.
   */
  async submit(transaction: Uint8Array): Promise<CertifiedReceipt> {
    const id = transactionId(transaction);
    const certified = await this.#run(async (node, limits) =>
      this.#receipt(node, limits, { id, claimed: await node.submit(transaction, limits) }),
    );
    return accepted(certified);
  }

  /** For whoever sends many: see `Submissions`. Close it after use. */
  submissions(): Submissions {
    return new Submissions({
      nodes: this.#nodes,
      trust: this.#trust,
      timeouts: this.#timeouts,
      clock: this.#clock,
      signal: this.#closing.signal,
      onNodeError: this.#onNodeError,
      onCertified: ({ height }) => this.#raiseFloor(height),
      lookUp: (id) => this.transaction(id),
    });
  }

  /** The receipt of a transaction by its id, whatever its code. */
  async transaction(id: Digest): Promise<CertifiedReceipt> {
    if (!isHex(id, 32)) {
      const fix = "a transaction id is 64 lower-case hex characters";
      throw new InputError({ code: "TRANSACTION_ID_MALFORMED", field: "transaction", fix });
    }
    return this.#run(async (node, limits) =>
      this.#receipt(node, limits, { id, claimed: await node.transaction(id, limits) }),
    );
  }

  /** A leaf of the certified state, never older than what this client read or wrote before. */
  async state(key: string): Promise<CertifiedLeaf<Uint8Array>> {
    const certified = await this.#run(async (node, limits) => {
      const { value, proof, certificate } = await node.state(key, limits);
      await this.#trust.accept(node, certificate, limits);
      demand(verifyStateEntry(certificate, { key, value }, proof), node);
      const { height, timestampMs } = certificate.result;
      if (height < this.#heightFloor) {
        const fix = `it is at height ${height}, wait until it reaches ${this.#heightFloor}`;
        throw new NodeUnavailableError({ code: "NODE_BEHIND", field: "node", fix }, node.name);
      }
      return { value, height, timestampMs, certificate };
    });
    this.#raiseFloor(certified.height);
    return certified;
  }

  /** All receipts and events of one block. */
  async receipts(height: Height): Promise<CertifiedReceipts> {
    return this.#run(async (node, limits) => {
      const { leaves, certificate } = await node.receipts(height, limits);
      await this.#trust.accept(node, certificate, limits);
      if (certificate.result.height !== height) {
        const fix = `asked for height ${height}, got ${certificate.result.height}`;
        throw new ProofError({ code: "WRONG_HEIGHT", field: "certificate", fix }, node.name);
      }
      demand(verifyReceiptLeaves(certificate, leaves), node);
      return { ...decodeLeaves(leaves), leaves, certificate };
    });
  }

  /** See `readAccount`. */
  async account(account: PublicKey): Promise<AccountState | undefined> {
    return readAccount(this, account);
  }

  async market(id: MarketId): Promise<CertifiedLeaf<MarketLeaf>> {
    return readMarket(this, id);
  }

  /** See `readFunding`. */
  async funding(id: MarketId): Promise<FundingState> {
    return readFunding(this, id);
  }

  /** See `readTerms`. */
  async terms(id: MarketId): Promise<TermsState> {
    return readTerms(this, id);
  }

  async order(order: OrderName): Promise<CertifiedLeaf<OrderLeaf>> {
    return readOrder(this, order);
  }

  async fund(): Promise<CertifiedLeaf<FundLeaf>> {
    return readFund(this);
  }

  /** See `readCaps`. */
  async caps(): Promise<CapsState> {
    return readCaps(this);
  }

  /** See `readSet`. */
  async set(): Promise<CertifiedLeaf<ValidatorSet>> {
    return readSet(this);
  }

  /** See `readSeats`. */
  async seats(): Promise<CertifiedLeaf<readonly SeatState[]>> {
    return readSeats(this);
  }

  /** Spares that the node that answers names, each proven by the state (see `readSpares`). */
  async spares(): Promise<readonly CertifiedLeaf<Spare>[]> {
    const spares = await readSpares(this, (await this.rumour()).spares);
    for (const { value } of spares) if (value !== undefined) this.#spareKeys.add(value.networkKey);
    this.#pin();
    return spares;
  }

  /** See `readOwner`. */
  async owner(key: PublicKey): Promise<CertifiedLeaf<Owner>> {
    return readOwner(this, key);
  }

  /** See `readBond`. */
  async bond(key: PublicKey): Promise<CertifiedLeaf<BondState>> {
    return readBond(this, key);
  }

  /** What rewards are paid of, and what was slashed. */
  async pots(): Promise<CertifiedLeaf<Pots>> {
    return readPots(this);
  }

  /** See `readSwaps`. */
  async swaps(): Promise<readonly CertifiedLeaf<SwapRecord>[]> {
    return readSwaps(this);
  }

  /** Proofs of misconduct (E1 to E8, E10) that nodes hold, each verified here (see `readEvidence`). */
  async evidence(): Promise<readonly VerifiedEvidence[]> {
    const { signal } = this.#closing;
    if (signal.aborted) throw new ClosedError();
    const limits = { timeoutMs: this.#timeouts.attemptMs, signal };
    const ports = { nodes: this.#nodes, trust: this.#trust, scheme: this.#scheme };
    try {
      return await readEvidence({ ...ports, limits, onNodeError: this.#onNodeError });
    } catch (error) {
      throw signal.aborted ? closedBy(error) : error;
    }
  }

  /** A proof that its reader can verify from this client's trusted header alone; see `prove`. */
  async prove(request: ProofRequest): Promise<Proven> {
    const context = { scheme: this.#scheme, trusted: this.#start, trustPeriod: this.#trustPeriod };
    return this.#run((node, limits) => prove(node, request, { ...context, limits }));
  }

  /** Compares a certificate with what every node shows for its height; see `askWitnesses`. */
  async witnesses(certificate: ResultCertificate): Promise<Testimony> {
    const limits = { timeoutMs: this.#timeouts.attemptMs, signal: this.#closing.signal };
    await this.#run((node, { timeoutMs, signal }) =>
      this.#trust.accept(node, certificate, { timeoutMs, signal }),
    );
    return askWitnesses(this.#trust, this.#nodes, certificate, limits);
  }

  /** The newest certified result that a node can show, at or above what this client saw before. */
  async head(): Promise<ResultCertificate> {
    return (await readFund(this)).certificate;
  }

  /**
   * Blocks with their batches, oldest first, each proven by its hash and a certificate at or above
   * it. Ends after `to`; throws where no node can prove so far.
   */
  async *blocks(from: Height, to: Height): AsyncGenerator<VerifiedBlock, void, undefined> {
    for (let next = from; next <= to; ) {
      const span = { from: next, to };
      const proven = await this.#run((node, limits) =>
        provenBlocks(this.#trust, node, span, limits),
      );
      yield* proven;
      next += proven.length;
    }
  }

  /** What one node says of itself: a rumour. Only the chain's identity is compared. */
  async rumour(): Promise<ClaimedStatus & { readonly endpoint: string }> {
    return this.#run(async (node, limits) => {
      const status = await node.status(limits);
      if (status.chainId !== this.chainId) {
        const fix = `it serves chain ${status.chainId}; give a node of ${this.chainId}`;
        throw new ProofError({ code: "FOREIGN_CHAIN", field: "chainId", fix }, node.name);
      }
      return { ...status, endpoint: node.name.endpoint };
    });
  }

  /** Follows the hand-overs up to `epoch`, as far as a node can prove them. */
  async follow(epoch: Epoch): Promise<ValidatorSet> {
    return this.#run(async (node, limits) => {
      await this.#trust.follow(node, epoch, limits);
      return this.trustedSet;
    });
  }

  /** Certificates as they appear, verified, heights rising, from the fastest of all endpoints. */
  watchCertificates(): AsyncGenerator<ResultCertificate, void, undefined> {
    return mergedCertificates({
      nodes: this.#nodes,
      trust: this.#trust,
      clock: this.#clock,
      attemptMs: this.#timeouts.attemptMs,
      signal: this.#closing.signal,
      onNodeError: this.#onNodeError,
    });
  }

  /** Ends running calls with ClosedError and closes all connections. */
  close(): void {
    this.#closing.abort();
    for (const node of this.#nodes) node.close();
  }

  async #run<T>(attempt: (node: QueryNode, limits: CallLimits) => Promise<T>): Promise<T> {
    if (this.#closing.signal.aborted) throw new ClosedError();
    return this.#failOver.run(attempt);
  }

  async #receipt(
    node: QueryNode,
    limits: CallLimits,
    { id, claimed }: { readonly id: Digest; readonly claimed: ClaimedReceipt },
  ): Promise<CertifiedReceipt> {
    const { leaf, proof, certificate } = claimed;
    await this.#trust.accept(node, certificate, limits);
    demand(verifyReceiptLeaf(certificate, leaf, proof), node);
    const receipt = withAdvice(readReceipt(leaf, node), claimed.advice);
    if (receipt.transaction !== id) {
      const fix = `asked for ${id}, got the receipt of ${receipt.transaction}`;
      throw new ProofError({ code: "WRONG_RECEIPT", field: "receipt", fix }, node.name);
    }
    const { height } = certificate.result;
    this.#raiseFloor(height);
    return { height, receipt, certificate };
  }

  #pin(): void {
    const keys = [...new Set([...this.#trust.light.networkKeys(), ...this.#spareKeys])];
    for (const node of this.#nodes) node.pin(keys);
  }

  #raiseFloor(height: Height): void {
    this.#heightFloor = Math.max(this.#heightFloor, height);
  }
}
