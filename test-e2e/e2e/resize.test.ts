import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ClientLoad } from "../crash/client-load.ts";
import { checkRebuild } from "../main-job/rebuild-check.ts";
import { SEAT_POWER } from "../network/network.ts";
import { quorateJson } from "../network/quorate-command.ts";
import { registerSpare } from "../network/register-spare.ts";
import { RunningChain } from "../network/running-chain.ts";

const NEXT_EPOCH_MS = 60_000;
/** More than what four accounts may have under way when it is counted. */
const ANSWERS = 8;

/** Both owners sign with their keys where those are; a third person sends both files. */
async function resize(chain: RunningChain, change: readonly string[]): Promise<void> {
  const { network } = chain;
  const { setHash } = (await quorateJson(network, ["query", "set"])) as { setHash: string };
  const files: string[] = [];
  for (const [at, owner] of network.owners.entries()) {
    const keyFile = join(network.folder, `owner-${at}.pem`);
    writeFileSync(keyFile, owner.key.pem, { mode: 0o600 });
    const by = ["--set-hash", setHash, "--owner-key", keyFile];
    const signed = await quorateJson(network, ["resize", "sign", ...change, ...by]);
    const file = join(network.folder, `owner-${at}.json`);
    writeFileSync(file, JSON.stringify(signed));
    files.push(file);
  }
  await quorateJson(network, ["resize", "submit", ...files]);
}

/** Waits for the set of the next epoch, and for a vote in it of everybody who sits there. */
async function seated({ client, observer }: RunningChain, epoch: number): Promise<string[]> {
  await observer.until(
    () => (observer.epoch >= epoch ? true : undefined),
    `epoch ${epoch}`,
    NEXT_EPOCH_MS,
  );
  const keys = (await client.set()).value?.members.map(({ key }) => key) ?? [];
  for (const key of keys) {
    const votes = () => ((observer.lastVote(key)?.epoch ?? 0) >= epoch ? true : undefined);
    await observer.until(votes, `a vote of ${key} in epoch ${epoch}`, NEXT_EPOCH_MS);
  }
  return keys;
}

/** Waits until clients have had proven answers of transactions sent from now on. */
async function carries({ observer }: RunningChain, load: ClientLoad): Promise<void> {
  const wanted = load.acknowledged + ANSWERS;
  const answered = () => (load.acknowledged >= wanted ? true : undefined);
  await observer.until(answered, `${ANSWERS} more answers`, NEXT_EPOCH_MS);
}

test("rule SWAP: owners add a fifth seat and end it again under load; the money agrees with the rebuild", async () => {
  const chain = await RunningChain.start({ validators: 4, spares: 1, owners: 2, accounts: 4 });
  const { network, client, accounts } = chain;
  const load = new ClientLoad(client);
  try {
    const [spare] = network.spares;
    await registerSpare({ network, client, node: spare! });
    await chain.freshPrice();
    load.start(accounts);
    const { key } = spare!.identity;
    const before = (await client.set()).value!;
    await resize(chain, ["--grow", key, "--power", SEAT_POWER]);
    const five = await seated(chain, before.epoch + 1);
    expect(five).toHaveLength(5);
    expect(five).toContain(key);
    await carries(chain, load);

    const leaver = network.validators[1]!.identity.key;
    await resize(chain, ["--shrink", leaver]);
    const four = await seated(chain, before.epoch + 2);
    expect(four.toSorted()).toEqual(five.filter((each) => each !== leaver).toSorted());

    await carries(chain, load);

    await load.stop();
    expect(load.failures).toEqual({});
    expect(await load.lost(network.genesisFile, network.endpoints)).toEqual([]);
    const rebuilt = await checkRebuild({
      client,
      genesisFile: network.genesisFile,
      endpoint: network.validators[0]!.place.query,
      accounts: accounts.map(({ publicKey }, at) => ({ name: `account ${at}`, key: publicKey })),
    });
    expect(rebuilt.differences).toEqual([]);
    chain.passed();
  } finally {
    await load.stop().catch(() => undefined);
    await chain.stop();
  }
});
