import type {
  CommitProof,
  OrderCertificate,
  PeerMessage,
  SignedBatch,
  SignedBlock,
  QuorumCertificate as WireQc,
  SignedStatement as WireSigned,
  TimeoutCertificate as WireTc,
} from "@quorate/proto/consensus/v1/consensus";
import type { ResultCertificate } from "@quorate/proto/ledger/v1/ledger";
import { qcFromWire, signedFromWire, tcFromWire } from "../adversary/wire.ts";
import {
  idOf,
  type QuorumCertificate,
  scanBatch,
  scanBlock,
  type TimeoutCertificate,
} from "../stranger/blocks.ts";
import { hexText } from "../stranger/bytes.ts";
import { certificateFromWire } from "../stranger/certificates.ts";
import type { Signed, Statement } from "../stranger/statements.ts";

/** Every signature of a consensus key that a peer's message carries, in whatever certificate. */
export function statementsIn({ body }: PeerMessage): Signed[] {
  switch (body?.$case) {
    case "statement":
      return known(anySigned(body.value));
    case "orderVote":
      return [...known(anySigned(body.value.signed)), ...ofWireQc(body.value.qc)];
    case "timeout": {
      const { signed, highestQc, lastTc } = body.value;
      return [...known(anySigned(signed)), ...ofWireQc(highestQc), ...ofWireTc(lastTc)];
    }
    case "proposal":
    case "blockResponse":
      return ofBlock(body.value);
    case "batch":
      return ofBatch(body.value);
    case "certificates": {
      const { qc, tc, order } = body.value;
      return [...ofWireQc(qc), ...ofWireTc(tc), ...ofOrder(order)];
    }
    case "chainResponse": {
      const { blocks, batches, proof, epochProof } = body.value;
      return [
        ...blocks.flatMap(ofBlock),
        ...batches.flatMap(ofBatch),
        ...ofProof(proof),
        ...ofResult(epochProof?.certificate),
      ];
    }
    case "epochProof":
      return ofResult(body.value.certificate);
    case "resultCertificate":
      return ofResult(body.value);
    default:
      return [];
  }
}

function known(signed: Signed | undefined): Signed[] {
  return signed === undefined ? [] : [signed];
}

/** What the adversary's reader knows, and the kinds that are of no use to it. */
function anySigned(wire: WireSigned | undefined): Signed | undefined {
  const kind = wire?.statement?.kind;
  if (wire === undefined || kind === undefined) return undefined;
  const statement = otherStatement(kind);
  if (statement === undefined) return signedFromWire(wire);
  return { statement, author: hexText(wire.author), signature: wire.signature };
}

function otherStatement(
  kind: NonNullable<NonNullable<WireSigned["statement"]>["kind"]>,
): Statement | undefined {
  switch (kind.$case) {
    case "proposal":
    case "orderVote": {
      const { epoch, round, blockId } = kind.value;
      const place = { epoch: Number(epoch), round: Number(round), blockId: hexText(blockId) };
      return { kind: kind.$case === "proposal" ? "proposal" : "order-vote", ...place };
    }
    case "batch": {
      const { sequence, digest } = kind.value;
      return { kind: "batch", sequence: Number(sequence), digest: hexText(digest) };
    }
    case "heartbeat": {
      const { epoch, height, stateRoot } = kind.value;
      const place = { epoch: Number(epoch), height: Number(height) };
      return { kind: "heartbeat", ...place, stateRoot: hexText(stateRoot) };
    }
    case "oracleReport": {
      const { epoch, market, slot, price } = kind.value;
      const place = { epoch: Number(epoch), market, slot: Number(slot) };
      return { kind: "oracle-report", ...place, price: BigInt(price) };
    }
    case "endorsement": {
      const { nonce, subject } = kind.value;
      return { kind: "endorsement", nonce: Number(nonce), subject: hexText(subject) };
    }
    default:
      return undefined;
  }
}

function ofWireQc(wire: WireQc | undefined): Signed[] {
  return wire === undefined ? [] : ofQc(qcFromWire(wire));
}

function ofQc({ epoch, round, blockId, qcRound, signatures }: QuorumCertificate): Signed[] {
  const statement = { kind: "vote", epoch, round, blockId, qcRound } as const;
  return signatures.map(({ author, signature }) => ({ statement, author, signature }));
}

function ofWireTc(wire: WireTc | undefined): Signed[] {
  const tc = wire === undefined ? undefined : tcFromWire(wire);
  return tc === undefined ? [] : ofTc(tc);
}

function ofTc({ epoch, round, timeouts, highestQc }: TimeoutCertificate): Signed[] {
  const signed = timeouts.map(({ author, signature, hqcRound }) => {
    return { statement: { kind: "timeout", epoch, round, hqcRound } as const, author, signature };
  });
  return [...signed, ...ofQc(highestQc)];
}

function ofOrder(wire: OrderCertificate | undefined): Signed[] {
  if (wire === undefined) return [];
  const { epoch, round, blockId, signatures } = wire;
  const place = { epoch: Number(epoch), round: Number(round), blockId: hexText(blockId) };
  const statement = { kind: "order-vote", ...place } as const;
  return signatures.map(({ author, signature }) => {
    return { statement, author: hexText(author), signature };
  });
}

function ofBlock({ block: bytes, signature }: SignedBlock): Signed[] {
  const { epoch, round, proposer, qc, tc, signsOfLife } = scanBlock(bytes);
  const statement = { kind: "proposal", epoch, round, blockId: idOf(bytes) } as const;
  return [
    { statement, author: proposer, signature },
    ...ofQc(qc),
    ...(tc === undefined ? [] : ofTc(tc)),
    ...signsOfLife,
  ];
}

function ofBatch({ batch: bytes, signature }: SignedBatch): Signed[] {
  const { author, sequence } = scanBatch(bytes);
  const statement = { kind: "batch", sequence, digest: idOf(bytes) } as const;
  return [{ statement, author, signature }];
}

function ofProof(proof: CommitProof | undefined): Signed[] {
  switch (proof?.proof?.$case) {
    case "order":
      return ofOrder(proof.proof.value);
    case "twoChain": {
      const { child, qc } = proof.proof.value;
      return [...(child === undefined ? [] : ofBlock(child)), ...ofWireQc(qc)];
    }
    case "attested":
      return ofResult(proof.proof.value);
    default:
      return [];
  }
}

function ofResult(wire: ResultCertificate | undefined): Signed[] {
  if (wire === undefined) return [];
  const { result, signatures } = certificateFromWire(wire);
  const statement = { kind: "attestation", result } as const;
  return signatures.map(({ author, signature }) => ({ statement, author, signature }));
}
