import { type EpochProof, verifyEpochProof } from "../../kernel/certificates.ts";
import { ok, type Refusal, type Result, refuse } from "../../kernel/result.ts";
import type { Digest, Epoch } from "../../kernel/scalars.ts";
import type { AttestedResult, SignatureScheme } from "../../kernel/statements.ts";
import { overlaps, type ValidatorSet } from "../../kernel/validator-set.ts";

/** The sets of all epochs that are proven from genesis on. */
export class TrustedEpochs {
  readonly #chainId: Digest;
  readonly #scheme: SignatureScheme;
  readonly #sets: ValidatorSet[];
  readonly #proofs: EpochProof[] = [];

  /**
   * `known` were verified before: they come from this node's own disk. The place in the list is the
   * epoch, so that a list with a gap is believed up to there only.
   */
  constructor(
    chain: {
      readonly chainId: Digest;
      readonly scheme: SignatureScheme;
      readonly genesisSet: ValidatorSet;
    },
    known: readonly EpochProof[],
  ) {
    this.#chainId = chain.chainId;
    this.#scheme = chain.scheme;
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
    const verified = verifyEpochProof(this.#scheme, this.#chainId, newest, proof);
    if (!verified.ok) return verified;
    if (!overlaps(newest, proof.nextSet)) {
      return refuse("SETS_APART", "nextSet", "consecutive sets share more than 2/3 of the power");
    }
    this.#take(proof);
    return ok(undefined);
  }

  #take(proof: EpochProof): void {
    this.#proofs.push(proof);
    this.#sets.push(proof.nextSet);
  }
}
