import { parseArgs } from "node:util";
import { createRandom } from "./random.ts";
import type { SeedRun } from "./run-seed.ts";
import type { CryptoName } from "./schemes.ts";

export const USAGE = `npm run sim -- --seeds A..B [options]

Runs one network for each seed on a virtual clock, 62 virtual seconds each: delays, losses,
partitions, crashes of one and of all nodes between any two effects, torn and lost writes, pauses,
clocks that move, members that are gone, a volume put back as it was (BURN), a spare that comes
late, a binary with the next version on one node after another (VERSION), members whose binary
comes to other results until their owners repair the split (SPLIT). At most f of the power lies:
twins, amnesia, equivocation of every kind of statement, withholding, delays, invalid proposals,
stale certificates, spam, junk, a disk that forgets; or a thief with the operator's and a sponsor's
key. Owners rotate, add and end seats, clients send what is refused, bots trade under session keys
and after their end, a member may have only late votes to show, storms pick their messages. At 44 s
everything heals and the chain has to commit. Every rule is checked at every effect.

  --seeds A..B   seeds to run, both included (default 1..100); a single number runs one
  --nodes A..B   members of the set, 4 to 10 (default 4): a range gives each seed its own number,
                 small sets more often; 1 or 2 spares come on top
  --crypto NAME  stub (keyed hash, default), or ed25519: real signatures and real wire bytes
  --first        stop at the first failure (and say which seed it was)
  --hour         instead of seeds: one hour with a member 150 ms slower, which is never silent
  --trace        print every input and effect; for a single seed
  --json         print one JSON document and nothing else
  --help         this text

The report counts every fault, adversary, refusal and set change, and lists the rule arms (refusals
of the code, kinds of evidence, of lies and of junk) that no seed of the run has exercised.

Exit code: 0 all passed, 1 a seed failed, 2 wrong arguments.
`;

const NODES_MIN = 4;
const NODES_MAX = 10;

export interface Range {
  readonly first: number;
  readonly last: number;
}

export interface Options {
  readonly seeds: Range;
  readonly nodes: Range;
  readonly crypto: CryptoName;
  readonly isFirst: boolean;
  readonly trace: boolean;
  readonly json: boolean;
  readonly hour: boolean;
}

export class UsageError extends Error {}

function readRange(name: string, text: string, example: string): Range {
  const match = /^(\d{1,9})(?:\.\.(\d{1,9}))?$/.exec(text);
  if (match === null) throw new UsageError(`${name} ${text}: write A..B, for example ${example}`);
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (last < first) throw new UsageError(`${name} ${text}: ${last} is below ${first}`);
  return { first, last };
}

function readNodes(text: string): Range {
  const nodes = readRange("--nodes", text, "4..10");
  if (nodes.first < NODES_MIN || nodes.last > NODES_MAX) {
    throw new UsageError(`--nodes ${text}: write numbers from ${NODES_MIN} to ${NODES_MAX}`);
  }
  return nodes;
}

/** Undefined where only the help was asked for. */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: "string", default: "1..100" },
      nodes: { type: "string", default: "4" },
      crypto: { type: "string", default: "stub" },
      first: { type: "boolean", default: false },
      trace: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      hour: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const { crypto, trace, json, hour, first: isFirst } = values;
  if (crypto !== "stub" && crypto !== "ed25519") {
    throw new UsageError(`--crypto ${crypto}: write stub or ed25519`);
  }
  const seeds = readRange("--seeds", values.seeds, "1..1000");
  const nodes = readNodes(values.nodes);
  if (trace && seeds.first !== seeds.last) {
    throw new UsageError("--trace: give a single seed, for example --seeds 7");
  }
  return { seeds, nodes, crypto, isFirst, trace, json, hour };
}

/** The members of a seed's set: each number half as often as the one before, the last as that. */
function nodesOf(seed: number, { first, last }: Range): number {
  const random = createRandom(seed).fork(77);
  let nodes = first;
  while (nodes < last && random.chance(0.55)) nodes += 1;
  return nodes;
}

export function* runsOf({ seeds, nodes, crypto }: Options): Generator<SeedRun> {
  for (let seed = seeds.first; seed <= seeds.last; seed += 1) {
    yield { seed, nodes: nodesOf(seed, nodes), crypto };
  }
}

export function replayCommand({ nodes, crypto }: Options, seed: number): string {
  const extra = crypto === "stub" ? "" : ` --crypto ${crypto}`;
  return `npm run sim -- --seeds ${seed} --nodes ${nodesOf(seed, nodes)}${extra} --trace`;
}
