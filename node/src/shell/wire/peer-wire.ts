import type * as wire from "@quorate/proto/consensus/v1/consensus";
import {
  BATCH_BYTES_MAX,
  BLOCK_BYTES_MAX,
  CUT_MAX,
  openBatch,
  openBlock,
  SEGMENT_BATCHES_MAX,
  SEGMENT_BLOCKS_MAX,
} from "../../consensus/codec.ts";
import type {
  BatchReference,
  ChainSegment,
  CommitProof,
  OrderCertificate,
  PeerBody,
  PeerMessage,
  QuorumCertificate,
  SignedBatch,
  SignedBlock,
  TimeoutCertificate,
} from "../../consensus/types.ts";
import { unreachable } from "../../kernel/assert.ts";
import { DecodeError } from "../../kernel/codec.ts";
import type { Refusal, Result } from "../../kernel/result.ts";
import { MEMBERS_MAX } from "../../kernel/validator-set.ts";
import { counter, decoded, hex32, list, nested, present, signature64 } from "./fields.ts";
import {
  bufferOf,
  bytesOf,
  epochProofFromWire,
  epochProofToWire,
  resultCertificateFromWire,
  resultCertificateToWire,
  signaturesFromWire,
  signaturesToWire,
} from "./ledger-wire.ts";
import { signedFromWire, signedToWire } from "./statement-wire.ts";

export function blockToWire(block: SignedBlock): wire.SignedBlock {
  return { block: bufferOf(block.bytes), signature: bufferOf(block.signature) };
}

export function batchToWire(batch: SignedBatch): wire.SignedBatch {
  return { batch: bufferOf(batch.bytes), signature: bufferOf(batch.signature) };
}

function limited(bytes: Uint8Array, field: string, lengthMax: number): Uint8Array {
  if (bytes.length > lengthMax) {
    throw new DecodeError(field, `${bytes.length} bytes, at most ${lengthMax} are allowed`);
  }
  return new Uint8Array(bytes);
}

/** Exactly the received bytes are kept and hashed. */
export function blockFromWire(signed: wire.SignedBlock, field: string): SignedBlock {
  const bytes = limited(signed.block, `${field}.block`, BLOCK_BYTES_MAX);
  const signature = signature64(signed.signature, `${field}.signature`);
  return nested(`${field}.block`, () => openBlock(bytes, signature));
}

export function batchFromWire(signed: wire.SignedBatch, field: string): SignedBatch {
  const bytes = limited(signed.batch, `${field}.batch`, BATCH_BYTES_MAX);
  const signature = signature64(signed.signature, `${field}.signature`);
  return nested(`${field}.batch`, () => openBatch(bytes, signature));
}

function qcToWire(qc: QuorumCertificate): wire.QuorumCertificate {
  return {
    epoch: BigInt(qc.epoch),
    round: BigInt(qc.round),
    blockId: bytesOf(qc.blockId),
    qcRound: BigInt(qc.qcRound),
    signatures: signaturesToWire(qc.signatures),
  };
}

function qcFromWire(qc: wire.QuorumCertificate, field: string): QuorumCertificate {
  return {
    epoch: counter(qc.epoch, `${field}.epoch`),
    round: counter(qc.round, `${field}.round`),
    blockId: hex32(qc.blockId, `${field}.block_id`),
    qcRound: counter(qc.qcRound, `${field}.qc_round`),
    signatures: signaturesFromWire(qc.signatures, `${field}.signatures`),
  };
}

function tcToWire(tc: TimeoutCertificate): wire.TimeoutCertificate {
  return {
    epoch: BigInt(tc.epoch),
    round: BigInt(tc.round),
    timeouts: tc.timeouts.map(({ author, signature, hqcRound }) => ({
      author: bytesOf(author),
      signature: bufferOf(signature),
      hqcRound: BigInt(hqcRound),
    })),
    highestQc: qcToWire(tc.highestQc),
  };
}

function tcFromWire(tc: wire.TimeoutCertificate, field: string): TimeoutCertificate {
  const highestQc = present(tc.highestQc, `${field}.highest_qc`);
  return {
    epoch: counter(tc.epoch, `${field}.epoch`),
    round: counter(tc.round, `${field}.round`),
    timeouts: list(tc.timeouts, `${field}.timeouts`, MEMBERS_MAX, (timeout, name) => ({
      author: hex32(timeout.author, `${name}.author`),
      signature: signature64(timeout.signature, `${name}.signature`),
      hqcRound: counter(timeout.hqcRound, `${name}.hqc_round`),
    })),
    highestQc: qcFromWire(highestQc, `${field}.highest_qc`),
  };
}

function orderToWire(order: OrderCertificate): wire.OrderCertificate {
  return {
    epoch: BigInt(order.epoch),
    round: BigInt(order.round),
    blockId: bytesOf(order.blockId),
    signatures: signaturesToWire(order.signatures),
  };
}

function orderFromWire(order: wire.OrderCertificate, field: string): OrderCertificate {
  return {
    epoch: counter(order.epoch, `${field}.epoch`),
    round: counter(order.round, `${field}.round`),
    blockId: hex32(order.blockId, `${field}.block_id`),
    signatures: signaturesFromWire(order.signatures, `${field}.signatures`),
  };
}

function proofToWire(proof: CommitProof): wire.CommitProof {
  if (proof.kind === "order") {
    return { proof: { $case: "order", value: orderToWire(proof.certificate) } };
  }
  if (proof.kind === "attested") {
    return { proof: { $case: "attested", value: resultCertificateToWire(proof.certificate) } };
  }
  const value = { child: blockToWire(proof.child), qc: qcToWire(proof.qc) };
  return { proof: { $case: "twoChain", value } };
}

function proofFromWire(proof: wire.CommitProof, field: string): CommitProof {
  const kind = present(proof.proof, `${field}.proof`);
  if (kind.$case === "order") {
    return { kind: "order", certificate: orderFromWire(kind.value, `${field}.order`) };
  }
  if (kind.$case === "attested") {
    const certificate = resultCertificateFromWire(kind.value, `${field}.attested`);
    return { kind: "attested", certificate };
  }
  const child = present(kind.value.child, `${field}.two_chain.child`);
  const qc = present(kind.value.qc, `${field}.two_chain.qc`);
  return {
    kind: "two-chain",
    child: blockFromWire(child, `${field}.two_chain.child`),
    qc: qcFromWire(qc, `${field}.two_chain.qc`),
  };
}

function segmentToWire(segment: ChainSegment): wire.ChainSegment {
  const { epochProof } = segment;
  return {
    epoch: BigInt(segment.epoch),
    blocks: segment.blocks.map(blockToWire),
    batches: segment.batches.map(batchToWire),
    proof: proofToWire(segment.proof),
    epochProof: epochProof === undefined ? undefined : epochProofToWire(epochProof),
  };
}

function segmentFromWire(segment: wire.ChainSegment, field: string): ChainSegment {
  const { epochProof } = segment;
  return {
    epoch: counter(segment.epoch, `${field}.epoch`),
    blocks: list(segment.blocks, `${field}.blocks`, SEGMENT_BLOCKS_MAX, blockFromWire),
    batches: list(segment.batches, `${field}.batches`, SEGMENT_BATCHES_MAX, batchFromWire),
    proof: proofFromWire(present(segment.proof, `${field}.proof`), `${field}.proof`),
    epochProof:
      epochProof === undefined ? undefined : epochProofFromWire(epochProof, `${field}.epoch_proof`),
  };
}

function referenceToWire(reference: BatchReference): wire.BatchReference {
  return {
    author: bytesOf(reference.author),
    sequence: BigInt(reference.sequence),
    digest: bytesOf(reference.digest),
  };
}

function referenceFromWire(reference: wire.BatchReference, field: string): BatchReference {
  return {
    author: hex32(reference.author, `${field}.author`),
    sequence: counter(reference.sequence, `${field}.sequence`),
    digest: hex32(reference.digest, `${field}.digest`),
  };
}

import {
  stateRequestFromWire,
  stateRequestToWire,
  stateResponseFromWire,
  stateResponseToWire,
} from "./tree-wire.ts";

type WireBody = NonNullable<wire.PeerMessage["body"]>;

function bodyToWire(body: PeerBody): WireBody {
  switch (body.kind) {
    case "proposal":
      return { $case: "proposal", value: blockToWire(body.block) };
    case "statement":
      return { $case: "statement", value: signedToWire(body.signed) };
    case "order-vote": {
      const value = { signed: signedToWire(body.signed), qc: qcToWire(body.qc) };
      return { $case: "orderVote", value };
    }
    case "timeout": {
      const lastTc = body.lastTc === undefined ? undefined : tcToWire(body.lastTc);
      const signed = signedToWire(body.signed);
      return { $case: "timeout", value: { signed, highestQc: qcToWire(body.highestQc), lastTc } };
    }
    case "certificates": {
      const qc = body.qc === undefined ? undefined : qcToWire(body.qc);
      const tc = body.tc === undefined ? undefined : tcToWire(body.tc);
      const order = body.order === undefined ? undefined : orderToWire(body.order);
      return { $case: "certificates", value: { qc, tc, order } };
    }
    case "batch":
      return { $case: "batch", value: batchToWire(body.batch) };
    case "block-request": {
      const value = { epoch: BigInt(body.epoch), blockId: bytesOf(body.blockId) };
      return { $case: "blockRequest", value };
    }
    case "block-response":
      return { $case: "blockResponse", value: blockToWire(body.block) };
    case "batch-request":
      return { $case: "batchRequest", value: { references: body.references.map(referenceToWire) } };
    case "chain-request":
      return { $case: "chainRequest", value: { fromHeight: BigInt(body.fromHeight) } };
    case "chain-response":
      return { $case: "chainResponse", value: segmentToWire(body.segment) };
    case "epoch-proof":
      return { $case: "epochProof", value: epochProofToWire(body.proof) };
    case "result-certificate":
      return { $case: "resultCertificate", value: resultCertificateToWire(body.certificate) };
    case "state-request":
      return { $case: "stateRequest", value: stateRequestToWire(body) };
    case "state-response":
      return { $case: "stateResponse", value: stateResponseToWire(body) };
    default:
      return unreachable(body);
  }
}

function optional<T, U>(
  value: T | undefined,
  field: string,
  read: (value: T, field: string) => U,
): U | undefined {
  return value === undefined ? undefined : read(value, field);
}

function bodyFromWire(body: WireBody): PeerBody {
  switch (body.$case) {
    case "proposal":
      return { kind: "proposal", block: blockFromWire(body.value, "proposal") };
    case "statement":
      return { kind: "statement", signed: signedFromWire(body.value, "statement") };
    case "orderVote": {
      const signed = present(body.value.signed, "order_vote.signed");
      return {
        kind: "order-vote",
        signed: signedFromWire(signed, "order_vote.signed"),
        qc: qcFromWire(present(body.value.qc, "order_vote.qc"), "order_vote.qc"),
      };
    }
    case "timeout": {
      const { signed, highestQc, lastTc } = body.value;
      const qc = present(highestQc, "timeout.highest_qc");
      return {
        kind: "timeout",
        signed: signedFromWire(present(signed, "timeout.signed"), "timeout.signed"),
        highestQc: qcFromWire(qc, "timeout.highest_qc"),
        lastTc: optional(lastTc, "timeout.last_tc", tcFromWire),
      };
    }
    case "certificates":
      return {
        kind: "certificates",
        qc: optional(body.value.qc, "certificates.qc", qcFromWire),
        tc: optional(body.value.tc, "certificates.tc", tcFromWire),
        order: optional(body.value.order, "certificates.order", orderFromWire),
      };
    case "batch":
      return { kind: "batch", batch: batchFromWire(body.value, "batch") };
    case "blockRequest":
      return {
        kind: "block-request",
        epoch: counter(body.value.epoch, "block_request.epoch"),
        blockId: hex32(body.value.blockId, "block_request.block_id"),
      };
    case "blockResponse":
      return { kind: "block-response", block: blockFromWire(body.value, "block_response") };
    case "batchRequest": {
      const { references } = body.value;
      const name = "batch_request.references";
      return {
        kind: "batch-request",
        references: list(references, name, CUT_MAX, referenceFromWire),
      };
    }
    case "chainRequest": {
      const fromHeight = counter(body.value.fromHeight, "chain_request.from_height");
      return { kind: "chain-request", fromHeight };
    }
    case "chainResponse":
      return { kind: "chain-response", segment: segmentFromWire(body.value, "chain_response") };
    case "epochProof":
      return { kind: "epoch-proof", proof: epochProofFromWire(body.value, "epoch_proof") };
    case "resultCertificate": {
      const certificate = resultCertificateFromWire(body.value, "result_certificate");
      return { kind: "result-certificate", certificate };
    }
    case "stateRequest":
      return stateRequestFromWire(body.value);
    case "stateResponse":
      return stateResponseFromWire(body.value);
    default:
      return unreachable(body);
  }
}

/** Wire types stop here. Refusal MALFORMED names the field, as in the .proto file. */
export function messageFromWire(message: wire.PeerMessage): Result<PeerMessage, Refusal> {
  return decoded(() => {
    const status = present(message.status, "status");
    return {
      status: {
        epoch: counter(status.epoch, "status.epoch"),
        round: counter(status.round, "status.round"),
        qcRound: counter(status.qcRound, "status.qc_round"),
        committedHeight: counter(status.committedHeight, "status.committed_height"),
      },
      body: bodyFromWire(present(message.body, "body")),
    };
  });
}

export function messageToWire(message: PeerMessage): wire.PeerMessage {
  const { status } = message;
  return {
    status: {
      epoch: BigInt(status.epoch),
      round: BigInt(status.round),
      qcRound: BigInt(status.qcRound),
      committedHeight: BigInt(status.committedHeight),
    },
    body: bodyToWire(message.body),
  };
}
