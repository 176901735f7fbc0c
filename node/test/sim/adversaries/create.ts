import type { PeerBody } from "../../../src/consensus/types.ts";
import type { SignedStatement } from "../../../src/kernel/statements.ts";
import { encodeTransaction, misconductProof } from "../../../src/ledger/transaction.ts";
import type { ReplicaState } from "../../../src/replica/types.ts";
import { forgetCertificates } from "../amnesia.ts";
import type { Liar } from "../liars.ts";
import type { Random } from "../random.ts";
import type { SimNode } from "../sim-node.ts";
import type { World } from "../world.ts";
import { type Accomplice, type Adversary, HONEST } from "./adversary.ts";
import { staleCertificates } from "./certificates.ts";
import { equivocate } from "./equivocate.ts";
import { createForge } from "./forge.ts";
import { invalidProposals } from "./invalid-proposals.ts";
import { makeJunk } from "./junk.ts";
import { delay, withhold } from "./quiet.ts";
import { spam } from "./spam.ts";

/** Of what liars sign twice, this share reaches the chain by somebody who saw both. */
const TOLD_RATE = 0.15;
const ACT_MS = 400;

function withTransactions(
  state: ReplicaState,
  transactions: readonly Uint8Array[],
  now: number,
): ReplicaState {
  const { lanes } = state.consensus;
  const bytes = transactions.reduce((sum, each) => sum + each.length, lanes.queueBytes);
  const queue = [...lanes.queue, ...transactions];
  const filled = { ...lanes, queue, queueBytes: bytes, cutDueAt: now };
  return { ...state, consensus: { ...state.consensus, lanes: filled } };
}

function accompliceOf(
  world: World,
  node: SimNode,
  random: Random,
  isActive: () => boolean,
): Accomplice {
  const { chainId } = world.birth;
  const forge = createForge(world.keyring, chainId, node.key);
  let told = 0;
  return {
    node,
    forge,
    random,
    rivals: world.rivals,
    now: () => world.localTime(node),
    isActive,
    state: () => node.process?.state,
    count: (name) => world.counts.add(name),
    broadcast(body: PeerBody) {
      for (const to of world.nodes) world.post(node, to, body);
    },
    send: (to, body) => world.post(node, to, body),
    accuse(first: SignedStatement, second: SignedStatement) {
      if (told > 3 || !random.chance(TOLD_RATE)) return;
      told += 1;
      const transaction = encodeTransaction(misconductProof(chainId, first, second));
      const from = random.integer(0, world.plan.members - 1);
      world.at(world.now + random.integer(0, 8_000), () => world.submit?.(transaction, from));
    },
    fillLane(transactions) {
      node.process?.alter((state) => withTransactions(state, transactions, world.localTime(node)));
    },
  };
}

function junkLane(world: World, accomplice: Accomplice): Adversary {
  const { random, node } = accomplice;
  return {
    ...HONEST,
    act() {
      const ledger = accomplice.state()?.ledger;
      if (!accomplice.isActive() || ledger === undefined || !random.chance(0.5)) return;
      const { keyring } = world;
      const made = Array.from({ length: random.integer(1, 4) }, () =>
        makeJunk({ ledger, keyring, random, key: node.key }),
      );
      for (const { name } of made) accomplice.count(`junk: ${name}`);
      accomplice.fillLane(made.map(({ bytes }) => bytes));
    },
  };
}

function build(world: World, liar: Liar, accomplice: Accomplice): Adversary {
  switch (liar.kind) {
    case "amnesia":
      return { ...HONEST, meddle: (s) => (accomplice.isActive() ? forgetCertificates(s) : s) };
    case "equivocate":
      return equivocate(liar, accomplice);
    case "withhold":
      return withhold(accomplice);
    case "delay":
      return delay(accomplice);
    case "invalid-proposals":
      return invalidProposals(accomplice);
    case "stale-certificates":
      return staleCertificates(accomplice);
    case "spam":
      return spam(accomplice);
    case "junk-lane":
      return junkLane(world, accomplice);
    default:
      // Twins lie by being two, a rollback by its disk.
      return HONEST;
  }
}

/** Puts a liar between a node's replica and the network. */
export function corrupt(
  world: World,
  node: SimNode,
  liar: Liar,
  random: Random,
  isActive: () => boolean = () => world.now >= liar.fromMs,
): void {
  const accomplice = accompliceOf(world, node, random, isActive);
  node.adversary = build(world, liar, accomplice);
  world.counts.add(`adversary: ${liar.kind}`);
  const act = (): void => {
    if (node.process !== undefined && node.backlog === undefined) node.adversary?.act();
    world.at(world.now + ACT_MS, act);
  };
  world.at(random.integer(0, ACT_MS), act);
}
