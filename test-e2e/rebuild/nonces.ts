/** encoding.md, Nonces: the highest of a scope, and those used among the 1,024 nonces up to it. */
const WINDOW = 1_024;

export class Nonces {
  readonly #used = new Map<string, Set<number>>();
  readonly #highest = new Map<string, number>();

  isFree(scope: string, nonce: number): boolean {
    const highest = this.#highest.get(scope);
    if (highest === undefined || nonce > highest) return true;
    return nonce > highest - WINDOW && this.#used.get(scope)?.has(nonce) !== true;
  }

  use(scope: string, nonce: number): void {
    const used = this.#used.get(scope) ?? new Set();
    this.#used.set(scope, used.add(nonce));
    this.#highest.set(scope, Math.max(nonce, this.#highest.get(scope) ?? nonce));
  }
}
