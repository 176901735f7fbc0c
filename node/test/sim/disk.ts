import type { JournalRecord } from "../../src/consensus/safety-data.ts";
import type { ChainRecord } from "../../src/consensus/types.ts";
import { type Statement, statementEpoch, statementIndex } from "../../src/kernel/statements.ts";
import type { Recovered } from "../../src/replica/types.ts";
import type { Random } from "./random.ts";

/**
 * A node's two files as the shell keeps them. What was written and not yet synced survives the end
 * of the process, but a power cut keeps only some beginning of it.
 */
export interface Disk {
  /** By (epoch, kind, index), in the order of writing. */
  readonly journal: Map<string, JournalRecord>;
  readonly chain: ChainRecord[];
  /** Records at the end of `chain` that no sync has covered. */
  unsynced: number;
}

export function createDisk(): Disk {
  return { journal: new Map(), chain: [], unsynced: 0 };
}

export function writeChain(disk: Disk, record: ChainRecord): void {
  disk.chain.push(record);
  disk.unsynced += 1;
}

export function syncChain(disk: Disk): void {
  disk.unsynced = 0;
}

/** What one index of the journal holds (rule JOURNAL). */
export function journalIndex(statement: Statement): string {
  return `${statementEpoch(statement)} ${statement.kind} ${statementIndex(statement)}`;
}

export function cutPower(disk: Disk, random: Random): void {
  const lost = random.integer(0, disk.unsynced);
  disk.chain.length -= lost;
  disk.unsynced = 0;
}

export function readDisk(disk: Disk): Recovered {
  return { journal: [...disk.journal.values()], chain: [...disk.chain] };
}
