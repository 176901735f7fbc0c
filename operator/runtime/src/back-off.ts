import type { Random } from "./clock.ts";

/** Waits that double from `firstMs` to `mostMs`, each spread over its upper half. */
export class BackOff {
  readonly #firstMs: number;
  readonly #mostMs: number;
  readonly #random: Random;
  #failures = 0;

  constructor(options: { firstMs: number; mostMs: number; random: Random }) {
    this.#firstMs = options.firstMs;
    this.#mostMs = options.mostMs;
    this.#random = options.random;
  }

  get failures(): number {
    return this.#failures;
  }

  /** How long to wait after one more failure, ms. */
  nextMs(): number {
    const ms = Math.min(this.#mostMs, this.#firstMs * 2 ** Math.min(this.#failures, 40));
    this.#failures += 1;
    return ms * (0.5 + this.#random() / 2);
  }

  reset(): void {
    this.#failures = 0;
  }
}
