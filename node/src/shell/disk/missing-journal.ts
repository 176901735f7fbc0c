import { FatalError } from "../fatal-error.ts";
import type { FileSystem } from "./file-system.ts";

/**
 * Refuses a folder with a chain log and without a journal. The journal is durable before the chain
 * log is made, so it was lost, and with it what the key has signed. Peers that remember would burn
 * the key (rule BURN); after a power cut of all nobody remembers, and the key would sign twice.
 * Throws FatalError JOURNAL_MISSING.
 */
export async function demandJournal(fileSystem: FileSystem, folder: string): Promise<void> {
  if ((await fileSystem.length(`${folder}/journal.log`)) !== undefined) return;
  const names = await fileSystem.list(folder);
  if (!names.some((name) => /^(chain.*\.log|snapshot-.*)$/.test(name))) return;
  throw new FatalError(
    "JOURNAL_MISSING",
    `${folder} holds a chain log and no journal.log: what this key has signed is lost`,
    "put the journal back; where it is gone, start with an empty data folder and register as a spare",
  );
}
