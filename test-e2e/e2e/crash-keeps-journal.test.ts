import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { RunningChain } from "../network/running-chain.ts";

test("a crashed validator keeps journal and seat, and votes again", async () => {
  const chain = await RunningChain.start();
  try {
    const { network, client, observer } = chain;
    const node = network.validators[1]!;
    await chain.height(observer.height + 10);
    const journal = join(node.place.dataDir, "journal.log");
    const struckMs = Date.now();
    await node.process.crash();
    const before = readFileSync(journal);
    await observer.until(
      () => {
        const last = observer.lastVote(node.identity.key);
        return last !== undefined && last.votedForMs > struckMs ? last : undefined;
      },
      "a vote after the crash",
      30_000,
    );
    const after = readFileSync(journal);
    // What was synced before the crash is still there, byte for byte; a torn tail may be cut.
    expect(after.length).toBeGreaterThan(before.length);
    const { value: set } = await client.set();
    expect(set?.epoch).toBe(1);
    expect(set?.members.map(({ key }) => key)).toContain(node.identity.key);
    chain.passed();
  } finally {
    await chain.stop();
  }
});

test("after a power cut of all nodes the chain commits again", async () => {
  const chain = await RunningChain.start();
  try {
    const { network, observer } = chain;
    await chain.height(observer.height + 10);
    const cutAt = observer.certifiedHeight;
    await Promise.all(network.validators.map(({ process }) => process.crash()));
    await chain.height(cutAt + 10);
    expect(chain.events.filter(({ kind }) => kind === "slashed")).toEqual([]);
    chain.passed();
  } finally {
    await chain.stop();
  }
});
