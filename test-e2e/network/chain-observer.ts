import type { BlockLeaves } from "@quorate/client/block-leaves";
import type { VerifiedBlock } from "@quorate/client/block-proof";
import type { QuorateClient } from "@quorate/client/client";
import { eventually } from "./eventually.ts";

export type ChainReceipt = BlockLeaves["receipts"][number];
export type ChainEvent = BlockLeaves["events"][number];

/** One committed block with what it did, all of it verified by the client. */
export interface ObservedBlock {
  readonly height: number;
  readonly epoch: number;
  readonly timestampMs: number;
  /** Local time at which it was verified here, ms since the Unix epoch. */
  readonly seenMs: number;
  readonly receipts: readonly ChainReceipt[];
  readonly events: readonly ChainEvent[];
}

export interface ObserverOptions {
  readonly client: QuorateClient;
  /** Hears of every certificate at its arrival, before anything else is asked for. */
  readonly onCertificate?: (height: number) => void;
  readonly onBlock?: (block: ObservedBlock) => void;
}

interface LastVote {
  /** Block time of the block that was voted for. */
  readonly votedForMs: number;
  readonly epoch: number;
  /** When this observer could prove the vote. */
  readonly seenMs: number;
}

/**
 * Follows the chain as a client that trusts nobody: certificates as they arrive, and behind them
 * every block, its receipts and its events. Remembers what the main job and the tests wait for.
 */
export class ChainObserver {
  readonly #options: ObserverOptions;
  readonly #stopping = new AbortController();
  #certifiedHeight = 0;
  #blockHeight = 0;
  #epoch = 0;
  #running: Promise<unknown> = Promise.resolve();
  #failure: unknown;
  /** Heights without a certificate of their own: their events are proven by no list. */
  readonly #blindHeights: number[] = [];
  readonly #receiptHeights = new Map<string, number>();
  readonly #epochStarts = new Map<number, number>();
  readonly #roundTimes = new Map<string, number>();
  readonly #lastVotes = new Map<string, LastVote>();

  constructor(options: ObserverOptions) {
    this.#options = options;
  }

  get certifiedHeight(): number {
    return this.#certifiedHeight;
  }

  /** Newest height whose block and events were read. */
  get height(): number {
    return this.#blockHeight;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get blindHeights(): readonly number[] {
    return this.#blindHeights;
  }

  /** Height of the block that executed the transaction. */
  heightOf(transaction: string): number | undefined {
    return this.#receiptHeights.get(transaction);
  }

  /** Height of the first block of the epoch: where a swap is effective. */
  epochStart(epoch: number): number | undefined {
    return this.#epochStarts.get(epoch);
  }

  lastVote(key: string): LastVote | undefined {
    return this.#lastVotes.get(key);
  }

  start(): void {
    this.#running = Promise.all([this.#followCertificates(), this.#followBlocks()]).catch(
      (error: unknown) => {
        if (!this.#stopping.signal.aborted) this.#failure = error;
      },
    );
  }

  /** Call before the client is closed. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** Waits until `look` finds something; throws what ended the observation. */
  until<T>(look: () => T | undefined, what: string, timeoutMs: number): Promise<T> {
    const guarded = (): T | undefined => {
      if (this.#failure !== undefined) throw this.#failure;
      return look();
    };
    return eventually(guarded, { what, timeoutMs, everyMs: 20 });
  }

  async #followCertificates(): Promise<void> {
    for await (const { result } of this.#options.client.watchCertificates()) {
      if (this.#stopping.signal.aborted) return;
      this.#certifiedHeight = result.height;
      this.#options.onCertificate?.(result.height);
    }
  }

  async #followBlocks(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const from = this.#blockHeight + 1;
      const known = await eventually(
        () => (this.#certifiedHeight >= from ? this.#certifiedHeight : undefined),
        { what: `a block of height ${from}`, timeoutMs: 120_000, everyMs: 10, signal },
      );
      for await (const block of this.#options.client.blocks(from, known)) {
        signal.throwIfAborted();
        await this.#take(block);
      }
    }
  }

  async #take({ height, block }: VerifiedBlock): Promise<void> {
    const seenMs = Date.now();
    this.#rememberVotes(block, seenMs);
    const { receipts, events } = await this.#leaves(height);
    for (const { transaction } of receipts) {
      if (!this.#receiptHeights.has(transaction)) this.#receiptHeights.set(transaction, height);
    }
    if (!this.#epochStarts.has(block.epoch)) this.#epochStarts.set(block.epoch, height);
    const { epoch, timestampMs } = block;
    this.#options.onBlock?.({ height, epoch, timestampMs, seenMs, receipts, events });
    this.#epoch = epoch;
    this.#blockHeight = height;
  }

  #rememberVotes(
    { epoch, round, timestampMs, qc, signsOfLife }: VerifiedBlock["block"],
    seenMs: number,
  ): void {
    this.#roundTimes.set(`${epoch}/${round}`, timestampMs);
    const votes = qc.signatures.map(({ author }) => ({ author, epoch: qc.epoch, round: qc.round }));
    for (const { author, statement } of signsOfLife) {
      if (statement.kind === "vote" || statement.kind === "order-vote") {
        votes.push({ author, epoch: statement.epoch, round: statement.round });
      }
    }
    for (const vote of votes) {
      const votedForMs = this.#roundTimes.get(`${vote.epoch}/${vote.round}`);
      const last = this.#lastVotes.get(vote.author);
      if (votedForMs === undefined || (last?.votedForMs ?? 0) >= votedForMs) continue;
      this.#lastVotes.set(vote.author, { votedForMs, epoch: vote.epoch, seenMs });
    }
  }

  async #leaves(height: number): Promise<BlockLeaves> {
    try {
      return await this.#options.client.receipts(height);
    } catch (error) {
      if (!(error instanceof Error && "code" in error)) throw error;
      this.#blindHeights.push(height);
      return { receipts: [], events: [] };
    }
  }
}
