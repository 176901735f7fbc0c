import type { Millis } from "@quorate/node/kernel/scalars";
import type { Clock } from "./clock.ts";
import {
  closedBy,
  DoorRefusalError,
  isNodeError,
  type NodeError,
  NodeUnavailableError,
  ProofError,
  RefusedError,
  UnreachableError,
} from "./errors.ts";
import type { CallLimits, QueryNode } from "./query-node.ts";

export interface Timeouts {
  /** Until one node counts as too slow and the next is asked. */
  readonly attemptMs: Millis;
  /** Until the call as a whole is given up. */
  readonly totalMs: Millis;
}

export const DEFAULT_TIMEOUTS: Timeouts = { attemptMs: 4_000, totalMs: 20_000 };

/** Pauses between rounds over all endpoints: doubled from the first to the last. */
const PAUSE_MS_MIN = 50;
const PAUSE_MS_MAX = 1_000;

export interface FailOverOptions {
  readonly nodes: readonly QueryNode[];
  readonly timeouts: Timeouts;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Hears of every attempt that failed, also where the next one succeeds. */
  readonly onNodeError: (error: NodeError) => void;
}

/** One question, to be put to one node after the other. */
export type Attempt<T> = (node: QueryNode, limits: CallLimits) => Promise<T>;

/** Asks one node after the other, the last good one first, until one gives a verified answer. */
export class FailOver {
  readonly #options: FailOverOptions;
  /** In the order in which they are asked. */
  #order: readonly QueryNode[];

  constructor(options: FailOverOptions) {
    this.#options = options;
    this.#order = options.nodes;
  }

  /**
   * Throws RefusedError when each was asked and one refused, ProofError when the time is over and
   * one lied, else UnreachableError. What `attempt` throws besides node errors ends the call.
   */
  async run<T>(attempt: Attempt<T>): Promise<T> {
    const { clock, timeouts } = this.#options;
    const endsAt = clock.now() + timeouts.totalMs;
    const failures: NodeError[] = [];
    for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
      const round = await this.#askEach(attempt, endsAt);
      if (round.answer !== undefined) return round.answer.value;
      failures.push(...round.failures);
      const mayComeRound = round.failures.some(isTransient) && !round.failures.some(isRefusal);
      const waitMs = clock.jitter(Math.max(pauseMs, soonest(round.failures)));
      if (!mayComeRound || clock.now() + waitMs >= endsAt) throw verdict(failures, timeouts);
      await this.#pause(waitMs);
    }
  }

  /** One round: every node once, as far as the time goes. */
  async #askEach<T>(attempt: Attempt<T>, endsAt: Millis): Promise<Round<T>> {
    const { clock, timeouts, signal, onNodeError } = this.#options;
    const failures: NodeError[] = [];
    for (const node of this.#order) {
      const leftMs = endsAt - clock.now();
      if (leftMs <= 0) break;
      try {
        const timeoutMs = Math.min(timeouts.attemptMs, leftMs);
        const value = await attempt(node, { timeoutMs, signal });
        this.#prefer(node);
        return { answer: { value }, failures };
      } catch (error) {
        if (signal.aborted) throw closedBy(error);
        if (!isNodeError(error)) throw error;
        failures.push(error);
        if (error instanceof ProofError) this.#demote(node);
        onNodeError(error);
      }
    }
    return { answer: undefined, failures };
  }

  async #pause(ms: Millis): Promise<void> {
    const { clock, signal } = this.#options;
    try {
      await clock.pause(ms, signal);
    } catch (error) {
      throw signal.aborted ? closedBy(error) : error;
    }
  }

  #prefer(node: QueryNode): void {
    this.#order = [node, ...this.#order.filter((each) => each !== node)];
  }

  #demote(node: QueryNode): void {
    this.#order = [...this.#order.filter((each) => each !== node), node];
  }
}

interface Round<T> {
  readonly answer: { readonly value: T } | undefined;
  readonly failures: readonly NodeError[];
}

/** When the first of the nodes wants to be asked again; 0 where one of them did not say. */
function soonest(failures: readonly NodeError[]): Millis {
  const hints = failures.map((error) =>
    error instanceof NodeUnavailableError ? (error.retryAfterMs ?? 0) : 0,
  );
  return hints.length === 0 ? 0 : Math.min(...hints);
}

function isRefusal(error: NodeError): error is DoorRefusalError {
  return error instanceof DoorRefusalError;
}

function isTransient(error: NodeError): boolean {
  return !(error instanceof ProofError) && !isRefusal(error);
}

/** The error that tells the caller most: a refusal, else a lie, else silence. */
function verdict(failures: readonly NodeError[], timeouts: Timeouts): Error {
  const refusals = failures.filter(isRefusal);
  const [first, ...others] = refusals;
  if (first !== undefined) {
    return new RefusedError([first, ...others], refusals.length === failures.length);
  }
  const lie = failures.find((error) => error instanceof ProofError);
  if (lie !== undefined) return lie;
  const last = failures.at(-1);
  const why = last === undefined ? "none was asked" : `the last error: ${last.message}`;
  const fix = `no endpoint answered within ${timeouts.totalMs} ms; check that they are up (${why})`;
  return new UnreachableError({ code: "UNREACHABLE", field: "endpoints", fix }, failures);
}
