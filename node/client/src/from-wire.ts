import { toHex } from "@quorate/node/kernel/bytes";
import type {
  AuthorSignature,
  EpochProof,
  ResultCertificate,
} from "@quorate/node/kernel/certificates";
import { DecodeError } from "@quorate/node/kernel/codec";
import type { ListProof, TreeProof } from "@quorate/node/kernel/merkle";
import type { Digest } from "@quorate/node/kernel/scalars";
import type { AttestedResult } from "@quorate/node/kernel/statements";
import { MEMBERS_MAX, type Member, type ValidatorSet } from "@quorate/node/kernel/validator-set";
import type * as wire from "@quorate/proto/ledger/v1/ledger";
import type { ProtocolStatus, SplitStatus } from "@quorate/proto/query/v1/query";
import type { ClaimedProtocol, ClaimedSplit } from "./query-node.ts";

/** Wire types stop here: each function throws DecodeError and names the field. */

/** Longest path in any proof: the depth of the state tree. */
const PATH_MAX = 256;

export function present<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw new DecodeError(field, "is missing");
  return value;
}

export function safeNumber(value: bigint, field: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new DecodeError(field, "is above 2^53-1");
  return Number(value);
}

/** A key or digest: 32 bytes. */
export function hex32(bytes: Uint8Array, field: string): Digest {
  if (bytes.length !== 32) throw new DecodeError(field, `has ${bytes.length} bytes, not 32`);
  return toHex(bytes);
}

/** Power as decimal text: what a set hash covers fits 128 bits. */
function power(text: string, field: string): bigint {
  if (!/^[1-9]\d{0,37}$/.test(text)) {
    throw new DecodeError(field, `"${text}" is not a positive decimal number`);
  }
  const value = BigInt(text);
  if (BigInt.asIntN(128, value) !== value) throw new DecodeError(field, "is above 2^127-1");
  return value;
}

function signatureFromWire(message: wire.AuthorSignature, field: string): AuthorSignature {
  if (message.signature.length !== 64) {
    throw new DecodeError(`${field}.signature`, `has ${message.signature.length} bytes, not 64`);
  }
  const signature = new Uint8Array(message.signature);
  return { author: hex32(message.author, `${field}.author`), signature };
}

function resultFromWire(message: wire.AttestedResult, field: string): AttestedResult {
  return {
    epoch: safeNumber(message.epoch, `${field}.epoch`),
    height: safeNumber(message.height, `${field}.height`),
    blockId: hex32(message.blockId, `${field}.blockId`),
    timestampMs: safeNumber(message.timestampMs, `${field}.timestampMs`),
    stateRoot: hex32(message.stateRoot, `${field}.stateRoot`),
    receiptsRoot: hex32(message.receiptsRoot, `${field}.receiptsRoot`),
    nextSetHash: hex32(message.nextSetHash, `${field}.nextSetHash`),
  };
}

export function certificateFromWire(
  message: wire.ResultCertificate | undefined,
  field: string,
): ResultCertificate {
  const { result, signatures } = present(message, field);
  if (signatures.length > MEMBERS_MAX) {
    throw new DecodeError(`${field}.signatures`, `has ${signatures.length}, at most 128`);
  }
  return {
    result: resultFromWire(present(result, `${field}.result`), `${field}.result`),
    signatures: signatures.map((each, at) => signatureFromWire(each, `${field}.signatures[${at}]`)),
  };
}

function memberFromWire(message: wire.Member, field: string): Member {
  if (!/^[\x20-\x7e]{1,255}$/.test(message.address)) {
    throw new DecodeError(`${field}.address`, "is not 1 to 255 printable ASCII characters");
  }
  return {
    key: hex32(message.key, `${field}.key`),
    networkKey: hex32(message.networkKey, `${field}.networkKey`),
    address: message.address,
    owner: hex32(message.owner, `${field}.owner`),
    power: power(message.power, `${field}.power`),
    muted: message.muted,
  };
}

function setFromWire(message: wire.ValidatorSet, field: string): ValidatorSet {
  const { members } = message;
  if (members.length < 1 || members.length > MEMBERS_MAX) {
    throw new DecodeError(`${field}.members`, `has ${members.length}, not 1 to 128`);
  }
  return {
    epoch: safeNumber(message.epoch, `${field}.epoch`),
    members: members.map((each, at) => memberFromWire(each, `${field}.members[${at}]`)),
  };
}

export function epochProofFromWire(message: wire.EpochProof, field: string): EpochProof {
  const ended = {
    certificate: certificateFromWire(message.certificate, `${field}.certificate`),
    nextSet: setFromWire(present(message.nextSet, `${field}.nextSet`), `${field}.nextSet`),
  };
  const { repair } = message;
  if (repair === undefined) return ended;
  const name = `${field}.repair`;
  if (repair.signatures.length > MEMBERS_MAX) {
    throw new DecodeError(`${name}.signatures`, `has ${repair.signatures.length}, at most 128`);
  }
  return {
    ...ended,
    repair: {
      version: safeNumber(repair.version, `${name}.version`),
      signatures: repair.signatures.map((each, at) =>
        signatureFromWire(each, `${name}.signatures[${at}]`),
      ),
    },
  };
}

function path(hashes: readonly Uint8Array[], field: string): readonly Digest[] {
  if (hashes.length > PATH_MAX) {
    throw new DecodeError(field, `has ${hashes.length} hashes, at most ${PATH_MAX}`);
  }
  return hashes.map((hash, at) => hex32(hash, `${field}[${at}]`));
}

/** Hashes of a proof as bytes of their own. */
export function hashesFromWire(hashes: readonly Uint8Array[], field: string): Uint8Array[] {
  if (hashes.length > PATH_MAX) {
    throw new DecodeError(field, `has ${hashes.length} hashes, at most ${PATH_MAX}`);
  }
  return hashes.map((hash) => new Uint8Array(hash));
}

export function listProofFromWire(message: wire.ListProof | undefined, field: string): ListProof {
  const proof = present(message, field);
  return {
    index: safeNumber(proof.index, `${field}.index`),
    count: safeNumber(proof.count, `${field}.count`),
    path: path(proof.path, `${field}.path`),
  };
}

export function treeProofFromWire(message: wire.TreeProof | undefined, field: string): TreeProof {
  const { siblings, other } = present(message, field);
  const hashes = path(siblings, `${field}.siblings`);
  if (other === undefined) return { siblings: hashes };
  return {
    siblings: hashes,
    other: {
      keyHash: hex32(other.keyHash, `${field}.other.keyHash`),
      valueHash: hex32(other.valueHash, `${field}.other.valueHash`),
    },
  };
}

/** Groups and members that a status may name: a set has no more. */
function bounded<T>(list: readonly T[], field: string): readonly T[] {
  if (list.length > MEMBERS_MAX) throw new DecodeError(field, `has ${list.length} entries`);
  return list;
}

export function protocolFromWire(message: ProtocolStatus): ClaimedProtocol {
  const number = (value: bigint) => safeNumber(value, "status.protocol");
  const version = number(message.activationVersion);
  const height = number(message.activationHeight);
  return {
    version: number(message.version),
    next: version === 0 ? undefined : { version, height },
    held: bounded(message.held, "status.protocol.held").map(number),
    ready: bounded(message.ready, "status.protocol.ready").map((each) => ({
      key: hex32(each.key, "status.protocol.ready.key"),
      version: number(each.version),
    })),
  };
}

export function splitFromWire(message: SplitStatus): ClaimedSplit {
  const field = "status.split.groups";
  return {
    height: safeNumber(message.height, "status.split.height"),
    groups: bounded(message.groups, field).map((group) => ({
      stateRoot: hex32(group.stateRoot, `${field}.stateRoot`),
      receiptsRoot: hex32(group.receiptsRoot, `${field}.receiptsRoot`),
      members: bounded(group.members, `${field}.members`).map((key) => {
        return hex32(key, `${field}.members`);
      }),
    })),
    firstDifference: message.firstDifference,
  };
}
