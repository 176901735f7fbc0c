import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { waitReady } from "@quorate/local-cluster/supervisor/readiness";
import type {
  Exit,
  RestartPolicy,
  SupervisedProcess,
} from "@quorate/local-cluster/supervisor/supervised-process";
import { Supervisor } from "@quorate/local-cluster/supervisor/supervisor";
import { Control, type Identity } from "./control.ts";
import { type GenesisDocument, writeGenesis } from "./genesis-file.ts";
import { askIdentity } from "./identities.ts";
import { freeLoopbackBlock } from "./loopback.ts";
import { type NodePlace, nodePlace, type PriceSource, writeNodeFolder } from "./node-folder.ts";
import { newSigningKey, type SigningKey } from "./signing-key.ts";

const NODE_PROGRAM = fileURLToPath(new URL("../../node/src/main.ts", import.meta.url));
const READY_MS = 60_000;
const STOP_GRACE_MS = 5_000;

/**
 * An owner as a person holds it: the key off the cluster, and the sponsor key that places bonds.
 */
export interface Owner {
  readonly key: SigningKey;
  readonly sponsor: SigningKey;
}

export interface NetworkNode {
  readonly place: NodePlace;
  readonly owner: Owner;
  readonly identity: Identity;
  readonly process: SupervisedProcess;
}

/** What runs as a node: a file of Node that takes `--config FILE` and whatever stands before it. */
export interface NodeProgram {
  readonly script: string;
  readonly args: readonly string[];
}

export interface NetworkOptions {
  /** Everything lies below; the caller removes it. */
  readonly folder: string;
  readonly validators: number;
  readonly spares: number;
  /** Validators and spares belong to the owners in turn; 1 by default. */
  readonly owners?: number;
  /** Price sources of the node with this index (validators first, then spares). */
  readonly sources?: (index: number) => readonly PriceSource[];
  /** Makes the genesis once all identities are known. */
  readonly genesis: (born: BornNetwork) => GenesisDocument;
  readonly onExit?: (exit: Exit) => void;
  /** How a process that ended is started again; with a back-off that grows by default. */
  readonly restart?: RestartPolicy;
  /** What runs as the node with this index; the product's own program by default. */
  readonly program?: (index: number) => NodeProgram | undefined;
  /** Nodes of which nothing is there but a configuration, for `startVacant`; none by default. */
  readonly vacant?: number;
  /** What nodes have in their environment besides this process's own. */
  readonly environment?: NodeJS.ProcessEnv;
  /** How long validators may take to be ready; a minute by default. */
  readonly readyMs?: number;
}

/** What the genesis is made of. */
export interface BornNetwork {
  readonly owners: readonly Owner[];
  readonly seats: GenesisDocument["seats"];
}

export const SEAT_POWER = "1000000000000";

/** Processes of one chain on this machine. */
export class Network {
  readonly folder: string;
  readonly genesisFile: string;
  readonly validators: readonly NetworkNode[];
  readonly spares: readonly NetworkNode[];
  readonly owners: readonly Owner[];
  readonly operator: SigningKey;
  readonly supervisor: Supervisor;
  readonly #vacant: NodePlace[];
  readonly #options: NetworkOptions;

  private constructor(parts: NetworkParts) {
    this.#vacant = [...parts.vacant];
    this.#options = parts.options;
    this.folder = parts.folder;
    this.genesisFile = parts.genesisFile;
    this.validators = parts.validators;
    this.spares = parts.spares;
    this.owners = parts.owners;
    this.operator = parts.operator;
    this.supervisor = parts.supervisor;
  }

  get nodes(): readonly NetworkNode[] {
    return [...this.validators, ...this.spares];
  }

  /** host:port of all query listeners. */
  get endpoints(): readonly string[] {
    return this.nodes.map(({ place }) => place.query);
  }

  nodeOf(key: string): NetworkNode | undefined {
    return this.nodes.find(({ identity }) => identity.key === key);
  }

  /** A control connection pinned to the node's network key. */
  control(node: NetworkNode): Promise<Control> {
    return Control.open(node.place.control, this.operator, node.identity.networkKey);
  }

  logFile(node: NetworkNode): string {
    return this.supervisor.logFile(node.place.name);
  }

  async stop(): Promise<void> {
    await this.supervisor.stopAll(STOP_GRACE_MS);
  }

  /** A process that never ran, on an empty volume, which the chain does not know yet. */
  async startVacant(): Promise<NetworkNode> {
    const place = this.#vacant.shift();
    if (place === undefined) throw new Error("no place is left vacant");
    const { owners, operator, supervisor } = this;
    const index = this.nodes.length;
    return startNode({ owners, operator, supervisor, options: this.#options }, place, index);
  }

  /** Birth as rule GENESIS has it: keys first, then one genesis for all, then readiness. */
  static async start(options: NetworkOptions): Promise<Network> {
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    const genesisFile = join(options.folder, "genesis.json");
    const { folder } = options;
    const operator = newSigningKey();
    const owners = Array.from({ length: options.owners ?? 1 }, () => ({
      key: newSigningKey(),
      sponsor: newSigningKey(),
    }));
    const all = await makeFolders(options, genesisFile, operator);
    const places = all.slice(0, options.validators + options.spares);
    const vacant = all.slice(places.length);
    await warmCompileCache(folder);
    const supervisor = new Supervisor({
      folder: join(options.folder, "processes"),
      ...(options.onExit === undefined ? {} : { onExit: options.onExit }),
      ...(options.restart === undefined ? {} : { restart: options.restart }),
    });
    try {
      const start = { owners, operator, supervisor, options };
      const nodes = await Promise.all(places.map((place, at) => startNode(start, place, at)));
      const validators = nodes.slice(0, options.validators);
      const seats = validators.map(({ owner, identity, place }) => ({
        owner: owner.key.publicKey,
        key: identity.key,
        networkKey: identity.networkKey,
        address: place.peers,
        power: SEAT_POWER,
      }));
      writeGenesis(genesisFile, options.genesis({ owners, seats }));
      // A spare is nobody to its peers, and gets no blocks, before it is registered.
      await Promise.all(validators.map((node) => awaitReady(node, options.readyMs)));
      const spares = nodes.slice(options.validators);
      return new Network({ ...start, folder, genesisFile, validators, spares, vacant });
    } catch (error) {
      await supervisor.stopAll(0);
      throw error;
    }
  }
}

type NetworkParts = Pick<
  Network,
  "folder" | "genesisFile" | "validators" | "spares" | "owners" | "operator" | "supervisor"
> & { readonly vacant: readonly NodePlace[]; readonly options: NetworkOptions };

async function makeFolders(
  { folder, validators, spares, sources, vacant = 0 }: NetworkOptions,
  genesisFile: string,
  operator: SigningKey,
): Promise<NodePlace[]> {
  const count = validators + spares + vacant;
  const block = await freeLoopbackBlock(count);
  return Array.from({ length: count }, (_, index) => {
    const spare = index - validators;
    const name = spare < 0 ? `validator-${index + 1}` : `spare-${spare + 1}`;
    const place = nodePlace(folder, block, { name, index });
    writeNodeFolder(place, {
      genesisFile,
      controlClientKey: operator.publicKey,
      prices: sources?.(index) ?? [],
    });
    return place;
  });
}

/** Compiled code of all nodes of this network: half of the start of a process is compiling. */
function nodeEnvironment(folder: string): NodeJS.ProcessEnv {
  return { ...process.env, NODE_COMPILE_CACHE: join(folder, "compile-cache") };
}

/** The cache is written when a process ends by itself, which a validator never does. */
async function warmCompileCache(folder: string): Promise<void> {
  const env = nodeEnvironment(folder);
  await promisify(execFile)(process.execPath, [NODE_PROGRAM, "--version"], { env });
}

interface StartNodes {
  readonly owners: readonly Owner[];
  readonly operator: SigningKey;
  readonly supervisor: Supervisor;
  readonly options: NetworkOptions;
}

async function startNode(
  { owners, operator, supervisor, options }: StartNodes,
  place: NodePlace,
  index: number,
): Promise<NetworkNode> {
  const { script, args } = options.program?.(index) ?? { script: NODE_PROGRAM, args: [] };
  const process = supervisor.start({
    name: place.name,
    script,
    args: [...args, "--config", place.configFile],
    env: { ...nodeEnvironment(options.folder), ...options.environment },
  });
  const turn = index < options.validators ? index : index - options.validators;
  const owner = owners[turn % owners.length];
  if (owner === undefined) throw new Error("a network has at least one owner");
  return { place, process, owner, identity: await askIdentity(place, operator) };
}

export function awaitReady(
  { place, process }: NetworkNode,
  timeoutMs: number = READY_MS,
): Promise<void> {
  const { starts } = process;
  const aborted = () =>
    process.starts > starts + 3 ? `${place.name} ends again and again` : undefined;
  return waitReady({ address: place.metrics, timeoutMs, aborted });
}
