// helm test: one transaction through the nodes of a set, its certificate verified here.
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { QuorateError } from "@quorate/client/errors";
import { parseGenesis } from "@quorate/node/ledger/genesis";
import { Command, CommanderError } from "commander";
import { openChain, queryEndpoints, testChain } from "./chain-test.ts";

const RETRY_MS = 1_000;

/** One attempt; a set that is being born answers a later one. */
async function attempt(file: string): Promise<string> {
  const bytes = readFileSync(file);
  const genesis = parseGenesis(bytes);
  if (!genesis.ok) throw new Error(`${file}: ${genesis.error.field}: ${genesis.error.fix}`);
  const client = await openChain(bytes, queryEndpoints(genesis.value));
  try {
    return await testChain(client);
  } finally {
    client.close();
  }
}

async function main(args: readonly string[]): Promise<number> {
  const command = new Command("chain-test")
    .requiredOption("--genesis <file>", "the chain's genesis")
    .option("--timeout-seconds <n>", "give up after this long", "60")
    .exitOverride();
  try {
    command.parse([...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : 2;
  }
  const { genesis, timeoutSeconds } = command.opts();
  const until = performance.now() + Number(timeoutSeconds) * 1_000;
  for (;;) {
    try {
      process.stdout.write(`${await attempt(genesis)}\n`);
      return 0;
    } catch (error) {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      if (!(error instanceof QuorateError) || performance.now() + RETRY_MS > until) return 1;
      await pause(RETRY_MS);
    }
  }
}

process.exit(await main(process.argv.slice(2)));
