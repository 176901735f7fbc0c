import type { QuorateClient } from "@quorate/client/client";

/** How many certificates a client verifies, and the longest time between two of them. */
export class CertificateGaps {
  readonly #running: Promise<void>;
  #first = 0;
  #last = 0;
  #at: number | undefined;
  #gapMs = 0;

  constructor(client: QuorateClient) {
    this.#running = this.#follow(client);
    // What ended it is thrown by `stop`.
    this.#running.catch(() => undefined);
  }

  get summary(): { readonly blocks: number; readonly gapMs: number } {
    return { blocks: this.#last - this.#first, gapMs: Math.round(this.#gapMs) };
  }

  /** Resolves when the client is closed. */
  stop(): Promise<void> {
    return this.#running;
  }

  async #follow(client: QuorateClient): Promise<void> {
    for await (const { result } of client.watchCertificates()) {
      const now = performance.now();
      if (this.#at === undefined) this.#first = result.height;
      else this.#gapMs = Math.max(this.#gapMs, now - this.#at);
      this.#at = now;
      this.#last = result.height;
    }
  }
}
