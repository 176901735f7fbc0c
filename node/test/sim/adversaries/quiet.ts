import { type Accomplice, type Adversary, HONEST, kindOf, pass } from "./adversary.ts";

const KINDS = [
  "proposal",
  "vote",
  "order-vote",
  "timeout",
  "attestation",
  "heartbeat",
  "batch",
  "certificates",
  "result-certificate",
  "epoch-proof",
  "chain-response",
  "block-response",
] as const;

/** What it sends of some kinds never reaches some of the others. */
export function withhold(accomplice: Accomplice): Adversary {
  const { random } = accomplice;
  const kinds = new Set<string>(KINDS.filter(() => random.chance(0.4)));
  const victims = Array.from({ length: 16 }, () => random.chance(0.6));
  return {
    ...HONEST,
    outgoing(to, message) {
      const kind = kindOf(message.body);
      if (!accomplice.isActive() || !kinds.has(kind) || victims[to.place % 16] !== true) {
        return pass(message);
      }
      accomplice.count(`withheld: ${kind}`);
      return [];
    },
  };
}

/** What it sends of some kinds comes late, each copy at its own time. */
export function delay(accomplice: Accomplice): Adversary {
  const { random } = accomplice;
  const kinds = new Set<string>(KINDS.filter(() => random.chance(0.5)));
  const mostMs = random.pick([100, 500, 3_000]);
  return {
    ...HONEST,
    outgoing(_, message) {
      const kind = kindOf(message.body);
      if (!accomplice.isActive() || !kinds.has(kind)) return pass(message);
      accomplice.count(`delayed: ${kind}`);
      return [{ message, delayMs: random.integer(0, mostMs) }];
    },
  };
}
