import type { JournalRecord } from "../../src/consensus/safety-data.ts";
import type { ChainRecord } from "../../src/consensus/types.ts";
import type { Digest } from "../../src/kernel/scalars.ts";
import { type Statement, statementEpoch, statementIndex } from "../../src/kernel/statements.ts";
import type { Recovered, ReplicaBase } from "../../src/replica/types.ts";
import type { Random } from "./random.ts";

/**
 * A node's two files as the shell keeps them. What was written and not yet synced survives the end
 * of the process, but a power cut keeps only some beginning of it; the record at its end may be
 * torn, and a reader drops it with all that would follow.
 */
export interface Disk {
  /** By (epoch, kind, index), in the order of writing. */
  readonly journal: Map<string, JournalRecord>;
  readonly chain: ChainRecord[];
  /** Blocks in `chain`. */
  blocks: Set<Digest>;
  /** Records at the end of `chain` that no sync has covered. */
  unsynced: number;
  /** The end of `chain` is half a record. */
  torn: boolean;
  /** The snapshot that this node starts from; none: genesis. */
  base: ReplicaBase | undefined;
}

export function createDisk(): Disk {
  return {
    journal: new Map(),
    chain: [],
    blocks: new Set(),
    unsynced: 0,
    torn: false,
    base: undefined,
  };
}

export function writeChain(disk: Disk, record: ChainRecord): void {
  disk.chain.push(record);
  disk.unsynced += 1;
  if (record.kind === "block") disk.blocks.add(record.block.id);
}

export function holdsBlock({ blocks }: Disk, id: Digest): boolean {
  return blocks.has(id);
}

function cutChain(disk: Disk, lost: number): void {
  disk.chain.length -= Math.min(disk.chain.length, lost);
  const left = disk.chain.flatMap((each) => (each.kind === "block" ? [each.block.id] : []));
  disk.blocks = new Set(left);
}

export function syncChain(disk: Disk): void {
  disk.unsynced = 0;
}

/** What one index of the journal holds (rule JOURNAL). */
export function journalIndex(statement: Statement): string {
  return `${statementEpoch(statement)} ${statement.kind} ${statementIndex(statement)}`;
}

/** How many records the cut cost. */
export function cutPower(disk: Disk, random: Random): number {
  const lost = random.integer(0, disk.unsynced);
  cutChain(disk, lost);
  disk.unsynced = 0;
  // Of the first record that is lost, a part may have reached the disk.
  disk.torn = lost > 0 && random.chance(0.5);
  return lost;
}

/** A disk that said "synced" and was not: the newest records of both files are gone. */
export function rollBack(disk: Disk, random: Random): void {
  const window = random.integer(1, 40);
  for (const index of [...disk.journal.keys()].slice(-window)) disk.journal.delete(index);
  cutChain(disk, random.integer(0, 2 * window));
  disk.unsynced = 0;
}

/** What the shell reads at the start: a torn end is cut off. */
export function readDisk(disk: Disk): Recovered & { readonly wasTorn: boolean } {
  const wasTorn = disk.torn;
  disk.torn = false;
  const { base } = disk;
  return { journal: [...disk.journal.values()], chain: [...disk.chain], base, wasTorn };
}
