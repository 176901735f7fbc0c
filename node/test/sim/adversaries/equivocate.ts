import type { PeerBody, SignedBatch, SignedBlock } from "../../../src/consensus/types.ts";
import type { SignedStatement, Statement } from "../../../src/kernel/statements.ts";
import { encodeTransaction } from "../../../src/ledger/transaction.ts";
import type { Equivocation, Liar } from "../liars.ts";
import { type Accomplice, type Adversary, HONEST, pass, randomDigest } from "./adversary.ts";

/** The same index, another content: undefined where the kind has no second form. */
function otherStatement({ rivals, random, state }: Accomplice, statement: Statement) {
  switch (statement.kind) {
    case "vote":
    case "order-vote": {
      const rival = rivals.get(`${statement.epoch}/${statement.round}`);
      if (rival === undefined) return { ...statement, blockId: randomDigest(random) };
      const { id: blockId, block } = rival;
      return statement.kind === "vote"
        ? { ...statement, blockId, qcRound: block.qc.round }
        : { ...statement, blockId };
    }
    case "attestation": {
      const root = randomDigest(random);
      return { ...statement, result: { ...statement.result, stateRoot: root } };
    }
    case "heartbeat":
      return { ...statement, stateRoot: randomDigest(random) };
    case "timeout":
      // A lower certificate than its vote rested on: E4 or E5.
      return state() === undefined ? undefined : { ...statement, hqcRound: 0 };
    default:
      return undefined;
  }
}

/** Signs twice, and tells each half of the network another story. */
export function equivocate(liar: Liar, accomplice: Accomplice): Adversary {
  const { forge, random, rivals } = accomplice;
  const second = new WeakMap<PeerBody, PeerBody>();
  const salt = random.integer(0, 1);
  const says = (kind: Equivocation) =>
    accomplice.isActive() && liar.says.includes(kind) && random.chance(0.6);

  const told = (first: SignedStatement, other: SignedStatement): void => {
    accomplice.count(`equivocation: ${first.statement.kind}`);
    accomplice.accuse(first, other);
  };

  const proposal = (block: SignedBlock): SignedBlock => {
    const { epoch, round, timestampMs } = block.block;
    const twin = forge.block({ ...block.block, timestampMs: timestampMs + 1 });
    rivals.set(`${epoch}/${round}`, twin);
    const of = (blockId: string) => forge.sign({ kind: "proposal", epoch, round, blockId });
    told(of(block.id), of(twin.id));
    return twin;
  };

  const statementOf = (signed: SignedStatement): SignedStatement => {
    if (signed.author !== forge.key) return signed;
    const other = otherStatement(accomplice, signed.statement);
    if (other === undefined) return signed;
    const twin = forge.sign(other);
    told(signed, twin);
    return twin;
  };

  const batch = (signed: SignedBatch): SignedBatch => {
    const { batch: first } = signed;
    if (first.author !== forge.key || !says("batch")) return signed;
    const twin = forge.batch({ ...first, transactions: [...first.transactions, JUNK] });
    const { sequence } = first;
    const of = (digest: string) => forge.sign({ kind: "batch", sequence, digest });
    told(of(signed.digest), of(twin.digest));
    return twin;
  };

  const twinOf = (body: PeerBody): PeerBody => {
    switch (body.kind) {
      case "proposal":
        return says("proposal") ? { ...body, block: proposal(body.block) } : body;
      case "statement": {
        const { kind } = body.signed.statement;
        const mine = kind === "vote" || kind === "attestation" || kind === "heartbeat";
        return mine && says(kind) ? { ...body, signed: statementOf(body.signed) } : body;
      }
      case "order-vote":
        // Its certificate goes with the first block alone: nobody takes the second, but it is out.
        return says("order-vote") ? { ...body, signed: statementOf(body.signed) } : body;
      case "timeout": {
        const genesisQc = accomplice.state()?.consensus.epoch.genesisQc;
        if (!says("timeout") || genesisQc === undefined) return body;
        return { ...body, signed: statementOf(body.signed), highestQc: genesisQc };
      }
      case "batch":
        return { ...body, batch: batch(body.batch) };
      default:
        return body;
    }
  };

  return {
    ...HONEST,
    outgoing(to, message) {
      const { body } = message;
      if ((to.place + salt) % 2 === 0) return pass(message);
      const other = second.get(body) ?? twinOf(body);
      second.set(body, other);
      // Some get both: who votes for the first must not vote for the second.
      const isShown = body.kind === "proposal" && other !== body && random.chance(0.5);
      return [...(isShown ? pass(message) : []), ...pass(message, other)];
    },
    act() {
      if (!says("oracle-report")) return;
      const state = accomplice.state();
      const slot = state?.oracleSlots.get(0);
      if (state === undefined || slot === undefined) return;
      const { epoch } = state.consensus.set;
      const report = (price: bigint) =>
        forge.sign({ kind: "oracle-report", epoch, market: 0, slot, price });
      const [high, low] = [report(190_000n), report(20_000n)];
      accomplice.fillLane([high, low].map((signed) => encodeReport(signed)));
      told(high, low);
    },
  };
}

const JUNK = Uint8Array.of(1, 2, 3);

function encodeReport(report: SignedStatement): Uint8Array {
  return encodeTransaction({ kind: "oracle-report", report });
}
