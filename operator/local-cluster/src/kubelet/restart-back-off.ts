export interface BackOffPolicy {
  /** Wait before the second restart in a row; the first is immediate. */
  readonly firstMs: number;
  readonly capMs: number;
  /** A container that ran this long is sound again: the next restart is immediate. */
  readonly soundMs: number;
}

/** The times of a real kubelet, whose reset is twice its cap. */
export const KUBELET_BACK_OFF: BackOffPolicy = {
  firstMs: 10_000,
  capMs: 300_000,
  soundMs: 600_000,
};

/** Wait before each restart of one container. */
export class RestartBackOff {
  readonly #policy: BackOffPolicy;
  #inARow = 0;

  constructor(policy: BackOffPolicy = KUBELET_BACK_OFF) {
    this.#policy = policy;
  }

  /** Milliseconds to wait after a life of `ranMs`. */
  next(ranMs: number): number {
    if (ranMs >= this.#policy.soundMs) this.#inARow = 0;
    const waits = this.#inARow;
    this.#inARow += 1;
    if (waits === 0) return 0;
    return Math.min(this.#policy.capMs, this.#policy.firstMs * 2 ** Math.min(waits - 1, 30));
  }
}

/** As a kubelet words it: `10s`, `1m20s`, `5m0s`. */
export function goDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
