import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { AccountKey } from "@quorate/client/account-key";
import { Bundle } from "@quorate/client/bundle";
import { ChainRefusalError, RefusedError } from "@quorate/client/errors";
import { clockNonces } from "@quorate/client/nonces";
import { exitSpareTransaction, treasuryWithdrawTransaction } from "@quorate/client/staking";
import { encodeTransaction } from "@quorate/node/ledger/transaction";
import { expect, test } from "vitest";
import { WATCHABLE_SILENCE_MS } from "../network/genesis-file.ts";
import { takeVolumeAway } from "../network/node-folder.ts";
import { registerSpare } from "../network/register-spare.ts";
import { RunningChain } from "../network/running-chain.ts";

const REBUILD = fileURLToPath(new URL("../rebuild/main.ts", import.meta.url));
const MILLION = 1_000_000_000_000n;
const FEE = 100_000_000n;

/**
 * Nobody of the chain helps: a node with the genesis and keys of its own, an account with money,
 * the public client. The operator does not run, and no owner has a spare.
 */
test("a stranger joins: it stakes, registers, follows, takes the seat that falls silent, is rewarded", async () => {
  const chain = await RunningChain.start({
    ...{ validators: 4, spares: 1, owners: 4, accounts: 1 },
    silenceMs: WATCHABLE_SILENCE_MS,
    amend: (genesis) => ({
      ...genesis,
      candidates: "open",
      rewardPot: "1000000000000",
      parameters: {
        ...genesis.parameters,
        rotation: { ...genesis.parameters.rotation, rewardPeriodMs: 4_000, rewardPpm: "10000" },
      },
    }),
  });
  try {
    const { network, client, observer } = chain;
    const node = network.spares[0]!;
    const stranger = AccountKey.generate();
    const { publicKey: owner } = stranger;
    for (const nonce of [1, 2]) {
      const faucet = { kind: "faucet", account: owner, amount: MILLION, nonce } as const;
      await client.submit(encodeTransaction(faucet));
    }
    // Without an owner of its name on the chain its registration is refused.
    const early = registerSpare({ network, client, node, stranger });
    await expect(early).rejects.toThrow(/UNKNOWN_OWNER|become an owner/);
    const { bundleActionsMax: actionsMax } = client.genesis.parameters.margin;
    const terms = { chainId: client.chainId, account: stranger, nonces: clockNonces(), actionsMax };
    const amount = MILLION + 3n * FEE;
    const { bytes } = new Bundle(terms).stake({ owner, amount }).sign();
    expect((await client.submit(bytes)).receipt.outcomes).toMatchObject([{ code: "OK" }]);
    expect((await client.owner(owner)).value?.treasury).toBe(amount - FEE);
    await registerSpare({ network, client, node, stranger });
    expect((await client.bond(node.identity.key)).value).toMatchObject({
      ...{ place: "spare", owner, amount: MILLION },
    });

    const gone = network.validators[2]!;
    await gone.process.remove();
    takeVolumeAway(gone.place);
    const swap = await observer.until(
      () =>
        chain.events
          .flatMap((event) => (event.kind === "swap" ? [event.swap] : []))
          .find(({ newcomer }) => newcomer !== undefined),
      "the swap",
      90_000,
    );
    expect(swap).toMatchObject({
      ...{ cause: "silence", leaver: gone.identity.key, newcomer: node.identity.key },
    });
    await observer.until(
      () => ((observer.lastVote(node.identity.key)?.epoch ?? 0) >= swap.epoch ? true : undefined),
      "the stranger's vote",
      30_000,
    );
    const rewarded = await observer.until(
      () => chain.events.find((each) => each.kind === "reward" && each.owner === owner),
      "the stranger's reward",
      60_000,
    );
    expect(rewarded).toMatchObject({ key: node.identity.key });
    // Its reward is money: it goes to an account. Its seat is no spare, so it cannot just exit.
    const act = { chainId: client.chainId, owner: stranger };
    const taken = { ...act, account: owner, amount: FEE, nonce: 1 };
    expect((await client.submit(treasuryWithdrawTransaction(taken))).receipt.code).toBe("OK");
    const exit = exitSpareTransaction({ ...act, key: node.identity.key, nonce: 2 });
    const refused = await client.submit(exit).catch((error: unknown) => error);
    expect(refused instanceof ChainRefusalError || refused instanceof RefusedError).toBe(true);
    expect(refused).toMatchObject({ code: "NOT_A_SPARE" });
    // A program that knows only the documents agrees, rewards included.
    const endpoint = network.validators[0]!.place.query;
    const options = ["--genesis", network.genesisFile, "--endpoint", endpoint, "--json"];
    const rebuilt = await promisify(execFile)(process.execPath, [REBUILD, ...options]);
    const report = JSON.parse(rebuilt.stdout) as { conserved: boolean; rewardPot: string };
    expect(report.conserved).toBe(true);
    expect(BigInt(report.rewardPot)).toBeLessThan(MILLION);
    chain.passed();
  } finally {
    await chain.stop();
  }
});
