import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Exit } from "@quorate/local-cluster/supervisor/supervised-process";
import { eventually } from "../network/eventually.ts";
import type { NetworkNode } from "../network/network.ts";
import { registerSpare } from "../network/register-spare.ts";
import { RunningChain } from "../network/running-chain.ts";
import { keyPair } from "../stranger/keys.ts";
import { ClientLoad } from "./client-load.ts";
import { readJournalFile } from "./journal-file.ts";
import { Listener } from "./listener.ts";
import { StatementRecord } from "./statement-record.ts";

const DROPPING_NODE = fileURLToPath(new URL("../../node/test/power-cut/main.ts", import.meta.url));
const VALIDATORS = 4;
const ACCOUNTS = 6;
/** A killed process is back at once: the node's own time is measured, not a back-off. */
const AT_ONCE = { backOffMsMin: 20, backOffMsMax: 20, stableMs: 10_000 };
/** A chain that does not commit for this long after a blow has stopped. */
const RECOVERY_MS = 60_000;

export interface SceneOptions {
  readonly seed: number;
  /** Nodes run on a disk that loses what was not synced (node/test/power-cut). */
  readonly dropsUnsynced: boolean;
  /** Breaks one rule in every node (node/test/mutants). */
  readonly mutant?: string;
}

/** Four validators on real processes under load, with somebody who writes down what they sign. */
export class CrashScene {
  readonly chain: RunningChain;
  readonly record: StatementRecord;
  readonly listener: Listener;
  readonly load: ClientLoad;
  readonly #exits: readonly Exit[];
  readonly #violations: string[] = [];

  /** Its violations are wanted: nobody reads its logs. */
  readonly #isBroken: boolean;

  private constructor(
    chain: RunningChain,
    listener: Listener,
    record: StatementRecord,
    options: SceneOptions & { readonly exits: readonly Exit[] },
  ) {
    this.chain = chain;
    this.listener = listener;
    this.record = record;
    this.#exits = options.exits;
    this.#isBroken = options.mutant !== undefined;
    this.load = new ClientLoad(chain.client);
  }

  static async start(options: SceneOptions): Promise<CrashScene> {
    const exits: Exit[] = [];
    const chain = await RunningChain.start({
      validators: VALIDATORS,
      spares: 1,
      accounts: ACCOUNTS,
      restart: AT_ONCE,
      onExit: (exit) => exits.push(exit),
      ...(options.dropsUnsynced ? { program: (index) => droppingNode(options, index) } : {}),
    });
    try {
      const { network, client } = chain;
      const authors = network.validators.map(({ identity }) => identity.key);
      const record = new StatementRecord(client.chainId, authors);
      const listener = new Listener(await spareKey(chain), client.chainId, record);
      await listener.follow(network.validators);
      await chain.freshPrice();
      const scene = new CrashScene(chain, listener, record, { ...options, exits });
      scene.load.start(chain.accounts);
      return scene;
    } catch (error) {
      await chain.stop();
      throw error;
    }
  }

  get validators(): readonly NetworkNode[] {
    return this.chain.network.validators;
  }

  /** All that was found so far. */
  get violations(): readonly string[] {
    const blind = this.listener.unread.map((what) => `the listener cannot read ${what}`);
    return [...this.#violations, ...this.record.violations, ...blind, ...this.#ownEnds()];
  }

  /** A node ends only by what this program does to it. */
  #ownEnds(): string[] {
    return this.#exits
      .filter(({ signal }) => signal !== "SIGKILL" && signal !== "SIGTERM")
      .map(
        ({ name, code }) => `${name} ended by itself with code ${code}: ${this.#lastLine(name)}`,
      );
  }

  #lastLine(name: string): string {
    const log = readFileSync(this.chain.network.supervisor.logFile(name), "utf8");
    const lines = log.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
    return lines.at(-1) ?? "no reason given";
  }

  /** SIGKILL to all of them at one moment; returns when the processes are gone. */
  async kill(nodes: readonly NetworkNode[]): Promise<void> {
    await Promise.all(nodes.map(({ process }) => process.crash()));
    for (const node of nodes) this.#readJournal(node);
  }

  /** What has left must be in the journal that is on the disk now. */
  #readJournal({ identity, place }: NetworkNode): void {
    const content = readJournalFile(join(place.dataDir, "journal.log"));
    if (content === undefined) {
      this.#violations.push(`${place.name} has no journal`);
      return;
    }
    this.record.noteJournal(identity.key, content);
    if (content.burnt !== undefined) {
      this.#violations.push(`${place.name} burnt its key: ${content.burnt}`);
    }
  }

  /** Milliseconds from `sinceMs` to the first vote on a stream after `streams`. */
  async votesAgain(
    node: NetworkNode,
    streams: number,
    sinceMs: number,
  ): Promise<number | undefined> {
    return this.#within(`a vote of ${node.place.name} after it was killed`, () => {
      const atMs = this.listener.votedSince(node.identity.key, streams);
      return atMs === undefined ? undefined : atMs - sinceMs;
    });
  }

  /** The chain certifies two blocks more than it had. */
  async commitsAfter(height: number): Promise<void> {
    const { observer } = this.chain;
    await this.#within(`a block after height ${height + 1}`, () =>
      observer.certifiedHeight >= height + 2 ? true : undefined,
    );
  }

  async #within<T>(what: string, look: () => T | undefined): Promise<T | undefined> {
    try {
      const orViolation = () => (this.violations.length > 0 ? null : look());
      const found = await eventually(orViolation, { what, timeoutMs: RECOVERY_MS, everyMs: 5 });
      return found ?? undefined;
    } catch (error) {
      this.#violations.push(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  /** Stops the load and compares what clients hold with the chain and the journals as they are. */
  async judge(): Promise<void> {
    await this.load.stop();
    const { genesisFile } = this.chain.network;
    const endpoints = this.validators.map(({ place }) => place.query);
    this.#violations.push(...(await this.load.lost(genesisFile, endpoints)));
    for (const node of this.validators) this.#readJournal(node);
  }

  /** Ends everything; what failed keeps its logs. */
  async stop(): Promise<void> {
    if (this.violations.length === 0 || this.#isBroken) this.chain.passed();
    this.listener.stop();
    const loaded = this.load.stop();
    // The end of the client ends what the load still waits for.
    await this.chain.stop();
    await loaded;
  }
}

function droppingNode({ seed, mutant }: SceneOptions, index: number) {
  const args = ["--seed", String(seed * 16 + index)];
  if (mutant !== undefined) args.push("--mutant", mutant);
  return { script: DROPPING_NODE, args };
}

/** A spare hears everything: it is registered, and the listener takes its place. */
async function spareKey(chain: RunningChain) {
  const { network, client } = chain;
  const [node] = network.spares;
  if (node === undefined) throw new Error("the scene has a spare");
  await registerSpare({ network, client, node });
  await node.process.remove();
  return keyPair(readFileSync(join(node.place.dataDir, "network.key.pem"), "latin1"));
}
