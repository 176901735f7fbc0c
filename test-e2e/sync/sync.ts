import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AccountKey } from "@quorate/client/account-key";
import { connect, type QuorateClient } from "@quorate/client/client";
import { type SpanUsage, UsageSampler } from "../bench/usage-sampler.ts";
import { ClientLoad } from "../crash/client-load.ts";
import { mainJobGenesis } from "../main-job/genesis.ts";
import { SAMPLE_PRICES } from "../main-job/options.ts";
import { eventually } from "../network/eventually.ts";
import { type BornNetwork, Network, type NetworkNode } from "../network/network.ts";
import type { PriceSource } from "../network/node-folder.ts";
import { registerSpare } from "../network/register-spare.ts";
import { CertificateGaps } from "./certificate-gaps.ts";
import { type LogLine, numberOf, readLog } from "./node-log.ts";
import type { Stages, SyncReport, ValidatorFigures } from "./report.ts";
import { fillVolumes, type LargeState } from "./volumes.ts";

export interface SyncPlan {
  readonly mib: number;
  readonly seed: number;
  readonly corruptPeers: number;
  readonly limitSeconds: number | undefined;
  readonly heapMib: number | undefined;
  readonly snapshotBlocks: number;
  readonly keep: boolean;
}

const CORRUPT_PEER = fileURLToPath(
  new URL("../../node/test/sync/corrupt-peer.ts", import.meta.url),
);
const VALIDATORS = 4;
const ACCOUNTS = 4;
const USD = 1_000_000;
/** Blocks between the state and the first snapshot that validators take of it themselves. */
const BLOCKS_BEFORE = 10;
const TICK_MS = 300;
/** Of the blocks that lie before the state; they are made at once. */
const BLOCK_MS = 200;
/** One price for as long as a run may take. */
const PRICE_STANDS_MS = 36_000_000;
/** On a machine that is shared, minutes say nothing about the product. */
const PATIENCE_MS = 1_800_000;

/** Runs the plan on a fresh network; everything is stopped when this returns. */
export async function sync(plan: SyncPlan, say: (line: string) => void): Promise<SyncReport> {
  const folder = mkdtempSync(join(tmpdir(), "quorate-sync-"));
  let passed = false;
  try {
    const scene = await Scene.start(plan, folder, say);
    try {
      const report = await scene.run();
      passed = report.violations.length === 0;
      return report;
    } finally {
      await scene.stop();
    }
  } finally {
    if (plan.keep || !passed) say(`logs and volumes: ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  }
}

class Scene {
  readonly #plan: SyncPlan;
  readonly #say: (line: string) => void;
  readonly #network: Network;
  readonly #client: QuorateClient;
  readonly #state: LargeState;
  readonly #load: ClientLoad;
  readonly #gaps: CertificateGaps;
  #ended = false;

  private constructor(
    plan: SyncPlan,
    say: (line: string) => void,
    parts: {
      readonly network: Network;
      readonly client: QuorateClient;
      readonly state: LargeState;
      readonly accounts: readonly AccountKey[];
    },
  ) {
    this.#plan = plan;
    this.#say = say;
    this.#network = parts.network;
    this.#client = parts.client;
    this.#state = parts.state;
    this.#gaps = new CertificateGaps(parts.client);
    this.#load = new ClientLoad(parts.client);
    this.#load.start(parts.accounts);
  }

  static async start(plan: SyncPlan, folder: string, say: (line: string) => void) {
    const accounts = Array.from({ length: ACCOUNTS }, () => AccountKey.generate());
    const height = plan.snapshotBlocks - BLOCKS_BEFORE;
    const startMs = Date.now();
    const made: { state?: LargeState } = {};
    const network = await Network.start({
      folder,
      validators: VALIDATORS,
      spares: 0,
      vacant: 1,
      readyMs: PATIENCE_MS,
      program: (index) => {
        const isCorrupt = index < VALIDATORS && index >= VALIDATORS - plan.corruptPeers;
        return isCorrupt ? { script: CORRUPT_PEER, args: [] } : undefined;
      },
      environment: heapOf(plan),
      sources: (seed) => [sourceOf(seed, startMs)],
      genesis: (born) => {
        const genesis = genesisOf(plan, born, accounts, startMs - (height + 1) * BLOCK_MS);
        say(`making ${plan.mib} MiB of accounts`);
        made.state = fillVolumes(folder, genesis, { ...plan, height });
        say(`${made.state.accounts} accounts; validators load them`);
        return genesis;
      },
    });
    const { state } = made;
    if (state === undefined) throw new Error("a genesis was made");
    const endpoints = network.validators.map(({ place }) => place.query);
    const client = await connect({ genesis: { file: network.genesisFile }, endpoints });
    return new Scene(plan, say, { network, client, state, accounts });
  }

  async run(): Promise<SyncReport> {
    const { snapshotBlocks } = this.#plan;
    this.#say(`validators are ready; waiting for their snapshot of height ${snapshotBlocks}`);
    await Promise.all(this.#network.validators.map((node) => this.#line(node, "snapshot taken")));
    this.#say("a newcomer starts with an empty disk");
    const sampler = new UsageSampler(this.#network.validators.map(watched));
    const startedMs = Date.now();
    const newcomer = await this.#network.startVacant();
    const own = new UsageSampler([watched(newcomer)]);
    let registered = 0;
    const registering = registerSpare({
      network: this.#network,
      client: this.#client,
      node: newcomer,
      readyMs: PATIENCE_MS,
      registered: () => {
        registered = Date.now() - startedMs;
      },
    });
    const [fitMs] = await Promise.all([this.#firstAttestation(newcomer), registering]);
    const fit = fitMs - startedMs;
    const spans = { all: sampler.end(), newcomer: own.end() };
    const stages = { ...this.#stages(newcomer, startedMs), registered, fit };
    const report = this.#report(newcomer, stages, spans);
    if (newcomer.process.starts > 1) report.violations.push("the newcomer was started again");
    return report;
  }

  /** The first log line of this text. */
  #line(node: NetworkNode, text: string): Promise<LogLine> {
    const file = this.#network.logFile(node);
    const look = () => readLog(file).find(({ msg }) => msg === text);
    const what = `"${text}" in the log of ${node.place.name}`;
    return eventually(look, { what, timeoutMs: PATIENCE_MS, everyMs: 500 });
  }

  /**
   * When a certified leaf of the newcomer first said that it attested a certified root: the chain
   * counts an attestation only where height and root are its own (rule FIT).
   */
  async #firstAttestation({ identity }: NetworkNode): Promise<number> {
    const look = async () => {
      const spares = await this.#client.spares();
      const found = spares.find(({ value }) => value?.key === identity.key);
      return (found?.value?.attested ?? 0) > 0 ? Date.now() : undefined;
    };
    return eventually(look, {
      what: "an attestation of the newcomer",
      timeoutMs: PATIENCE_MS,
      everyMs: 100,
    });
  }

  #stages(newcomer: NetworkNode, startedMs: number): Omit<Stages, "registered" | "fit"> {
    const log = readLog(this.#network.logFile(newcomer));
    const since = (line: LogLine | undefined): number => (line?.time ?? Number.NaN) - startedMs;
    const sync = log.filter(({ msg }) => msg === "state sync");
    return {
      manifest: since(sync.find((line) => "missing" in line)),
      chunks: since(sync.find((line) => "done" in line && line["done"] === line["chunks"])),
      loaded: since(log.find(({ msg }) => msg === "state sync: the state is loaded and stored")),
      started: since(log.filter(({ msg }) => msg === "node started").at(1)),
    };
  }

  #report(
    newcomer: NetworkNode,
    stagesMs: Stages,
    spans: { readonly all: SpanUsage; readonly newcomer: SpanUsage },
  ): SyncReport & { readonly violations: string[] } {
    const log = readLog(this.#network.logFile(newcomer));
    const from = log.find(({ msg, missing }) => msg === "state sync" && missing !== undefined);
    const height = from === undefined ? 0 : numberOf(from, "height");
    const last = log.filter(({ msg, done }) => msg === "state sync" && done !== undefined).at(-1);
    const named = this.#named(log);
    const [own] = spans.newcomer.processes;
    const violations = [
      ...this.#replayed(newcomer, height),
      ...this.#unnamed(named),
      ...this.#late(stagesMs.fit),
    ];
    const { mib, seed, corruptPeers } = this.#plan;
    return {
      ...{ mib, seed, corruptPeers, state: this.#state },
      snapshot: {
        height,
        chunks: last === undefined ? 0 : numberOf(last, "chunks"),
        bytes: last === undefined ? 0 : numberOf(last, "bytes"),
      },
      newcomer: {
        stagesMs,
        cpuMs: Math.round(own?.cpuMs ?? 0),
        residentMiB: own?.residentMiB.last ?? 0,
        residentMiBMax: own?.residentMiB.most ?? 0,
      },
      validators: this.#network.validators.map((node) => this.#figures(node, spans.all)),
      named,
      ...this.#gaps.summary,
      acknowledged: this.#load.acknowledged,
      machine: {
        processors: availableParallelism(),
        load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
        othersPercent: Math.max(
          0,
          spans.all.othersPercent - Math.round(own === undefined ? 0 : own.cpuPercent),
        ),
      },
      violations,
    };
  }

  #figures(node: NetworkNode, { processes }: SpanUsage): ValidatorFigures {
    const { name } = node.place;
    const log = readLog(this.#network.logFile(node));
    const usage = processes.find((each) => each.name === name);
    const loaded = log.find(({ msg }) => msg === "starts from a snapshot");
    const taken = log.filter(({ msg }) => msg === "snapshot taken");
    return {
      name,
      residentMiB: usage?.residentMiB.last ?? 0,
      residentMiBMax: usage?.residentMiB.most ?? 0,
      cpuMs: Math.round(usage?.cpuMs ?? 0),
      loadSeconds: loaded === undefined ? 0 : numberOf(loaded, "seconds"),
      snapshotSeconds: Math.max(0, ...taken.map((line) => numberOf(line, "seconds"))),
      slowestSliceMs: Math.max(0, ...taken.map((line) => numberOf(line, "slowestSliceMs"))),
    };
  }

  /** Its chain log begins above the snapshot: what is not there was never executed. */
  #replayed({ place }: NetworkNode, height: number): string[] {
    const files = readdirSync(place.dataDir).filter((name) => /^chain.*\.log$/.test(name));
    const bases = files.map((name) => Number(/^chain-(\d+)\.log$/.exec(name)?.[1] ?? 0));
    const below = bases.filter((base) => base < height);
    if (height > 0 && below.length === 0 && bases.length > 0) return [];
    return [`the newcomer has blocks above ${bases}, and fetched the state of height ${height}`];
  }

  /** Names of the validators whose chunks or manifests the newcomer refused. */
  #named(log: readonly LogLine[]): string[] {
    const liars = log.filter(({ msg }) => msg === "state sync: peer is asked for nothing more");
    const names = liars.map(({ peer }) => {
      const found = this.#network.validators.find(({ identity }) => identity.networkKey === peer);
      return found?.place.name ?? String(peer);
    });
    return [...new Set(names)].toSorted();
  }

  #unnamed(named: readonly string[]): string[] {
    const { validators } = this.#network;
    const corrupt = validators.slice(VALIDATORS - this.#plan.corruptPeers);
    const wanted = corrupt.map(({ place }) => place.name).toSorted();
    if (wanted.join() === named.join()) return [];
    return [`corrupt chunks came from ${wanted}, the newcomer named ${named}`];
  }

  #late(fitMs: number): string[] {
    const { limitSeconds } = this.#plan;
    if (limitSeconds === undefined || fitMs <= limitSeconds * 1_000) return [];
    return [`the first attestation came after ${fitMs} ms, at most ${limitSeconds} s were wanted`];
  }

  async stop(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const loaded = this.#load.stop();
    const gaps = this.#gaps.stop();
    this.#client.close();
    await Promise.allSettled([loaded, gaps]);
    await this.#network.stop();
  }
}

function watched({ place, process }: NetworkNode): { readonly name: string; readonly pid: number } {
  const { pid } = process;
  if (pid === undefined) throw new Error(`${place.name} has no process`);
  return { name: place.name, pid };
}

function heapOf({ heapMib }: SyncPlan): NodeJS.ProcessEnv {
  return heapMib === undefined ? {} : { NODE_OPTIONS: `--max-old-space-size=${heapMib}` };
}

function sourceOf(seed: number, startMs: number): PriceSource {
  return {
    ...{ market: 0, kind: "replay", file: SAMPLE_PRICES, startMs: startMs - 1 },
    ...{ tickMs: PRICE_STANDS_MS, seed, noisePpm: 0, delayMs: 0, outages: [] },
  };
}

function genesisOf(
  { snapshotBlocks }: SyncPlan,
  born: BornNetwork,
  accounts: readonly AccountKey[],
  genesisTimeMs: number,
) {
  const genesis = mainJobGenesis({
    ...born,
    accounts: accounts.map(({ publicKey }) => ({ key: publicKey, usd: USD })),
    genesisTimeMs,
    tickMs: TICK_MS,
  });
  const { parameters } = genesis;
  const consensus = { ...parameters.consensus, snapshotBlocks };
  return { ...genesis, name: "quorate-sync", parameters: { ...parameters, consensus } };
}
