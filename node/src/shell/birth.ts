import { watch } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Digest, Millis } from "../kernel/scalars.ts";
import { genesisHash, parseGenesis } from "../ledger/genesis.ts";
import type { Genesis } from "../ledger/genesis-file.ts";
import { diskFileSystem } from "./disk/file-system.ts";
import { FatalError } from "./fatal-error.ts";

const POLL_MS: Millis = 500;
const PIN_NAME = "genesis.hash";

export interface Birth {
  readonly genesis: Genesis;
  readonly chainId: Digest;
}

export interface BirthOptions {
  readonly folder: string;
  readonly genesisFile: string;
  /** The only chain that may be joined, where the configuration names one. */
  readonly genesisHash: Digest | undefined;
  readonly signal: AbortSignal;
  /**
   * Done durably before the first pin: makes the journal, so that a pin without a journal means
   * that the journal was lost.
   */
  readonly beforePin: (chainId: Digest) => Promise<void>;
}

function exists(bytes: Uint8Array | undefined): bytes is Uint8Array {
  return bytes !== undefined && bytes.length > 0;
}

/** Resolves when the folder changed or the poll is due, whichever comes first; false on abort. */
function changed(file: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve(false);
      return;
    }
    const finish = (): void => {
      clearTimeout(timer);
      watcher?.close();
      signal.removeEventListener("abort", finish);
      resolve(!signal.aborted);
    };
    const timer = setTimeout(finish, POLL_MS);
    const watcher = startWatcher(file, finish);
    signal.addEventListener("abort", finish);
  });
}

/** Watching is only quicker than polling: where it does not work, the poll does. */
function startWatcher(file: string, onChange: () => void): ReturnType<typeof watch> | undefined {
  try {
    const watcher = watch(dirname(file), (_, name) => {
      // Kubernetes swaps the folder `..data` that the mounted file is a link into.
      if (name === null || name === basename(file) || name === "..data") onChange();
    });
    watcher.on("error", onChange);
    return watcher;
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}

/**
 * Reads the genesis, waiting for the file as long as it takes, and pins its hash for ever (rule
 * GENESIS). Undefined where the wait was aborted. Throws FatalError GENESIS_INVALID,
 * GENESIS_FOREIGN where the configuration names another chain, or GENESIS_PINNED where this folder
 * belongs to one.
 */
export async function awaitGenesis(options: BirthOptions): Promise<Birth | undefined> {
  const { genesisFile, signal } = options;
  let bytes = await diskFileSystem.read(genesisFile);
  while (!exists(bytes)) {
    if (!(await changed(genesisFile, signal))) return undefined;
    bytes = await diskFileSystem.read(genesisFile);
  }
  const parsed = await parseWhole(bytes, options);
  if (parsed === undefined) return undefined;
  checkHash(parsed.chainId, options);
  const { folder, beforePin } = options;
  if ((await readPin(folder)) === undefined) await beforePin(parsed.chainId);
  await pinGenesis(folder, parsed.chainId);
  return parsed;
}

/** Before the pin: a genesis that slipped in must not stay for ever. */
function checkHash(chainId: Digest, { genesisFile, genesisHash: wanted }: BirthOptions): void {
  if (wanted === undefined || wanted === chainId) return;
  throw new FatalError(
    "GENESIS_FOREIGN",
    `${genesisFile} is chain ${chainId}, genesisHash names chain ${wanted}`,
    "give the node the genesis file of that chain, or correct genesisHash",
  );
}

/** A file that is still being written is read again once before it is refused. */
async function parseWhole(
  first: Uint8Array,
  { genesisFile, signal }: BirthOptions,
): Promise<Birth | undefined> {
  let bytes = first;
  let genesis = parseGenesis(bytes);
  if (!genesis.ok) {
    if (!(await changed(genesisFile, signal))) return undefined;
    bytes = (await diskFileSystem.read(genesisFile)) ?? bytes;
    genesis = parseGenesis(bytes);
  }
  if (genesis.ok) return { genesis: genesis.value, chainId: genesisHash(bytes) };
  const { code, field, fix } = genesis.error;
  throw new FatalError("GENESIS_INVALID", `${genesisFile}: ${field}: ${code}`, fix);
}

/** Writes the pin durably, or compares with the one that stands. */
export async function pinGenesis(folder: string, chainId: Digest): Promise<void> {
  const path = join(folder, PIN_NAME);
  const pinned = await readPin(folder);
  if (pinned === chainId) return;
  if (pinned !== undefined) {
    throw new FatalError(
      "GENESIS_PINNED",
      `${path} pins chain ${pinned}, the genesis file is chain ${chainId}`,
      "give the node the genesis file that it started with, or an empty data folder",
    );
  }
  const file = await diskFileSystem.create(`${path}.new`);
  await file.append(Buffer.from(`${chainId}\n`, "ascii"));
  await file.sync();
  await file.close();
  await diskFileSystem.rename(`${path}.new`, path);
  await diskFileSystem.syncFolder(folder);
}

/**
 * The pinned chain, or undefined before the first genesis. Throws FatalError GENESIS_PIN_MALFORMED.
 */
export async function readPin(folder: string): Promise<Digest | undefined> {
  const path = join(folder, PIN_NAME);
  const bytes = await diskFileSystem.read(path);
  if (bytes === undefined) return undefined;
  const text = Buffer.from(bytes).toString("ascii").trim();
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new FatalError(
    "GENESIS_PIN_MALFORMED",
    `${path} holds no genesis hash`,
    "put the file back from a copy; its content is the hash of the genesis file as 64 hex characters",
  );
}
