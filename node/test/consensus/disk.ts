import type { JournalRecord } from "../../src/consensus/safety-data.ts";
import type { ChainRecord } from "../../src/consensus/types.ts";

/** What a test node would find again after a crash. */
export interface Disk {
  readonly journal: JournalRecord[];
  readonly chain: ChainRecord[];
  /** The journal by (kind, epoch, index). */
  readonly signed: Map<string, JournalRecord>;
}
