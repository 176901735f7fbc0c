import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AccountKey } from "@quorate/client/account-key";
import { connect, type QuorateClient } from "@quorate/client/client";
import { mainJobGenesis } from "../main-job/genesis.ts";
import { SAMPLE_PRICES } from "../main-job/options.ts";
import { type ChainEvent, ChainObserver } from "./chain-observer.ts";
import type { GenesisDocument } from "./genesis-file.ts";
import { Network, type NetworkOptions } from "./network.ts";

export interface ChainOptions extends Pick<NetworkOptions, "onExit" | "restart" | "program"> {
  readonly validators?: number;
  readonly spares?: number;
  readonly owners?: number;
  /** Accounts at genesis, each with US$ 1,000,000. */
  readonly accounts?: number;
  /** Consensus parameters of the genesis that are not those of the main job. */
  readonly consensus?: Readonly<Record<string, number>>;
  /** Silence that costs a seat; long where it is not what the test is about. */
  readonly silenceMs?: number;
  /** The genesis as the test wants it, from the one that it would have. */
  readonly amend?: (genesis: GenesisDocument) => GenesisDocument;
}

const TICK_MS = 300;
const USD = 1_000_000;
/** As in production: a busy machine starts a node, or an adversary in its place, in less. */
const UNSEEN_SILENCE_MS = 10_000;
/** One price for as long as a test may take. */
const PRICE_STANDS_MS = 3_600_000;

/**
 * A network with a client and an observer, for tests: what every one of them needs, and its end.
 */
export class RunningChain {
  readonly network: Network;
  readonly client: QuorateClient;
  readonly observer: ChainObserver;
  readonly accounts: readonly AccountKey[];
  readonly events: ChainEvent[] = [];
  #failed = true;

  private constructor(network: Network, client: QuorateClient, accounts: readonly AccountKey[]) {
    this.network = network;
    this.client = client;
    this.accounts = accounts;
    this.observer = new ChainObserver({
      client,
      onBlock: (block) => this.events.push(...block.events),
    });
  }

  static async start(options: ChainOptions = {}): Promise<RunningChain> {
    const folder = mkdtempSync(join(tmpdir(), "quorate-e2e-"));
    const accounts = Array.from({ length: options.accounts ?? 2 }, () => AccountKey.generate());
    const startMs = Date.now();
    const network = await Network.start({
      folder,
      validators: options.validators ?? 4,
      spares: options.spares ?? 0,
      owners: options.owners ?? 1,
      ...(options.onExit === undefined ? {} : { onExit: options.onExit }),
      ...(options.restart === undefined ? {} : { restart: options.restart }),
      ...(options.program === undefined ? {} : { program: options.program }),
      sources: (index) => [
        {
          market: 0,
          kind: "replay",
          file: SAMPLE_PRICES,
          startMs: startMs - 1,
          tickMs: PRICE_STANDS_MS,
          seed: index,
          noisePpm: 0,
          delayMs: 0,
          outages: [],
        },
      ],
      genesis: (born) => {
        const genesis = mainJobGenesis({
          ...born,
          accounts: accounts.map(({ publicKey }) => ({ key: publicKey, usd: USD })),
          genesisTimeMs: startMs - TICK_MS,
          tickMs: TICK_MS,
        });
        const { parameters } = genesis;
        const consensus = { ...parameters.consensus, ...options.consensus };
        const silenceMs = options.silenceMs ?? UNSEEN_SILENCE_MS;
        const rotation = { ...parameters.rotation, silenceMs };
        const own = { ...genesis, parameters: { ...parameters, consensus, rotation } };
        return options.amend === undefined ? own : options.amend(own);
      },
    });
    const client = await connect({
      genesis: { file: network.genesisFile },
      endpoints: network.endpoints,
    });
    const chain = new RunningChain(network, client, accounts);
    chain.observer.start();
    await chain.height(2);
    return chain;
  }

  /** Waits for a height. */
  async height(wanted: number): Promise<void> {
    const reached = () => (this.observer.height >= wanted ? true : undefined);
    await this.observer.until(reached, `height ${wanted}`, 60_000);
  }

  /** Waits until orders can trade. */
  async freshPrice(): Promise<bigint> {
    const fresh = () => this.events.flatMap((event) => freshPriceOf(event)).at(-1);
    return this.observer.until(fresh, "a fresh index price", 30_000);
  }

  /** Call as the last act of a test: what failed keeps its logs, and says where. */
  passed(): void {
    this.#failed = false;
  }

  async stop(): Promise<void> {
    const stopped = this.observer.stop();
    this.client.close();
    await stopped;
    await this.network.stop();
    const { folder } = this.network;
    if (this.#failed) process.stderr.write(`logs of the failed test: ${folder}\n`);
    else rmSync(folder, { recursive: true, force: true });
  }
}

function freshPriceOf(event: ChainEvent): bigint[] {
  if (event.kind !== "margin" || event.event.kind !== "index-price") return [];
  return event.event.state === "fresh" ? [event.event.price] : [];
}
