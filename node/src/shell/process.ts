import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { flushCompileCache } from "node:module";
import { PROTOCOLS, type Protocols } from "../ledger/protocol.ts";
import type { ReplicaBase } from "../replica/types.ts";
import { awaitGenesis } from "./birth.ts";
import { type Config, parseCommandLine, parseConfig, USAGE, UsageError } from "./config.ts";
import { diskFileSystem, type FileSystem, makeFolder } from "./disk/file-system.ts";
import { type FolderLock, lockFolder } from "./disk/folder-lock.ts";
import { makeJournal } from "./disk/missing-journal.ts";
import { tellDiskSpace } from "./disk-space.ts";
import { FatalError } from "./fatal-error.ts";
import { ControlService } from "./grpc/control-service.ts";
import { type Identity, issueIdentity } from "./grpc/pinned-tls.ts";
import { loadKeys, type NodeKeys } from "./key-file.ts";
import { createLog, type Log } from "./log.ts";
import { logGenesis } from "./log-genesis.ts";
import { createMetrics } from "./metrics.ts";
import { MetricsListener } from "./metrics-listener.ts";
import { newSalt } from "./node-disk.ts";
import { startTracing } from "./tracing.ts";
import { ValidatorNode } from "./validator-node.ts";

function readVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version }: { version?: unknown } = JSON.parse(text);
  return String(version);
}

async function readConfig(file: string): Promise<Config> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`--config: ${problem}`, { cause });
  }
  return parseConfig(text, file);
}

/** One line for people: what failed, and what to do. */
export function fatalLine(error: unknown): string {
  if (error instanceof FatalError) return `${error.code}: ${error.message}; ${error.fix}`;
  if (error instanceof UsageError) return error.message;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** A stop on request (SIGTERM, SIGINT) or by a failure, whichever comes first. */
class Stop {
  readonly #controller = new AbortController();
  readonly requested: Promise<void>;
  #error: unknown;

  constructor() {
    this.requested = new Promise((resolve) => {
      this.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => this.#abort());
    process.once("uncaughtException", (error) => this.fail(error));
    process.once("unhandledRejection", (error) => this.fail(error));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The first failure; undefined if the stop was asked for. */
  get error(): unknown {
    return this.#error;
  }

  readonly fail = (error: unknown): void => {
    this.#error ??= error ?? new Error("unknown failure");
    this.#abort();
  };

  #abort(): void {
    this.#controller.abort();
  }
}

/** The node asks to begin anew in the same process: from a state that it fetched. */
class Restart {
  readonly asked: Promise<boolean>;
  base: ReplicaBase | undefined;
  #resolve: (isAsked: boolean) => void = () => undefined;

  constructor() {
    this.asked = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  readonly ask = (base: ReplicaBase | undefined): void => {
    this.base = base;
    this.#resolve(true);
  };
}

/** What a process is made of beside its configuration. */
export interface ProcessPorts {
  /** The versions that this binary holds (rule VERSION). */
  readonly protocols: Protocols;
  /** Holds the logs; keys and the pin of the genesis, written once, are on the machine's disk. */
  readonly fileSystem: FileSystem;
}

const PRODUCTION: ProcessPorts = { protocols: PROTOCOLS, fileSystem: diskFileSystem };

interface Base extends ProcessPorts {
  readonly config: Config;
  readonly keys: NodeKeys;
  readonly identity: Identity;
  readonly log: Log;
  readonly lock: FolderLock;
}

async function prepare(config: Config, ports: ProcessPorts): Promise<Base> {
  const log = createLog(config.logLevel);
  await makeFolder(config.dataDir);
  // Before the keys: two first starts on one folder must not make two pairs.
  const lock = lockFolder(config.dataDir);
  const keys = await loadKeys(config.dataDir);
  return { ...ports, config, keys, identity: await issueIdentity(keys.network), log, lock };
}

async function runNode(base: Base, control: ControlService, stop: Stop): Promise<void> {
  const { config, keys, identity, log, fileSystem, protocols } = base;
  const metrics = createMetrics();
  const { validTo } = new X509Certificate(identity.certificate);
  metrics.certificateExpiry.set(Date.parse(validTo) / 1_000);
  const running: { node?: ValidatorNode } = {};
  const { listener } = await MetricsListener.start({
    listen: config.listen.metrics,
    registry: metrics.registry,
    refresh: () => {
      running.node?.refresh();
      return tellDiskSpace(config.dataDir, metrics);
    },
    notReady: () =>
      running.node === undefined ? "waiting for a genesis" : running.node.notReady(),
  });
  const tracing = await startTracing(log);
  try {
    const { dataDir: folder, genesisFile, genesisHash } = config;
    const author = keys.consensus.publicKey;
    const birth = await awaitGenesis({
      ...{ folder, genesisFile, genesisHash, signal: stop.signal },
      beforePin: (chainId) => makeJournal({ fileSystem, folder, chainId, author, salt: newSalt }),
    });
    if (birth === undefined) return;
    logGenesis(log, birth.genesis);
    const parts = { config, keys, identity, log, metrics, tracing, birth };
    let base: ReplicaBase | undefined;
    for (let isAgain = true; isAgain; ) {
      const again = new Restart();
      const node = await ValidatorNode.start({
        ...parts,
        fileSystem,
        version: readVersion(),
        protocols,
        now: Date.now,
        fail: stop.fail,
        base,
        restart: again.ask,
      });
      running.node = node;
      // Where NODE_COMPILE_CACHE is set: it is written at the end of a process, which is far away.
      flushCompileCache();
      control.attach({
        chainId: birth.chainId,
        status: () => node.status(),
        endorse: (subject) => node.endorse(subject),
        rebuild: (genesisHash) => node.rebuild(genesisHash),
      });
      isAgain = await Promise.race([again.asked, stop.requested.then(() => false)]);
      if (!isAgain && stop.error === undefined) await node.leave();
      if (stop.error === undefined) await node.stop();
      base = again.base;
    }
  } finally {
    listener.stop();
    await tracing.stop();
  }
}

async function run(config: Config, ports: ProcessPorts): Promise<void> {
  const stop = new Stop();
  const base = await prepare(config, ports);
  const { keys, identity, log, lock } = base;
  const { service: control } = await ControlService.start({
    identity,
    keys,
    listen: config.listen.control,
    clientKey: config.controlClientKey,
    advertise: config.advertise,
  });
  log.info("control listener open", {
    consensusKey: keys.consensus.publicKey,
    networkKey: keys.network.publicKey,
    keysMade: keys.isNew,
    upMs: Math.round(performance.now()),
  });
  try {
    await runNode(base, control, stop);
  } finally {
    control.stop();
  }
  if (stop.error !== undefined) throw stop.error;
  lock.release();
  log.info("stopped on request");
}

/**
 * Runs the program and returns its exit code: 0 stopped on request, 1 fatal error, 2 wrong command
 * line or configuration. `ports` are production's where absent.
 */
export async function main(
  args: readonly string[],
  ports: Partial<ProcessPorts> = {},
): Promise<number> {
  try {
    const command = parseCommandLine(args);
    if (command.kind === "help") process.stdout.write(USAGE);
    if (command.kind === "version") process.stdout.write(`${readVersion()}\n`);
    if (command.kind === "run") {
      await run(await readConfig(command.configFile), { ...PRODUCTION, ...ports });
    }
    return 0;
  } catch (error) {
    process.stderr.write(`${fatalLine(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}
