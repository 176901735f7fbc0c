import type { Clock } from "@quorate/runtime/clock";
import type { Log } from "@quorate/runtime/log";
import type { ObjectKey } from "@quorate/runtime/objects";
import { DECISION_MESSAGE, decisionLine, type PassRecord } from "./decision-line.ts";

/** A set of which nothing changes is told of so often: a reader sees that somebody looked. */
const QUIET_MS = 600_000;
/** Findings may flap with every pass: then a line comes no more often than this. */
const APART_MS = 10_000;

interface Told {
  readonly atMs: number;
  readonly gist: string;
}

/**
 * Writes passes into the log, each with all that it decided on, so that `quorate replay` comes to
 * the same verdicts: every pass with a plan, and those that decide otherwise than the one before.
 */
export class DecisionLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #told = new Map<string, Told>();

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Never throws: a pass goes on without its line. */
  note(key: ObjectKey, pass: PassRecord): void {
    const name = `${key.namespace}/${key.name}`;
    const now = this.#clock.monotonic();
    const gist = gistOf(pass);
    const last = this.#told.get(name);
    if (last !== undefined && pass.decision.plan === undefined) {
      const sinceMs = now - last.atMs;
      if (sinceMs < (gist === last.gist ? QUIET_MS : APART_MS)) return;
    }
    this.#told.set(name, { atMs: now, gist });
    try {
      this.#log.info({ decision: decisionLine(pass) }, DECISION_MESSAGE);
    } catch (error) {
      this.#log.warn({ err: error, set: name }, "a decision could not be written down");
    }
  }

  forget(key: ObjectKey): void {
    this.#told.delete(`${key.namespace}/${key.name}`);
  }
}

/** What of a pass is news: who is under suspicion, what is planned, what is refused and why. */
function gistOf({ findings, decision }: PassRecord): string {
  const { verdicts, trust } = findings;
  const { plan, proposal, refusals, budget } = decision;
  return JSON.stringify([
    trust.reason,
    verdicts.map(({ kind, member, certainty }) => [kind, member, certainty]),
    [plan?.hash, proposal?.hash],
    refusals.map(({ rule, reason, member }) => [rule, reason, member]),
    budget?.used,
  ]);
}
