import { sha256Hex } from "../../src/crypto/sha256.ts";
import type { Answer } from "../../src/replica/types.ts";
import { registrationOf } from "./birth.ts";
import { addBots } from "./bots.ts";
import type { Fault } from "./faults.ts";
import { putOldVolumeBack } from "./old-volume.ts";
import { addJunk, addOwners, announceAbsence } from "./owners.ts";
import type { Plan } from "./plan.ts";
import { createRandom } from "./random.ts";
import { addResizes } from "./resizes.ts";
import type { SimNode } from "./sim-node.ts";
import { splitResults } from "./split-fault.ts";
import { raiseStorm } from "./storms.ts";
import { unleash } from "./thief.ts";
import { upgradeAll } from "./upgrade.ts";
import { demand } from "./violation.ts";
import { createWorkload, type Workload } from "./workload.ts";
import type { World } from "./world.ts";

const REGISTER_MS = 600;
/**
 * From evidence in an honest hand to slash and swap: the wait of CAUSE, a duty's turn, some blocks,
 * and for a second offender the wait of RATE.
 */
const CONVICTION_MS = 14_000;
const CLIENT_PATIENCE_MS = 2_000;
/** From the healing to the next commits: timers have grown, liars may lead, heights are fetched. */
const HEALING_MS = 12_000;

function restartLater(world: World, node: SimNode, downMs: number): void {
  world.at(world.now + downMs, () => world.start(node));
}

function applyFault(world: World, clients: Clients, fault: Fault): void {
  const { nodes, counts } = world;
  counts.add(`fault: ${fault.kind}`);
  const cutOff = (node: SimNode, untilMs: number) => {
    node.lastFaultMs = Math.max(node.lastFaultMs, untilMs);
  };
  switch (fault.kind) {
    case "partition":
    case "deaf":
      for (const node of nodes) cutOff(node, fault.untilMs);
      return;
    case "withhold":
      for (const node of nodes) if (node.place === fault.node) cutOff(node, fault.untilMs);
      return;
    case "gone":
      for (const node of nodes.filter(({ place }) => place === fault.node)) {
        world.stop(node, "power");
        node.gone = true;
      }
      return;
    case "clock":
      for (const node of nodes.filter(({ place }) => place === fault.node)) {
        node.skewMs = Math.max(-150, Math.min(150, node.skewMs + fault.byMs));
      }
      return;
    case "old-volume":
      // Set up from the start: the copy is older than the fault.
      return;
    case "pause":
    case "absence":
      for (const node of nodes.filter(({ place }) => place === fault.node)) {
        if (fault.kind === "absence") announceAbsence(world, clients, node, fault.untilMs);
        world.at(world.now + (fault.kind === "absence" ? 1_000 : 0), () => world.pause(node));
        world.at(fault.untilMs, () => world.resume(node));
      }
      return;
    default:
      scheduleCrash(world, fault);
  }
}

type CrashFault = Extract<Fault, { readonly kind: "kill" | "power" | "blackout" }>;

function scheduleCrash(world: World, fault: CrashFault): void {
  const target = world.nodes[fault.node];
  if (target === undefined) return;
  const how = fault.kind === "kill" ? "kill" : "power";
  const victims = fault.kind === "blackout" ? world.nodes : [target];
  const die = () => {
    world.counts.add(`crash: ${fault.kind}`);
    for (const node of victims) {
      if (node.process === undefined) continue;
      world.stop(node, how);
      restartLater(world, node, fault.downMs);
    }
  };
  if (target.process === undefined) return;
  target.doom = { left: fault.afterEffects, die };
}

/** Hands a transaction to one node after another until one has certified it. */
export class Clients {
  readonly #world: World;
  #requests = 0;

  constructor(world: World) {
    this.#world = world;
  }

  submit(transaction: Uint8Array, first: number): void {
    const world = this.#world;
    const id = sha256Hex(transaction);
    let done = false;
    world.counts.add("transactions submitted");
    const attempt = (turn: number): void => {
      if (done || turn > 12) return;
      const node = world.nodes[(first + turn) % world.plan.members];
      if (node === undefined) return;
      this.#requests += 1;
      world.clients.set(this.#requests, (answer: Answer) => {
        if (answer.kind === "certified") {
          if (!done) world.counts.add("transactions certified");
          done = true;
          world.effectChecker.answered(id, answer.receipt);
        } else world.counts.add(`client: ${answer.refusal.code}`);
      });
      world.input(node, {
        kind: "submit",
        submissions: [{ request: this.#requests, transaction }],
      });
      world.at(world.now + CLIENT_PATIENCE_MS, () => attempt(turn + 1));
    };
    attempt(0);
  }
}

/** Every node's price source speaks at every slot, save that of a dull member. */
function reportPrices(world: World, workload: Workload): void {
  const { plan, birth } = world;
  const slotMs = birth.genesis.parameters.margin.oracleSlotMs;
  const price = (node: SimNode, slot: number): void => {
    world.input(node, { kind: "price", market: 0, slot, price: workload.price(slot) });
    world.at((slot + 1) * slotMs + node.index, () => price(node, slot + 1));
  };
  for (const node of world.nodes) {
    if (node.place !== plan.dull) world.at(node.index, () => price(node, 0));
  }
}

/** Adds the spares, the clients' trickle and the oracle's prices to a world. */
export function addLife(world: World): Clients {
  const { plan, birth, keyring } = world;
  const random = createRandom(plan.seed).fork(11);
  const workload = createWorkload(keyring, birth.chainId, random.fork(1));
  const clients = new Clients(world);
  world.submit = (transaction, first) => clients.submit(transaction, first);
  for (const spare of world.nodes.slice(plan.members, plan.members + plan.spares)) {
    const transaction = registrationOf(keyring, birth.chainId, spare, true);
    const isLate = plan.lateSpareMs !== undefined && spare === lastSpare(world);
    if (isLate) world.counts.add("fault: late spare");
    const atMs = isLate ? plan.lateSpareMs : REGISTER_MS;
    world.at(atMs, () => clients.submit(transaction, spare.index));
  }
  reportPrices(world, workload);
  const trade = (): void => {
    clients.submit(workload.bundle(), random.integer(0, plan.members - 1));
    const next = world.now + random.integer(1, plan.tradeEveryMs * 2);
    if (next < plan.endMs - 5_000) world.at(next, trade);
  };
  if (plan.tradeEveryMs > 0) world.at(1_000, trade);
  if (plan.ownersAct) addOwners(world, clients, random.fork(2));
  if (plan.resizes) addResizes(world, clients, random.fork(8));
  if (plan.junk) addJunk(world, clients, random.fork(3));
  if (plan.sessions) addBots(world, clients, workload, random.fork(7));
  if (plan.thief !== undefined) unleash(world, plan.thief, clients, random.fork(4));
  if (plan.upgrade !== undefined) upgradeAll(world, plan.upgrade);
  if (plan.split !== undefined) splitResults(world, plan.split, random.fork(6));
  for (const fault of plan.faults) {
    if (fault.kind === "old-volume") putOldVolumeBack(world, fault);
  }
  if (plan.storm !== undefined) raiseStorm(world, plan.storm, random.fork(5));
  if (plan.dull !== undefined) loseProposals(world, plan.dull);
  return clients;
}

/** See `Plan.dull`. */
function loseProposals(world: World, place: number): void {
  world.counts.add("fault: dull member");
  const { isLost } = world;
  world.isLost = (from, to, message) => {
    const isDull = from.place === place && world.now < world.plan.healMs;
    return (isDull && message.body.kind === "proposal") || isLost(from, to, message);
  };
}

/** After the healing the chain commits, and everybody who is up follows. */
function checkHealed(world: World): void {
  const { plan, checker } = world;
  const before = checker.height;
  const boundMs = Math.min(plan.healMs + HEALING_MS, plan.endMs);
  world.runUntil(boundMs, () => checker.height > before + 2);
  const stuck = () => `no commit from ${plan.healMs} to ${boundMs} ms above height ${before}`;
  demand(checker.height > before + 2, "commits after healing", stuck);
}

function heightOf({ process }: SimNode): number {
  return process?.state.executedHeight ?? 0;
}

function checkEnd(world: World): void {
  const { plan, checker, nodes } = world;
  // A seat that its owner rotated is cut off after two epochs.
  const tips = nodes.filter(({ honest, process }) => honest && process !== undefined);
  const tip = tips.toSorted((left, right) => heightOf(right) - heightOf(left))[0];
  for (const node of nodes) {
    if (!node.honest || node.gone || node.process === undefined) continue;
    if (tip?.pins.has(node.networkKey) === false) continue;
    const { executedHeight, certified } = node.process.state;
    const lag = checker.height - executedHeight;
    demand(lag <= 12, "everybody follows", () => `${node.name} is ${lag} blocks behind`);
    const proven = certified?.certificate.result.height ?? 0;
    const open = checker.height - proven;
    demand(
      open <= 16,
      "everybody certifies",
      () => `${node.name} certified ${proven} of ${checker.height}`,
    );
  }
  checkVillains(world);
  checker.finish();
  world.counts.add("runs");
  world.counts.add("sessions: bundles executed", checker.sessions.used);
  world.counts.add("blocks", checker.height);
  world.counts.add("epochs", checker.epoch - 1);
  world.counts.add("virtual seconds", plan.endMs / 1_000);
}

/** Long enough before the end that silence, self-healing and a cool-down fit in between. */
function swapSpanMs({ silenceMs }: Plan): number {
  return 8 * silenceMs;
}

function checkVillains(world: World): void {
  const { checker, nodes, plan } = world;
  const left = new Set(checker.swaps.map(({ leaver }) => leaver));
  const gone = nodes.filter((each) => each.gone);
  const isLone = gone.length + plan.liars.length === 1;
  if (isLone && plan.endMs - plan.healMs >= swapSpanMs(plan)) {
    for (const node of gone) {
      const what = () => `${node.name} is gone and still seated, ${checker.swaps.length} swaps`;
      demand(left.has(node.key) || node.place >= plan.members, "a dead member is swapped", what);
    }
  }
  world.counts.add("slashed", checker.slashed.size);
  for (const [key, sinceMs] of world.effectChecker.evidenceMs) {
    if (plan.endMs - sinceMs < CONVICTION_MS) continue;
    const name = world.nodeName(key);
    const free = () => `evidence of ${name} since ${sinceMs} ms, and no slash`;
    demand(checker.slashed.has(key), "an equivocator is slashed", free);
    const seated = () => `${name} was condemned and neither swapped nor muted`;
    if (isLone) demand(left.has(key), "an equivocator is swapped or muted", seated);
  }
}

/** One whole run; throws a Violation where a rule was broken. */
export function runPlan(world: World): void {
  const { plan } = world;
  startAll(world);
  const clients = addLife(world);
  for (const fault of plan.faults) world.at(fault.atMs, () => applyFault(world, clients, fault));
  // At the healing everything is up that is not gone; a doom that did not strike is lifted.
  world.at(plan.healMs, () => {
    for (const node of world.nodes) {
      node.doom = undefined;
      world.resume(node);
      world.start(node);
    }
  });
  world.runUntil(plan.healMs);
  checkHealed(world);
  world.runUntil(plan.endMs);
  checkEnd(world);
}

function lastSpare({ nodes, plan }: World): SimNode | undefined {
  return nodes[plan.members + plan.spares - 1];
}

export function startAll(world: World): void {
  const { lateSpareMs = 0 } = world.plan;
  for (const node of world.nodes) {
    const fromMs = node === lastSpare(world) ? lateSpareMs : 0;
    world.at(fromMs + node.index * 3, () => world.start(node));
  }
}
