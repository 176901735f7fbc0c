import { type EpochProof, verifyEpochProof } from "../../kernel/certificates.ts";
import { ok, type Refusal, type Result, refuse } from "../../kernel/result.ts";
import type { Digest, Epoch } from "../../kernel/scalars.ts";
import type { AttestedResult, SignatureScheme } from "../../kernel/statements.ts";
import {
  type Checkpoint,
  contradicts,
  overlaps,
  type ValidatorSet,
} from "../../kernel/validator-set.ts";

export interface TrustedChain {
  readonly chainId: Digest;
  readonly scheme: SignatureScheme;
  readonly genesisSet: ValidatorSet;
  readonly checkpoint?: Checkpoint | undefined;
}

/** The sets of all epochs that are proven from genesis on. */
export class TrustedEpochs {
  readonly #chain: TrustedChain;
  readonly #sets: ValidatorSet[];
  readonly #proofs: EpochProof[] = [];

  /**
   * `known` were verified before: they come from this node's own disk. The place in the list is the
   * epoch, so that a list with a gap is believed up to there only.
   */
  constructor(chain: TrustedChain, known: readonly EpochProof[]) {
    this.#chain = chain;
    this.#sets = [chain.genesisSet];
    for (const proof of known) {
      if (proof.nextSet.epoch !== this.newest.epoch + 1) break;
      this.#take(proof);
    }
  }

  get proofs(): readonly EpochProof[] {
    return this.#proofs;
  }

  get newest(): ValidatorSet {
    const newest = this.#sets.at(-1);
    if (newest === undefined) throw new Error("the set of genesis is always there");
    return newest;
  }

  get checkpoint(): Checkpoint | undefined {
    return this.#chain.checkpoint;
  }

  /** To follow somebody's word without believing it yet. */
  fork(): TrustedEpochs {
    return new TrustedEpochs(this.#chain, this.#proofs);
  }

  /** What was proven so far may be a chain of old keys: nothing of it is believed yet. */
  get isBelowCheckpoint(): boolean {
    return this.newest.epoch < (this.checkpoint?.epoch ?? 0);
  }

  /** The set that this node knows for the checkpoint's epoch, if it is another one. */
  get contradiction(): ValidatorSet | undefined {
    const { checkpoint } = this.#chain;
    const known = checkpoint && this.setOf(checkpoint.epoch);
    return known !== undefined && contradicts(known, checkpoint) ? known : undefined;
  }

  /**
   * Whether a state of this epoch may be begun with. The epoch before the checkpoint's is near
   * enough: the two sets share more than 2/3, so a quorum of the older one has more than a third of
   * the newer one's power among it, or none that is honest was left in between.
   */
  mayBegin(epoch: Epoch): boolean {
    return epoch >= (this.checkpoint?.epoch ?? 0) - 1;
  }

  /** Undefined for an epoch that is not proven here. */
  setOf(epoch: Epoch): ValidatorSet | undefined {
    return this.#sets[epoch - (this.#sets[0]?.epoch ?? 0)];
  }

  /** Whether the height lies in the epoch that the result names: a set attests its own alone. */
  covers({ epoch, height }: AttestedResult): boolean {
    const end = this.#proofs.find(({ nextSet }) => nextSet.epoch === epoch + 1);
    const start = this.#proofs.find(({ nextSet }) => nextSet.epoch === epoch);
    if (end !== undefined && height > end.certificate.result.height) return false;
    return start === undefined || height > start.certificate.result.height;
  }

  /** Verifies the next hand-over against the newest set (rule EPOCH). */
  add(proof: EpochProof): Result<void, Refusal> {
    const { newest } = this;
    const { scheme, chainId } = this.#chain;
    const verified = verifyEpochProof(scheme, chainId, newest, proof);
    if (!verified.ok) return verified;
    if (!overlaps(newest, proof.nextSet)) {
      return refuse("SETS_APART", "nextSet", "consecutive sets share more than 2/3 of the power");
    }
    if (contradicts(proof.nextSet, this.checkpoint)) {
      const fix = "its sender follows another chain, or `checkpoint` in the configuration is wrong";
      return refuse("CHECKPOINT_MISMATCH", "nextSet", fix);
    }
    this.#take(proof);
    return ok(undefined);
  }

  #take(proof: EpochProof): void {
    this.#proofs.push(proof);
    this.#sets.push(proof.nextSet);
  }
}
