import { describe, expect, test } from "vitest";
import { defined } from "../../src/kernel/assert.ts";
import { PROTOCOLS, type Protocols } from "../../src/ledger/protocol.ts";
import { BOTH } from "../ledger/protocol-two.ts";
import { quietPlan } from "./quiet-plan.ts";
import { addLife, startAll } from "./scenario.ts";
import type { SimNode } from "./sim-node.ts";
import { World } from "./world.ts";

const UPGRADE_EVERY_MS = 700;

function versionOf(node: SimNode): number | undefined {
  return node.process?.state.ledger.protocol.version;
}

function activationOf(world: World): number | undefined {
  return newestLedger(world).protocol.activation?.height;
}

function newestLedger(world: World) {
  const ledgers = world.nodes.flatMap(({ process }) => (process ? [process.state.ledger] : []));
  return defined(ledgers.toSorted((left, right) => right.height - left.height)[0], "a ledger");
}

/** The node ends and comes back with another binary, on the same disk. */
function exchange(world: World, node: SimNode, protocols: Protocols): void {
  world.stop(node, "kill");
  node.protocols = protocols;
  world.at(world.now + 100, () => world.start(node));
}

/** Four members and a spare that ran version 1 for a while; the first `count` are upgraded. */
function upgraded(count: number, seed = 1): World {
  const world = new World(quietPlan({ seed, healMs: 0, tradeEveryMs: 200, endMs: 60_000 }));
  startAll(world);
  addLife(world);
  world.runUntil(1_500);
  for (const node of world.nodes.slice(0, count)) {
    exchange(world, node, BOTH);
    world.runUntil(world.now + UPGRADE_EVERY_MS);
  }
  return world;
}

function runTo(world: World, height: number): void {
  world.runUntil(world.now + 30_000, () => world.checker.height >= height);
  expect(world.checker.height).toBeGreaterThanOrEqual(height);
}

describe("rule VERSION in a network", { timeout: 240_000 }, () => {
  test("rule VERSION: readiness alone activates the next version; a laggard stops by name", () => {
    const world = upgraded(3);
    const height = defined(activationOf(world), "an activation");
    const laggard = defined(world.nodes[3], "fourth member");
    runTo(world, height + 3);
    world.runUntil(world.now + 500);
    expect(laggard.process).toBeUndefined();
    expect(world.counts.values.get("refused: PROTOCOL_UNSUPPORTED")).toBeGreaterThan(0);
    expect(world.nodes.slice(0, 3).map(versionOf)).toEqual([2, 2, 2]);
    // It refuses again, each time it is started, from its own disk.
    world.start(laggard);
    world.runUntil(world.now + 3_000);
    expect(laggard.process).toBeUndefined();
    laggard.protocols = BOTH;
    world.start(laggard);
    world.runUntil(world.now + 4_000);
    expect(versionOf(laggard)).toBe(2);
    const state = defined(laggard.process, "process").state;
    expect(state.executedHeight).toBeGreaterThan(world.checker.height - 8);
  });

  test("rule VERSION: one that goes back before the activation withdraws it", () => {
    const world = upgraded(3);
    const height = defined(activationOf(world), "an activation");
    exchange(world, defined(world.nodes[1], "second member"), PROTOCOLS);
    runTo(world, height + 2);
    expect(world.nodes.slice(0, 4).map(versionOf)).toEqual([1, 1, 1, 1]);
    expect(newestLedger(world).protocol).toEqual({ version: 1, activation: undefined });
    expect(world.nodes.slice(0, 4).every(({ process }) => process !== undefined)).toBe(true);
    // All of them can go back: nothing on their disks is of version 2.
    for (const node of world.nodes) {
      exchange(world, node, PROTOCOLS);
      world.runUntil(world.now + UPGRADE_EVERY_MS);
    }
    runTo(world, world.checker.height + 5);
  });

  test.each([1, 2, 3, 4, 5, 6])(
    "rule VERSION: crashes around the activation height change nothing (%i)",
    (seed) => {
      const world = upgraded(4, seed);
      const [spare] = world.nodes.slice(4);
      if (spare !== undefined) exchange(world, spare, BOTH);
      const height = defined(activationOf(world), "an activation");
      runTo(world, height - 2);
      // Every node dies once, some effects after another, around the height; odd ones lose power.
      for (const [index, node] of world.nodes.entries()) {
        const die = () => {
          world.stop(node, index % 2 === 1 ? "power" : "kill");
          world.at(world.now + 150, () => world.start(node));
        };
        node.doom = { left: seed * 9 + index * 13, die };
      }
      runTo(world, height + 5);
      world.runUntil(world.now + 4_000);
      expect(world.nodes.map(versionOf)).toEqual([2, 2, 2, 2, 2]);
      expect(newestLedger(world).protocol.activation).toBeUndefined();
    },
  );

  test("rule VERSION: with more than f lacking it the chain stops there and goes on with them", () => {
    const world = upgraded(3);
    const height = defined(activationOf(world), "an activation");
    const late = defined(world.nodes[2], "third member");
    // The old binary is put back, and its word does not reach the chain in time.
    world.runUntil(world.now + 30_000, () => world.checker.height >= height - 2);
    exchange(world, late, PROTOCOLS);
    world.runUntil(world.now + 5_000);
    expect(world.checker.height).toBeLessThan(height + 2);
    expect(late.process).toBeUndefined();
    const before = world.checker.certifiedHeight;
    late.protocols = BOTH;
    world.start(late);
    runTo(world, before + 5);
    expect(world.nodes.slice(0, 3).map(versionOf)).toEqual([2, 2, 2]);
  });
});
