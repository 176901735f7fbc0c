import { BOTH } from "../ledger/protocol-two.ts";
import type { World } from "./world.ts";

/** Every node gets the binary with the next version, one after another (rule VERSION). */
export interface Upgrade {
  readonly fromMs: number;
  readonly everyMs: number;
}

/** Between its end and its start with the new binary. */
const EXCHANGE_MS = 100;

/**
 * Under whatever else goes wrong: who still has the old binary at the activation stops by name, and
 * with more than f of them the chain waits there for their upgrade.
 */
export function upgradeAll(world: World, { fromMs, everyMs }: Upgrade): void {
  world.counts.add("upgrades");
  for (const [index, node] of world.nodes.entries()) {
    world.at(fromMs + index * everyMs, () => {
      node.protocols = BOTH;
      world.stop(node, "kill");
      world.at(world.now + EXCHANGE_MS, () => world.start(node));
    });
  }
}
