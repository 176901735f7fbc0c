import type {
  PeerMessage,
  QuorumCertificate as WireQc,
  SignedStatement as WireSigned,
  TimeoutCertificate as WireTc,
} from "@quorate/proto/consensus/v1/consensus";
import type { QuorumCertificate, TimeoutCertificate } from "../stranger/blocks.ts";
import { hexBytes, hexText } from "../stranger/bytes.ts";
import type { Signed, Statement } from "../stranger/statements.ts";

/** Between the wire's messages and the plain values that the adversary works on. */
export type Body = NonNullable<PeerMessage["body"]>;

const buffer = (hex: string): Buffer => Buffer.from(hexBytes(hex));

function statementToWire(statement: Statement): WireSigned["statement"] {
  switch (statement.kind) {
    case "vote": {
      const { epoch, round, blockId, qcRound } = statement;
      const value = {
        epoch: BigInt(epoch),
        round: BigInt(round),
        blockId: buffer(blockId),
        qcRound: BigInt(qcRound),
      };
      return { kind: { $case: "vote", value } };
    }
    case "attestation": {
      const { result } = statement;
      const value = {
        result: {
          epoch: BigInt(result.epoch),
          height: BigInt(result.height),
          blockId: buffer(result.blockId),
          timestampMs: BigInt(result.timestampMs),
          stateRoot: buffer(result.stateRoot),
          receiptsRoot: buffer(result.receiptsRoot),
          nextSetHash: buffer(result.nextSetHash),
        },
      };
      return { kind: { $case: "attestation", value } };
    }
    default:
      throw new Error(`the adversary sends no ${statement.kind} by itself`);
  }
}

export function signedToWire({ statement, author, signature }: Signed): Body {
  return {
    $case: "statement",
    value: {
      statement: statementToWire(statement),
      author: buffer(author),
      signature: Buffer.from(signature),
    },
  };
}

/** Votes, attestations and timeouts; other kinds are of no use here. */
export function signedFromWire(wire: WireSigned | undefined): Signed | undefined {
  const kind = wire?.statement?.kind;
  if (wire === undefined || kind === undefined) return undefined;
  const who = { author: hexText(wire.author), signature: wire.signature };
  switch (kind.$case) {
    case "vote": {
      const { epoch, round, blockId, qcRound } = kind.value;
      const place = { epoch: Number(epoch), round: Number(round), qcRound: Number(qcRound) };
      return { ...who, statement: { kind: "vote", ...place, blockId: hexText(blockId) } };
    }
    case "timeout": {
      const { epoch, round, hqcRound } = kind.value;
      const place = { epoch: Number(epoch), round: Number(round), hqcRound: Number(hqcRound) };
      return { ...who, statement: { kind: "timeout", ...place } };
    }
    case "attestation": {
      const { result } = kind.value;
      if (result === undefined) return undefined;
      return {
        ...who,
        statement: {
          kind: "attestation",
          result: {
            epoch: Number(result.epoch),
            height: Number(result.height),
            blockId: hexText(result.blockId),
            timestampMs: Number(result.timestampMs),
            stateRoot: hexText(result.stateRoot),
            receiptsRoot: hexText(result.receiptsRoot),
            nextSetHash: hexText(result.nextSetHash),
          },
        },
      };
    }
    default:
      return undefined;
  }
}

export function qcFromWire(wire: WireQc): QuorumCertificate {
  return {
    epoch: Number(wire.epoch),
    round: Number(wire.round),
    blockId: hexText(wire.blockId),
    qcRound: Number(wire.qcRound),
    signatures: wire.signatures.map(({ author, signature }) => ({
      author: hexText(author),
      signature,
    })),
  };
}

export function tcFromWire(wire: WireTc): TimeoutCertificate | undefined {
  if (wire.highestQc === undefined) return undefined;
  return {
    epoch: Number(wire.epoch),
    round: Number(wire.round),
    timeouts: wire.timeouts.map(({ author, signature, hqcRound }) => ({
      author: hexText(author),
      signature,
      hqcRound: Number(hqcRound),
    })),
    highestQc: qcFromWire(wire.highestQc),
  };
}
