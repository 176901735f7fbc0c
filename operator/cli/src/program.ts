import type { QuorateClient } from "@quorate/client/client";
import { InputError } from "@quorate/client/errors";
import { transactionId } from "@quorate/node/ledger/transaction";
import { Command, CommanderError } from "commander";
import { addClusterCommands } from "./cluster/cluster-program.ts";
import { generateKey, showAccount } from "./commands/account.ts";
import {
  cancelAllOrders,
  cancelOrder,
  placeOrder,
  type Sending,
  withdraw,
} from "./commands/order.ts";
import { queryCaps } from "./commands/query-caps.ts";
import {
  queryBlock,
  queryHeight,
  querySet,
  queryStatus,
  queryTransaction,
} from "./commands/query-chain.ts";
import { queryMarket, querySpares, querySwaps, showOrder } from "./commands/query-lists.ts";
import { ENVIRONMENT_HELP, type GivenOptions } from "./config.ts";
import { EXIT, EXIT_CODES_HELP, errorDocument } from "./exit-codes.ts";
import { addMarket } from "./market-program.ts";
import {
  type AccountOptions,
  accountOf,
  accountSigning,
  networkLeaf,
  onNetwork,
  type SigningOptions,
  signedLeaf,
  signing,
  tradingLeaf,
} from "./network-commands.ts";
import { type CommandOutput, toJson } from "./output.ts";
import type { Ports } from "./ports.ts";
import { example, leaf, type Run, show } from "./program-parts.ts";
import { parseHex32 } from "./quantities.ts";
import { addReplay } from "./replay-program.ts";
import { addResize } from "./resize-program.ts";
import { addSession } from "./session-program.ts";
import { addVerify } from "./verify-program.ts";

/** Runs the command line without the program's name; resolves with the exit code. */
export async function runCli(args: readonly string[], ports: Ports): Promise<number> {
  const run: Run = { ports, sent: undefined, exitCode: EXIT.OK };
  const isJson = args.includes("--json");
  try {
    await buildProgram(run, isJson).parseAsync(args, { from: "user" });
  } catch (error) {
    // Commander has written help or version itself.
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.OK;
    report(run, isJson, error instanceof CommanderError ? usageError(error) : error);
  }
  return run.exitCode;
}

function usageError(error: CommanderError): InputError {
  const said = error.message.replace(/^error: /, "");
  const fix = `${said === "(outputHelp)" ? "name a command" : said}; see --help`;
  return new InputError({ code: "USAGE", field: "arguments", fix }, { cause: error });
}

/** One line that names the field and the fix, or with --json one document. */
function report(run: Run, isJson: boolean, error: unknown): void {
  const { ports, sent } = run;
  const document = errorDocument(error, sent?.id);
  run.exitCode = document.error.exitCode;
  if (isJson) {
    ports.stdout(`${toJson(document)}\n`);
    return;
  }
  const { code, field, fix } = document.error;
  const isOpen = sent !== undefined && run.exitCode !== EXIT.REFUSED;
  const again = isOpen ? `\ntransaction ${sent.id} may still be executed; ${againWith(sent)}` : "";
  ports.stderr(`quorate: ${code}: ${field}: ${fix}${again}\n`);
  if (run.exitCode === EXIT.BUG && error instanceof Error) ports.stderr(`${error.stack}\n`);
}

function againWith({ nonce }: Sending): string {
  return nonce === undefined
    ? "the same command sends it again"
    : `to send it again: --nonce ${nonce}`;
}

export function buildProgram(run: Run, isJson: boolean): Command {
  const { ports } = run;
  const program = new Command(ports.programName)
    .description(
      "Trade on and look at a Quorate chain, every answer verified here; and run sets of validators.",
    )
    .exitOverride()
    .configureOutput({
      writeOut: ports.stdout,
      // Errors are reported once, by `report`.
      writeErr: () => undefined,
      outputError: () => undefined,
    })
    .addHelpText("after", `\n${ENVIRONMENT_HELP}\n\n${EXIT_CODES_HELP}`);
  addAccount(program, run, isJson);
  addOrders(program, run, isJson);
  addSession(program, run, isJson);
  addResize(program, run, isJson);
  addMarket(program, run, isJson);
  addQueries(program, run, isJson);
  addVerify(program, run, isJson);
  addReplay(program, run, isJson);
  addClusterCommands(program, run, isJson);
  return program;
}

function addAccount(program: Command, run: Run, isJson: boolean): void {
  const account = program.command("account").description("keys and what they hold").exitOverride();
  example(leaf(account, "keygen", "make an account key"), "quorate account keygen --out alice.pem")
    .requiredOption("--out <file>", "where to write the private key; never overwritten")
    .action(async ({ out }: { readonly out: string }) => {
      show(run, isJson, await generateKey(out, run.ports.writeSecret));
    });
  example(
    networkLeaf(account, "show", "balance, margin and positions"),
    "quorate account show --key alice.pem",
  )
    .option("--account <key>", "public key of any account")
    .option("--key <file>", "private key of the account, instead of --account")
    .action(
      onNetwork<AccountOptions>(run, isJson, async (client, options) =>
        showAccount("account show", client, await accountOf(run, options)),
      ),
    );
}

type PlaceOptions = SigningOptions & {
  readonly market: string;
  readonly side: string;
  readonly size: string;
  readonly price: string;
  readonly tif?: string;
  readonly until?: string;
  readonly selfTrade?: string;
  readonly reduceOnly?: boolean;
  readonly clientId?: string;
  readonly nonce?: string;
};
type CancelOptions = SigningOptions & {
  readonly market: string;
  readonly clientId: string;
  readonly nonce?: string;
};
type WithdrawOptions = GivenOptions & { readonly amount: string; readonly nonce?: string };

function addOrders(program: Command, run: Run, isJson: boolean): void {
  const order = program.command("order").description("place and look at orders").exitOverride();
  example(
    tradingLeaf(order, "place", "place one order"),
    "quorate order place --market SPX-PERP --side buy --size 5 --price 128000",
  )
    .requiredOption("--market <name>", "name or number of the market")
    .requiredOption("--side <side>", "buy or sell")
    .requiredOption("--size <lots>", "lots, a whole number")
    .requiredOption("--price <ticks>", "limit price in ticks, a whole number")
    .option("--tif <word>", "gtc, ioc, post-only, fok or gtt (default gtc)")
    .option("--until <ms>", "block time in ms since 1970 at which a gtt order leaves the book")
    .option("--self-trade <mode>", "cancel-maker (default), cancel-taker, cancel-both or decrement")
    .option("--reduce-only", "only make a position smaller")
    .option("--client-id <number>", "the order's own number (default: the nonce)")
    .action(
      onNetwork<PlaceOptions>(run, isJson, async (client, { tif, ...options }) =>
        placeOrder(await signing(run, client, options), {
          ...options,
          ...(tif !== undefined && { timeInForce: tif }),
        }),
      ),
    );
  example(
    networkLeaf(order, "show", "one open order"),
    "quorate order show --market SPX-PERP --client-id 7 --key alice.pem",
  )
    .requiredOption("--market <name>", "name or number of the market")
    .requiredOption("--client-id <number>", "the order's own number")
    .option("--account <key>", "public key of any account")
    .option("--key <file>", "private key of the account, instead of --account")
    .action(
      onNetwork<AccountOptions & CancelOptions>(run, isJson, async (client, options) =>
        showOrder(client, { ...options, account: await accountOf(run, options) }),
      ),
    );
  example(
    tradingLeaf(program, "cancel", "cancel one open order"),
    "quorate cancel --market SPX-PERP --client-id 7",
  )
    .requiredOption("--market <name>", "name or number of the market")
    .requiredOption("--client-id <number>", "the order's own number")
    .action(
      onNetwork<CancelOptions>(run, isJson, async (client, options) =>
        cancelOrder(await signing(run, client, options), options),
      ),
    );
  example(
    tradingLeaf(program, "cancel-all", "cancel every open order"),
    "quorate cancel-all",
  ).action(
    onNetwork<SigningOptions & { readonly nonce?: string }>(run, isJson, async (client, options) =>
      cancelAllOrders(await signing(run, client, options), options),
    ),
  );
  example(signedLeaf(program, "withdraw", "take money out"), "quorate withdraw --amount 250.50")
    .requiredOption("--amount <usd>", "USD with at most 6 decimals")
    .action(
      onNetwork<WithdrawOptions>(run, isJson, async (client, options) =>
        withdraw(await accountSigning(run, client, options), options),
      ),
    );
}

function addQueries(program: Command, run: Run, isJson: boolean): void {
  const query = program.command("query").description("verified state of the chain").exitOverride();
  const add = (
    name: string,
    description: string,
    act: (client: QuorateClient, args: readonly string[]) => Promise<CommandOutput>,
  ): void => {
    const sample = name.replace("<height>", "1200").replace("<market>", "SPX-PERP");
    example(networkLeaf(query, name, description), `quorate query ${sample}`).action(
      onNetwork<GivenOptions>(run, isJson, (client, _, args) => act(client, args)),
    );
  };
  add("status", "the proven height, and what one node says of itself", queryStatus);
  add("height", "the newest certified result", queryHeight);
  add("set", "the members with their power", querySet);
  add("spares", "registered spares", querySpares);
  add("caps", "what may leave the chain, and how far open interest may go", queryCaps);
  add("swaps", "every change of the set, with cause and proof", querySwaps);
  add("account <key>", "an account by its public key", (client, [key = ""]) =>
    showAccount("query account", client, parseHex32(key, "KEY")),
  );
  add("market <market>", "index price, oracle and margins of a market", (client, [name = ""]) =>
    queryMarket(client, name),
  );
  add("block <height>", "one block and its transactions", (client, [height = ""]) =>
    queryBlock(client, height, transactionId),
  );
  add("transaction <id>", "the receipt of a transaction", (client, [id = ""]) =>
    queryTransaction(client, id),
  );
}
