/** The longest time between two certificates, by their arrival at the client. */
export class FinalityGap {
  #lastMs: number | undefined;
  #lastHeight = 0;
  #longestMs = 0;
  #longestAfterHeight = 0;
  #certificates = 0;

  get certificates(): number {
    return this.#certificates;
  }

  get longestMs(): number {
    return this.#longestMs;
  }

  /** The longest gap followed the certificate of this height. */
  get longestAfterHeight(): number {
    return this.#longestAfterHeight;
  }

  arrived(height: number, nowMs: number): void {
    this.#close(nowMs);
    this.#certificates += 1;
    this.#lastMs = nowMs;
    this.#lastHeight = height;
  }

  /** The wait that still runs when the measurement ends counts too. */
  end(nowMs: number): void {
    this.#close(nowMs);
    this.#lastMs = undefined;
  }

  #close(nowMs: number): void {
    if (this.#lastMs === undefined) return;
    const gapMs = nowMs - this.#lastMs;
    if (gapMs <= this.#longestMs) return;
    this.#longestMs = gapMs;
    this.#longestAfterHeight = this.#lastHeight;
  }
}
