import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import type { Network, NetworkNode } from "../network/network.ts";
import { RunningChain } from "../network/running-chain.ts";

const program = (path: string) => fileURLToPath(new URL(`../../node/${path}`, import.meta.url));
/** Binaries: the product, which holds version 1, and the next release, which holds 1 and 2. */
const OLD = program("src/main.ts");
const NEXT = program("test/versions/main.ts");
/** Long enough to exchange a binary and to put the old one back before the height. */
const DELAY_BLOCKS = 160;
const PATIENCE_MS = 90_000;

/** Where each node's binary lies, as a link that is turned to another one. */
const folder = mkdtempSync(join(tmpdir(), "quorate-binaries-"));

function binary(index: number): string {
  return join(folder, `binary-${index + 1}.ts`);
}

/** Puts another binary in the node's place and lets its process crash: it comes back with it. */
async function exchange(network: Network, index: number, target: string): Promise<NetworkNode> {
  const node = network.validators[index]!;
  install(index, target);
  await node.process.crash();
  return node;
}

function install(index: number, target: string): void {
  rmSync(binary(index), { force: true });
  symlinkSync(target, binary(index));
}

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function claimed(network: Network, node: NetworkNode) {
  const control = await network.control(node);
  try {
    return (await control.status()).protocol;
  } finally {
    control.close();
  }
}

function steps(chain: RunningChain): readonly string[] {
  return chain.events.flatMap((event) => (event.kind === "protocol" ? [event.step] : []));
}

async function reached(chain: RunningChain, wanted: readonly string[]): Promise<void> {
  const done = () => (steps(chain).length >= wanted.length ? true : undefined);
  await chain.observer.until(done, wanted.join(", "), PATIENCE_MS);
  expect(steps(chain)).toEqual(wanted);
}

test("binaries are exchanged one by one, one goes back, a laggard refuses by name", async () => {
  const chain = await RunningChain.start({
    consensus: { activationDelayBlocks: DELAY_BLOCKS },
    program: (index) => {
      install(index, OLD);
      return { script: binary(index), args: [] };
    },
  });
  try {
    const { network, observer } = chain;
    await chain.height(5);
    for (const index of [0, 1, 2]) {
      const at = observer.height;
      await exchange(network, index, NEXT);
      await chain.height(at + 12);
    }
    await reached(chain, ["scheduled"]);
    // Before the height an old binary goes back on the same data folder.
    await exchange(network, 1, OLD);
    await reached(chain, ["scheduled", "withdrawn"]);
    const back = await exchange(network, 1, NEXT);
    await reached(chain, ["scheduled", "withdrawn", "scheduled"]);
    const status = await claimed(network, back);
    expect(status?.version).toBe(1n);
    expect(status?.activationVersion).toBe(2n);
    await reached(chain, ["scheduled", "withdrawn", "scheduled", "active"]);
    const height = observer.certifiedHeight;
    await chain.height(height + 10);
    const laggard = network.validators[3]!;
    const logged = (pattern: RegExp) =>
      pattern.exec(readFileSync(network.logFile(laggard), "utf8"))?.[0];
    const refusal = await observer.until(
      () => logged(/PROTOCOL_UNSUPPORTED: .*/),
      "a refusal by name",
      PATIENCE_MS,
    );
    expect(refusal).toContain("needs protocol version 2, this binary holds 1");
    install(3, NEXT);
    // The old binary may have come back meanwhile: it orders with the others until it executes.
    await observer.until(
      () => logged(/"protocol version active"/),
      "the next version in the laggard's log",
      PATIENCE_MS,
    );
    const before = Date.now();
    await observer.until(
      () =>
        (observer.lastVote(laggard.identity.key)?.votedForMs ?? 0) > before ? true : undefined,
      "a vote of the laggard with the next binary",
      PATIENCE_MS,
    );
    expect((await claimed(network, laggard))?.version).toBe(2n);
    chain.passed();
  } finally {
    await chain.stop();
  }
}, 300_000);
