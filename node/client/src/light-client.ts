import {
  type EpochProof,
  type ResultCertificate,
  resultDigest,
  verifyEpochProof,
  verifyResultCertificate,
} from "@quorate/node/kernel/certificates";
import {
  type ListProof,
  listRoot,
  type TreeProof,
  verifyListProof,
  verifyTreeProof,
} from "@quorate/node/kernel/merkle";
import { ok, type Refusal, type Result, refuse } from "@quorate/node/kernel/result";
import type { Digest, Epoch, Height, PublicKey } from "@quorate/node/kernel/scalars";
import type { SignatureScheme } from "@quorate/node/kernel/statements";
import type { ValidatorSet } from "@quorate/node/kernel/validator-set";

/** An epoch whose set was proven, and, once it is over, the height of its last block. */
interface KnownEpoch {
  readonly set: ValidatorSet;
  /** The first height that this set may certify. */
  readonly firstHeight: Height;
  /** Set when the hand-over was proven. */
  lastHeight: Height | undefined;
  lastBlockId: Digest | undefined;
}

const ONGOING = { lastHeight: undefined, lastBlockId: undefined };

/** Verified results kept to skip a second verification, and to notice a fork. */
const RESULTS_MAX = 4_096;

export interface LightClientOptions {
  readonly chainId: Digest;
  readonly scheme: SignatureScheme;
  /** The set to start from: of genesis, or of a checkpoint that the caller trusts. */
  readonly set: ValidatorSet;
}

/**
 * Follows the chain of validator sets and believes nothing without a quorum of the right epoch.
 * Holds no connection and no clock: everything it learns is handed in.
 */
export class LightClient {
  readonly chainId: Digest;
  readonly #scheme: SignatureScheme;
  readonly #epochs = new Map<Epoch, KnownEpoch>();
  readonly #results = new Map<Height, Digest>();
  #current: KnownEpoch;
  #newestHeight: Height = 0;

  constructor({ chainId, scheme, set }: LightClientOptions) {
    this.chainId = chainId;
    this.#scheme = scheme;
    this.#current = { set, firstHeight: 1, ...ONGOING };
    this.#epochs.set(set.epoch, this.#current);
  }

  /** The newest proven set. */
  get set(): ValidatorSet {
    return this.#current.set;
  }

  /** The greatest height of which a certificate was verified; 0 before the first. */
  get newestHeight(): Height {
    return this.#newestHeight;
  }

  setOf(epoch: Epoch): ValidatorSet | undefined {
    return this.#epochs.get(epoch)?.set;
  }

  /** Whether the key sat in that epoch's set, or, without an epoch, in any set proven here. */
  wasMember(key: PublicKey, epoch: Epoch | undefined): boolean {
    const known = epoch === undefined ? [...this.#epochs.values()] : [this.#epochs.get(epoch)];
    return known.some((each) => each?.set.members.some((member) => member.key === key));
  }

  /** Id of the block that ended the epoch, once its hand-over is proven. */
  lastBlockOf(epoch: Epoch): Digest | undefined {
    return this.#epochs.get(epoch)?.lastBlockId;
  }

  /** Network keys of the newest proven set and of the one before: what connections pin. */
  networkKeys(): readonly PublicKey[] {
    const sets = [this.#current.set, this.#epochs.get(this.#current.set.epoch - 1)?.set];
    return [...new Set(sets.flatMap((set) => set?.members ?? []).map((each) => each.networkKey))];
  }

  /** Takes the next set over, if the quorum of the newest known one certified it. */
  acceptEpochProof(proof: EpochProof): Result<void, Refusal> {
    // A set that is known already is not learnt again: nothing of the proof is used.
    if (proof.nextSet.epoch <= this.#current.set.epoch) return ok(undefined);
    const { height } = proof.certificate.result;
    const verified = verifyEpochProof(this.#scheme, this.chainId, this.#current.set, proof);
    if (!verified.ok) return verified;
    if (height < this.#current.firstHeight) {
      return refuse("HEIGHT_OUTSIDE_EPOCH", "certificate.result.height", "ask another node");
    }
    this.#current.lastHeight = height;
    this.#current.lastBlockId = proof.certificate.result.blockId;
    this.#current = { set: proof.nextSet, firstHeight: height + 1, ...ONGOING };
    this.#epochs.set(proof.nextSet.epoch, this.#current);
    return this.#remember(proof.certificate);
  }

  /**
   * Verifies a certificate of any epoch that is proven already. Errors: EPOCH_UNPROVEN (fetch the
   * epoch proofs first), STALE_EPOCH (a set that was replaced signed beyond its end), and those of
   * `verifyResultCertificate`.
   */
  acceptCertificate(certificate: ResultCertificate): Result<void, Refusal> {
    const { epoch, height } = certificate.result;
    const known = this.#epochs.get(epoch);
    if (known === undefined) {
      if (epoch > this.#current.set.epoch) {
        return refuse("EPOCH_UNPROVEN", "result.epoch", `prove the sets up to epoch ${epoch}`);
      }
      return refuse("FOREIGN_EPOCH", "result.epoch", `epoch ${epoch} is before the trusted set`);
    }
    // Checked before the signatures: keys of the past may have been sold since.
    if (known.lastHeight !== undefined && height > known.lastHeight) {
      const end = `epoch ${epoch} ended at height ${known.lastHeight}`;
      return refuse("STALE_EPOCH", "result.epoch", `${end}; ask a node that follows the chain`);
    }
    if (height < known.firstHeight) {
      const start = `epoch ${epoch} starts at height ${known.firstHeight}`;
      return refuse("HEIGHT_OUTSIDE_EPOCH", "result.height", `${start}; ask another node`);
    }
    if (this.#results.get(height) === resultDigest(certificate.result)) return ok(undefined);
    const verified = verifyResultCertificate(this.#scheme, this.chainId, known.set, certificate);
    return verified.ok ? this.#remember(certificate) : verified;
  }

  /** Two verified results of one height mean that more than f lied: nothing can be believed. */
  #remember(certificate: ResultCertificate): Result<void, Refusal> {
    const { result } = certificate;
    const digest = resultDigest(result);
    const before = this.#results.get(result.height);
    if (before !== undefined && before !== digest) {
      return refuse("CHAIN_FORKED", "result", `two certified results at height ${result.height}`);
    }
    this.#results.set(result.height, digest);
    this.#newestHeight = Math.max(this.#newestHeight, result.height);
    if (this.#results.size > RESULTS_MAX) {
      const oldest = this.#results.keys().next().value;
      if (oldest !== undefined) this.#results.delete(oldest);
    }
    return ok(undefined);
  }
}

/** Checks that `leaf` is among the receipts and events of the certified block. */
export function verifyReceiptLeaf(
  certificate: ResultCertificate,
  leaf: Uint8Array,
  proof: ListProof,
): Result<void, Refusal> {
  if (!verifyListProof(certificate.result.receiptsRoot, leaf, proof)) {
    return refuse("RECEIPT_NOT_PROVEN", "proof", "the path does not end at the receipts root");
  }
  return ok(undefined);
}

/** Checks that these are all receipts and events of the certified block, in order. */
export function verifyReceiptLeaves(
  certificate: ResultCertificate,
  leaves: readonly Uint8Array[],
): Result<void, Refusal> {
  if (listRoot(leaves) !== certificate.result.receiptsRoot) {
    return refuse("RECEIPTS_NOT_PROVEN", "leaves", "they do not hash to the receipts root");
  }
  return ok(undefined);
}

/** Checks that the certified state holds `value` under `key`, or, with undefined, no such key. */
export function verifyStateEntry(
  certificate: ResultCertificate,
  entry: { readonly key: string; readonly value: Uint8Array | undefined },
  proof: TreeProof,
): Result<void, Refusal> {
  if (!verifyTreeProof(certificate.result.stateRoot, entry, proof)) {
    return refuse("STATE_NOT_PROVEN", "proof", `${entry.key} does not lead to the state root`);
  }
  return ok(undefined);
}
