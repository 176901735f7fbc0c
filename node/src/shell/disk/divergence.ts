import { type ResultCertificate, writeResultCertificate } from "../../kernel/certificates.ts";
import { Writer } from "../../kernel/codec.ts";
import { type AttestedResult, writeAttestedResult } from "../../kernel/statements.ts";
import { removeChain } from "./chain-files.ts";
import type { FileSystem } from "./file-system.ts";
import { writeNewLog } from "./record-log.ts";

const NAME = "divergence.log";
/** Asked for by the control client, without evidence. */
const ASKED_NAME = "rebuild.log";

export interface Divergence {
  /** This node's result. */
  readonly own: AttestedResult;
  /** The quorum's, of the same height. */
  readonly certificate: ResultCertificate;
}

interface Place {
  readonly fileSystem: FileSystem;
  readonly folder: string;
}

/**
 * Keeps what this node came to and what a quorum came to, for people; while the file stands, the
 * node's own state is not to be believed.
 */
export async function writeDivergence(
  place: Place,
  salt: Uint8Array,
  { own, certificate }: Divergence,
): Promise<void> {
  const writer = new Writer();
  writeAttestedResult(writer, own);
  writeResultCertificate(writer, certificate);
  const { log } = await writeNewLog({ ...place, name: NAME, salt }, [writer.finish()]);
  await log.close();
}

/** Durable when this returns: the next start drops this node's own state. */
export async function askRebuild(place: Place, salt: Uint8Array, nowMs: number): Promise<void> {
  const asked = [new Writer().u64(nowMs).finish()];
  const { log } = await writeNewLog({ ...place, name: ASKED_NAME, salt }, asked);
  await log.close();
}

export async function isRebuildWanted({ fileSystem, folder }: Place): Promise<boolean> {
  const lengths = [NAME, ASKED_NAME].map((name) => fileSystem.length(`${folder}/${name}`));
  return (await Promise.all(lengths)).some((length) => length !== undefined);
}

/**
 * Removes this node's own states and the log that led to them; the journal and the ends of epochs
 * stay. The evidence gets another name last, and the request is removed, so that a crash in between
 * begins here again.
 */
export async function dropOwnState(place: Place, nowMs: number): Promise<void> {
  const { fileSystem, folder } = place;
  for (const name of await fileSystem.list(folder)) {
    if (/^snapshot-[0-9]+\.(snap|part)$/.test(name)) await fileSystem.remove(`${folder}/${name}`);
  }
  await removeChain(place);
  if ((await fileSystem.length(`${folder}/${NAME}`)) !== undefined) {
    await fileSystem.rename(`${folder}/${NAME}`, `${folder}/divergence-${nowMs}.log`);
  }
  await fileSystem.remove(`${folder}/${ASKED_NAME}`);
  await fileSystem.syncFolder(folder);
}
