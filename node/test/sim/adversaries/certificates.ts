import type {
  OrderCertificate,
  PeerBody,
  PeerMessage,
  QuorumCertificate,
  TimeoutCertificate,
} from "../../../src/consensus/types.ts";
import type { AuthorSignature } from "../../../src/kernel/certificates.ts";
import { ZERO_DIGEST } from "../../../src/kernel/scalars.ts";
import type { Statement } from "../../../src/kernel/statements.ts";
import { validatorSetHash } from "../../../src/kernel/validator-set.ts";
import { type Accomplice, type Adversary, HONEST, randomDigest } from "./adversary.ts";

const HELD_MAX = 40;

interface Collected {
  readonly qcs: QuorumCertificate[];
  readonly tcs: TimeoutCertificate[];
  readonly orders: OrderCertificate[];
  /** Bodies as they came: epoch proofs, result certificates, segments. */
  readonly bodies: PeerBody[];
}

function keep<T>(list: T[], item: T | undefined): void {
  if (item === undefined) return;
  list.push(item);
  if (list.length > HELD_MAX) list.shift();
}

function collect(held: Collected, { body }: PeerMessage): void {
  switch (body.kind) {
    case "proposal":
      keep(held.qcs, body.block.block.qc);
      keep(held.tcs, body.block.block.tc);
      return;
    case "order-vote":
      keep(held.qcs, body.qc);
      return;
    case "certificates":
      keep(held.qcs, body.qc);
      keep(held.tcs, body.tc);
      keep(held.orders, body.order);
      return;
    case "timeout":
      keep(held.tcs, body.lastTc);
      return;
    case "epoch-proof":
    case "result-certificate":
    case "chain-response":
      keep(held.bodies, body);
      return;
    default:
  }
}

type Signed = { readonly signatures: readonly AuthorSignature[] };

/** A certificate that proves nothing, made of one that does. */
function spoil<C extends Signed>(
  certificate: C,
  { random }: Accomplice,
): { readonly bad: C; readonly how: string } {
  const { signatures } = certificate;
  const [first, ...rest] = signatures;
  const how = random.pick(["below quorum", "doubled signer", "forged", "stranger", "unsorted"]);
  if (first === undefined) return { bad: certificate, how: "empty" };
  const lists: Readonly<Record<string, readonly AuthorSignature[]>> = {
    "below quorum": [first],
    "doubled signer": [first, first, ...rest.slice(1)],
    forged: signatures.map((each) => ({ ...each, signature: new Uint8Array(64).fill(9) })),
    stranger: [{ ...first, author: "00".repeat(32) }, ...rest],
    unsorted: signatures.toReversed(),
  };
  return { bad: { ...certificate, signatures: lists[how] ?? signatures }, how };
}

function spoiledBody(body: PeerBody, accomplice: Accomplice): PeerBody {
  const { random } = accomplice;
  switch (body.kind) {
    case "result-certificate": {
      const { certificate } = body;
      if (random.chance(0.5)) {
        return { ...body, certificate: spoil(certificate, accomplice).bad };
      }
      const result = { ...certificate.result, stateRoot: randomDigest(random) };
      return { ...body, certificate: { ...certificate, result } };
    }
    case "epoch-proof": {
      const { certificate, nextSet } = body.proof;
      if (random.chance(0.5)) {
        const proof = { certificate: spoil(certificate, accomplice).bad, nextSet };
        return { ...body, proof };
      }
      const members = nextSet.members.slice(1);
      return { ...body, proof: { certificate, nextSet: { ...nextSet, members } } };
    }
    case "chain-response": {
      const { segment } = body;
      const how = random.pick(["blocks", "batches", "proof"]);
      if (how === "blocks") return { ...body, segment: { ...segment, blocks: [] } };
      if (how === "batches") return { ...body, segment: { ...segment, batches: [] } };
      const blocks = segment.blocks.slice(0, -1);
      return { ...body, segment: { ...segment, blocks } };
    }
    default:
      return body;
  }
}

/** A certificate for what nobody voted for: alone, or in everybody's name with junk signatures. */
function forgeSigners(
  accomplice: Accomplice,
  sign: (author: string) => AuthorSignature,
): readonly AuthorSignature[] {
  const members = accomplice.state()?.consensus.set.members ?? [];
  const inAllNames = accomplice.random.chance(0.5);
  const { key } = accomplice.forge;
  return members.filter((each) => inAllNames || each.key === key).map((each) => sign(each.key));
}

function forgedBody(accomplice: Accomplice): PeerBody | undefined {
  const { random, forge } = accomplice;
  const state = accomplice.state();
  if (state === undefined) return undefined;
  const { set, epoch: now } = state.consensus;
  const { epoch } = set;
  const blockId = randomDigest(random);
  const round = now.round + random.integer(0, 3);
  const certificates = {
    kind: "certificates",
    qc: undefined,
    tc: undefined,
    order: undefined,
  } as const;
  const signed = (statement: Statement) => {
    const { signature } = forge.sign(statement);
    return forgeSigners(accomplice, (author) => ({ author, signature }));
  };
  switch (random.integer(0, 3)) {
    case 0: {
      accomplice.count("certificate: order of nothing");
      const signatures = signed({ kind: "order-vote", epoch, round, blockId });
      return { ...certificates, order: { epoch, round, blockId, signatures } };
    }
    case 1: {
      accomplice.count("certificate: quorum for nothing");
      const qcRound = now.root.round;
      const signatures = signed({ kind: "vote", epoch, round, blockId, qcRound });
      return { ...certificates, qc: { epoch, round, blockId, qcRound, signatures } };
    }
    case 2: {
      accomplice.count("certificate: timeouts of nobody");
      const { highestQc } = now;
      const at = Math.max(round, highestQc.round + 1);
      const statement = { kind: "timeout", epoch, round: at, hqcRound: highestQc.round } as const;
      const timeouts = signed(statement).map((each) => ({ ...each, hqcRound: highestQc.round }));
      return { ...certificates, tc: { epoch, round: at, timeouts, highestQc } };
    }
    default: {
      const last = state.certified?.certificate.result;
      if (last === undefined || last.epoch !== epoch) return undefined;
      accomplice.count("certificate: another future");
      const nextSet = { epoch: epoch + 1, members: set.members };
      const nextSetHash = validatorSetHash(nextSet);
      const height = state.executedHeight + random.integer(0, 1);
      const result = { ...last, height, stateRoot: randomDigest(random), nextSetHash };
      const certificate = { result, signatures: signed({ kind: "attestation", result }) };
      return { kind: "epoch-proof", proof: { certificate, nextSet } };
    }
  }
}

/** E10: goes on in an epoch whose end it attested, as if for somebody who missed the hand-over. */
function beyondEnd(accomplice: Accomplice): PeerBody | undefined {
  const { forge, random } = accomplice;
  const proof = accomplice.state()?.consensus.chain.epochProofs.at(-1);
  if (proof === undefined || proof.repair !== undefined) return undefined;
  const { result, signatures } = proof.certificate;
  const end = signatures.find(({ author }) => author === forge.key);
  if (end === undefined) return undefined;
  accomplice.count("certificate: beyond the end");
  const height = result.height + random.integer(1, 20);
  const later = { ...result, height, stateRoot: randomDigest(random), nextSetHash: ZERO_DIGEST };
  const signed = forge.sign({ kind: "attestation", result: later });
  accomplice.accuse({ ...signed, ...end, statement: { kind: "attestation", result } }, signed);
  return { kind: "statement", signed };
}

/** Sends certificates of long ago, and certificates that are none. */
export function staleCertificates(accomplice: Accomplice): Adversary {
  const { random } = accomplice;
  const held: Collected = { qcs: [], tcs: [], orders: [], bodies: [] };

  const certificates = (): PeerBody => {
    const none = { kind: "certificates", qc: undefined, tc: undefined, order: undefined } as const;
    const roll = random.next();
    if (roll < 0.4 && held.qcs.length > 0) {
      const qc = random.pick(held.qcs);
      const spoiled = random.chance(0.6) ? spoil(qc, accomplice) : { bad: qc, how: "stale" };
      accomplice.count(`certificate: quorum ${spoiled.how}`);
      // A raised round is a certificate of something else.
      const raised = random.chance(0.2) ? { ...spoiled.bad, round: qc.round + 40 } : spoiled.bad;
      return { ...none, qc: raised };
    }
    if (roll < 0.7 && held.tcs.length > 0) {
      const tc = random.pick(held.tcs);
      accomplice.count("certificate: timeouts");
      const timeouts = random.chance(0.5) ? tc.timeouts.slice(0, 1) : tc.timeouts;
      return { ...none, tc: { ...tc, timeouts, round: tc.round + random.integer(0, 2) } };
    }
    if (held.orders.length > 0) {
      const order = random.pick(held.orders);
      const spoiled = spoil(order, accomplice);
      accomplice.count(`certificate: order ${spoiled.how}`);
      return { ...none, order: { ...spoiled.bad, round: order.round + random.integer(0, 9) } };
    }
    return none;
  };

  return {
    ...HONEST,
    incoming: (message) => collect(held, message),
    outgoing(_, message) {
      const { body } = message;
      // Timeouts with a certificate of long ago: they must not move anybody back.
      if (body.kind !== "timeout" || !accomplice.isActive() || held.tcs.length === 0) {
        return [{ message, delayMs: 0 }];
      }
      const lastTc = random.pick(held.tcs);
      return [{ message: { ...message, body: { ...body, lastTc } }, delayMs: 0 }];
    },
    act() {
      if (!accomplice.isActive() || !random.chance(0.5)) return;
      const beyond = random.chance(0.1) ? beyondEnd(accomplice) : undefined;
      const forged = beyond ?? (random.chance(0.4) ? forgedBody(accomplice) : undefined);
      if (forged !== undefined) {
        accomplice.broadcast(forged);
        return;
      }
      const [body] = held.bodies.length > 0 ? [random.pick(held.bodies)] : [];
      if (body === undefined || random.chance(0.5)) {
        accomplice.broadcast(certificates());
        return;
      }
      accomplice.count(`certificate: ${body.kind}`);
      accomplice.broadcast(random.chance(0.3) ? body : spoiledBody(body, accomplice));
    },
  };
}
