interface Outcome {
  readonly code: string;
}

/**
 * Which of the market maker's orders may still stand in the book. Bundles are under way at the same
 * time and through different validators, so a cancel may be executed before the order that it
 * means: an order is forgotten only when a later block shows that it is gone.
 */
export class StandingQuotes {
  /** Height at which each was executed; undefined while nobody has answered. */
  readonly #heights = new Map<number, number | undefined>();

  get size(): number {
    return this.#heights.size;
  }

  /** Oldest first: what the next bundle takes back. */
  oldest(countMax: number): number[] {
    return [...this.#heights.keys()].slice(0, countMax);
  }

  sent(clientId: number): void {
    this.#heights.set(clientId, undefined);
  }

  placed(clientId: number, outcome: Outcome, height: number): void {
    if (!this.#heights.has(clientId)) return;
    if (outcome.code === "OK") this.#heights.set(clientId, height);
    else this.#heights.delete(clientId);
  }

  /** In one block cancels come before orders (rule ORDER). */
  cancelled(clientId: number, outcome: Outcome, height: number): void {
    const placedAt = this.#heights.get(clientId);
    const wasPlacedBefore = placedAt !== undefined && placedAt < height;
    if (outcome.code === "OK" || wasPlacedBefore) this.#heights.delete(clientId);
  }
}
