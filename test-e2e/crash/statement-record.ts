import { isSignedBy, type Signed, type Statement, statementBytes } from "../stranger/statements.ts";
import type { JournalContent } from "./journal-file.ts";

/** Where a signature was found. */
export type Source = "wire" | "journal";

interface Sighting {
  readonly statement: string;
  readonly signed: Signed;
  wire: boolean;
  journal: boolean;
}

interface Slot {
  readonly epoch: number;
  readonly index: number;
}

/** Within a kind, epochs before indices; every slot is above none. */
function isAbove(slot: Slot | undefined, other: Slot | undefined): boolean {
  if (slot === undefined || other === undefined) return slot !== undefined;
  return slot.epoch === other.epoch ? slot.index > other.index : slot.epoch > other.epoch;
}

/** node/spec/encoding.md: one (epoch, kind, index) is signed once (rule JOURNAL). */
function slotOf(statement: Statement): Slot {
  switch (statement.kind) {
    case "batch":
      return { epoch: 0, index: statement.sequence };
    case "endorsement":
      return { epoch: 0, index: statement.nonce };
    case "attestation":
      return { epoch: statement.result.epoch, index: statement.result.height };
    case "heartbeat":
      return { epoch: statement.epoch, index: statement.height };
    case "oracle-report":
      return { epoch: statement.epoch, index: statement.slot * 1_024 + statement.market };
    default:
      return { epoch: statement.epoch, index: statement.round };
  }
}

/**
 * Every signature that was ever seen, on the wire or in a journal. It says at once where one key
 * signed two things under one index, and where something left that its author's journal lacks.
 */
export class StatementRecord {
  readonly #chainId: string;
  readonly #authors: ReadonlySet<string>;
  readonly #sightings = new Map<string, Sighting>();
  /** On the wire, and not yet found in the author's journal. */
  readonly #unconfirmed = new Map<string, Set<Sighting>>();
  readonly #violations: string[] = [];
  #forged = 0;

  /** `authors` are the keys that are judged. */
  constructor(chainId: string, authors: readonly string[]) {
    this.#chainId = chainId;
    this.#authors = new Set(authors);
  }

  get violations(): readonly string[] {
    return this.#violations;
  }

  /** Signatures that do not verify: nobody's statement. */
  get forged(): number {
    return this.#forged;
  }

  count(source: Source): number {
    let count = 0;
    for (const sighting of this.#sightings.values()) if (sighting[source]) count += 1;
    return count;
  }

  /** True where this exact statement was not known before. */
  note(signed: Signed, source: Source): boolean {
    const { statement, author } = signed;
    if (!this.#authors.has(author)) return false;
    const { epoch, index } = slotOf(statement);
    const slot = `${author}/${epoch}/${statement.kind}/${index}`;
    const text = Buffer.from(statementBytes(statement)).toString("base64");
    const known = this.#sightings.get(slot);
    if (known?.statement === text) {
      this.#see(known, source);
      return false;
    }
    if (!isSignedBy(this.#chainId, signed)) {
      this.#forged += 1;
      return false;
    }
    if (known !== undefined) {
      this.#violations.push(
        `${author.slice(0, 12)} signed two ${statement.kind}s at epoch ${epoch}, index ${index} ` +
          `(the second on the ${source})`,
      );
      return false;
    }
    const sighting = { statement: text, signed, wire: false, journal: false };
    this.#sightings.set(slot, sighting);
    this.#see(sighting, source);
    return true;
  }

  /**
   * The whole journal of one key, read after everything noted so far had left: what left must be in
   * it. Missing may be what a floor covers, as long as the journal has newer ones of that kind: it
   * is shortened to the newest, never to none.
   */
  noteJournal(author: string, { signatures, floors }: JournalContent): void {
    const newest = new Map<string, Slot>();
    for (const signed of signatures) {
      this.note(signed, "journal");
      const { kind } = signed.statement;
      const slot = slotOf(signed.statement);
      if (isAbove(slot, newest.get(kind))) newest.set(kind, slot);
    }
    for (const { signed } of this.#unconfirmed.get(author) ?? []) {
      const { kind } = signed.statement;
      const slot = slotOf(signed.statement);
      const isDropped = floors.some((floor) => floor.kind === kind && !isAbove(slot, floor));
      if (isDropped && isAbove(newest.get(kind), slot)) continue;
      this.#violations.push(
        `${author.slice(0, 12)}: its ${kind} at epoch ${slot.epoch}, index ${slot.index} left, ` +
          "and its journal lacks it",
      );
    }
    this.#unconfirmed.delete(author);
  }

  #see(sighting: Sighting, source: Source): void {
    sighting[source] = true;
    const { author } = sighting.signed;
    const unconfirmed = this.#unconfirmed.get(author) ?? new Set();
    this.#unconfirmed.set(author, unconfirmed);
    if (sighting.journal) unconfirmed.delete(sighting);
    else unconfirmed.add(sighting);
  }
}
