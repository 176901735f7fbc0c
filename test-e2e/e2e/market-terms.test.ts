import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Bundle } from "@quorate/client/bundle";
import { clockNonces } from "@quorate/client/nonces";
import { expect, test } from "vitest";
import { checkRebuild } from "../main-job/rebuild-check.ts";
import { quorate, quorateJson } from "../network/quorate-command.ts";
import { RunningChain } from "../network/running-chain.ts";

const HOLDS_MS = 60_000;
const DECISION_MS = 600_000;

/** Decide about market 0, each signing where its key is; a third person sends the files. */
class Owners {
  readonly #chain: RunningChain;
  #nonce = 0;

  constructor(chain: RunningChain) {
    this.#chain = chain;
  }

  async sign(act: readonly string[]): Promise<string[]> {
    const { network } = this.#chain;
    this.#nonce += 1;
    const term = ["--nonce", String(this.#nonce), "--until", String(Date.now() + DECISION_MS)];
    const files: string[] = [];
    for (const [at, owner] of network.owners.entries()) {
      const keyFile = join(network.folder, `owner-${at}.pem`);
      writeFileSync(keyFile, owner.key.pem, { mode: 0o600 });
      const by = [...term, "--owner-key", keyFile];
      const signed = await quorateJson(network, ["market", "sign", "0", ...act, ...by]);
      const file = join(network.folder, `owner-${at}.json`);
      writeFileSync(file, JSON.stringify(signed));
      files.push(file);
    }
    return files;
  }

  async decide(act: readonly string[]): Promise<void> {
    const files = await this.sign(act);
    await quorateJson(this.#chain.network, ["market", "submit", ...files]);
  }
}

async function query({ network }: RunningChain): Promise<Record<string, unknown>> {
  return quorateJson(network, ["query", "market", "0"]);
}

/** Outcome codes of a buy at the index price, in an empty book. */
async function order(
  { client, accounts }: RunningChain,
  price: bigint,
): Promise<readonly string[]> {
  const [account] = accounts;
  if (account === undefined) throw new Error("no account");
  const { chainId } = client;
  const { bundleActionsMax: actionsMax } = client.genesis.parameters.margin;
  const bundle = new Bundle({ chainId, account, nonces: clockNonces(), actionsMax });
  bundle.place({ market: 0, clientId: Date.now(), side: "buy", size: 1n, price });
  const { receipt } = await client.submit(bundle.sign().bytes);
  return receipt.outcomes.map(({ code }) => code);
}

async function told(chain: RunningChain, step: string): Promise<void> {
  const { observer, events } = chain;
  const happened = (): true | undefined => {
    const steps = events.flatMap((event) =>
      event.kind === "margin" && event.event.kind === "market-terms" ? [event.event.step] : [],
    );
    return steps.includes(step as never) ? true : undefined;
  };
  await observer.until(happened, `terms ${step}`, HOLDS_MS);
}

test("rule PARAMETERS: owners pause a market at once and change it with notice; the rebuild agrees", async () => {
  const chain = await RunningChain.start({
    owners: 2,
    accounts: 2,
    amend: ({ parameters, ...genesis }) => ({
      ...genesis,
      parameters: { ...parameters, margin: { ...parameters.margin, termsDelayMs: 3_000 } },
    }),
  });
  const { network, client, accounts } = chain;
  const owners = new Owners(chain);
  try {
    const price = await chain.freshPrice();
    expect(await order(chain, price)).toEqual(["OK"]);

    const [alone = ""] = await owners.sign(["--restrict", "paused"]);
    const refused = await quorate(network, ["market", "submit", alone]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain("OWNERS_BELOW_QUORUM");
    expect(await order(chain, price)).toEqual(["OK"]);

    await owners.decide(["--restrict", "paused"]);
    expect(await query(chain)).toMatchObject({ mode: "paused", scheduled: null });
    expect(await order(chain, price)).toEqual(["MARKET_PAUSED"]);

    const margins = ["--set", "initialMarginPpm=80000", "--set", "maintenanceMarginPpm=60000"];
    await owners.decide(["--open", ...margins, "--set", "takerFeePpm=123"]);
    expect(await query(chain)).toMatchObject({
      mode: "paused",
      scheduled: { opens: true, isNoticed: false },
    });
    await told(chain, "noticed");
    await told(chain, "in-effect");
    expect(await query(chain)).toMatchObject({
      ...{ mode: "open", scheduled: null, takerFeePpm: "123" },
      ...{ initialMarginPpm: "80000", maintenanceMarginPpm: "60000" },
    });
    expect(await order(chain, price)).toEqual(["OK"]);

    const rebuilt = await checkRebuild({
      client,
      genesisFile: network.genesisFile,
      endpoint: network.validators[0]!.place.query,
      accounts: accounts.map(({ publicKey }, at) => ({ name: `account ${at}`, key: publicKey })),
    });
    expect(rebuilt.differences).toEqual([]);
    chain.passed();
  } finally {
    await chain.stop();
  }
});
