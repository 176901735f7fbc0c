import type { JournalRecord } from "../../consensus/safety-data.ts";
import type { Epoch } from "../../kernel/scalars.ts";
import type { Statement, StatementKind } from "../../kernel/statements.ts";
import { comparePlaces, type Floor, placeOf } from "./journal-codec.ts";

/**
 * Places of each kind that stay in the journal. Whatever a node may ask for again is far above: the
 * newest vote, 64 heights of attestations, two windows of 32 batches.
 */
export const PLACES_KEPT = 512;

/** For each kind, up to where nothing is signed any more. */
export class Floors {
  readonly #floors = new Map<StatementKind, Floor>();

  /** A floor never sinks. */
  raise(floor: Floor): void {
    const before = this.#floors.get(floor.kind);
    if (before === undefined || comparePlaces(floor, before) > 0) {
      this.#floors.set(floor.kind, floor);
    }
  }

  covers(statement: Statement): boolean {
    const floor = this.#floors.get(statement.kind);
    return floor !== undefined && comparePlaces(placeOf(statement), floor) <= 0;
  }

  all(): readonly Floor[] {
    return [...this.#floors.values()];
  }
}

export interface Compaction {
  /** In the order of the journal. */
  readonly kept: readonly JournalRecord[];
  readonly dropped: readonly JournalRecord[];
}

/**
 * What a shorter journal keeps: the newest places of each kind, all endorsements (they are few, and
 * their nonces are asked from zero), and for every epoch the record that was made last: safety data
 * only grows within an epoch, and a node that is rebuilt from a snapshot may be in an old one
 * again, where a timeout below its lock would be misconduct (E4, E5).
 */
export function compact(records: readonly JournalRecord[], keep = PLACES_KEPT): Compaction {
  const byKind = new Map<StatementKind, JournalRecord[]>();
  const newest = new Map<Epoch, JournalRecord>();
  for (const record of records) {
    const { kind } = record.statement;
    const same = byKind.get(kind) ?? [];
    same.push(record);
    byKind.set(kind, same);
    newest.set(record.safety.epoch, record);
  }
  const old = new Set<JournalRecord>();
  for (const [kind, same] of byKind) {
    if (kind === "endorsement") continue;
    same.sort((left, right) => comparePlaces(placeOf(left.statement), placeOf(right.statement)));
    for (const record of same.slice(0, -keep)) old.add(record);
  }
  for (const last of newest.values()) old.delete(last);
  return {
    kept: records.filter((record) => !old.has(record)),
    dropped: records.filter((record) => old.has(record)),
  };
}
