import type { PeerBody, PeerMessage } from "../../../src/consensus/types.ts";
import type { Statement } from "../../../src/kernel/statements.ts";
import { type Accomplice, type Adversary, HONEST, randomDigest } from "./adversary.ts";

const HELD_MAX = 64;
const BURST_MAX = 25;
/** More in one moment than the transport takes from one peer. */
const FLOOD = 700;

function ownStatement(accomplice: Accomplice): Statement {
  const { random, state } = accomplice;
  const consensus = state()?.consensus;
  const epoch = (consensus?.set.epoch ?? 1) + random.pick([0, 0, 0, -1, 1]);
  const round = (consensus?.epoch.round ?? 1) + random.pick([-300, -1, 0, 1, 63, 65, 1_000_000]);
  const blockId = randomDigest(random);
  const at = Math.max(1, round);
  switch (random.integer(0, 4)) {
    case 0:
      return { kind: "vote", epoch, round: at, blockId, qcRound: random.pick([0, at - 1, at]) };
    case 1:
      return { kind: "heartbeat", epoch, height: at + 10_000, stateRoot: blockId };
    case 2:
      return { kind: "endorsement", nonce: at, subject: blockId };
    case 3:
      return { kind: "order-vote", epoch, round: at, blockId };
    default:
      return {
        kind: "attestation",
        result: {
          epoch,
          height: at + random.pick([0, 500]),
          blockId,
          timestampMs: accomplice.now(),
          stateRoot: blockId,
          receiptsRoot: blockId,
          nextSetHash: "0".repeat(64),
        },
      };
  }
}

/** Something that no honest peer sends. */
function rubbish(accomplice: Accomplice, held: readonly PeerMessage[]): PeerBody {
  const { random, forge, state } = accomplice;
  const consensus = state()?.consensus;
  const epoch = consensus?.set.epoch ?? 1;
  const roll = random.integer(0, 8);
  switch (roll) {
    case 0:
      return { kind: "statement", signed: forge.sign(ownStatement(accomplice)) };
    case 1: {
      // In another's name.
      const author = consensus?.set.members.find(({ key }) => key !== forge.key)?.key ?? forge.key;
      const { statement, signature } = forge.sign(ownStatement(accomplice));
      return { kind: "statement", signed: { statement, author, signature } };
    }
    case 2:
      return { kind: "block-request", epoch, blockId: randomDigest(random) };
    case 3: {
      const digest = randomDigest(random);
      return { kind: "batch-request", references: [{ author: forge.key, sequence: 1, digest }] };
    }
    case 4:
      return { kind: "chain-request", fromHeight: random.integer(1, 200) };
    case 5: {
      const sequence = random.pick([1_000_000, 0, 70]);
      const transactions = [new Uint8Array(random.pick([1, 70_000]))];
      const batch = { author: forge.key, sequence, previous: randomDigest(random), transactions };
      return { kind: "batch", batch: forge.batch(batch) };
    }
    case 6: {
      const stranger = randomDigest(random);
      const { statement, signature } = forge.sign(ownStatement(accomplice));
      return { kind: "statement", signed: { statement, author: stranger, signature } };
    }
    default: {
      const replay = held.length > 0 ? random.pick(held) : undefined;
      return replay?.body ?? { kind: "chain-request", fromHeight: 1 };
    }
  }
}

/** Floods: some within what the transport lets through, some beyond. */
export function spam(accomplice: Accomplice): Adversary {
  const { random } = accomplice;
  const held: PeerMessage[] = [];
  let seen = 0;
  let flooded = false;
  return {
    ...HONEST,
    incoming(message) {
      seen += 1;
      if (held.length < HELD_MAX) held.push(message);
      else if (random.chance(0.02)) held[seen % HELD_MAX] = message;
    },
    act() {
      if (!accomplice.isActive() || !random.chance(0.4)) return;
      const isFlood = !flooded && random.chance(0.02);
      flooded ||= isFlood;
      const count = isFlood ? FLOOD : random.integer(1, BURST_MAX);
      accomplice.count(isFlood ? "spam: floods" : "spam: bursts");
      for (let sent = 0; sent < count; sent += 1) accomplice.broadcast(rubbish(accomplice, held));
    },
  };
}
