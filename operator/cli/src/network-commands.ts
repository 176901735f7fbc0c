import { AccountKey } from "@quorate/client/account-key";
import type { QuorateClient } from "@quorate/client/client";
import { InputError } from "@quorate/client/errors";
import { clockNonces } from "@quorate/client/nonces";
import { findSession } from "@quorate/client/open-session";
import { Command } from "commander";
import type { Signing } from "./commands/order.ts";
import { type GivenOptions, keyFile, networkConfig } from "./config.ts";
import type { CommandOutput } from "./output.ts";
import { leaf, type Run, show } from "./program-parts.ts";
import { parseHex32 } from "./quantities.ts";

/** Of commands about an account, whose key need not be at hand. */
export type AccountOptions = GivenOptions & { readonly account?: string };
/** Of commands that a session's key may sign. */
export type SigningOptions = AccountOptions & { readonly sessionKey?: string };

const NETWORK_OPTIONS = [
  ["--genesis <file>", "the network's genesis file"],
  ["--endpoint <host:port...>", "query listener of a node; give several"],
  ["--timeout <ms>", "give up after this long (default 20000)"],
] as const;

/** A command that asks the network. */
export function networkLeaf(parent: Command, name: string, description: string): Command {
  const command = leaf(parent, name, description);
  for (const [flags, text] of NETWORK_OPTIONS) command.option(flags, text);
  return command;
}

export function signedLeaf(parent: Command, name: string, description: string): Command {
  return networkLeaf(parent, name, description)
    .option("--key <file>", "private key of the account")
    .option("--nonce <number>", "to send an earlier transaction again: the same bytes run once");
}

/** Connects, runs the command, prints, closes. */
export function onNetwork<T extends GivenOptions>(
  run: Run,
  isJson: boolean,
  act: (client: QuorateClient, options: T, args: readonly string[]) => Promise<CommandOutput>,
) {
  return async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1);
    if (!(command instanceof Command)) throw new Error("commander calls with its command last");
    const options = command.opts<T>();
    const { genesisFile, endpoints, timeoutMs } = networkConfig(options, run.ports.environment);
    const client = await run.ports.connect({
      genesis: { file: genesisFile },
      endpoints,
      timeouts: { totalMs: timeoutMs },
    });
    try {
      show(run, isJson, await act(client, options, command.args));
    } finally {
      client.close();
    }
  };
}

async function secretKey(run: Run, file: string, field: string): Promise<AccountKey> {
  return AccountKey.fromPem(await run.ports.readSecret(file, field));
}

function sendingOf(run: Run): Pick<Signing, "nonces" | "sending"> {
  return {
    nonces: clockNonces(run.ports.nowMs),
    sending: (sent) => {
      run.sent = { id: sent.id, nonce: sent.nonce };
    },
  };
}

/** Signs with the account's key. */
export async function accountSigning(
  run: Run,
  client: QuorateClient,
  options: GivenOptions,
): Promise<Signing> {
  return {
    client,
    key: await secretKey(run, keyFile(options, run.ports.environment), "--key"),
    ...sendingOf(run),
  };
}

/** The key of a session, made by `account keygen`. */
export async function sessionKey(run: Run, file: string): Promise<AccountKey> {
  return secretKey(run, file, "--session-key");
}

/** The session's key where --session-key names it, else the account's. */
export async function signing(
  run: Run,
  client: QuorateClient,
  options: SigningOptions,
): Promise<Signing> {
  const { account, sessionKey: file } = options;
  if (file === undefined) {
    if (account === undefined) return accountSigning(run, client, options);
    const fix = "it goes with --session-key: the account's own key names the account itself";
    throw new InputError({ code: "OPTION_UNUSED", field: "--account", fix });
  }
  if (account === undefined) {
    const fix = "name the account whose session it is, by its public key";
    throw new InputError({ code: "OPTION_MISSING", field: "--account", fix });
  }
  const of = parseHex32(account, "--account");
  const key = await sessionKey(run, file);
  const { id } = await findSession(client, of, key.publicKey);
  return { client, key, session: { account: of, id }, ...sendingOf(run) };
}

/** A signed command that a session's key may sign too. */
export function tradingLeaf(parent: Command, name: string, description: string): Command {
  return signedLeaf(parent, name, description)
    .option("--session-key <file>", "private key of a session of --account, instead of --key")
    .option("--account <key>", "public key of the account, with --session-key");
}

/** The account of an option, else of the key. */
export async function accountOf(
  run: Run,
  options: GivenOptions & { readonly account?: string },
): Promise<string> {
  if (options.account !== undefined) return parseHex32(options.account, "--account");
  return (await secretKey(run, keyFile(options, run.ports.environment), "--key")).publicKey;
}
