import type { RepairPlan } from "../../src/consensus/repair-plan.ts";
import { quorumPower } from "../../src/kernel/threshold.ts";
import { applyDecoded } from "../../src/ledger/apply-transaction.ts";
import { PROTOCOL_1, PROTOCOLS, type Protocols } from "../../src/ledger/protocol.ts";
import { encodeTransaction } from "../../src/ledger/transaction.ts";
import { replicaStatus } from "../../src/replica/queries.ts";
import type { Random } from "./random.ts";
import type { SimNode } from "./sim-node.ts";
import type { World } from "./world.ts";

/** Members whose binary comes to other results from one transaction on (rule SPLIT). */
export interface Split {
  /** When a client sends it. */
  readonly atMs: number;
  /** These, and the others, are each less than a quorum. */
  readonly odd: readonly number[];
  /** Owners who approve the repair: a quorum of the power. The others follow its proof. */
  readonly approve: readonly number[];
}

/** The faucet of this amount shows the bug. */
export const TRIGGER = 13n;

/** A bug that depends on the machine: it refuses the very faucet that others execute. */
export const ODD: Protocols = [
  {
    ...PROTOCOL_1,
    apply: (work, transaction, place) => {
      const isTrigger = transaction.kind === "faucet" && transaction.amount === TRIGGER;
      if (isTrigger) return { code: "OTHER_MACHINE", field: "amount", fix: "a bug" };
      return applyDecoded(work, transaction, place);
    },
  },
];

/** How often the owners look at the status of their nodes. */
const LOOK_MS = 500;
/** Within this all nodes have the good binary. */
const REPAIR_MS_MAX = 2_000;

/** Members in a drawn order, until together they have that much power. */
function drawMembers(random: Random, powers: readonly bigint[], least: bigint): number[] {
  const left = powers.map((_, index) => index);
  const chosen: number[] = [];
  for (let power = 0n; power < least; ) {
    const [node = 0] = left.splice(random.integer(0, left.length - 1), 1);
    power += powers[node] ?? 0n;
    chosen.push(node);
  }
  return chosen;
}

/** Undefined for most seeds. */
export function drawSplit(random: Random, powers: readonly bigint[]): Split | undefined {
  if (!random.chance(0.1)) return undefined;
  const all = powers.reduce((sum, power) => sum + power, 0n);
  const quorum = quorumPower(all);
  return {
    atMs: random.integer(3_000, 25_000),
    // No seat has a third: the last one drawn can't make them a quorum.
    odd: drawMembers(random, powers, all - quorum + 1n),
    approve: drawMembers(random, powers, quorum),
  };
}

/** The bug is there from the start; a client shows it, and the owners repair what they find. */
export function splitResults(world: World, split: Split, random: Random): void {
  world.counts.add("fault: split");
  for (const node of world.nodes) if (split.odd.includes(node.place)) node.protocols = ODD;
  const account = world.keyring.key("splitter");
  const trigger = { kind: "faucet", account, amount: TRIGGER, nonce: 1 } as const;
  world.at(split.atMs, () => world.submit?.(encodeTransaction(trigger), 0));
  const look = (): void => {
    for (const node of world.nodes) if (hasStopped(node)) exchange(world, node);
    const plan = planOf(world);
    if (plan === undefined) world.at(world.now + LOOK_MS, look);
    else repair(world, { plan, split, random });
  };
  world.at(split.atMs, look);
}

/**
 * What the owners read in the status of their nodes, once all of them name one split, and the
 * certified root right below it.
 */
function planOf(world: World): RepairPlan | undefined {
  const set = world.checker.setOf(world.checker.epoch);
  const seated = new Set(set?.members.map(({ key }) => key));
  const members = world.nodes.filter(({ key }) => seated.has(key));
  const statuses = members.map(({ process }) => process && replicaStatus(process.state));
  const [first] = statuses;
  const at = first?.split?.height;
  if (at === undefined) return undefined;
  if (statuses.some((each) => each?.split?.height !== at || each.epoch !== first?.epoch)) {
    return undefined;
  }
  const certified = statuses.map((each) => each?.certified);
  const root = certified.find((each) => each?.height === at - 1);
  if (first === undefined || root === undefined) return undefined;
  const { height, stateRoot } = root;
  return { epoch: first.epoch, height, stateRoot, version: 1 };
}

interface Cure {
  readonly plan: RepairPlan;
  readonly split: Split;
  readonly random: Random;
}

/** Every node gets the good binary; where the owner approves, with the plan. */
function repair(world: World, { plan, split, random }: Cure): void {
  world.counts.add("splits repaired");
  for (const node of world.nodes) {
    world.at(world.now + random.integer(0, REPAIR_MS_MAX), () => {
      if (split.approve.includes(node.place)) node.repair = plan;
      exchange(world, node);
    });
  }
  const look = (): void => {
    for (const node of world.nodes) withdraw(world, node);
    if (world.now < world.plan.healMs) world.at(world.now + LOOK_MS, look);
  };
  world.at(world.now + REPAIR_MS_MAX, look);
}

/** The chain went on without the repair, and the node says so: its owner takes the plan away. */
function withdraw(world: World, node: SimNode): void {
  if (node.repair === undefined || node.process?.state.halted === undefined) return;
  world.counts.add("repairs withdrawn");
  node.repair = undefined;
  exchange(world, node);
}

function exchange(world: World, node: SimNode): void {
  node.protocols = PROTOCOLS;
  world.stop(node, "kill");
  world.at(world.now + 100, () => world.start(node));
}

/** Its results were not a quorum's: no split, its owner just exchanges the binary. */
function hasStopped({ protocols, process }: SimNode): boolean {
  return protocols === ODD && process?.state.halted !== undefined;
}
