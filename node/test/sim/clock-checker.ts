import type { Height, Millis } from "../../src/kernel/scalars.ts";
import type { AttestedResult } from "../../src/kernel/statements.ts";
import type { ReplicaState } from "../../src/replica/types.ts";
import type { Birth } from "./birth.ts";
import { demand } from "./violation.ts";

/** Rule SILENCE: one block adds at most this much to every clock, and a gap starts counts anew. */
const CREDIT_MS_MAX = 1_000;
const GAP_MS = 5_000;

/** The chain's clock and the starts of its silence counts, counted anew from block times alone. */
export class ClockChecker {
  /** By height. */
  readonly #clocks: Millis[];
  /** First block after the newest gap, by height. */
  readonly #gaps: Height[] = [0];
  #timestampMs: Millis;
  readonly #judged = new Map<string, Height>();

  constructor({ genesis }: Birth) {
    this.#clocks = [genesis.genesisTimeMs];
    this.#timestampMs = genesis.genesisTimeMs;
  }

  /** The first execution of a height. */
  executed({ height, timestampMs }: AttestedResult): void {
    const spanMs = timestampMs - this.#timestampMs;
    this.#timestampMs = timestampMs;
    this.#clocks[height] = (this.#clocks[height - 1] ?? 0) + Math.min(spanMs, CREDIT_MS_MAX);
    this.#gaps[height] = spanMs > GAP_MS ? height : (this.#gaps[height - 1] ?? 0);
  }

  /** The heights above are void (rule SPLIT). */
  cut({ height, timestampMs }: Pick<AttestedResult, "height" | "timestampMs">): void {
    this.#clocks.length = height + 1;
    this.#gaps.length = height + 1;
    this.#timestampMs = timestampMs;
  }

  /** The chain's clock after the newest block. */
  get clockMs(): Millis {
    return this.#clocks.at(-1) ?? 0;
  }

  stepped(name: string, { ledger }: ReplicaState): void {
    const { height, clockMs, liveness } = ledger;
    const known = this.#clocks[height];
    if (known === undefined || this.#judged.get(name) === height) return;
    this.#judged.set(name, height);
    const off = () => `${name} at ${height}: ${clockMs - known} ms off`;
    demand(clockMs === known, "SILENCE: one block adds at most 1 s", off);
    const gap = this.#gaps[height] ?? 0;
    for (const [key, { sinceHeight, votedHeight }] of liveness) {
      const what = () => `${name} at ${height}: ${key.slice(0, 8)} is counted since before ${gap}`;
      const isAnew = Math.min(sinceHeight, votedHeight) >= gap;
      demand(isAnew, "SILENCE: the count starts anew after a gap", what);
    }
  }
}
