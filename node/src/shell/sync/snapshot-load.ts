import { setImmediate as pause } from "node:timers/promises";
import { verifyResultCertificate } from "../../kernel/certificates.ts";
import { type Refusal, type Result, refuse } from "../../kernel/result.ts";
import { type Digest, type Height, ZERO_DIGEST } from "../../kernel/scalars.ts";
import type { SignatureScheme } from "../../kernel/statements.ts";
import type { Steps } from "../../kernel/steps.ts";
import type { Genesis } from "../../ledger/genesis-file.ts";
import type { LedgerLoader } from "../../ledger/ledger-loader.ts";
import type { Protocols } from "../../ledger/protocol.ts";
import { openLedgerLoader } from "../../ledger/snapshot.ts";
import { verifyManifest } from "../../ledger/snapshot-manifest.ts";
import type { ReplicaBase } from "../../replica/types.ts";
import type { SnapshotHead, SnapshotStore } from "../disk/snapshot-store.ts";
import { FatalError } from "../fatal-error.ts";
import type { Log } from "../log.ts";
import type { TrustedEpochs } from "./trusted-epochs.ts";

export interface SnapshotTrust {
  readonly genesis: Genesis;
  readonly chainId: Digest;
  readonly scheme: SignatureScheme;
  readonly epochs: TrustedEpochs;
  readonly protocols: Protocols;
}

/** A head says what it says only with its certificate: quorum, block and manifest of one height. */
export function verifyHead(
  { chainId, scheme, epochs }: SnapshotTrust,
  { certificate, block, manifest }: SnapshotHead,
): Result<void, Refusal> {
  const { result } = certificate;
  const set = epochs.setOf(result.epoch);
  if (set === undefined) {
    return refuse("EPOCH_UNPROVEN", "certificate", `prove the way to epoch ${result.epoch} first`);
  }
  if (!epochs.covers(result)) {
    return refuse("HEIGHT_OF_ANOTHER_EPOCH", "certificate", "a set attests its own heights only");
  }
  // Whoever starts at the end of an epoch starts the next one, and needs its set.
  if (result.nextSetHash !== ZERO_DIGEST && epochs.setOf(result.epoch + 1) === undefined) {
    return refuse("EPOCH_UNPROVEN", "certificate", `prove the end of epoch ${result.epoch} too`);
  }
  const certified = verifyResultCertificate(scheme, chainId, set, certificate);
  if (!certified.ok) return certified;
  if (block.id !== result.blockId) {
    return refuse("BLOCK_MISMATCH", "block", "send the block that the certificate names");
  }
  return verifyManifest(manifest, result);
}

export function openLoader(trust: SnapshotTrust, head: SnapshotHead): LedgerLoader {
  const { genesis, chainId, protocols } = trust;
  const { manifest, certificate, block } = head;
  const { round } = block.block;
  return openLedgerLoader({
    genesis,
    chainId,
    manifest,
    certified: certificate.result,
    block: { round },
    protocols,
  });
}

/** Makes a refusal of the ledger a reason to pass a file over. */
export class SnapshotRefused extends Error {
  override readonly name = "SnapshotRefused";
  readonly code: string;
  constructor({ code, field, fix }: Refusal) {
    super(`${code}: ${field}: ${fix}`);
    this.code = code;
  }
}

/** The chain is at a version that this binary lacks: said in the state, or by its leaves. */
const OF_ANOTHER_VERSION: ReadonlySet<string> = new Set(["STATE_VERSION", "LEAF_UNKNOWN"]);

/**
 * What a quorum certified and this binary cannot read is no fault of who sent it, and no other peer
 * has a better one (rule VERSION). Undefined for what a sender is to blame for.
 */
export function unreadableState(height: Height, refusal: Refusal): FatalError | undefined {
  const { code, field, fix } = refusal;
  const problem = `the certified state of height ${height}: ${code}: ${field}: ${fix}`;
  if (OF_ANOTHER_VERSION.has(code)) {
    const other = "start a binary that holds the chain's version; the data folder is as it was";
    return new FatalError("PROTOCOL_UNSUPPORTED", problem, other);
  }
  if (!/^(LEAF|STATE)_/.test(code)) return undefined;
  const keep = "report a bug with this snapshot; the data folder is as it was";
  return new FatalError("STATE_UNREADABLE", problem, keep);
}

function demand<T>(result: Result<T, Refusal>, height: Height): T {
  if (result.ok) return result.value;
  const unreadable = unreadableState(height, result.error);
  if (unreadable?.code === "PROTOCOL_UNSUPPORTED") throw unreadable;
  throw new SnapshotRefused(result.error);
}

async function loadOne(
  snapshots: SnapshotStore,
  trust: SnapshotTrust,
  height: number,
): Promise<ReplicaBase> {
  const opened: { loader?: LedgerLoader; head?: SnapshotHead } = {};
  await snapshots.read(height, (head) => {
    demand(verifyHead(trust, head), height);
    const loader = openLoader(trust, head);
    Object.assign(opened, { loader, head });
    return async (index, chunk) => {
      demand(await inSteps(loader.addSteps(index, chunk)), height);
      await pause();
    };
  });
  const { loader, head } = opened;
  if (loader === undefined || head === undefined) throw new Error("no head was read");
  const { certificate, block } = head;
  const ledger = demand(await inSteps(loader.finishSteps()), height);
  return { certificate, block, epochProofs: trust.epochs.proofs, ledger };
}

/** With a turn of the event loop after each step: whoever asks for health meanwhile is answered. */
export async function inSteps<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await pause();
  }
}

/** A disk that cannot be read, or a set that is not proven here yet, may do better next time. */
function isBad(error: unknown): boolean {
  if (error instanceof FatalError) return error.code !== "DISK_FAILED";
  return !(error instanceof SnapshotRefused) || error.code !== "EPOCH_UNPROVEN";
}

/**
 * The newest of this node's own snapshots that is whole and verifies against its certificate; one
 * that does not is named in the log and passed over. Undefined where there is none.
 */
export async function loadBase(
  snapshots: SnapshotStore,
  trust: SnapshotTrust,
  log: Log,
): Promise<ReplicaBase | undefined> {
  for (const height of snapshots.heights) {
    const before = performance.now();
    try {
      const base = await loadOne(snapshots, trust, height);
      const seconds = (performance.now() - before) / 1_000;
      log.info("starts from a snapshot", { height, seconds });
      return base;
    } catch (error) {
      if (error instanceof FatalError && error.code === "PROTOCOL_UNSUPPORTED") throw error;
      const reason = error instanceof Error ? error.message : String(error);
      log.error("snapshot passed over: it does not verify", { height, reason });
      if (isBad(error)) await snapshots.setAside(height);
    }
  }
  return undefined;
}
