import {
  type EpochProof,
  type ResultCertificate,
  resultDigest,
  verifyEpochProof,
  verifyResultCertificate,
} from "@quorate/node/kernel/certificates";
import { ok, type Refusal, type Result, refuse } from "@quorate/node/kernel/result";
import type { Digest, Epoch, Height, Millis, PublicKey } from "@quorate/node/kernel/scalars";
import type { SignatureScheme } from "@quorate/node/kernel/statements";
import { overlaps, type ValidatorSet } from "@quorate/node/kernel/validator-set";
import type { ConflictingResults } from "./attack.ts";
import { type SkipProof, verifySkip } from "./skip.ts";
import type { TrustedHeader } from "./trusted-header.ts";

/** An epoch whose set was proven, and, once it is over, the height of its last block. */
interface KnownEpoch {
  readonly set: ValidatorSet;
  /** The first height that this set may certify, as far as this client knows. */
  readonly firstHeight: Height;
  /** Set when the hand-over was proven. */
  lastHeight: Height | undefined;
  lastBlockId: Digest | undefined;
}

const ONGOING = { lastHeight: undefined, lastBlockId: undefined };

/** Verified certificates kept to skip a second verification, and to notice a fork. */
const CERTIFICATES_MAX = 4_096;
/** Clocks differ: block time may be so far ahead of the asker's. */
const CLOCK_DRIFT_MS: Millis = 10_000;

/** How long a verified header may be built upon: shorter than the time in which stake unbonds. */
export interface TrustPeriod {
  readonly ms: Millis;
  /** The asker's wall clock, ms since 1970. */
  readonly now: () => Millis;
}

export interface LightClientOptions {
  readonly scheme: SignatureScheme;
  readonly trusted: TrustedHeader;
  /** Undefined: whoever holds this client bounds the age of what it starts from. */
  readonly trustPeriod?: TrustPeriod | undefined;
}

/**
 * Follows the chain of validator sets and believes nothing without a quorum of the right epoch.
 * Holds no connection: everything it learns is handed in.
 */
export class LightClient {
  readonly chainId: Digest;
  readonly #scheme: SignatureScheme;
  readonly #trustPeriod: TrustPeriod | undefined;
  readonly #epochs = new Map<Epoch, KnownEpoch>();
  readonly #certificates = new Map<Height, ResultCertificate>();
  #current: KnownEpoch;
  #newest: { readonly height: Height; readonly timestampMs: Millis };
  #conflict: ConflictingResults | undefined;

  constructor({ scheme, trusted, trustPeriod }: LightClientOptions) {
    const { chainId, set, height, timestampMs } = trusted;
    this.chainId = chainId;
    this.#scheme = scheme;
    this.#trustPeriod = trustPeriod;
    // Where its epoch began is not known: a quorum of its set speaks for every height of it.
    this.#current = { set, firstHeight: 1, ...ONGOING };
    this.#epochs.set(set.epoch, this.#current);
    this.#newest = { height, timestampMs };
  }

  /** The newest proven set. */
  get set(): ValidatorSet {
    return this.#current.set;
  }

  /** Where another light client may start from: the newest proven set and certified height. */
  get trusted(): TrustedHeader {
    return { chainId: this.chainId, set: this.#current.set, ...this.#newest };
  }

  /** The greatest height of which a certificate was verified. */
  get newestHeight(): Height {
    return this.#newest.height;
  }

  /**
   * Two quorums for one height, or one beyond the end of its epoch: the proof that more than f lied
   * (see `attackEvidence`).
   */
  get conflict(): ConflictingResults | undefined {
    return this.#conflict;
  }

  setOf(epoch: Epoch): ValidatorSet | undefined {
    return this.#epochs.get(epoch)?.set;
  }

  /** Whether the key sat in that epoch's set, or, without an epoch, in any set proven here. */
  wasMember(key: PublicKey, epoch: Epoch | undefined): boolean {
    const known = epoch === undefined ? [...this.#epochs.values()] : [this.#epochs.get(epoch)];
    return known.some((each) => each?.set.members.some((member) => member.key === key));
  }

  /** Height of the block that ended the epoch, once its hand-over is proven. */
  lastHeightOf(epoch: Epoch): Height | undefined {
    return this.#epochs.get(epoch)?.lastHeight;
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

  /**
   * Takes the next set over, if the quorum of the newest known one certified it. Errors:
   * TRUST_EXPIRED, HEADER_FROM_FUTURE, OVERLAP_TOO_SMALL, HEIGHT_OUTSIDE_EPOCH, CHAIN_FORKED, and
   * those of `verifyEpochProof`.
   */
  acceptEpochProof(proof: EpochProof): Result<void, Refusal> {
    // A set that is known already is not learnt again: nothing of the proof is used.
    if (proof.nextSet.epoch <= this.#current.set.epoch) return ok(undefined);
    const { height, blockId, timestampMs } = proof.certificate.result;
    const timely = this.#checkTime(timestampMs);
    if (!timely.ok) return timely;
    const before = this.#current.set;
    const verified = verifyEpochProof(this.#scheme, this.chainId, before, proof);
    if (!verified.ok) return verified;
    if (!overlaps(before, proof.nextSet)) {
      const fix = `no chain of ours hands over so much of epoch ${before.epoch} at once`;
      return refuse("OVERLAP_TOO_SMALL", "nextSet", fix);
    }
    if (height < this.#current.firstHeight) {
      return refuse("HEIGHT_OUTSIDE_EPOCH", "certificate.result.height", "ask another node");
    }
    const remembered = this.#remember(proof.certificate);
    if (!remembered.ok) return remembered;
    const beyond = [...this.#certificates.values()].find(({ result }) => {
      return result.epoch === before.epoch && result.height > height;
    });
    if (beyond !== undefined) {
      this.#conflict ??= { first: proof.certificate, second: beyond };
      const lied = `its set certified height ${beyond.result.height} all the same`;
      return refuse("CHAIN_FORKED", "result", `epoch ${before.epoch} ended at ${height}; ${lied}`);
    }
    this.#current.lastHeight = height;
    this.#current.lastBlockId = blockId;
    this.#current = { set: proof.nextSet, firstHeight: height + 1, ...ONGOING };
    this.#epochs.set(proof.nextSet.epoch, this.#current);
    return ok(undefined);
  }

  /**
   * Goes over to a later epoch without the hand-overs between: epochs between stay unknown. Errors:
   * TRUST_EXPIRED, HEADER_FROM_FUTURE, HEIGHT_OUTSIDE_EPOCH and those of `verifySkip`.
   */
  acceptSkip(skip: SkipProof): Result<void, Refusal> {
    const { height, timestampMs } = skip.certificate.result;
    const timely = this.#checkTime(timestampMs);
    if (!timely.ok) return timely;
    const verified = verifySkip(this.#scheme, this.chainId, this.#current.set, skip);
    if (!verified.ok) return verified;
    const firstHeight = this.#newest.height + 1;
    if (height < firstHeight) {
      const fix = `height ${this.#newest.height} is of an earlier epoch; ask another node`;
      return refuse("HEIGHT_OUTSIDE_EPOCH", "certificate.result.height", fix);
    }
    this.#current = { set: skip.set, firstHeight, ...ONGOING };
    this.#epochs.set(skip.set.epoch, this.#current);
    return this.#remember(skip.certificate);
  }

  /**
   * Verifies a certificate of any epoch that is proven already. Errors: EPOCH_UNPROVEN (fetch the
   * epoch proofs first), FOREIGN_EPOCH, STALE_EPOCH (a set that was replaced signed beyond its
   * end), HEIGHT_OUTSIDE_EPOCH, TRUST_EXPIRED, HEADER_FROM_FUTURE, CHAIN_FORKED, and those of
   * `verifyResultCertificate`.
   */
  acceptCertificate(certificate: ResultCertificate): Result<void, Refusal> {
    const { epoch, height, timestampMs } = certificate.result;
    const known = this.#epochs.get(epoch);
    if (known === undefined) {
      if (epoch > this.#current.set.epoch) {
        return refuse("EPOCH_UNPROVEN", "result.epoch", `prove the sets up to epoch ${epoch}`);
      }
      return refuse("FOREIGN_EPOCH", "result.epoch", `epoch ${epoch} is before the trusted set`);
    }
    // Whether the signatures hold or not: keys of the past may have been sold since.
    if (known.lastHeight !== undefined && height > known.lastHeight) {
      this.#noteBeyondEnd(known, known.lastHeight, certificate);
      const end = `epoch ${epoch} ended at height ${known.lastHeight}`;
      return refuse("STALE_EPOCH", "result.epoch", `${end}; ask a node that follows the chain`);
    }
    if (height < known.firstHeight) {
      const start = `epoch ${epoch} is known from height ${known.firstHeight}`;
      return refuse("HEIGHT_OUTSIDE_EPOCH", "result.height", `${start}; ask another node`);
    }
    const before = this.#certificates.get(height);
    if (before !== undefined && resultDigest(before.result) === resultDigest(certificate.result)) {
      return ok(undefined);
    }
    const timely = this.#checkTime(timestampMs);
    if (!timely.ok) return timely;
    const verified = verifyResultCertificate(this.#scheme, this.chainId, known.set, certificate);
    return verified.ok ? this.#remember(certificate) : verified;
  }

  /** A quorum that signed beyond the end of its epoch lied to whoever missed the hand-over. */
  #noteBeyondEnd({ set }: KnownEpoch, lastHeight: Height, second: ResultCertificate): void {
    const first = this.#certificates.get(lastHeight);
    if (first === undefined || this.#conflict !== undefined) return;
    const verified = verifyResultCertificate(this.#scheme, this.chainId, set, second);
    if (verified.ok) this.#conflict = { first, second };
  }

  /** Checked before any signature: what expired trust signs proves nothing. */
  #checkTime(timestampMs: Millis): Result<void, Refusal> {
    if (this.#trustPeriod === undefined) return ok(undefined);
    const nowMs = this.#trustPeriod.now();
    const ageMs = nowMs - this.#newest.timestampMs;
    if (ageMs > this.#trustPeriod.ms) {
      const fix =
        `the trusted header is ${ageMs} ms old, at most ${this.#trustPeriod.ms} count; ` +
        "get a newer one from somebody you trust";
      return refuse("TRUST_EXPIRED", "trusted.timestampMs", fix);
    }
    if (timestampMs > nowMs + CLOCK_DRIFT_MS) {
      const fix = `block time is ${timestampMs - nowMs} ms ahead of this clock; set the clock`;
      return refuse("HEADER_FROM_FUTURE", "result.timestampMs", fix);
    }
    return ok(undefined);
  }

  /** Two verified results of one height mean that more than f lied: nothing can be believed. */
  #remember(certificate: ResultCertificate): Result<void, Refusal> {
    const { height, timestampMs } = certificate.result;
    const before = this.#certificates.get(height);
    if (before !== undefined && resultDigest(before.result) !== resultDigest(certificate.result)) {
      this.#conflict ??= { first: before, second: certificate };
      return refuse("CHAIN_FORKED", "result", `two certified results at height ${height}`);
    }
    this.#certificates.set(height, certificate);
    if (height > this.#newest.height) this.#newest = { height, timestampMs };
    if (this.#certificates.size > CERTIFICATES_MAX) {
      const oldest = this.#certificates.keys().next().value;
      if (oldest !== undefined) this.#certificates.delete(oldest);
    }
    return ok(undefined);
  }
}
