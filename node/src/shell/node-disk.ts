import { randomBytes } from "node:crypto";
import type { JournalRecord } from "../consensus/safety-data.ts";
import type { ChainRecord } from "../consensus/types.ts";
import { ed25519 } from "../crypto/ed25519.ts";
import type { PublicKey } from "../kernel/scalars.ts";
import { genesisSet } from "../ledger/genesis.ts";
import type { Protocols } from "../ledger/protocol.ts";
import type { ReplicaBase } from "../replica/types.ts";
import type { Birth } from "./birth.ts";
import { ChainStore } from "./disk/chain-store.ts";
import { dropOwnState, isRebuildWanted } from "./disk/divergence.ts";
import { EpochLog } from "./disk/epoch-log.ts";
import type { FileSystem } from "./disk/file-system.ts";
import { Journal } from "./disk/journal.ts";
import { SnapshotStore } from "./disk/snapshot-store.ts";
import type { Log } from "./log.ts";
import { loadBase, type SnapshotTrust } from "./sync/snapshot-load.ts";
import { TrustedEpochs } from "./sync/trusted-epochs.ts";

export interface NodeDiskOptions {
  readonly fileSystem: FileSystem;
  readonly folder: string;
  readonly birth: Birth;
  /** Own consensus key. */
  readonly author: PublicKey;
  readonly log: Log;
  readonly protocols: Protocols;
  readonly now: () => number;
  /** A state that was fetched and verified in this life of the process. */
  readonly fetched: ReplicaBase | undefined;
}

/** Everything that a node reads before it does anything. */
export interface NodeDisk {
  readonly journal: Journal;
  readonly store: ChainStore;
  readonly snapshots: SnapshotStore;
  readonly epochs: EpochLog;
  readonly trust: SnapshotTrust;
  readonly signed: readonly JournalRecord[];
  readonly records: readonly ChainRecord[];
  readonly base: ReplicaBase | undefined;
  /** This node's own state was dropped, or it never had one: it asks for a snapshot first. */
  readonly isBare: boolean;
}

export function newSalt(): Uint8Array {
  return new Uint8Array(randomBytes(16));
}

/**
 * Opens journal, snapshots and chain log: the newest snapshot that verifies, and what the log has
 * above it. Throws FatalError.
 */
export async function openNodeDisk(options: NodeDiskOptions): Promise<NodeDisk> {
  const { fileSystem, folder, birth, author, log, now, fetched } = options;
  const place = { fileSystem, folder, salt: newSalt };
  const { chainId, genesis } = birth;
  const { journal, records: signed } = await Journal.open({ ...place, chainId, author });
  const isRebuilt = await isRebuildWanted(place);
  if (isRebuilt) {
    await journal.raiseAttestationFloor();
    await dropOwnState(place, now());
    log.warn("this node's own state is dropped: it is fetched from peers");
  }
  const epochs = await EpochLog.open({ fileSystem, folder, salt: newSalt() });
  const known = { chainId, scheme: ed25519, genesisSet: genesisSet(genesis) };
  const trust = {
    genesis,
    chainId,
    scheme: ed25519,
    epochs: new TrustedEpochs(known, epochs.proofs),
    protocols: options.protocols,
  };
  const snapshots = await SnapshotStore.open(place);
  const base = fetched ?? (await loadBase(snapshots, trust, log));
  const height = base?.certificate.result.height ?? 0;
  const { store, records } = await ChainStore.open(place, { base: height, epochs });
  if (fetched !== undefined) await store.prune(height);
  const isFounder = genesis.seats.some(({ key }) => key === author);
  const isEmpty = base === undefined && store.height === 0;
  const isBare = isEmpty && (isRebuilt || (!isFounder && journal.size === 0));
  return { journal, store, snapshots, epochs, trust, signed, records, base, isBare };
}
