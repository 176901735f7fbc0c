import type {
  EpochProof,
  ResultCertificate,
  ValidatorSet as WireSet,
} from "@quorate/proto/ledger/v1/ledger";
import { hexText, sha256 } from "./bytes.ts";
import { key, text, u64 } from "./layout.ts";
import { powerOf, quorum, setHash, type ValidatorSet } from "./sets.ts";
import { isSignedBy, type Result, resultBytes } from "./statements.ts";

/** The wire's results, sets and certificates, checked by hand. Errors name what does not hold. */
export interface Certificate {
  readonly result: Result;
  readonly signatures: readonly { readonly author: string; readonly signature: Uint8Array }[];
}

export function certificateFromWire(wire: ResultCertificate): Certificate {
  const { result } = wire;
  if (result === undefined) throw new Error("a certificate has no result");
  return {
    result: {
      epoch: Number(result.epoch),
      height: Number(result.height),
      blockId: hexText(result.blockId),
      timestampMs: Number(result.timestampMs),
      stateRoot: hexText(result.stateRoot),
      receiptsRoot: hexText(result.receiptsRoot),
      nextSetHash: hexText(result.nextSetHash),
    },
    signatures: wire.signatures.map(({ author, signature }) => ({
      author: hexText(author),
      signature,
    })),
  };
}

export function setFromWire(wire: WireSet): ValidatorSet {
  return {
    epoch: Number(wire.epoch),
    members: wire.members.map((member) => ({
      key: hexText(member.key),
      networkKey: hexText(member.networkKey),
      address: member.address,
      owner: hexText(member.owner),
      power: BigInt(member.power),
      muted: member.muted,
    })),
  };
}

export function checkCertificate(chainId: string, set: ValidatorSet, wire: Certificate): void {
  const { result, signatures } = wire;
  const what = `the certificate of height ${result.height}`;
  if (result.epoch !== set.epoch) {
    throw new Error(`${what} is of epoch ${result.epoch}, expected ${set.epoch}`);
  }
  const statement = { kind: "attestation", result } as const;
  const signers = new Set<string>();
  for (const { author, signature } of signatures) {
    if (!isSignedBy(chainId, { statement, author, signature })) {
      throw new Error(`${what} has a bad signature of ${author}`);
    }
    signers.add(author);
  }
  const power = powerOf(set, signers);
  if (power < quorum(set))
    throw new Error(`${what} has power ${power}, a quorum is ${quorum(set)}`);
}

/** node/spec/encoding.md, Certificates: the same set goes on from a result it vouches for. */
function checkRepair(chainId: string, set: ValidatorSet, wire: Required<EpochProof>): void {
  const { certificate, nextSet, repair } = wire;
  if (certificate === undefined || nextSet === undefined || repair === undefined) return;
  const { epoch } = set;
  const proven = certificateFromWire(certificate);
  const { result } = proven;
  const version = Number(repair.version);
  const isInside = /^0+$/.test(result.nextSetHash);
  const isOwn = result.epoch === epoch && isInside;
  // An epoch that a repair opened began where an older one was left, with the same seats.
  const isEnd = result.nextSetHash === setHash({ ...set, epoch: result.epoch + 1 });
  const isBirth = result.epoch < epoch && (isInside || isEnd);
  if (!isOwn && !isBirth) throw new Error(`the repair of epoch ${epoch} names a foreign result`);
  if (setHash(setFromWire(nextSet)) !== setHash({ ...set, epoch: epoch + 1 })) {
    throw new Error(`the repair of epoch ${epoch} changes the set`);
  }
  if (isOwn) checkCertificate(chainId, set, proven);
  const subject = sha256(
    text("quorate/v1/repair"),
    key(chainId),
    u64(epoch),
    u64(version),
    resultBytes(result),
  );
  const statement = { kind: "endorsement", nonce: 2 ** 51 + epoch, subject } as const;
  const signers = new Set<string>();
  for (const { author: raw, signature } of repair.signatures) {
    const author = hexText(raw);
    if (!isSignedBy(chainId, { statement, author, signature })) {
      throw new Error(`the repair of epoch ${epoch} has a bad signature of ${author}`);
    }
    signers.add(author);
  }
  const power = powerOf(set, signers);
  if (power < quorum(set)) throw new Error(`the repair of epoch ${epoch} has power ${power}`);
}

/** The set that follows `set`, and the result of the block that ended its epoch. */
export function checkEpochProof(
  chainId: string,
  set: ValidatorSet,
  wire: EpochProof,
): { readonly next: ValidatorSet; readonly last: Result } {
  if (wire.certificate === undefined || wire.nextSet === undefined) {
    throw new Error("an epoch proof is incomplete");
  }
  const certificate = certificateFromWire(wire.certificate);
  const next = setFromWire(wire.nextSet);
  if (wire.repair !== undefined) {
    checkRepair(chainId, set, { ...wire, repair: wire.repair });
    return { next, last: certificate.result };
  }
  checkCertificate(chainId, set, certificate);
  if (next.epoch !== set.epoch + 1 || setHash(next) !== certificate.result.nextSetHash) {
    throw new Error(`the certificate that ends epoch ${set.epoch} names another set`);
  }
  return { next, last: certificate.result };
}
