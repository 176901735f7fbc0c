import { randomUUID } from "node:crypto";
import type { Clock } from "@quorate/runtime/clock";
import type { CompiledKind } from "../schema/kinds.ts";
import type { ObjectStore } from "./object-store.ts";
import { timestamp } from "./objects.ts";
import type { Registry } from "./registry.ts";

/** What all parts of the server share, and the order in which they run. */
export class Core {
  readonly store: ObjectStore;
  readonly registry: Registry;
  readonly clock: Clock;
  /** Told of a background task that failed: a mistake of this program. */
  readonly #onTaskError: (error: unknown) => void;
  #tasks: (() => void)[] = [];
  #running = false;

  constructor(parts: {
    store: ObjectStore;
    registry: Registry;
    clock: Clock;
    onTaskError: (error: unknown) => void;
  }) {
    this.store = parts.store;
    this.registry = parts.registry;
    this.clock = parts.clock;
    this.#onTaskError = parts.onTaskError;
  }

  now(): string {
    return timestamp(this.clock.now());
  }

  newUid(): string {
    return randomUUID();
  }

  /**
   * Runs a request, then the background work that it caused (garbage collection, emptying of
   * namespaces), which so never runs inside a write.
   */
  run<T>(operation: () => T): T {
    if (this.#running) return operation();
    this.#running = true;
    try {
      return operation();
    } finally {
      this.#drain();
      this.#running = false;
    }
  }

  /** Background work for after the request at hand. */
  later(task: () => void): void {
    this.#tasks.push(task);
    if (!this.#running) this.run(() => undefined);
  }

  #drain(): void {
    for (let tasks = this.#tasks; tasks.length > 0; tasks = this.#tasks) {
      this.#tasks = [];
      for (const task of tasks) {
        try {
          task();
        } catch (error) {
          this.#onTaskError(error);
        }
      }
    }
  }
}

/** Options that every write takes. */
export interface WriteOptions {
  readonly fieldManager: string;
  readonly fieldValidation: "Strict" | "Warn" | "Ignore";
  /** Everything but the storing. */
  readonly dryRun: boolean;
}

export function isKind(kind: CompiledKind, group: string, plural: string): boolean {
  return kind.group === group && kind.plural === plural;
}
