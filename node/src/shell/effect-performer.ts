import type { SignedStatement, Statement } from "../kernel/statements.ts";
import type { ReplicaEffect, ReplicaInput, ReplicaTimer } from "../replica/types.ts";
import type { BurnGuard } from "./burn-guard.ts";
import type { ChainStore } from "./disk/chain-store.ts";
import type { Signer, SignRequest } from "./disk/signer.ts";
import { HistoryLoads } from "./history-loads.ts";

/** What the performer does not do itself. */
export interface EffectPorts {
  readonly store: Pick<ChainStore, "add" | "sync" | "segment" | "hasPending">;
  readonly signer: Pick<Signer, "sign">;
  readonly guard: Pick<BurnGuard, "state">;
  readonly push: (input: ReplicaInput) => void;
  /** Everything that neither the disk nor a timer is needed for, in order. */
  readonly outward: (effect: OutwardEffect) => void;
  readonly setTimer: (timer: ReplicaTimer, at: number) => void;
  readonly cancelTimer: (timer: ReplicaTimer) => void;
  readonly refused: (statement: Statement) => void;
  readonly signed: (signed: SignedStatement) => void;
  /** Called once; nothing is performed afterwards. */
  readonly fail: (error: unknown) => void;
}

export type OutwardEffect = Exclude<
  ReplicaEffect,
  { readonly kind: "store" | "sign" | "set-timer" | "cancel-timer" | "load-history" }
>;

/** Stores that nothing signed rests on yet are made durable together, at most this much later. */
const LAZY_SYNC_MS = 20;

/**
 * Performs effects in order. The barrier is at the signature, the one thing that can't be taken
 * back: before a group of signatures is made, the chain log is synced with every store that came
 * before, then the journal; only then does the replica learn of the signatures and can send them
 * (rule JOURNAL). What waits meanwhile forms the next group.
 */
export class EffectPerformer {
  readonly #ports: EffectPorts;
  readonly #history: HistoryLoads;
  #requests: SignRequest[] = [];
  #flushing: Promise<void> | undefined;
  #lazy: NodeJS.Timeout | undefined;
  #halted = false;
  #failed = false;

  constructor(ports: EffectPorts) {
    this.#ports = ports;
    this.#history = new HistoryLoads({
      load: (fromHeight) => ports.store.segment(fromHeight),
      loaded: (to, segment) => ports.push({ kind: "history", to, segment }),
      fail: (error) => this.#fail(error),
    });
  }

  /** True once the replica has stopped by itself: it answers queries and signs nothing. */
  get halted(): boolean {
    return this.#halted;
  }

  perform(effects: readonly ReplicaEffect[]): void {
    for (const effect of effects) {
      if (this.#failed) return;
      this.#performOne(effect);
    }
    this.#startFlush();
    if (this.#flushing === undefined && this.#ports.store.hasPending) this.#syncLater();
  }

  /** The guard has opened: what was asked for while it listened is signed now. */
  resume(): void {
    this.#startFlush();
  }

  /** Everything stored and asked for so far is durable when this returns. */
  async settle(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
    clearTimeout(this.#lazy);
    if (!this.#failed) await this.#ports.store.sync();
  }

  #performOne(effect: ReplicaEffect): void {
    switch (effect.kind) {
      case "store":
        this.#ports.store.add(effect.record);
        return;
      case "sign":
        this.#requests.push({ statement: effect.statement, safety: effect.safety });
        return;
      case "set-timer":
        this.#ports.setTimer(effect.timer, effect.at);
        return;
      case "cancel-timer":
        this.#ports.cancelTimer(effect.timer);
        return;
      case "load-history":
        this.#history.ask(effect.to, effect.fromHeight);
        return;
      case "halt":
      case "restart":
      case "protocol-unsupported":
        this.#halted = true;
        this.#requests = [];
        this.#ports.outward(effect);
        return;
      default:
        this.#ports.outward(effect);
    }
  }

  #startFlush(): void {
    const { kind } = this.#ports.guard.state;
    if (kind === "burnt" || this.#halted) this.#requests = [];
    if (this.#flushing !== undefined || this.#failed) return;
    if (this.#requests.length === 0 || kind !== "signing") return;
    this.#flushing = this.#flush().then(
      () => {
        this.#flushing = undefined;
        this.#startFlush();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  async #flush(): Promise<void> {
    const requests = this.#requests;
    this.#requests = [];
    await this.#ports.store.sync();
    const { signed, refused } = await this.#ports.signer.sign(requests);
    for (const statement of refused) {
      this.#ports.refused(statement);
      this.#ports.push({ kind: "refused", statement });
    }
    for (const one of signed) {
      this.#ports.signed(one);
      this.#ports.push({ kind: "signed", signed: one });
    }
  }

  #syncLater(): void {
    if (this.#lazy !== undefined) return;
    this.#lazy = setTimeout(() => {
      this.#lazy = undefined;
      this.#ports.store.sync().catch((error: unknown) => this.#fail(error));
    }, LAZY_SYNC_MS);
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#flushing = undefined;
    this.#ports.fail(error);
  }
}
