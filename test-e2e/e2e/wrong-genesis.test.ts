import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "@quorate/client/client";
import { expect, test } from "vitest";
import { eventually } from "../network/eventually.ts";
import { RunningChain } from "../network/running-chain.ts";

test("a node refuses a genesis other than the one it pinned, and the chain goes on", async () => {
  const chain = await RunningChain.start();
  try {
    const { network, observer } = chain;
    const node = network.validators[0]!;
    const original = readFileSync(network.genesisFile);
    const other = original.toString().replace("quorate-main-job", "another-chain");
    writeFileSync(network.genesisFile, other);
    await node.process.crash();
    await eventually(() => (node.process.starts >= 3 ? true : undefined), {
      what: "the node ends again by itself",
      timeoutMs: 30_000,
    });
    expect(readFileSync(network.logFile(node), "utf8")).toContain("GENESIS_PINNED");
    await chain.height(observer.height + 5);
    // With its own genesis back it takes part again.
    writeFileSync(network.genesisFile, original);
    const since = Date.now();
    await observer.until(
      () => ((observer.lastVote(node.identity.key)?.votedForMs ?? 0) > since ? true : undefined),
      "a vote under the right genesis",
      30_000,
    );
    chain.passed();
  } finally {
    await chain.stop();
  }
});

test("a client of another genesis believes no node of this chain", async () => {
  const chain = await RunningChain.start();
  try {
    const { network } = chain;
    const other = readFileSync(network.genesisFile, "utf8").replace("quorate-main", "another");
    const stranger = await connect({
      genesis: Buffer.from(other),
      endpoints: network.endpoints,
      timeouts: { attemptMs: 1_000, totalMs: 4_000 },
    });
    try {
      await expect(stranger.rumour()).rejects.toThrow("FOREIGN_CHAIN");
      await expect(stranger.fund()).rejects.toThrow("BAD_SIGNATURE");
    } finally {
      stranger.close();
    }
    chain.passed();
  } finally {
    await chain.stop();
  }
});
