import type { JournalRecord } from "../../consensus/safety-data.ts";
import { unreachable } from "../../kernel/assert.ts";
import { Reader, Writer } from "../../kernel/codec.ts";
import type { Digest, PublicKey, Signature } from "../../kernel/scalars.ts";
import {
  readSignedStatement,
  type Statement,
  statementDigest,
  statementEpoch,
  statementIndex,
  writeSignedStatement,
} from "../../kernel/statements.ts";
import { FatalError } from "../fatal-error.ts";
import type { FileSystem } from "./file-system.ts";
import { type RecordLog, readLog, writeNewLog } from "./record-log.ts";

const NAME = "journal.log";
const REASON_LENGTH_MAX = 4_096;

/** The first record names the chain (rule GENESIS); `burnt` is for ever (rule BURN). */
export type JournalEntry =
  | { readonly kind: "genesis"; readonly chainId: Digest }
  | { readonly kind: "signature"; readonly record: JournalRecord }
  | { readonly kind: "burnt"; readonly reason: string };

/** u8 kind, then its fields; layout in node/docs/node.md. */
export function encodeJournalEntry(entry: JournalEntry): Uint8Array {
  const writer = new Writer();
  switch (entry.kind) {
    case "genesis":
      return writer.u8(0).hex32(entry.chainId).finish();
    case "signature": {
      const { safety, statement, author, signature } = entry.record;
      writer.u8(1);
      writeSignedStatement(writer, { statement, author, signature });
      writer.u64(safety.epoch).u64(safety.lastVotedRound);
      return writer.u64(safety.oneChainRound).u64(safety.highestTimeoutRound).finish();
    }
    case "burnt":
      return writer.u8(2).text(entry.reason).finish();
    default:
      return unreachable(entry);
  }
}

export function decodeJournalEntry(bytes: Uint8Array): JournalEntry {
  const reader = new Reader(bytes);
  const entry = readEntry(reader);
  reader.end();
  return entry;
}

function readEntry(reader: Reader): JournalEntry {
  const kind = reader.u8("kind");
  if (kind === 0) return { kind: "genesis", chainId: reader.hex32("chainId") };
  if (kind === 2) return { kind: "burnt", reason: reader.text("reason", REASON_LENGTH_MAX) };
  if (kind !== 1) {
    throw new FatalError(
      "JOURNAL_UNKNOWN_RECORD",
      `journal record kind ${kind} is unknown to this version`,
      "start the version that wrote this journal",
    );
  }
  const { statement, author, signature } = readSignedStatement(reader, "signed");
  const safety = {
    epoch: reader.u64("safety.epoch"),
    lastVotedRound: reader.u64("safety.lastVotedRound"),
    oneChainRound: reader.u64("safety.oneChainRound"),
    highestTimeoutRound: reader.u64("safety.highestTimeoutRound"),
  };
  return { kind: "signature", record: { statement, author, signature, safety } };
}

export interface JournalOptions {
  readonly fileSystem: FileSystem;
  readonly folder: string;
  readonly chainId: Digest;
  /** Own consensus key. */
  readonly author: PublicKey;
  /** 16 random bytes for the copy. */
  readonly salt: Uint8Array;
}

/** What stands under one (epoch, kind, index). */
interface Signed {
  readonly digest: Digest;
  readonly signature: Signature;
}

function indexKey(statement: Statement): string {
  return `${statementEpoch(statement)}/${statement.kind}/${statementIndex(statement)}`;
}

/** Every signature this key ever made. The disk is asked once, at start. */
export class Journal {
  readonly #chainId: Digest;
  readonly #log: RecordLog;
  readonly #signed = new Map<string, Signed>();
  #burnt: string | undefined;

  private constructor(options: JournalOptions, log: RecordLog, entries: readonly JournalEntry[]) {
    this.#chainId = options.chainId;
    this.#log = log;
    for (const entry of entries) {
      if (entry.kind === "burnt") this.#burnt = entry.reason;
      if (entry.kind === "signature") this.stage(entry.record);
    }
  }

  /**
   * Reads the journal and copies it to a new file, durable before this returns and so before the
   * first signature: a file whose fsync failed once may hold pages that the disk does not. Throws
   * FatalError LOG_CORRUPT, GENESIS_PINNED or JOURNAL_FOREIGN_KEY.
   */
  static async open(
    options: JournalOptions,
  ): Promise<{ readonly journal: Journal; readonly records: readonly JournalRecord[] }> {
    const { fileSystem, folder, chainId, salt } = options;
    const path = `${folder}/${NAME}`;
    const found: JournalEntry[] = [];
    await readLog(fileSystem, path, ({ bytes }) => found.push(decodeJournalEntry(bytes)));
    checkIdentity(path, options, found);
    const entries: JournalEntry[] = found.length > 0 ? found : [{ kind: "genesis", chainId }];
    const location = { fileSystem, folder, name: NAME, salt };
    const { log } = await writeNewLog(location, entries.map(encodeJournalEntry));
    const records = entries.flatMap((entry) => (entry.kind === "signature" ? [entry.record] : []));
    return { journal: new Journal(options, log, entries), records };
  }

  /** Number of signatures; 0 for a key that has never signed here. */
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
    const same = signed.digest === statementDigest(this.#chainId, statement);
    return { same, signature: signed.signature };
  }

  /** Takes the index at once, so that one group can't sign it twice; `append` must follow. */
  stage(record: JournalRecord): void {
    const { statement, signature } = record;
    const digest = statementDigest(this.#chainId, statement);
    this.#signed.set(indexKey(statement), { digest, signature });
  }

  /** Durable when this returns; only then may the signatures leave. */
  async append(records: readonly JournalRecord[]): Promise<void> {
    await this.#log.append(
      records.map((record) => encodeJournalEntry({ kind: "signature", record })),
    );
  }

  /** Rule BURN: from here on, and after every restart, this key signs nothing. */
  async burn(reason: string): Promise<void> {
    if (this.#burnt !== undefined) return;
    this.#burnt = reason;
    await this.#log.append([encodeJournalEntry({ kind: "burnt", reason })]);
  }

  async close(): Promise<void> {
    await this.#log.close();
  }
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
