import type { Clock } from "@quorate/runtime/clock";
import type { VirtualClock } from "@quorate/runtime/virtual-clock";

/** What the operator was shown of the world when it read last: what its acts are judged by. */
export interface Sight {
  /** When it read the chain. */
  chainAtMs: number;
  /** When the block that it was shown was made, and each member's last sign of life by then. */
  shownAtMs: number;
  lastAliveMs: ReadonlyMap<string, number>;
  /** How long the chain had stood still by the world's truth. */
  stoodMs: number;
  /** Observers whose metrics came in the last pass. */
  readonly scrapedAtMs: Map<string, number>;
  /** What Prometheus answered last; undefined where nobody asked. */
  prometheus: "honest" | "blind" | "lying" | undefined;
}

/**
 * One process of the operator. It may die at any moment: from then on nothing that it waits for
 * ever comes, so that nothing of it runs on. It may also stand still, with all its clocks going.
 */
export class OperatorProcess {
  readonly name: string;
  /** Aborts when it dies. */
  readonly dead = new AbortController();
  /** SIGTERM. */
  readonly stop = new AbortController();
  readonly clock: Clock;
  readonly #base: VirtualClock;
  #frozenUntilMs = 0;
  /** Dies at this write, counted down; before or after its effect. */
  deathAtWrite: { left: number; readonly afterEffect: boolean } | undefined;
  /** Pods that it cannot reach, by member. */
  readonly unreachable = new Set<string>();
  /** It cannot reach the API server. */
  cutOff = false;
  /** Since when it runs, for what it may be expected to have told. */
  readonly startedAtMs: number;
  requestsThisMinute = 0;
  readonly sight: Sight = {
    chainAtMs: 0,
    shownAtMs: 0,
    lastAliveMs: new Map(),
    stoodMs: 0,
    scrapedAtMs: new Map(),
    prometheus: undefined,
  };

  constructor(name: string, base: VirtualClock, skewMs: number) {
    this.name = name;
    this.#base = base;
    this.startedAtMs = base.monotonic();
    this.clock = {
      // As Date.now has it: whole milliseconds.
      now: () => Math.floor(base.now() + skewMs),
      monotonic: () => base.monotonic(),
      sleep: (ms, signal) => this.guard(base.sleep(ms, signal)),
    };
  }

  get alive(): boolean {
    return !this.dead.signal.aborted;
  }

  die(): void {
    this.dead.abort(new Error(`${this.name} was killed`));
  }

  freeze(ms: number): void {
    this.#frozenUntilMs = this.#base.monotonic() + ms;
  }

  /** What comes from outside: later while it stands still, never once it is dead. */
  guard<T>(outside: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      outside.then(
        (value) => this.#enter(() => resolve(value)),
        (error: unknown) => this.#enter(() => reject(error)),
      );
    });
  }

  #enter(deliver: () => void): void {
    if (!this.alive) return;
    const leftMs = this.#frozenUntilMs - this.#base.monotonic();
    if (leftMs <= 0) deliver();
    else void this.#base.sleep(leftMs).then(() => this.#enter(deliver));
  }
}
