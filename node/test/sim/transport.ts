import type { SimNode } from "./sim-node.ts";

/** What a receiver takes from one peer within one span: as the shell's bounded queue for it. */
const WEIGHT_MAX = 512;
const SPAN_MS = 100;

/** Bounds what one peer can have a node do; what is beyond is dropped, and sent again later. */
export class Transport {
  readonly #taken = new Map<string, { fromMs: number; count: number }>();

  /** False where the sender has used up its span. */
  takes(from: SimNode, to: SimNode, nowMs: number): boolean {
    const link = `${from.index}/${to.index}`;
    const span = this.#taken.get(link);
    if (span === undefined || nowMs - span.fromMs >= SPAN_MS) {
      this.#taken.set(link, { fromMs: nowMs, count: 1 });
      return true;
    }
    span.count += 1;
    return span.count <= WEIGHT_MAX;
  }
}
