import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loopbackAddress, PORTS } from "./loopback.ts";

/** One price source as the node's configuration names it. */
export interface PriceSource {
  readonly market: number;
  readonly kind: "replay";
  readonly file: string;
  /** Unix time at which the first price begins to stand. */
  readonly startMs: number;
  readonly tickMs: number;
  readonly seed: number;
  readonly noisePpm: number;
  readonly delayMs: number;
  readonly outages: readonly { readonly fromTick: number; readonly toTick: number }[];
}

/** Where one node lives: its folder is its volume, its loopback address its machine. */
export interface NodePlace {
  readonly name: string;
  readonly folder: string;
  readonly dataDir: string;
  readonly configFile: string;
  readonly peers: string;
  readonly query: string;
  readonly control: string;
  readonly metrics: string;
}

export function nodePlace(root: string, block: number, node: { name: string; index: number }) {
  const folder = join(root, node.name);
  const host = loopbackAddress(block, node.index);
  return {
    name: node.name,
    folder,
    dataDir: join(folder, "data"),
    configFile: join(folder, "node.json"),
    peers: `${host}:${PORTS.peers}`,
    query: `${host}:${PORTS.query}`,
    control: `${host}:${PORTS.control}`,
    metrics: `${host}:${PORTS.metrics}`,
  } satisfies NodePlace;
}

export interface NodeConfiguration {
  readonly genesisFile: string;
  /** The operator's control key, hex. */
  readonly controlClientKey: string;
  readonly prices: readonly PriceSource[];
}

/** Makes the node's folder and writes the configuration that `node/src/main.ts` reads. */
export function writeNodeFolder(place: NodePlace, configuration: NodeConfiguration): void {
  mkdirSync(place.dataDir, { recursive: true, mode: 0o700 });
  const config = {
    dataDir: place.dataDir,
    genesisFile: configuration.genesisFile,
    listen: {
      peers: place.peers,
      control: place.control,
      query: place.query,
      metrics: place.metrics,
    },
    advertise: place.peers,
    controlClientKey: configuration.controlClientKey,
    prices: configuration.prices,
    logLevel: "info",
  };
  writeFileSync(place.configFile, `${JSON.stringify(config, undefined, 2)}\n`);
}

/** The machine is gone for good: nothing can read its volume any more. */
export function takeVolumeAway(place: NodePlace): void {
  renameSync(place.dataDir, `${place.dataDir}.gone`);
}
