import type { Command } from "commander";
import {
  listSessions,
  type OpenArguments,
  openSession,
  revokeSession,
} from "./commands/session.ts";
import type { GivenOptions } from "./config.ts";
import {
  type AccountOptions,
  accountOf,
  accountSigning,
  networkLeaf,
  onNetwork,
  type SigningOptions,
  sessionKey,
  signedLeaf,
  signing,
} from "./network-commands.ts";
import { example, type Run } from "./program-parts.ts";

/** The commands of sessions: keys that trade for an account while its own stays in its safe. */
export function addSession(program: Command, run: Run, isJson: boolean): void {
  const session = program
    .command("session")
    .description("keys that trade for an account")
    .exitOverride();
  addOpen(session, run, isJson);
  example(
    networkLeaf(session, "list", "the sessions of an account"),
    "quorate session list --key alice.pem",
  )
    .option("--account <key>", "public key of any account")
    .option("--key <file>", "private key of the account, instead of --account")
    .action(
      onNetwork<AccountOptions>(run, isJson, async (client, options) =>
        listSessions(client, await accountOf(run, options)),
      ),
    );
  example(
    networkLeaf(session, "revoke", "end a session; its orders rest on"),
    `quorate session revoke --id ${"5e".repeat(32)}`,
  )
    .requiredOption("--id <id>", "the session's id, as open and list show it")
    .option("--key <file>", "private key of the account")
    .option("--session-key <file>", "private key of a session of --account, instead of --key")
    .option("--account <key>", "public key of the account, with --session-key")
    .action(
      onNetwork<SigningOptions & { readonly id: string }>(run, isJson, async (client, options) =>
        revokeSession(await signing(run, client, options), options),
      ),
    );
}

function addOpen(session: Command, run: Run, isJson: boolean): void {
  type Options = GivenOptions & OpenArguments & { readonly sessionKey: string };
  example(
    signedLeaf(session, "open", "let a key place and cancel orders for a time"),
    "quorate account keygen --out session.pem",
    "quorate session open --session-key session.pem --until 1800000000000 --market SPX-PERP",
  )
    .requiredOption("--session-key <file>", "private key of the session, made by account keygen")
    .requiredOption("--until <ms>", "block time in ms since 1970 at which it ends")
    .option("--market <name...>", "the markets it trades in (default: all)")
    .option("--only <action>", "place or cancel (default: both)")
    .option("--lots-max <lots>", "most lots of one order")
    .option("--notional-max <usd>", "most USD of one order, size x price")
    .action(
      onNetwork<Options>(run, isJson, async (client, options) =>
        openSession(
          await accountSigning(run, client, options),
          await sessionKey(run, options.sessionKey),
          options,
        ),
      ),
    );
}
