import { Command } from "commander";
import {
  addressArgument,
  countArgument,
  keyArgument,
  readGenesisFile,
  runProgram,
} from "../stranger/arguments.ts";
import { Ledger } from "./ledger.ts";
import { ChainCheck, connect, readBlocks, readEpochEnds, readRewards } from "./read-chain.ts";
import { printedReport, reportOf } from "./report.ts";

/**
 * Rebuilds every balance of a chain from its committed transactions alone. It shares no code with
 * the node: it was written from node/spec. Exit code 0: value was conserved; 1: it was not, or the
 * chain could not be read; 2: wrong arguments.
 */
interface Options {
  readonly genesis: string;
  readonly endpoint: string;
  readonly networkKey?: readonly string[];
  readonly toHeight: number;
  readonly json: boolean;
}

async function rebuild(options: Options): Promise<number> {
  const { endpoint, networkKey, toHeight } = options;
  const genesis = readGenesisFile(options.genesis);
  const pins = networkKey ?? genesis.firstSet.members.map((member) => member.networkKey);
  const client = await connect(endpoint, pins);
  try {
    const check = new ChainCheck(genesis, await readEpochEnds(client, genesis));
    const ledger = new Ledger(genesis);
    for await (const wire of readBlocks(client, toHeight)) {
      const block = check.take(wire);
      const { height, timestampMs } = block;
      const isPayday = ledger.isPayday(timestampMs);
      const where = { genesis, set: ledger.set, height };
      const rewards = isPayday ? await readRewards(client, where) : [];
      ledger.execute({ ...block, rewards });
    }
    if (ledger.height < toHeight) throw new Error(`the node has ${ledger.height} blocks only`);
    const report = reportOf(ledger, genesis.chainId);
    process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : printedReport(report));
    return report.conserved ? 0 : 1;
  } finally {
    client.close();
  }
}

const command = new Command("rebuild")
  .description("Rebuilds all balances from the committed transactions alone.")
  .requiredOption("--genesis <file>", "genesis file of the chain")
  .requiredOption("--endpoint <host:port>", "query listener of a node", addressArgument)
  .option("--network-key <hex>", "pin of the server; default: all of the genesis", keyArgument)
  .option("--to-height <n>", "last height; default: the newest", countArgument, 0)
  .option("--json", "print one line of JSON", false)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse();

await runProgram("rebuild", () => rebuild(command.opts<Options>()));
