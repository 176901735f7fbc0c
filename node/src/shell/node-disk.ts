import { randomBytes } from "node:crypto";
import type { JournalRecord } from "../consensus/safety-data.ts";
import type { ChainRecord } from "../consensus/types.ts";
import type { Height, PublicKey } from "../kernel/scalars.ts";
import type { SignatureScheme } from "../kernel/statements.ts";
import { type Checkpoint, validatorSetHash } from "../kernel/validator-set.ts";
import { genesisSet } from "../ledger/genesis.ts";
import type { Protocols } from "../ledger/protocol.ts";
import type { ReplicaBase } from "../replica/types.ts";
import type { Birth } from "./birth.ts";
import { removeChain } from "./disk/chain-files.ts";
import { ChainStore, type ChainStoreOptions, type OpenedChain } from "./disk/chain-store.ts";
import { dropOwnState, isRebuildWanted } from "./disk/divergence.ts";
import { EpochLog } from "./disk/epoch-log.ts";
import type { FileSystem } from "./disk/file-system.ts";
import { Journal } from "./disk/journal.ts";
import { SnapshotStore } from "./disk/snapshot-store.ts";
import { FatalError } from "./fatal-error.ts";
import type { Log } from "./log.ts";
import { loadBase, type SnapshotTrust } from "./sync/snapshot-load.ts";
import { TrustedEpochs } from "./sync/trusted-epochs.ts";

export interface NodeDiskOptions {
  readonly fileSystem: FileSystem;
  readonly folder: string;
  readonly birth: Birth;
  /** Own consensus key. */
  readonly author: PublicKey;
  readonly scheme: SignatureScheme;
  readonly log: Log;
  readonly protocols: Protocols;
  readonly now: () => number;
  readonly checkpoint?: Checkpoint | undefined;
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
  /** It had one and no snapshot verifies: only a fetched state helps, no history leads to it. */
  readonly isLost: boolean;
}

export function newSalt(): Uint8Array {
  return new Uint8Array(randomBytes(16));
}

/**
 * Opens journal, snapshots and chain log: the newest snapshot that verifies, and what the log has
 * above it. Throws FatalError.
 */
export async function openNodeDisk(options: NodeDiskOptions): Promise<NodeDisk> {
  const { fileSystem, folder, birth, author, scheme, log, now, fetched } = options;
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
  const { checkpoint } = options;
  const known = { chainId, scheme, genesisSet: genesisSet(genesis), checkpoint };
  const trust = {
    genesis,
    chainId,
    scheme,
    epochs: new TrustedEpochs(known, epochs.proofs),
    protocols: options.protocols,
  };
  demandCheckpoint(trust.epochs);
  const snapshots = await SnapshotStore.open(place);
  const base = fetched ?? (await loadBase(snapshots, trust, log));
  const height = base?.certificate.result.height ?? 0;
  const opened = await openChain(place, { base: height, epochs }, fetched !== undefined);
  const { store } = opened;
  const common = { journal, store, snapshots, epochs, trust, signed };
  if (opened.hasGap) {
    log.error("no snapshot leads to the chain log: a state is fetched from peers", { height });
    return { ...common, records: [], base: undefined, isBare: true, isLost: true };
  }
  if (fetched !== undefined) await store.prune(height);
  const isFounder = genesis.seats.some(({ key }) => key === author);
  const isEmpty = base === undefined && store.height === 0;
  // A newcomer signs its registration before its first sync. An endorsement names no block and no
  // round, so that a journal with nothing else says as little of the chain as an empty one; any
  // other signature rests on what this disk should have, and then history is the safe way back.
  const hasOnlyEndorsed = signed.every(({ statement }) => statement.kind === "endorsement");
  const isBare = isEmpty && (isRebuilt || (!isFounder && hasOnlyEndorsed));
  return { ...common, records: opened.records, base, isBare, isLost: false };
}

/** What this node has on its disk is of another chain than the checkpoint's. */
function demandCheckpoint({ checkpoint, contradiction }: TrustedEpochs): void {
  if (contradiction === undefined || checkpoint === undefined) return;
  const hash = validatorSetHash(contradiction);
  throw new FatalError(
    "CHECKPOINT_MISMATCH",
    `checkpoint names set ${checkpoint.setHash} for epoch ${checkpoint.epoch}, here it is ${hash}`,
    "compare both with somebody you trust: correct `checkpoint` in the configuration, or, if it is " +
      "right, start with an empty data folder and a new key",
  );
}

/** A fetched state is begun with, whatever the log of an older one holds. */
async function openChain(
  place: ChainStoreOptions,
  from: { readonly base: Height; readonly epochs: EpochLog },
  isFetched: boolean,
): Promise<OpenedChain> {
  const opened = await ChainStore.open(place, from);
  if (!opened.hasGap || !isFetched) return opened;
  await opened.store.closeFile();
  await removeChain(place);
  return ChainStore.open(place, from);
}
