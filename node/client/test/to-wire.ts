import { fromHex } from "@quorate/node/kernel/bytes";
import type { EpochProof, ResultCertificate } from "@quorate/node/kernel/certificates";
import type { TreeProof } from "@quorate/node/kernel/merkle";
import type * as wire from "@quorate/proto/ledger/v1/ledger";
import type { CertifiedRun, CommittedBlock } from "@quorate/proto/query/v1/query";
import type { ClaimedBlock, ClaimedReceipt, ClaimedRun } from "../src/query-node.ts";

export function bytesOf(hex: string): Buffer {
  return Buffer.from(fromHex(hex));
}

export function certificateToWire({
  result,
  signatures,
}: ResultCertificate): wire.ResultCertificate {
  return {
    result: {
      epoch: BigInt(result.epoch),
      height: BigInt(result.height),
      blockId: bytesOf(result.blockId),
      timestampMs: BigInt(result.timestampMs),
      stateRoot: bytesOf(result.stateRoot),
      receiptsRoot: bytesOf(result.receiptsRoot),
      nextSetHash: bytesOf(result.nextSetHash),
    },
    signatures: signatures.map(({ author, signature }) => ({
      author: bytesOf(author),
      signature: Buffer.from(signature),
    })),
  };
}

export function receiptToWire(claimed: ClaimedReceipt): wire.CertifiedReceipt {
  const { advice, leaf, proof, certificate } = claimed;
  return {
    fix: advice.fix,
    outcomeFixes: [...advice.outcomeFixes],
    height: BigInt(certificate.result.height),
    receipt: Buffer.from(leaf),
    proof: {
      index: BigInt(proof.index),
      count: BigInt(proof.count),
      path: proof.path.map(bytesOf),
    },
    certificate: certificateToWire(certificate),
  };
}

export function runToWire(claimed: ClaimedRun): CertifiedRun {
  const { certificate, numbers, leaves, proof, advice } = claimed;
  return {
    certificate: certificateToWire(certificate),
    numbers: [...numbers],
    receipts: leaves.map((leaf) => Buffer.from(leaf)),
    first: BigInt(proof.first),
    count: BigInt(proof.count),
    path: proof.path.map((hash) => Buffer.from(hash)),
    advice: [...advice].map(([number, { fix, outcomeFixes }]) => {
      return { number, fix, outcomeFixes: [...outcomeFixes] };
    }),
  };
}

export function treeProofToWire({ siblings, other }: TreeProof): wire.TreeProof {
  return {
    siblings: siblings.map(bytesOf),
    other: other && { keyHash: bytesOf(other.keyHash), valueHash: bytesOf(other.valueHash) },
  };
}

export function epochProofToWire({ certificate, nextSet, repair }: EpochProof): wire.EpochProof {
  return {
    repair: repair && {
      version: BigInt(repair.version),
      signatures: repair.signatures.map(({ author, signature }) => ({
        author: bytesOf(author),
        signature: Buffer.from(signature),
      })),
    },
    certificate: certificateToWire(certificate),
    nextSet: {
      epoch: BigInt(nextSet.epoch),
      members: nextSet.members.map((member) => ({
        key: bytesOf(member.key),
        networkKey: bytesOf(member.networkKey),
        address: member.address,
        owner: bytesOf(member.owner),
        power: member.power.toString(),
        muted: member.muted,
      })),
    },
  };
}

export function blockToWire({ height, block, batches, certificate }: ClaimedBlock): CommittedBlock {
  const signature = Buffer.alloc(64);
  return {
    height: BigInt(height),
    block: { block: Buffer.from(block), signature },
    batches: batches.map((batch) => ({ batch: Buffer.from(batch), signature })),
    certificate: certificate && certificateToWire(certificate),
  };
}
