import type { PeerBody } from "../../consensus/types.ts";

/**
 * Kinds that a peer can ask for again or that are sent again anyway: dropped first when it is slow.
 */
const DROPPED_FIRST: ReadonlySet<PeerBody["kind"]> = new Set([
  "batch",
  "block-response",
  "chain-response",
  "result-certificate",
]);

export interface OutboxLimits {
  readonly messagesMax: number;
  readonly bytesMax: number;
}

export interface Outgoing {
  readonly kind: PeerBody["kind"];
  readonly bytes: number;
  readonly write: () => boolean;
}

/**
 * What waits for one slow subscriber: bounded, first in first out, losing the least important
 * first.
 */
export class Outbox {
  readonly #limits: OutboxLimits;
  readonly #waiting: Outgoing[] = [];
  #bytes = 0;
  #writable = true;
  #dropped = 0;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
  }

  get dropped(): number {
    return this.#dropped;
  }
  get length(): number {
    return this.#waiting.length;
  }

  push(message: Outgoing): void {
    this.#waiting.push(message);
    this.#bytes += message.bytes;
    while (this.#isOver() && this.#waiting.length > 1) this.#dropOne();
    this.#flush();
  }

  /** The transport has room again. */
  drained(): void {
    this.#writable = true;
    this.#flush();
  }

  #isOver(): boolean {
    return this.#waiting.length > this.#limits.messagesMax || this.#bytes > this.#limits.bytesMax;
  }

  #dropOne(): void {
    const found = this.#waiting.findIndex(({ kind }) => DROPPED_FIRST.has(kind));
    const [gone] = this.#waiting.splice(Math.max(found, 0), 1);
    this.#bytes -= gone?.bytes ?? 0;
    this.#dropped += 1;
  }

  #flush(): void {
    while (this.#writable) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#bytes -= next.bytes;
      this.#writable = next.write();
    }
  }
}
