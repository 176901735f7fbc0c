import { setImmediate as pause } from "node:timers/promises";
import type { JournalRecord } from "../../consensus/safety-data.ts";
import type { Digest, PublicKey, Signature } from "../../kernel/scalars.ts";
import {
  type Statement,
  statementDigest,
  statementEpoch,
  statementIndex,
} from "../../kernel/statements.ts";
import { FatalError } from "../fatal-error.ts";
import type { FileSystem } from "./file-system.ts";
import {
  decodeJournalEntry,
  encodeJournalEntry,
  type Floor,
  type JournalEntry,
  placeOf,
} from "./journal-codec.ts";
import { compact, Floors, PLACES_KEPT } from "./journal-floors.ts";
import {
  corrupt,
  decodeRecord,
  diskFailed,
  type RecordLog,
  readLog,
  startNewLog,
  writeNewLog,
} from "./record-log.ts";

const NAME = "journal.log";
/** A new file is begun when so many signatures were added to this one. */
const COMPACTION_RECORDS = 4_096;
/** Written at once while signatures go on. */
const SLICE = 64;

export interface JournalOptions {
  readonly fileSystem: FileSystem;
  readonly folder: string;
  readonly chainId: Digest;
  /** Own consensus key. */
  readonly author: PublicKey;
  /** 16 random bytes for each copy. */
  readonly salt: () => Uint8Array;
  /** For tests: places of a kind that stay, and when a new file is begun. */
  readonly keep?: number;
  readonly compactionRecords?: number;
}

/** What stands under one (epoch, kind, index). */
interface Signed {
  readonly digest: Digest;
  readonly signature: Signature;
}

function indexKey(statement: Statement): string {
  return `${statementEpoch(statement)}/${statement.kind}/${statementIndex(statement)}`;
}

/**
 * What this key has signed: each place of the newest ones with its signature, and a floor for the
 * rest, up to which nothing is ever signed again. The disk is asked once, at start.
 */
export class Journal {
  readonly #options: JournalOptions;
  readonly #floors = new Floors();
  readonly #signed = new Map<string, Signed>();
  /** What the file holds, in order. */
  #records: JournalRecord[] = [];
  #log: RecordLog;
  #since = 0;
  #burnt: string | undefined;
  #compacting: Promise<void> | undefined;
  /** Why no file is known to be the journal any more. */
  #failed: FatalError | undefined;
  /** Written to the old file while the new one is being made. */
  #late: JournalEntry[] | undefined;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(options: JournalOptions, log: RecordLog, entries: readonly JournalEntry[]) {
    this.#options = options;
    this.#log = log;
    for (const entry of entries) {
      if (entry.kind === "burnt") this.#burnt = entry.reason;
      if (entry.kind === "floor") this.#floors.raise(entry.floor);
      if (entry.kind !== "signature") continue;
      this.stage(entry.record);
      this.#records.push(entry.record);
    }
  }

  /**
   * Reads the journal and copies it to a new file, durable before this returns and so before the
   * first signature: a file whose fsync failed once may hold pages that the disk does not. What
   * nobody asks for again is left behind under a floor. Throws FatalError LOG_CORRUPT,
   * GENESIS_PINNED or JOURNAL_FOREIGN_KEY.
   */
  static async open(
    options: JournalOptions,
  ): Promise<{ readonly journal: Journal; readonly records: readonly JournalRecord[] }> {
    const { fileSystem, folder, chainId, salt } = options;
    const path = `${folder}/${NAME}`;
    const found: JournalEntry[] = [];
    const content = await readLog(fileSystem, path, (record) => {
      found.push(decodeRecord(path, record, decodeJournalEntry));
    });
    // The seal was durable before the file had its name: without it, signatures are gone.
    if (content !== undefined && !isSealed(found)) throw corrupt(path, content.validLength);
    checkIdentity(path, options, found);
    const signatures = found.flatMap((entry) => (entry.kind === "signature" ? [entry.record] : []));
    const { kept, dropped } = compact(signatures, options.keep);
    const floors = new Floors();
    for (const entry of found) if (entry.kind === "floor") floors.raise(entry.floor);
    for (const { statement } of dropped) floors.raise(placeOf(statement));
    const burnt = found.find(({ kind }) => kind === "burnt");
    const entries = entriesOf({ chainId, burnt, floors: floors.all(), records: kept });
    const location = { fileSystem, folder, name: NAME, salt: salt() };
    const { log } = await writeNewLog(location, entries.map(encodeJournalEntry), sealOf(chainId));
    return { journal: new Journal(options, log, entries), records: kept };
  }

  /** Number of signatures that are kept; 0 for a key that has never signed here. */
  get size(): number {
    return this.#signed.size;
  }

  /** Why this key may never sign again (rule BURN), or undefined. */
  get burnt(): string | undefined {
    return this.#burnt;
  }

  /** The signature under the statement's index: of the same statement, of another, or none. */
  find(
    statement: Statement,
  ): { readonly same: boolean; readonly signature: Signature } | undefined {
    const signed = this.#signed.get(indexKey(statement));
    if (signed === undefined) return undefined;
    const same = signed.digest === statementDigest(this.#options.chainId, statement);
    return { same, signature: signed.signature };
  }

  /** Whether the statement's place was left behind: what stood there is not known any more. */
  isBelowFloor(statement: Statement): boolean {
    return this.#floors.covers(statement) && !this.#signed.has(indexKey(statement));
  }

  /** Takes the index at once, so that one group can't sign it twice; `append` must follow. */
  stage(record: JournalRecord): void {
    const { statement, signature } = record;
    const digest = statementDigest(this.#options.chainId, statement);
    this.#signed.set(indexKey(statement), { digest, signature });
  }

  /** Durable when this returns; only then may the signatures leave. */
  async append(records: readonly JournalRecord[]): Promise<void> {
    const entries = records.map((record) => ({ kind: "signature", record }) as const);
    await this.#write(entries);
    this.#since += records.length;
    const limit = this.#options.compactionRecords ?? COMPACTION_RECORDS;
    if (this.#since >= limit && this.#compacting === undefined) this.#startCompaction();
  }

  /** Rule BURN: from here on, and after every restart, this key signs nothing. */
  async burn(reason: string): Promise<void> {
    if (this.#burnt !== undefined) return;
    this.#burnt = reason;
    await this.#write([{ kind: "burnt", reason }]);
  }

  /** Rule EVIDENCE: a rebuilt node attests only heights above those that it attested before. */
  async raiseAttestationFloor(): Promise<void> {
    const places = this.#records.flatMap(({ statement }) => {
      return statement.kind === "attestation" ? [placeOf(statement)] : [];
    });
    for (const floor of places) this.#floors.raise(floor);
    const raised = this.#floors.all().filter(({ kind }) => kind === "attestation");
    await this.#write(raised.map((floor) => ({ kind: "floor", floor })));
  }

  /** A new file that is being made is finished first. */
  async close(): Promise<void> {
    await this.#compacting;
    await this.#log.close();
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#last.then(action);
    this.#last = done.catch(() => undefined);
    return done;
  }

  #write(entries: readonly JournalEntry[]): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#failed !== undefined) throw this.#failed;
      await this.#log.append(entries.map(encodeJournalEntry));
      this.#late?.push(...entries);
      for (const entry of entries) {
        if (entry.kind === "signature") this.#records.push(entry.record);
      }
    });
  }

  #startCompaction(): void {
    this.#since = 0;
    this.#compacting = this.#compact()
      .catch((cause: unknown) => {
        // The new file may have the name already: what the old one takes would be forgotten.
        const path = `${this.#options.folder}/${NAME}`;
        this.#failed = cause instanceof FatalError ? cause : diskFailed(path, cause);
      })
      .finally(() => {
        this.#compacting = undefined;
      });
  }

  /**
   * Makes the shorter file in slices while signatures still go to the old one, which are then added
   * in one turn before the new file takes the name: at any moment one of the two is whole.
   */
  async #compact(): Promise<void> {
    const { chainId, fileSystem, folder, salt, keep = PLACES_KEPT } = this.#options;
    const all = this.#records;
    const { kept, dropped } = compact(all, keep);
    const floors = new Floors();
    for (const floor of this.#floors.all()) floors.raise(floor);
    for (const { statement } of dropped) floors.raise(placeOf(statement));
    this.#late = [];
    const burnt = this.#burnt === undefined ? undefined : burntEntry(this.#burnt);
    const entries = entriesOf({ chainId, burnt, floors: floors.all(), records: kept });
    const count = all.length;
    const next = await startNewLog({ fileSystem, folder, name: NAME, salt: salt() });
    for (let at = 0; at < entries.length; at += SLICE) {
      await next.log.append(entries.slice(at, at + SLICE).map(encodeJournalEntry));
      await pause();
    }
    await this.#inTurn(async () => {
      await next.log.append((this.#late ?? []).map(encodeJournalEntry));
      await next.log.append([sealOf(chainId)]);
      await next.publish();
      const before = this.#log;
      this.#log = next.log;
      this.#late = undefined;
      for (const floor of floors.all()) this.#floors.raise(floor);
      for (const { statement } of dropped) this.#signed.delete(indexKey(statement));
      this.#records = [...kept, ...this.#records.slice(count)];
      await before.close();
    });
  }
}

/** The chain's name once more, behind everything that a new file begins with. */
function sealOf(chainId: Digest): Uint8Array {
  return encodeJournalEntry({ kind: "genesis", chainId });
}

function isSealed(entries: readonly JournalEntry[]): boolean {
  return entries.filter(({ kind }) => kind === "genesis").length > 1;
}

function burntEntry(reason: string): JournalEntry {
  return { kind: "burnt", reason };
}

function entriesOf(content: {
  readonly chainId: Digest;
  readonly burnt: JournalEntry | undefined;
  readonly floors: readonly Floor[];
  readonly records: readonly JournalRecord[];
}): readonly JournalEntry[] {
  const { chainId, burnt, floors, records } = content;
  return [
    { kind: "genesis", chainId },
    ...(burnt === undefined ? [] : [burnt]),
    ...floors.map((floor) => ({ kind: "floor", floor }) as const),
    ...records.map((record) => ({ kind: "signature", record }) as const),
  ];
}

function checkIdentity(
  path: string,
  options: JournalOptions,
  entries: readonly JournalEntry[],
): void {
  const [first] = entries;
  if (first === undefined) return;
  if (first.kind !== "genesis" || first.chainId !== options.chainId) {
    const pinned = first.kind === "genesis" ? first.chainId : "no genesis";
    throw new FatalError(
      "GENESIS_PINNED",
      `${path} belongs to chain ${pinned}, not to ${options.chainId}`,
      "give the node the genesis file that it started with, or an empty data folder",
    );
  }
  for (const entry of entries) {
    if (entry.kind === "signature" && entry.record.author !== options.author) {
      throw new FatalError(
        "JOURNAL_FOREIGN_KEY",
        `${path} holds signatures of ${entry.record.author}, the key is ${options.author}`,
        "put back the key file that belongs to this journal",
      );
    }
  }
}
