import { corrupt } from "./adversaries/create.ts";
import { registrationOf } from "./birth.ts";
import { liar, type Thief } from "./liars.ts";
import type { Random } from "./random.ts";
import type { Clients } from "./scenario.ts";
import type { SimNode } from "./sim-node.ts";
import type { World } from "./world.ts";

const REGISTER_MS = 700;
const LOOK_MS = 500;
/** A victim that is not put out in this time is let go: the chain muted it, or nobody is fit. */
const PATIENCE_MS = 14_000;

/**
 * Rules STOLEN and RATE: a thief with the operator's account and an owner's sponsor key. It keeps
 * every honest spare still and one honest member after another, so that its own spares are picked;
 * what it got by the healing lies from then on.
 */
export function unleash(world: World, thief: Thief, clients: Clients, random: Random): void {
  const { plan, nodes, birth, keyring } = world;
  const honest = plan.members + plan.spares;
  const own = nodes.slice(honest, honest + thief.spares);
  const lieFromMs = plan.healMs - random.integer(0, 12_000);
  world.counts.add("adversary: thief");
  for (const [index, node] of own.entries()) {
    const transaction = registrationOf(keyring, birth.chainId, node, false);
    world.at(REGISTER_MS + index, () => clients.submit(transaction, index));
    const isSeated = () => world.checker.set.members.some(({ key }) => key === node.key);
    const isActive = () => world.now >= lieFromMs && isSeated();
    corrupt(world, node, liar(thief.behaviour, node.index), random.fork(index), isActive);
  }

  const spares = nodes.slice(plan.members, honest);
  let victim: { readonly node: SimNode; readonly sinceMs: number } | undefined;
  const tried = new Set<SimNode>();

  const isSeated = ({ key }: SimNode) => world.checker.set.members.some((each) => each.key === key);

  const letGo = (): void => {
    if (victim === undefined) return;
    if (isSeated(victim.node) && world.now - victim.sinceMs <= PATIENCE_MS) return;
    world.resume(victim.node);
    victim = undefined;
  };

  const holdNext = (): void => {
    const left = nodes.slice(0, honest).filter((node) => isSeated(node) && !tried.has(node));
    if (victim !== undefined || left.length === 0) return;
    const node = random.pick(left);
    tried.add(node);
    world.counts.add("thief: members held still");
    world.pause(node);
    victim = { node, sinceMs: world.now };
  };

  const look = (): void => {
    if (world.now >= plan.healMs) return;
    for (const spare of spares) if (!isSeated(spare)) world.pause(spare);
    letGo();
    holdNext();
    world.at(world.now + LOOK_MS, look);
  };
  world.at(thief.fromMs, look);
}
