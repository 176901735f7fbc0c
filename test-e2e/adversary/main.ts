import { Command, InvalidArgumentError } from "commander";
import {
  addressArgument,
  countArgument,
  keyArgument,
  readGenesisFile,
  runProgram,
} from "../stranger/arguments.ts";
import { type ActReport, Adversary } from "./adversary.ts";
import { EQUIVOCATIONS, MODES, type Mode } from "./attack.ts";

/**
 * A validator turned malicious: it has the validator's address, volume and keys, reaches only its
 * peers' consensus ports, and signs two of what an honest key signs one of, or one wrong root. It
 * shares no code with the node: it was written from node/spec.
 */
interface Options {
  readonly dataDir: string;
  readonly genesis: string;
  readonly listen: string;
  readonly mode: readonly Mode[];
  readonly split: boolean;
  readonly skipPeer?: readonly string[];
  readonly deafTo?: readonly string[];
  readonly seconds?: number;
  readonly json: boolean;
}

function modeArgument(text: string): readonly Mode[] {
  if (text === "all") return EQUIVOCATIONS;
  const mode = MODES.find((name) => text === name || `${text}s` === name);
  if (mode !== undefined) return [mode];
  throw new InvalidArgumentError(`write one of ${MODES.join(", ")}, all (the first three)`);
}

function print(line: string, act: ActReport | undefined, json: boolean): void {
  const printed = json ? JSON.stringify(act ?? { kind: "note", note: line }) : `adversary: ${line}`;
  process.stdout.write(`${printed}\n`);
}

async function attack(options: Options): Promise<number> {
  const adversary = new Adversary({
    genesis: readGenesisFile(options.genesis),
    dataDir: options.dataDir,
    listen: options.listen,
    modes: new Set(options.mode),
    split: options.split,
    deafTo: new Set([...(options.skipPeer ?? []), ...(options.deafTo ?? [])]),
    tell: (line, act) => print(line, act, options.json),
  });
  const stop = (): void => adversary.stop();
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  if (options.seconds !== undefined) setTimeout(stop, options.seconds * 1_000).unref();
  await adversary.run();
  return 0;
}

const command = new Command("adversary")
  .description("Takes a validator's place and equivocates.")
  .requiredOption("--data-dir <dir>", "volume of the validator: its two keys")
  .requiredOption("--genesis <file>", "genesis file of the chain")
  .requiredOption(
    "--listen <host:port>",
    "address of the validator's peer listener",
    addressArgument,
  )
  .option(
    "--mode <mode>",
    "votes, proposals, attestations, all (two of each), or wrong-root (one a height)",
    modeArgument,
    EQUIVOCATIONS,
  )
  .option("--split", "each peer hears only one of the two statements", false)
  .option("--skip-peer <key>", "network key of a peer that hears nothing; repeatable", keyArgument)
  .option("--deaf-to <key>", "the same by consensus key; repeatable", keyArgument)
  .option("--seconds <n>", "stop after so long; default: until a signal", countArgument)
  .option("--json", "print acts as lines of JSON", false)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse();

await runProgram("adversary", () => attack(command.opts<Options>()));
