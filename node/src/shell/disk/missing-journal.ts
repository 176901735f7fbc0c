import { FatalError } from "../fatal-error.ts";
import type { FileSystem } from "./file-system.ts";
import { Journal, type JournalOptions } from "./journal.ts";

/** Whatever of these is there was made after the journal, the pin of the genesis included. */
const MADE_AFTER =
  /^(chain.*\.log|epochs\.log|snapshot-.*|divergence.*\.log|rebuild\.log|genesis\.hash)$/;

/**
 * Refuses a folder without a journal that has anything which is made after it: the journal was
 * lost, and with it what the key has signed. Peers that remember would burn the key (rule BURN);
 * after a power cut of all nobody remembers, and the key would sign twice. Throws FatalError
 * JOURNAL_MISSING.
 */
export async function demandJournal(fileSystem: FileSystem, folder: string): Promise<void> {
  if ((await fileSystem.length(`${folder}/journal.log`)) !== undefined) return;
  const names = await fileSystem.list(folder);
  const later = names.filter((name) => MADE_AFTER.test(name)).toSorted();
  if (later.length === 0) return;
  throw new FatalError(
    "JOURNAL_MISSING",
    `${folder} holds ${later.join(", ")} and no journal.log: what this key has signed is lost`,
    "put the journal back; where it is gone, start with an empty data folder and register as a spare",
  );
}

/** Makes the journal of a key that has never signed, before anything else is made. */
export async function makeJournal(options: JournalOptions): Promise<void> {
  await demandJournal(options.fileSystem, options.folder);
  const { journal } = await Journal.open(options);
  await journal.close();
}
