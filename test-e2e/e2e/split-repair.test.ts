import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { encodeTransaction } from "@quorate/node/ledger/transaction";
import { afterAll, expect, test } from "vitest";
import type { Network, NetworkNode } from "../network/network.ts";
import { RunningChain } from "../network/running-chain.ts";

const program = (path: string) => fileURLToPath(new URL(`../../node/${path}`, import.meta.url));
const GOOD = program("src/main.ts");
const DIVERGENT = program("test/divergent/main.ts");
const PATIENCE_MS = 60_000;

/** Where each node's binary lies, as a link that is turned to another one. */
const folder = mkdtempSync(join(tmpdir(), "quorate-binaries-"));

function binary(index: number): string {
  return join(folder, `binary-${index + 1}.ts`);
}

function install(index: number, target: string): void {
  rmSync(binary(index), { force: true });
  symlinkSync(target, binary(index));
}

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function statusOf(network: Network, node: NetworkNode) {
  const control = await network.control(node);
  try {
    return await control.status();
  } finally {
    control.close();
  }
}

const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString("hex");

test("two binaries disagree, all stop and name the groups, a quorum of owners goes on", async () => {
  const chain = await RunningChain.start({
    program: (index) => {
      install(index, index < 2 ? GOOD : DIVERGENT);
      return { script: binary(index), args: [] };
    },
  });
  try {
    const { network, client, observer, accounts } = chain;
    await chain.height(5);
    const account = accounts[0]?.publicKey ?? "";
    const trigger = { kind: "faucet", account, amount: 13n, nonce: 1 } as const;
    const answer = client.submit(encodeTransaction(trigger)).catch((error: unknown) => error);
    const all = () => Promise.all(network.validators.map((node) => statusOf(network, node)));
    await expect
      .poll(async () => (await all()).every(({ split }) => split !== undefined), {
        timeout: PATIENCE_MS,
        interval: 500,
      })
      .toBe(true);
    const views = await all();
    const keys = network.validators.map(({ identity }) => identity.key);
    const groups = [keys.slice(0, 2).toSorted(), keys.slice(2).toSorted()].toSorted();
    for (const { split, protocol } of views) {
      const named = split?.groups.map(({ members }) => members.map(hex).toSorted()) ?? [];
      expect(named.toSorted()).toEqual(groups);
      expect(protocol?.version).toBe(1n);
    }
    const newest = views
      .flatMap(({ certified }) => certified ?? [])
      .toSorted((left, right) => {
        return Number(right.height - left.height);
      })[0];
    if (newest === undefined) throw new Error("a certified result");
    const { height, stateRoot, epoch } = newest;
    const plan = {
      ...{ epoch: Number(epoch), height: Number(height) },
      ...{ stateRoot: hex(stateRoot), version: 1 },
    };
    for (const [index, { place, process }] of network.validators.entries()) {
      install(index, GOOD);
      if (index < 3) writeFileSync(join(place.dataDir, "repair.json"), JSON.stringify(plan));
      await process.crash();
    }
    await chain.height(plan.height + 10);
    // Nothing certified is lost: the observer verified each block, and the chain has that root.
    expect(observer.certifiedHeight).toBeGreaterThan(plan.height);
    await expect
      .poll(async () => (await all()).map((each) => [Number(each.epoch), each.split]), {
        timeout: PATIENCE_MS,
        interval: 500,
      })
      .toEqual(network.validators.map(() => [plan.epoch + 1, undefined]));
    await answer;
    chain.passed();
  } finally {
    await chain.stop();
  }
}, 240_000);
