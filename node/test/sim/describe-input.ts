import type { PeerBody } from "../../src/consensus/types.ts";
import type { Statement } from "../../src/kernel/statements.ts";
import type { ReplicaEffect, ReplicaInput } from "../../src/replica/types.ts";

const short = (digest: string) => digest.slice(0, 6);

export function describeStatement(statement: Statement): string {
  switch (statement.kind) {
    case "proposal":
    case "vote":
    case "order-vote":
      return `${statement.kind} e${statement.epoch} r${statement.round} ${short(statement.blockId)}`;
    case "timeout":
      return `timeout e${statement.epoch} r${statement.round} hqc ${statement.hqcRound}`;
    case "batch":
      return `batch ${statement.sequence}`;
    case "attestation":
      return `attestation e${statement.result.epoch} h${statement.result.height}`;
    case "heartbeat":
      return `heartbeat e${statement.epoch} h${statement.height}`;
    case "oracle-report":
      return `oracle-report slot ${statement.slot}`;
    default:
      return statement.kind;
  }
}

export function describeBody(body: PeerBody): string {
  switch (body.kind) {
    case "proposal":
    case "block-response": {
      const { block, id } = body.block;
      const parent = `on r${block.qc.round}`;
      return `${body.kind} e${block.epoch} r${block.round} h${block.height} ${short(id)} ${parent}`;
    }
    case "statement":
    case "order-vote":
    case "timeout":
      return `${describeStatement(body.signed.statement)} of ${short(body.signed.author)}`;
    case "batch":
      return `batch ${body.batch.batch.sequence} of ${short(body.batch.batch.author)}`;
    case "certificates":
      return `certificates qc ${body.qc?.round} tc ${body.tc?.round} order ${body.order?.round}`;
    case "chain-request":
      return `chain-request from ${body.fromHeight}`;
    case "chain-response": {
      const heights = body.segment.blocks.map(({ block }) => block.height);
      return `chain-response ${heights.at(0)}..${heights.at(-1)}`;
    }
    case "result-certificate":
      return `result-certificate h${body.certificate.result.height}`;
    case "epoch-proof":
      return `epoch-proof to ${body.proof.nextSet.epoch}`;
    default:
      return body.kind;
  }
}

export function describeInput(input: ReplicaInput): string {
  switch (input.kind) {
    case "message":
      return `<- ${short(input.from)} ${describeBody(input.message.body)}`;
    case "signed":
      return `signed ${describeStatement(input.signed.statement)}`;
    case "timer":
      return `timer ${input.timer}`;
    default:
      return input.kind;
  }
}

export function describeEffect(effect: ReplicaEffect): string {
  switch (effect.kind) {
    case "broadcast":
      return `=> all ${describeBody(effect.message.body)}`;
    case "send":
      return `=> ${short(effect.to)} ${describeBody(effect.message.body)}`;
    case "sign":
      return `sign ${describeStatement(effect.statement)}`;
    case "executed":
      return `executed ${effect.execution.result.height} root ${short(effect.execution.result.stateRoot)}`;
    case "certified":
      return `certified ${effect.certificate.result.height}`;
    case "store":
      return `store ${effect.record.kind}`;
    case "observe":
      return `observe ${JSON.stringify(effect.event)}`;
    case "halt":
      return `halt ${effect.reason}`;
    default:
      return effect.kind;
  }
}
