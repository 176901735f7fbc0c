import type * as wire from "@quorate/proto/ledger/v1/ledger";
import { fromHex } from "../../kernel/bytes.ts";
import type { AuthorSignature, EpochProof, ResultCertificate } from "../../kernel/certificates.ts";
import { DecodeError } from "../../kernel/codec.ts";
import type { ListProof, TreeProof } from "../../kernel/merkle.ts";
import type { AttestedResult } from "../../kernel/statements.ts";
import { MEMBERS_MAX, type Member, type ValidatorSet } from "../../kernel/validator-set.ts";
import { counter, decimal, hex32, list, present, signature64 } from "./fields.ts";

export function bytesOf(hex: string): Buffer {
  return Buffer.from(fromHex(hex));
}

/** A view, not a copy: protobuf only reads it. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function signaturesToWire(signatures: readonly AuthorSignature[]): wire.AuthorSignature[] {
  return signatures.map(({ author, signature }) => ({
    author: bytesOf(author),
    signature: bufferOf(signature),
  }));
}

export function signaturesFromWire(
  signatures: readonly wire.AuthorSignature[],
  field: string,
): AuthorSignature[] {
  return list(signatures, field, MEMBERS_MAX, ({ author, signature }, name) => ({
    author: hex32(author, `${name}.author`),
    signature: signature64(signature, `${name}.signature`),
  }));
}

export function resultToWire(result: AttestedResult): wire.AttestedResult {
  return {
    epoch: BigInt(result.epoch),
    height: BigInt(result.height),
    blockId: bytesOf(result.blockId),
    timestampMs: BigInt(result.timestampMs),
    stateRoot: bytesOf(result.stateRoot),
    receiptsRoot: bytesOf(result.receiptsRoot),
    nextSetHash: bytesOf(result.nextSetHash),
  };
}

export function resultFromWire(result: wire.AttestedResult, field: string): AttestedResult {
  return {
    epoch: counter(result.epoch, `${field}.epoch`),
    height: counter(result.height, `${field}.height`),
    blockId: hex32(result.blockId, `${field}.block_id`),
    timestampMs: counter(result.timestampMs, `${field}.timestamp_ms`),
    stateRoot: hex32(result.stateRoot, `${field}.state_root`),
    receiptsRoot: hex32(result.receiptsRoot, `${field}.receipts_root`),
    nextSetHash: hex32(result.nextSetHash, `${field}.next_set_hash`),
  };
}

export function resultCertificateToWire(certificate: ResultCertificate): wire.ResultCertificate {
  return {
    result: resultToWire(certificate.result),
    signatures: signaturesToWire(certificate.signatures),
  };
}

export function resultCertificateFromWire(
  certificate: wire.ResultCertificate,
  field: string,
): ResultCertificate {
  return {
    result: resultFromWire(present(certificate.result, `${field}.result`), `${field}.result`),
    signatures: signaturesFromWire(certificate.signatures, `${field}.signatures`),
  };
}

export function memberToWire(member: Member): wire.Member {
  return {
    key: bytesOf(member.key),
    networkKey: bytesOf(member.networkKey),
    address: member.address,
    owner: bytesOf(member.owner),
    power: member.power.toString(),
    muted: member.muted,
  };
}

function addressFromWire(address: string, field: string): string {
  if (!/^[\x20-\x7e]{1,255}$/.test(address)) {
    throw new DecodeError(field, "is not 1 to 255 characters of printable ASCII");
  }
  return address;
}

function memberFromWire(member: wire.Member, field: string): Member {
  return {
    key: hex32(member.key, `${field}.key`),
    networkKey: hex32(member.networkKey, `${field}.network_key`),
    address: addressFromWire(member.address, `${field}.address`),
    owner: hex32(member.owner, `${field}.owner`),
    power: decimal(member.power, `${field}.power`),
    muted: member.muted,
  };
}

export function setToWire(set: ValidatorSet): wire.ValidatorSet {
  return { epoch: BigInt(set.epoch), members: set.members.map(memberToWire) };
}

export function setFromWire(set: wire.ValidatorSet, field: string): ValidatorSet {
  return {
    epoch: counter(set.epoch, `${field}.epoch`),
    members: list(set.members, `${field}.members`, MEMBERS_MAX, memberFromWire),
  };
}

export function epochProofToWire(proof: EpochProof): wire.EpochProof {
  return {
    certificate: resultCertificateToWire(proof.certificate),
    nextSet: setToWire(proof.nextSet),
    repair: proof.repair && {
      version: BigInt(proof.repair.version),
      signatures: signaturesToWire(proof.repair.signatures),
    },
  };
}

export function epochProofFromWire(proof: wire.EpochProof, field: string): EpochProof {
  const certificate = present(proof.certificate, `${field}.certificate`);
  const nextSet = present(proof.nextSet, `${field}.next_set`);
  const ended = {
    certificate: resultCertificateFromWire(certificate, `${field}.certificate`),
    nextSet: setFromWire(nextSet, `${field}.next_set`),
  };
  const { repair } = proof;
  if (repair === undefined) return ended;
  const version = counter(repair.version, `${field}.repair.version`);
  const signatures = signaturesFromWire(repair.signatures, `${field}.repair.signatures`);
  return { ...ended, repair: { version, signatures } };
}

export function listProofToWire(proof: ListProof): wire.ListProof {
  return {
    index: BigInt(proof.index),
    count: BigInt(proof.count),
    path: proof.path.map(bytesOf),
  };
}

export function treeProofToWire(proof: TreeProof): wire.TreeProof {
  const { other } = proof;
  return {
    siblings: proof.siblings.map(bytesOf),
    other:
      other === undefined
        ? undefined
        : { keyHash: bytesOf(other.keyHash), valueHash: bytesOf(other.valueHash) },
  };
}
