import { AccountKey } from "@quorate/client/account-key";
import { genesisHash } from "@quorate/node/ledger/genesis";
import { transactionId } from "@quorate/node/ledger/transaction";
import type { Command } from "commander";
import { type ResizeArguments, signResizeFile, submitResize } from "./commands/resize.ts";
import { type GivenOptions, genesisFileOf } from "./config.ts";
import { networkLeaf, onNetwork } from "./network-commands.ts";
import { example, leaf, type Run, show } from "./program-parts.ts";

type SignOptions = GivenOptions & ResizeArguments & { readonly ownerKey: string };

/** Owners add or end one seat: each signs where its key is, and anybody submits. */
export function addResize(program: Command, run: Run, isJson: boolean): void {
  const resize = program
    .command("resize")
    .description("owners of a quorum of the power add or end one seat")
    .exitOverride();
  example(
    leaf(resize, "sign", "one owner's consent, without a connection"),
    "quorate resize sign --shrink 3009... --set-hash 5e12... --owner-key owner.pem --json > a.json",
  )
    .option("--genesis <file>", "the network's genesis file")
    .option("--grow <key>", "consensus key of the spare that gets a seat")
    .option("--power <micro-usd>", "power of the new seat, at most the spare's bond")
    .option("--shrink <key>", "consensus key of the seat that ends")
    .requiredOption("--set-hash <hash>", "the set it is for, as `query set` shows it")
    .requiredOption("--owner-key <file>", "private key of the owner")
    .action(async (given: SignOptions) => {
      const { ports } = run;
      const file = genesisFileOf(given, ports.environment);
      const text = await ports.readText(file, "--genesis");
      const chainId = genesisHash(new TextEncoder().encode(text));
      const owner = AccountKey.fromPem(await ports.readSecret(given.ownerKey, "--owner-key"));
      show(run, isJson, signResizeFile(given, { chainId, owner }));
    });
  example(
    networkLeaf(resize, "submit <file...>", "send the owners' consents to one change"),
    "quorate resize submit a.json b.json c.json",
  ).action(
    onNetwork<GivenOptions>(run, isJson, async (client, _options, names) => {
      const files = await Promise.all(
        names.map(async (name) => ({ name, text: await run.ports.readText(name, "FILE") })),
      );
      return submitResize(client, files, (bytes) => {
        run.sent = { id: transactionId(bytes), nonce: undefined };
      });
    }),
  );
}
