import type { Height } from "../../kernel/scalars.ts";
import type { FileSystem } from "./file-system.ts";

interface Place {
  readonly fileSystem: FileSystem;
  readonly folder: string;
}

/** The first file has the plain name, so that a folder from before snapshots is read as it is. */
export function chainFileName(base: Height): string {
  return base === 0 ? "chain.log" : `chain-${base}.log`;
}

function baseOf(name: string): Height | undefined {
  if (name === "chain.log") return 0;
  const found = /^chain-([1-9][0-9]{0,15})\.log$/.exec(name);
  return found === null ? undefined : Number(found[1]);
}

/** Heights above which this folder has files of the chain log, ascending. */
export async function chainBases({ fileSystem, folder }: Place): Promise<readonly Height[]> {
  const names = await fileSystem.list(folder);
  return names.flatMap((name) => baseOf(name) ?? []).toSorted((left, right) => left - right);
}

/** Removes them all, of a node that starts from a state which they do not lead on from. */
export async function removeChain(place: Place): Promise<void> {
  const { fileSystem, folder } = place;
  for (const base of await chainBases(place)) {
    await fileSystem.remove(`${folder}/${chainFileName(base)}`);
  }
  await fileSystem.syncFolder(folder);
}
