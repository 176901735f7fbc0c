import type { Split } from "../consensus/split-groups.ts";
import { peerStatus } from "../consensus/state.ts";
import type { EpochProof, ResultCertificate } from "../kernel/certificates.ts";
import { getDigest, heightKey } from "../kernel/digest-map.ts";
import type { TreeProof } from "../kernel/merkle.ts";
import { ok, type Refusal, type Result, refuse } from "../kernel/result.ts";
import type { Digest, Epoch, Height, PublicKey, Round } from "../kernel/scalars.ts";
import type { AttestedResult } from "../kernel/statements.ts";
import type { ValidatorSet } from "../kernel/validator-set.ts";
import { type ProtocolView, protocolView } from "../ledger/protocol.ts";
import { proveState } from "../ledger/state-tree.ts";
import { livenessView, seatsView, sparesView, swapsView } from "../ledger/views.ts";
import { certifiedReceipt } from "./answers.ts";
import { currentSet, isMember } from "./consensus-view.ts";
import { findPlace } from "./places.ts";
import type { CertifiedReceipt, ExecutedBlock, ReplicaState } from "./types.ts";

export type TransactionStatus =
  | { readonly kind: "unknown" }
  | { readonly kind: "queued" }
  | { readonly kind: "executed"; readonly height: Height; readonly code: string | undefined }
  | { readonly kind: "certified"; readonly receipt: CertifiedReceipt };

export interface ProvenState {
  readonly value: Uint8Array | undefined;
  readonly proof: TreeProof;
  readonly certificate: ResultCertificate;
}

export interface ReplicaStatus {
  readonly chainId: Digest;
  readonly self: PublicKey;
  readonly role: "member" | "spare" | "observer";
  readonly epoch: Epoch;
  readonly round: Round;
  /** Newest executed height. */
  readonly height: Height;
  readonly certified: AttestedResult | undefined;
  readonly set: ValidatorSet;
  readonly seats: ReturnType<typeof seatsView>;
  readonly spares: ReturnType<typeof sparesView>;
  readonly swaps: ReturnType<typeof swapsView>;
  readonly liveness: ReturnType<typeof livenessView>;
  /** Transactions in the own lane that have no receipt yet. */
  readonly queued: number;
  /** Active version, pending activation, versions in this binary, and what members signalled. */
  readonly protocol: ProtocolView;
  /** Members by what they attested, where no result can reach a quorum (rule SPLIT). */
  readonly split: Split | undefined;
  /** First leaf in which two groups differ, once it is found. */
  readonly difference: string | undefined;
  /** Why the node has stopped, if it has. */
  readonly halted: string | undefined;
}

/**
 * A key's value with its path to a certified state root; undefined proves absence.
 * Refusals: STATE_NOT_CERTIFIED while no certificate for a held state was seen.
 */
export function stateProof(state: ReplicaState, key: string): Result<ProvenState, Refusal> {
  const { certified } = state;
  if (certified === undefined) {
    return refuse("STATE_NOT_CERTIFIED", "key", "no height is certified yet: ask again shortly");
  }
  const { value, proof } = proveState(certified.ledger, key);
  return ok({ value, proof, certificate: certified.certificate });
}

export function transactionStatus(state: ReplicaState, id: Digest): TransactionStatus {
  const receipt = certifiedReceipt(state, id);
  if (receipt !== undefined) return { kind: "certified", receipt };
  const place = findPlace(state.places, id);
  if (place !== undefined) {
    const executed = getDigest(state.executed, heightKey(place.height));
    const code = executed?.execution.receipts[place.position]?.code;
    return { kind: "executed", height: place.height, code };
  }
  return { kind: getDigest(state.queued, id) === undefined ? "unknown" : "queued" };
}

/** Proofs of the hand-overs from the end of `fromEpoch` on, oldest first. */
export function epochProofs(state: ReplicaState, fromEpoch: Epoch): readonly EpochProof[] {
  return state.epochProofs.slice(Math.max(fromEpoch, 1) - 1);
}

/** Undefined where the block is older than the window: then the shell reads its chain log. */
export function executedBlock(
  state: ReplicaState,
  height: Height,
): (ExecutedBlock & { readonly certificate: ResultCertificate | undefined }) | undefined {
  const key = heightKey(height);
  const entry = getDigest(state.executed, key);
  return entry && { ...entry, certificate: getDigest(state.certificates, key) };
}

/** All leaves of the block's receiptsRoot: receipts in order, then events in order. */
export function receiptLeaves(
  state: ReplicaState,
  height: Height,
): readonly Uint8Array[] | undefined {
  const entry = getDigest(state.executed, heightKey(height));
  return entry?.execution.tree.leaves;
}

/** Canonical bytes of the proofs that this node holds: those that wait, then the newest settled. */
export function heldProofs(state: ReplicaState): readonly Uint8Array[] {
  const waiting = state.pendingProofs.map(({ transaction }) => transaction);
  return [...waiting, ...state.settledProofs.toReversed()];
}

function roleOf(state: ReplicaState): ReplicaStatus["role"] {
  if (isMember(state)) return "member";
  return state.spares.includes(state.config.self.key) ? "spare" : "observer";
}

export function replicaStatus(state: ReplicaState): ReplicaStatus {
  const { config, ledger, certified, halted } = state;
  const { epoch, round } = peerStatus(state.consensus);
  return {
    chainId: config.chainId,
    self: config.self.key,
    role: roleOf(state),
    epoch,
    round,
    height: state.executedHeight,
    certified: certified?.certificate.result,
    set: currentSet(state),
    seats: seatsView(ledger),
    spares: sparesView(ledger),
    swaps: swapsView(ledger),
    liveness: livenessView(ledger),
    queued: state.queued.size,
    protocol: protocolView(ledger, config.protocols),
    split: state.consensus.chain.split,
    difference: state.difference?.leaf,
    halted,
  };
}
