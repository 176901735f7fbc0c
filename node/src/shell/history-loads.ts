import type { ChainSegment } from "../consensus/types.ts";
import type { Height, PublicKey } from "../kernel/scalars.ts";

export interface HistoryPorts {
  /** Reads the log; undefined where it has nothing from there on. */
  readonly load: (fromHeight: Height) => Promise<ChainSegment | undefined>;
  readonly loaded: (to: PublicKey, segment: ChainSegment) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * History for peers that are behind. A segment is megabytes, so one is read at a time, for one peer
 * after the other, and each peer has one request waiting: a peer that asks without end costs no
 * memory, and the others their turn only.
 */
export class HistoryLoads {
  readonly #ports: HistoryPorts;
  readonly #waiting = new Map<PublicKey, Height>();
  #loading = false;

  constructor(ports: HistoryPorts) {
    this.#ports = ports;
  }

  /** A newer request of the same peer takes the place of the one that waits. */
  ask(to: PublicKey, fromHeight: Height): void {
    this.#waiting.set(to, fromHeight);
    this.#next();
  }

  #next(): void {
    const [first] = this.#waiting;
    if (first === undefined || this.#loading) return;
    const [to, fromHeight] = first;
    this.#waiting.delete(to);
    this.#loading = true;
    this.#ports.load(fromHeight).then(
      (segment) => {
        this.#loading = false;
        if (segment !== undefined) this.#ports.loaded(to, segment);
        this.#next();
      },
      // No turn for the next one: the disk has failed, and the node with it.
      (error: unknown) => this.#ports.fail(error),
    );
  }
}
