import { ok, type Refusal, type Result, refuse } from "../kernel/result.ts";
import type { Digest, Height, Millis } from "../kernel/scalars.ts";
import { findMember } from "../kernel/validator-set.ts";
import { replicaStatus } from "../replica/queries.ts";
import type { ReplicaState } from "../replica/types.ts";
import { askRebuild } from "./disk/divergence.ts";
import type { FileSystem } from "./disk/file-system.ts";
import type { Log } from "./log.ts";

export interface RebuildPlace {
  readonly fileSystem: FileSystem;
  readonly folder: string;
  /** 16 random bytes. */
  readonly salt: () => Uint8Array;
  readonly log: Log;
  readonly now: () => Millis;
  /** The node begins anew from its disk, in the same process. */
  readonly restart: (base: undefined) => void;
}

/** A seat in this set, or in the one that is about to start. */
function isSeated(state: ReplicaState): boolean {
  const { key } = state.config.self;
  const { epoch, set } = state.consensus;
  return [set, epoch.handOver?.nextSet].some((each) => each && findMember(each, key) !== undefined);
}

/**
 * Rule LISTENERS: the control client may have the state of a node without a seat fetched anew; one
 * with a seat would leave its quorum at somebody's wish. The journal stays, and with it everything
 * that the key has signed. Returns the height that is dropped.
 */
export async function rebuild(
  state: ReplicaState,
  genesisHash: Digest,
  place: RebuildPlace,
): Promise<Result<Height, Refusal>> {
  if (genesisHash !== state.config.chainId) {
    const fix = `name the chain of this node, ${state.config.chainId}`;
    return refuse("FOREIGN_CHAIN", "genesis_hash", fix);
  }
  if (isSeated(state)) {
    const fix = "a member whose result differs drops its state at its next start by itself";
    return refuse("MEMBER", "node", `rebuild a node without a seat only: ${fix}`);
  }
  const { height } = replicaStatus(state);
  await askRebuild(place, place.salt(), place.now());
  place.log.warn("rebuild asked for by the control client", { height });
  place.restart(undefined);
  return ok(height);
}
