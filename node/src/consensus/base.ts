import { defined } from "../kernel/assert.ts";
import type { EpochProof, ResultCertificate } from "../kernel/certificates.ts";
import { type Epoch, type Height, type PublicKey, ZERO_DIGEST } from "../kernel/scalars.ts";
import type { AttestedResult } from "../kernel/statements.ts";
import type { ValidatorSet } from "../kernel/validator-set.ts";
import { leaderOrder } from "./leader-election.ts";
import { type OrderedChain, type Ordering, startOrdering } from "./ordering.ts";
import { type ConsensusConfig, createEpoch, type EpochState, epochGenesisId } from "./state.ts";
import type { SignedBlock } from "./types.ts";

/** A certified height to start from instead of genesis; everything in it has been verified. */
export interface Base {
  readonly certificate: ResultCertificate;
  /** The block of that height. */
  readonly block: SignedBlock;
  /** Leaf `ordering` of the certified state. */
  readonly ordering: Ordering;
  /** Ends of epochs since genesis, at least of all up to this height. */
  readonly epochProofs: readonly EpochProof[];
  /** Keys of the spares that are registered at this height. */
  readonly spares: readonly PublicKey[];
}

/** Where the chain of a node begins: after genesis, or after the height of a snapshot. */
export interface Beginning {
  readonly height: Height;
  /** The set of the next block, and its epoch as far as committed blocks say. */
  readonly set: ValidatorSet;
  readonly epoch: EpochState;
  readonly epochProofs: readonly EpochProof[];
  readonly ordered: OrderedChain;
}

function setOf(config: ConsensusConfig, base: Base, epoch: Epoch): ValidatorSet {
  const { genesisSet } = config;
  if (epoch === genesisSet.epoch) return genesisSet;
  const proof = base.epochProofs[epoch - genesisSet.epoch - 1];
  return defined(proof, `the proof that started epoch ${epoch}`).nextSet;
}

/** A result that names a next set ended its epoch: whoever starts there starts the next one. */
function epochAfter({ epoch, nextSetHash }: AttestedResult): Epoch {
  return nextSetHash === ZERO_DIGEST ? epoch : epoch + 1;
}

export function beginAtGenesis(config: ConsensusConfig): Beginning {
  const { chainId, genesisSet: set, genesisTimeMs: timestampMs } = config;
  const genesisId = epochGenesisId(chainId, set.epoch, undefined);
  const lanes = new Map();
  return {
    height: 0,
    set,
    epoch: createEpoch(chainId, { set, height: 0, timestampMs, lanes, genesisId }, 0),
    epochProofs: [],
    ordered: startOrdering(chainId, set, lanes),
  };
}

export function beginAt(config: ConsensusConfig, base: Base): Beginning {
  const { chainId, genesisSet } = config;
  const { result } = base.certificate;
  const { height, timestampMs, blockId: id } = result;
  const { view, round, elections } = base.ordering;
  const set = setOf(config, base, epochAfter(result));
  const epochProofs = base.epochProofs.slice(0, set.epoch - genesisSet.epoch);
  const before = epochProofs.at(-1)?.certificate.result;
  const genesisId = epochGenesisId(chainId, set.epoch, before);
  const fresh = createEpoch(chainId, { set, height, timestampMs, lanes: view.lanes, genesisId }, 0);
  const root = { id, round, height, timestampMs, receivedAt: 0, view };
  const epoch = set.epoch === result.epoch ? { ...fresh, root, elections } : fresh;
  const executedSet = setOf(config, base, result.epoch);
  const electorate = { set: executedSet, order: leaderOrder(chainId, executedSet) };
  return { height, set, epoch, epochProofs, ordered: { ordering: base.ordering, electorate } };
}
