import type { EpochProof, ResultCertificate } from "@quorate/node/kernel/certificates";
import { listProof } from "@quorate/node/kernel/merkle";
import { type PublicKey, ZERO_DIGEST } from "@quorate/node/kernel/scalars";
import { overlaps, validatorSet, validatorSetHash } from "@quorate/node/kernel/validator-set";
import { encodeSet, leafKeys } from "@quorate/node/ledger/leaves";
import { encodeReceiptLeaf } from "@quorate/node/ledger/receipt";
import { accountKey, encodeAccount } from "@quorate/node/margin/leaves";
import { EMPTY_ACCOUNT } from "@quorate/node/margin/state";
import {
  eventLeaf,
  FakeChain,
  GENESIS_TIME_MS,
  okReceipt,
  testKey,
} from "../../client/test/fake-chain.ts";
import { encodeProofFile, type ProofFile, type ProofStep } from "../src/proof-file.ts";
import { encodeTrustedHeader, type TrustedHeader } from "../src/trusted-header.ts";

/** A proof and what a light client has to say of it: "OK", or the code of its refusal. */
export interface Vector {
  readonly name: string;
  readonly about: string;
  readonly nowMs: number;
  readonly trustPeriodMs: number;
  readonly expect: string;
  readonly trusted: string;
  readonly proof: string;
}

const TRUST_PERIOD_MS = 86_400_000;
const NOW_MS = GENESIS_TIME_MS + 3_600_000;
const ACCOUNT = testKey("account");
const ANOTHER_ROOT = "22".repeat(32);
const CHAIN_ID = testKey("chain");

/** A chain whose state holds its set, an account and a receipt in its newest block. */
class VectorChain {
  readonly chain = new FakeChain("vectors", CHAIN_ID);
  readonly trusted: TrustedHeader;
  readonly #vectors: Vector[] = [];

  constructor() {
    const { chainId, set, height } = this.chain;
    this.trusted = { chainId, set, height, timestampMs: GENESIS_TIME_MS };
  }

  add(name: string, about: string, expect: string, part: Partial<ProofFile & Given>): void {
    const { nowMs, trusted, ...file } = { nowMs: NOW_MS, trusted: this.trusted, ...part };
    const proof: ProofFile = {
      chainId: this.chain.chainId,
      steps: [],
      certificate: this.chain.newest,
      subject: { kind: "head" },
      ...file,
    };
    this.#vectors.push({
      name,
      about,
      nowMs,
      trustPeriodMs: TRUST_PERIOD_MS,
      expect,
      trusted: encodeTrustedHeader(trusted),
      proof: encodeProofFile(proof),
    });
  }

  get all(): readonly Vector[] {
    return this.#vectors;
  }

  /** The set is a leaf of the state, as on the real chain. */
  keepSet(): void {
    this.chain.put(leafKeys.set, encodeSet(this.chain.set));
  }

  skip(set = this.chain.set, certificate = this.chain.newest): ProofStep {
    const { proof } = this.chain.state(leafKeys.set);
    return { kind: "skip", skip: { certificate, set, proof } };
  }

  /** `count` newcomers take the seats of as many light members, one hand-over each. */
  rotate(count: number, label: string): readonly ProofStep[] {
    const steps = Array.from({ length: count }, (_, at): ProofStep => {
      return { kind: "hand-over", proof: this.chain.handOver(`${label}${at}`) };
    });
    this.keepSet();
    return steps;
  }
}

interface Given {
  readonly nowMs: number;
  readonly trusted: TrustedHeader;
}

function certificates(): readonly Vector[] {
  const made = new VectorChain();
  const { chain } = made;
  const { newest } = chain;
  const [first, ...others] = newest.signatures;
  if (first === undefined) throw new Error("nobody signed");
  const signed = (signatures: ResultCertificate["signatures"]) => ({
    certificate: { ...newest, signatures },
  });
  const light = chain.set.members.filter(({ power }) => power === 8_000_000n);
  const keys = new Set<PublicKey>(light.map(({ key }) => key));
  made.add("head", "a quorum of the trusted set", "OK", {});
  made.add("duplicate-signer", "one member is listed twice", "DUPLICATE_SIGNER", {
    ...signed([first, ...newest.signatures]),
  });
  made.add("power-below-quorum", "five of seven sign, with 40 of 100", "POWER_BELOW_QUORUM", {
    ...signed(newest.signatures.filter(({ author }) => keys.has(author))),
  });
  const stranger = new FakeChain("strangers", testKey("another chain"));
  const foreign = stranger.member("stranger", 30n);
  const strange = { ...first, author: foreign.key };
  made.add("foreign-signer", "a key that has no seat signs too", "FOREIGN_SIGNER", {
    ...signed([strange, ...others]),
  });
  const flipped = first.signature.map((byte, at) => (at === 0 ? byte ^ 1 : byte));
  made.add("bad-signature", "one bit of one signature is another", "BAD_SIGNATURE", {
    ...signed([{ ...first, signature: flipped }, ...others]),
  });
  made.add("another-result", "the signatures are of another result", "BAD_SIGNATURE", {
    certificate: { ...newest, result: { ...newest.result, stateRoot: ANOTHER_ROOT } },
  });
  const before = chain.certificate({ ...newest.result, epoch: 0 });
  made.add("foreign-epoch", "an epoch before the trusted set", "FOREIGN_EPOCH", {
    certificate: before,
  });
  const ahead = chain.certificate({ ...newest.result, epoch: 2 });
  made.add("epoch-unproven", "a later epoch without the way to it", "EPOCH_UNPROVEN", {
    certificate: ahead,
  });
  made.add("foreign-chain", "the proof of another chain", "FOREIGN_CHAIN", {
    chainId: stranger.chainId,
  });
  made.add("trust-expired", "the trusted header is a millisecond too old", "TRUST_EXPIRED", {
    nowMs: GENESIS_TIME_MS + TRUST_PERIOD_MS + 1,
  });
  made.add("trust-at-its-end", "the last millisecond of the trust period", "OK", {
    nowMs: GENESIS_TIME_MS + TRUST_PERIOD_MS,
  });
  made.add("header-from-future", "block time is ahead of the clock", "HEADER_FROM_FUTURE", {
    nowMs: newest.result.timestampMs - 10_001,
  });
  return made.all;
}

function handOvers(): readonly Vector[] {
  const made = new VectorChain();
  const { chain } = made;
  const first = chain.handOver("first");
  const second = chain.handOver("second");
  const steps = (...proofs: readonly EpochProof[]) => ({
    steps: proofs.map((proof) => ({ kind: "hand-over", proof }) as const),
  });
  made.add("hand-overs", "two sets later, each certified by the one before", "OK", {
    ...steps(first, second),
  });
  made.add("epoch-skipped", "the first hand-over is missing", "EPOCH_SKIPPED", {
    ...steps(second),
  });
  made.add("set-hash-mismatch", "another set than the certificate names", "SET_HASH_MISMATCH", {
    ...steps({ ...first, nextSet: { ...second.nextSet, epoch: 2 } }),
  });
  const { result } = first.certificate;
  const beyond = { ...result, height: result.height + 1, nextSetHash: ZERO_DIGEST };
  const old = new FakeChain("vectors", CHAIN_ID);
  made.add("stale-epoch", "the replaced set signs beyond its end", "STALE_EPOCH", {
    ...steps(first),
    certificate: old.certificate(beyond),
  });
  const forked = { ...result, stateRoot: ANOTHER_ROOT };
  made.add("chain-forked", "a second result for the height of the hand-over", "CHAIN_FORKED", {
    ...steps(first),
    certificate: old.certificate(forked),
  });
  made.add(
    "height-outside-epoch",
    "the new set signs a height of the old",
    "HEIGHT_OUTSIDE_EPOCH",
    {
      ...steps(first, second),
      certificate: chain.certificate({ ...chain.newest.result, height: result.height }),
    },
  );
  const coup = new VectorChain();
  const kept = coup.chain.set.members.slice(0, 2);
  const taken = [1, 2, 3, 4, 5].map((at) => coup.chain.member(`coup ${at}`, 40n));
  const nextSet = validatorSet(2, [...kept, ...taken]);
  const certificate = coup.chain.commit([], [], { nextSetHash: validatorSetHash(nextSet) });
  made.add("overlap-too-small", "a quorum hands over to strangers", "OVERLAP_TOO_SMALL", {
    ...steps({ certificate, nextSet }),
  });
  return made.all;
}

function skips(): readonly Vector[] {
  const made = new VectorChain();
  made.rotate(2, "near");
  const near = made.skip();
  made.chain.commit();
  made.add("skip", "two epochs at once, 16 of 100 have changed", "OK", { steps: [near] });
  const later = { ...made.trusted, set: made.chain.set };
  made.add("skip-backwards", "a skip to the epoch that is trusted", "SKIP_BACKWARDS", {
    steps: [near],
    trusted: later,
  });
  made.keepSet();
  const other = validatorSet(made.chain.set.epoch, made.trusted.set.members);
  made.add("set-not-proven", "a set that the certified state does not hold", "SET_NOT_PROVEN", {
    steps: [made.skip(other)],
  });
  const atEnd = made.chain.certificate({
    ...made.chain.newest.result,
    nextSetHash: "11".repeat(32),
  });
  made.add("skip-at-hand-over", "the last block of an epoch", "SKIP_AT_HAND_OVER", {
    steps: [made.skip(made.chain.set, atEnd)],
  });
  const { newest } = made.chain;
  const few = { ...newest, signatures: newest.signatures.slice(0, 3) };
  made.add("skip-below-quorum", "three of the new set sign", "POWER_BELOW_QUORUM", {
    steps: [made.skip(made.chain.set, few)],
  });
  const far = new VectorChain();
  for (let at = 0; overlaps(far.trusted.set, far.chain.set); at += 1) far.rotate(1, `far ${at}`);
  made.add("skip-too-far", "more than a third changed", "SKIP_TOO_FAR", {
    steps: [far.skip()],
    certificate: far.chain.newest,
  });
  return made.all;
}

function subjects(): readonly Vector[] {
  const made = new VectorChain();
  const { chain } = made;
  const held = encodeAccount({ ...EMPTY_ACCOUNT, balance: 1_000_000_000n });
  chain.put(accountKey(ACCOUNT), held);
  const account = (who: PublicKey, value: Uint8Array | undefined) => {
    const { proof: path } = chain.state(accountKey(who));
    return { subject: { kind: "account", account: who, value, path } as const };
  };
  const nobody = testKey("nobody");
  made.add("account", "an account under the certified root", "OK", account(ACCOUNT, held));
  made.add("account-absent", "the chain has no such account", "OK", account(nobody, undefined));
  const richer = encodeAccount({ ...EMPTY_ACCOUNT, balance: 1_000_000_001n });
  made.add("account-richer", "a balance that the state does not hold", "STATE_NOT_PROVEN", {
    ...account(ACCOUNT, richer),
  });
  made.add("account-hidden", "an account is said not to exist", "STATE_NOT_PROVEN", {
    ...account(ACCOUNT, undefined),
  });
  const id = "ab".repeat(32);
  const leaves = [encodeReceiptLeaf(okReceipt(id)), eventLeaf()];
  const certificate = chain.commit(leaves);
  const receipt = (transaction: string, at: number, path = listProof(leaves, at)) => {
    const leaf = leaves[at] ?? eventLeaf();
    return { certificate, subject: { kind: "receipt", transaction, leaf, path } as const };
  };
  made.add("receipt", "a receipt under the certified root", "OK", receipt(id, 0));
  made.add("wrong-receipt", "the receipt of another transaction", "WRONG_RECEIPT", {
    ...receipt("cd".repeat(32), 0),
  });
  made.add("event-for-receipt", "an event in the place of a receipt", "WRONG_RECEIPT", {
    ...receipt(id, 1),
  });
  made.add("receipt-not-proven", "a path to another place", "RECEIPT_NOT_PROVEN", {
    ...receipt(id, 0, listProof(leaves, 1)),
  });
  return made.all;
}

/** All vectors, made anew from the keys of the tests: the same every time. */
export function makeVectors(): readonly Vector[] {
  return [...certificates(), ...handOvers(), ...skips(), ...subjects()];
}
