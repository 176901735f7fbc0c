import type { QuorateClient } from "@quorate/client/client";
import { FinalityGap } from "../main-job/finality-gap.ts";

/** How many blocks a client sees certified, and the longest time between two certificates. */
export class CertificateGaps {
  readonly #running: Promise<void>;
  readonly #gap = new FinalityGap();
  #first: number | undefined;
  #last = 0;

  constructor(client: QuorateClient) {
    this.#running = this.#follow(client);
    // What ended it is thrown by `stop`.
    this.#running.catch(() => undefined);
  }

  get summary(): { readonly blocks: number; readonly gapMs: number } {
    return { blocks: this.#last - (this.#first ?? 0), gapMs: Math.round(this.#gap.longestMs) };
  }

  /** Resolves when the client is closed. */
  stop(): Promise<void> {
    return this.#running;
  }

  async #follow(client: QuorateClient): Promise<void> {
    for await (const { result } of client.watchCertificates()) {
      this.#gap.arrived(result.height, performance.now());
      this.#first ??= result.height;
      this.#last = result.height;
    }
  }
}
