import { spawnSync } from "node:child_process";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { defined } from "../../src/kernel/assert.ts";
import { Reader } from "../../src/kernel/codec.ts";
import type { AttestedResult } from "../../src/kernel/statements.ts";
import type { Steps } from "../../src/kernel/steps.ts";
import { describeSnapshot, encodeChunk, openLedgerLoader } from "../../src/ledger/snapshot.ts";
import {
  encodeManifest,
  foldChunks,
  readManifest,
  verifyManifest,
} from "../../src/ledger/snapshot-manifest.ts";
import { bundleSigningBytes } from "../../src/ledger/transaction.ts";
import type { Transaction } from "../../src/ledger/types.ts";
import { accountName } from "./large-accounts.ts";
import { fillChunks, type LargeChunks } from "./large-chunks.ts";
import { sign, TestChain } from "./test-chain.ts";

const HELP = `A state of real accounts, from snapshot to first block, on one core.

  node node/test/ledger/large-state.ts [--bytes 1073741824] [--seed 1] [--heap 4096]

Makes the chunks of a state of so many bytes of leaves (keys and values) in a temporary folder, then
loads them in a process of its own with that heap (MiB): verification, decoding, tree. Then it
executes blocks on the state, and describes and encodes it again. Needs twice the bytes of memory
and once of disk.`;

const PREFIX_BITS = 14;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function quiet(chain: TestChain, price = 1_000n): readonly Transaction[] {
  const { epoch } = chain.state.set;
  const slot = Math.floor((chain.state.timestampMs - chain.genesis.genesisTimeMs) / 1_000);
  return chain.keys.map((key) => {
    const report = { kind: "oracle-report", epoch, market: 0, slot, price } as const;
    return { kind: "oracle-report", report: chain.signed(key, report) };
  });
}

function baseChain(): TestChain {
  const chain = new TestChain();
  for (let count = 0; count < 60; count += 1) chain.block({ transactions: quiet(chain) });
  return chain;
}

/** Writes chunks, manifest and what the loader trusts into the folder. */
function generate(folder: string, bytes: number, seed: number): void {
  const chain = baseChain();
  const plan = { bits: PREFIX_BITS, bytes, seed };
  const { chunks, totals } = fillChunks(chain.state, plan);
  writeChunks(folder, chain, chunks);
  const { accounts, leaves } = totals;
  say(`${accounts} accounts, ${leaves} leaves, ${chunks.bytes} bytes of leaves`);
}

function writeChunks(folder: string, chain: TestChain, large: LargeChunks): void {
  const file = openSync(join(folder, "chunks"), "w");
  const chunks = large.encode((_, chunk) => void writeSync(file, chunk));
  closeSync(file);
  const stateRoot = foldChunks(chunks);
  const { height } = chain.state;
  writeFileSync(
    join(folder, "manifest"),
    encodeManifest({ height, stateRoot, bits: PREFIX_BITS, chunks }),
  );
}

function seconds(started: number): string {
  return ((performance.now() - started) / 1_000).toFixed(2);
}

/** Processor time: what the machine's other work does not lengthen. */
function processorSeconds(): string {
  const { user, system } = process.cpuUsage();
  return ((user + system) / 1_000_000).toFixed(2);
}

/** Processor time of the main thread, with the garbage it collects itself. */
function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** The longest pieces of work between two yields, by clock and by processor, and the sum. */
class Slices {
  #sum = 0;
  readonly #works: number[] = [];
  #longestMs = 0;
  #last = performance.now();
  #lastWork = threadMs();
  begin(): void {
    this.#last = performance.now();
    this.#lastWork = threadMs();
  }
  end(): void {
    const ms = performance.now() - this.#last;
    this.#works.push(threadMs() - this.#lastWork);
    this.#longestMs = Math.max(this.#longestMs, ms);
    this.#sum += ms;
    this.begin();
  }
  toString(): string {
    const works = this.#works.toSorted((one, two) => two - one);
    const longest = works.slice(0, 5).map((ms) => ms.toFixed(0));
    const clock = `longest slice ${this.#longestMs.toFixed(1)} ms`;
    return `${(this.#sum / 1_000).toFixed(2)} s, ${clock}; of the processor ${longest.join(", ")}`;
  }
}

function inSlices<T>(steps: Steps<T>, slices: Slices): T {
  for (;;) {
    const step = steps.next();
    slices.end();
    if (step.done === true) return step.value;
  }
}

function load(folder: string): void {
  const chain = baseChain();
  const reader = new Reader(readFileSync(join(folder, "manifest")));
  const started = performance.now();
  const manifest = readManifest(reader);
  const certified: AttestedResult = {
    ...defined(chain.last, "a block").result,
    stateRoot: manifest.stateRoot,
  };
  const verdict = verifyManifest(manifest, certified);
  if (!verdict.ok) throw new Error(verdict.error.fix);
  say(`manifest: ${seconds(started)} s, ${manifest.chunks.length} chunks`);
  const round = defined(chain.state.marks.at(-1), "a mark").round;
  const { genesis, chainId } = chain;
  const loader = openLedgerLoader({ genesis, chainId, manifest, certified, block: { round } });
  const file = openSync(join(folder, "chunks"), "r");
  const adding = new Slices();
  manifest.chunks.forEach(({ bytes }, index) => {
    const chunk = new Uint8Array(bytes);
    readSync(file, chunk);
    adding.begin();
    const added = inSlices(loader.addSteps(index, chunk), adding);
    if (!added.ok) throw new Error(JSON.stringify(added.error));
  });
  closeSync(file);
  say(`chunks verified and decoded: ${adding}`);
  const finishing = new Slices();
  const finished = inSlices(loader.finishSteps(), finishing);
  if (!finished.ok) throw new Error(JSON.stringify(finished.error));
  chain.state = finished.value;
  say(`finished: ${finishing}`);
  say(`load in all: ${seconds(started)} s, of the processor ${processorSeconds()} s`);
  printMemory();
  runBlocks(chain);
  snapshotAgain(chain);
  printMemory();
}

function printMemory(): void {
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const peak = process.resourceUsage().maxRSS * 1_024;
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  const buffers = `buffers ${mib(arrayBuffers)} of ${mib(external)} external`;
  say(`memory: peak RSS ${mib(peak)}, now ${mib(rss)}, heap ${mib(heapUsed)}, ${buffers}`);
}

/** Blocks of 20 bundles, every second one with another price; every tenth with a withdrawal. */
function runBlocks(chain: TestChain): void {
  const times: number[] = [];
  const works: number[] = [];
  for (let block = 0; block < 300; block += 1) {
    const transactions = [...quiet(chain, 1_000n + BigInt(Math.floor(block / 2) % 3))];
    for (let index = 0; index < 20; index += 1) {
      const account = accountName(block * 20 + index);
      const order = { kind: "place", market: 0, clientId: 9, side: "buy", size: 1n } as const;
      const terms = {
        price: 900n,
        timeInForce: "gtc",
        reduceOnly: false,
        selfTrade: "cancel-maker",
        untilMs: 0,
      } as const;
      const isLast = block % 10 === 0 && index === 19;
      const actions = isLast
        ? [{ kind: "withdraw", amount: 1n } as const]
        : [{ ...order, ...terms }];
      const fields = { kind: "bundle" as const, account, nonce: 5_000, actions };
      const signature = sign(account, bundleSigningBytes(chain.chainId, fields));
      transactions.push({ ...fields, signature });
    }
    const started = performance.now();
    const before = threadMs();
    const codes = chain.block({ transactions });
    works.push(threadMs() - before);
    times.push(performance.now() - started);
    const refused = codes.slice(chain.keys.length).find((code) => code !== "OK");
    if (refused !== undefined) throw new Error(`a bundle was refused: ${refused}`);
  }
  times.sort((one, two) => one - two);
  const most = `of the processor ${Math.max(...works).toFixed(1)} ms`;
  const at = (share: number): string =>
    (times[Math.floor(share * (times.length - 1))] ?? 0).toFixed(1);
  const shares = `p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, p99 ${at(0.99)} ms`;
  say(`${times.length} blocks: ${shares}, longest ${at(1)} ms, ${most}`);
}

function snapshotAgain(chain: TestChain): void {
  const describing = new Slices();
  const manifest = describeSnapshot(chain.state, 128 * 1_024);
  describing.end();
  say(`described: ${describing}, ${manifest.chunks.length} chunks`);
  const scratch = new Uint8Array(128 * 1_024);
  const encoding = new Slices();
  manifest.chunks.forEach((_, index) => {
    encoding.begin();
    encodeChunk(chain.state, manifest, index, scratch);
    encoding.end();
  });
  say(`encoded: ${encoding}`);
}

const { values } = parseArgs({
  options: {
    help: { type: "boolean" },
    bytes: { type: "string", default: String(2 ** 30) },
    seed: { type: "string", default: "1" },
    heap: { type: "string", default: "4096" },
    load: { type: "string" },
  },
});
if (values.help === true) {
  say(HELP);
} else if (values.load !== undefined) {
  load(values.load);
} else {
  const folder = mkdtempSync(join(tmpdir(), "large-state-"));
  try {
    generate(folder, Number(values.bytes), Number(values.seed));
    // A profiler, or a trace of the collector, is of use where the state is.
    const heap = [...process.execArgv, `--max-old-space-size=${values.heap}`];
    const options = [...heap, import.meta.filename, "--load", folder];
    process.exitCode = spawnSync(process.execPath, options, { stdio: "inherit" }).status ?? 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
