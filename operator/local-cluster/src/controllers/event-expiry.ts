import type { StoreClient } from "../apiserver/store-client.ts";
import { EVENTS, keyOf } from "./api-types.ts";

import { attempt, type OnError } from "./attempt.ts";

/** As the event-ttl of a real API server. */
const TTL_MS = 60 * 60_000;
const SWEEP_MS = 5 * 60_000;

/** Removes events an hour after they happened last. */
export class EventExpiry {
  readonly #store: StoreClient;
  readonly #onError: OnError;

  constructor(store: StoreClient, onError: OnError) {
    this.#store = store;
    this.#onError = onError;
  }

  start(): () => void {
    const timer = setInterval(() => attempt(this.#onError, () => this.sweep(Date.now())), SWEEP_MS);
    return () => clearInterval(timer);
  }

  sweep(now: number): void {
    for (const event of this.#store.list(EVENTS)) {
      const last = event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp;
      if (last !== undefined && Date.parse(last) < now - TTL_MS) {
        this.#store.delete(EVENTS, keyOf(event));
      }
    }
  }
}
