import { AccountKey } from "@quorate/client/account-key";
import { InputError } from "@quorate/client/errors";
import { genesisHash, parseGenesis } from "@quorate/node/ledger/genesis";
import { transactionId } from "@quorate/node/ledger/transaction";
import type { Command } from "commander";
import { type MarketArguments, signMarketFile, submitMarket } from "./commands/market-terms.ts";
import { type GivenOptions, genesisFileOf } from "./config.ts";
import { networkLeaf, onNetwork } from "./network-commands.ts";
import { example, leaf, type Run, show } from "./program-parts.ts";

type SignOptions = GivenOptions & MarketArguments & { readonly ownerKey: string };

/** Owners restrict a market at once, and change it with notice (rule PARAMETERS). */
export function addMarket(program: Command, run: Run, isJson: boolean): void {
  const market = program
    .command("market")
    .description("owners of a quorum of the power restrict or change a market")
    .exitOverride();
  example(
    leaf(market, "sign <market>", "one owner's consent, without a connection"),
    "quorate market sign SPX-PERP --restrict reduce-only --nonce 1 --until 1800000000000 --owner-key owner.pem --json > a.json",
    "quorate market sign 0 --set initialMarginPpm=60000 --set maintenanceMarginPpm=30000 --nonce 2 --until 1800000000000 --owner-key owner.pem --json > a.json",
  )
    .option("--genesis <file>", "the network's genesis file")
    .option("--restrict <mode>", "at once: reduce-only, or paused")
    .option("--open", "after the timelock: the market is open again")
    .option("--set <name=value...>", "after the timelock: a number of the market, as in genesis")
    .option("--cancel", "takes back what is scheduled")
    .requiredOption("--nonce <number>", "the same for all owners, unused in this market")
    .requiredOption("--until <ms>", "block time at which the signature ends, milliseconds")
    .requiredOption("--owner-key <file>", "private key of the owner")
    .action(async (named: string, given: SignOptions) => {
      const { ports } = run;
      const file = genesisFileOf(given, ports.environment);
      const bytes = new TextEncoder().encode(await ports.readText(file, "--genesis"));
      const parsed = parseGenesis(bytes);
      if (!parsed.ok) throw new InputError(parsed.error);
      const owner = AccountKey.fromPem(await ports.readSecret(given.ownerKey, "--owner-key"));
      const of = { chainId: genesisHash(bytes), genesis: parsed.value, owner };
      show(run, isJson, signMarketFile({ ...given, market: named }, of));
    });
  example(
    networkLeaf(market, "submit <file...>", "send the owners' consents to one decision"),
    "quorate market submit a.json b.json c.json",
  ).action(
    onNetwork<GivenOptions>(run, isJson, async (client, _options, names) => {
      const files = await Promise.all(
        names.map(async (name) => ({ name, text: await run.ports.readText(name, "FILE") })),
      );
      return submitMarket(client, files, (bytes) => {
        run.sent = { id: transactionId(bytes), nonce: undefined };
      });
    }),
  );
}
