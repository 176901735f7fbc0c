import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Bundle } from "@quorate/client/bundle";
import { clockNonces } from "@quorate/client/nonces";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as command from "../network/quorate-command.ts";
import { RunningChain } from "../network/running-chain.ts";

let chain: RunningChain;
let keyFile: string;

const quorate = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  command.quorate(chain.network, args, env);
const json = (...args: string[]) => command.quorateJson(chain.network, args);

beforeAll(async () => {
  chain = await RunningChain.start();
  keyFile = join(chain.network.folder, "trader.pem");
  writeFileSync(keyFile, chain.accounts[0]!.toPem(), { mode: 0o600 });
  await chain.freshPrice();
});

afterAll(() => chain.stop());

describe("quorate against a real network", () => {
  test("an order rests, is shown, and is cancelled", async () => {
    const price = await chain.freshPrice();
    const order = ["--market", "SPX-PERP", "--client-id", "7", "--key", keyFile];
    await json(
      ...["order", "place", ...order, "--side", "buy", "--size", "2"],
      ...["--price", String(price - 100n)],
    );
    expect(await json("order", "show", ...order)).toMatchObject({ command: "order show" });
    await json("cancel", ...order);
    const gone = await quorate(["cancel", ...order]);
    expect(gone.code).toBe(1);
    expect(gone.stderr).toContain("ORDER_NOT_FOUND");
  });

  test("a withdrawal shows in the account's balance", async () => {
    await json("withdraw", "--amount", "250.50", "--key", keyFile);
    const { stdout } = await quorate(["account", "show", "--key", keyFile, "--json"]);
    expect(stdout).toContain("999749500000");
  });

  test("queries are answered with proofs", async () => {
    for (const query of ["set", "height", "status", "swaps", "spares"]) {
      await json("query", query);
    }
    await json("query", "market", "0");
    await json("query", "block", "1");
  });

  test.each([
    [["order", "place", "--market", "0", "--side", "up", "--size", "1", "--price", "1"], "--side"],
    [["order", "place", "--market", "0", "--side", "buy", "--size", "x", "--price", "1"], "--size"],
    [
      ["order", "place", "--market", "9", "--side", "buy", "--size", "1", "--price", "1"],
      "--market",
    ],
    [["withdraw", "--amount", "a lot"], "--amount"],
    [["query", "account", "abc"], "KEY"],
    [["query", "height", "--endpoint", "nowhere"], "endpoint"],
    [["query", "height", "--genesis", "/nowhere.json"], "genesis"],
    [["frobnicate"], "frobnicate"],
  ])("wrong usage is named with its fix: %j", async (args, field) => {
    const signed = args[0] === "order" || args[0] === "withdraw" ? ["--key", keyFile] : [];
    const { code, stdout, stderr } = await quorate([...args, ...signed]);
    expect(code, stderr).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(field);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  test("a refusal of the chain has its code and an exit status of its own", async () => {
    const { code, stderr } = await quorate(["withdraw", "--amount", "5000000", "--key", keyFile]);
    expect(code).toBe(1);
    expect(stderr).toContain("INSUFFICIENT_COLLATERAL");
    chain.passed();
  });

  test("rule CAPS: a withdrawal above the cap, sent straight to the nodes, is refused by the chain with cap, epoch and remainder", async () => {
    const { client, accounts } = chain;
    const account = accounts[1];
    if (account === undefined) throw new Error("two accounts");
    const { bundleActionsMax: actionsMax } = client.genesis.parameters.margin;
    const { chainId } = client;
    const bundle = new Bundle({ chainId, account, nonces: clockNonces(), actionsMax });
    // A third of four bonds of US$ 1,000,000, a half of that counts, and a half of the half leaves.
    const sent = await client.submit(bundle.withdraw(400_000_000_000n).sign().bytes);
    const [outcome] = sent.receipt.outcomes;
    expect(outcome).toMatchObject({ code: "OUTFLOW_CAP_REACHED", field: "amount" });
    const cap = 333_333_333_333n;
    expect(outcome?.bound).toMatchObject({ cap, epoch: expect.any(Number) });
    const remainder = outcome?.bound?.remainder ?? 0n;
    expect(remainder).toBeGreaterThan(cap - 1_000_000_000n);
    expect(remainder).toBeLessThanOrEqual(cap);
  });

  test("nodes that are not there are named as unreachable", async () => {
    const { code } = await quorate([
      ...["query", "height", "--endpoint", "127.0.0.1:9", "--timeout", "1000"],
    ]);
    expect(code).toBe(3);
  });
});
