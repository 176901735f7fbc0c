import { fromHex } from "@quorate/node/kernel/bytes";
import { DecodeError } from "@quorate/node/kernel/codec";
import { type ValidatorSet, validatorSetHash } from "@quorate/node/kernel/validator-set";
import { decodeSet, leafKeys } from "@quorate/node/ledger/leaves";
import type { ChainRequest } from "../ports.ts";
import type { ChainClient } from "./chain-state.ts";

/** A stamp of status that is further ahead of our clock than this was not written by this pass. */
const FUTURE_MS = 5_000;

/** From where a set's chain is followed. */
export interface TrustedStart {
  readonly client: ChainClient;
  /** Status is vouched for: its heights and times count. */
  readonly holdsStatus: boolean;
}

/** Opens a client that starts at the set, or at genesis where there is none. */
export type OpenClient = (start: ValidatorSet | undefined) => Promise<ChainClient>;

/** A checkpoint of status, as a set; undefined where there is none or it is no such thing. */
function decodedSet(hex: string): ValidatorSet | undefined {
  if (hex === "") return undefined;
  try {
    return decodeSet(fromHex(hex));
  } catch (error) {
    if (error instanceof DecodeError || error instanceof RangeError) return undefined;
    throw error;
  }
}

/**
 * The start of a set that this process has not followed yet. What hand-overs from genesis prove
 * counts more than status, which others may write; status counts where nobody can prove the way up
 * to it, and where it does not lead to the chain either, genesis is the start again.
 */
export async function trustedStart(
  open: OpenClient,
  { checkpoint, checkpointTimeMs }: ChainRequest,
  nowMs: number,
): Promise<TrustedStart> {
  const genesis = await open(undefined);
  const kept = checkpointTimeMs > nowMs + FUTURE_MS ? undefined : decodedSet(checkpoint);
  if (kept === undefined) return { client: genesis, holdsStatus: false };
  const vouched = (): TrustedStart => {
    const same = genesis.setOf(kept.epoch);
    const holdsStatus = same !== undefined && validatorSetHash(same) === validatorSetHash(kept);
    return { client: genesis, holdsStatus };
  };
  if (genesis.trustedSet.epoch >= kept.epoch) return vouched();
  const later = await open(kept);
  // Both at once: where nobody answers, a pass waits for one time limit, not for two.
  const [, shown] = await Promise.allSettled([
    genesis.follow(kept.epoch),
    later.state(leafKeys.chain),
  ]);
  if (genesis.trustedSet.epoch >= kept.epoch) {
    later.close();
    return vouched();
  }
  if (shown.status === "fulfilled") {
    genesis.close();
    return { client: later, holdsStatus: true };
  }
  later.close();
  const leads = await genesis.state(leafKeys.chain).then(
    () => true,
    () => false,
  );
  if (leads) return { client: genesis, holdsStatus: false };
  genesis.close();
  throw shown.reason;
}
