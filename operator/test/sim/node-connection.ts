import { sha256Hex } from "@quorate/node/crypto/sha256";
import { asciiBytes } from "@quorate/node/kernel/bytes";
import type { ControlKeys, HttpPort, NodeControlPort } from "../../src/ports.ts";
import type { NodeProcess } from "./machines.ts";
import type { OperatorProcess } from "./operator-process.ts";
import type { World } from "./world.ts";

export const CONTROL_PEM = "control private key, a secret";

function ipOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":"));
}

function reached(world: World, process: OperatorProcess, ip: string): NodeProcess | undefined {
  const node = world.cluster.at(ip);
  return node === undefined || process.unreachable.has(node.member) ? undefined : node;
}

/** Control listeners of the nodes, as one process reaches them. */
export function controlKeys(world: World, process: OperatorProcess): ControlKeys {
  const ask = async (address: string): Promise<NodeProcess> => {
    const { clock, network, weather, counts } = world;
    await clock.sleep(network.integer(2, 30));
    const node = reached(world, process, ipOf(address));
    if (node !== undefined && !network.chance(weather.controlFails)) return node;
    counts.add("control: no answer");
    await clock.sleep(network.chance(0.5) ? 1 : 2_000);
    throw new Error(`${address} does not answer`);
  };
  const port: NodeControlPort = {
    identity: (address) =>
      process.guard(
        ask(address).then(({ volume, advertise }) => ({
          consensusKey: volume.key,
          networkKey: volume.networkKey,
          address: advertise,
          genesisHash: volume.pinned ?? "",
        })),
      ),
    signRegistration: (address) =>
      process.guard(
        ask(address).then(() => ({
          nonce: 1,
          possession: "ab".repeat(64),
          networkSignature: "cd".repeat(64),
        })),
      ),
  };
  return {
    create: () => CONTROL_PEM,
    publicKey: (pem) => sha256Hex(asciiBytes(pem)),
    open: () => port,
  };
}

/** Metrics of nodes and the one Prometheus, as one process reaches them. */
export function httpOf(world: World, process: OperatorProcess): HttpPort {
  const get = async (url: string, timeoutMs: number) => {
    const { clock, network, weather, counts, peers } = world;
    await clock.sleep(network.integer(1, 30));
    const { hostname, searchParams } = new URL(url);
    if (hostname === "prometheus") {
      const answer = peers.prometheus(searchParams.get("query") ?? "");
      process.sight.prometheus = peers.prometheusTruth();
      if (answer !== undefined) return answer;
      await clock.sleep(network.chance(0.5) ? 1 : timeoutMs);
      throw new Error("prometheus does not answer");
    }
    const node = reached(world, process, hostname);
    const body = node === undefined ? undefined : peers.metricsText(node);
    if (body === undefined || network.chance(weather.scrapeFails)) {
      counts.add("scrape: no answer");
      await clock.sleep(network.chance(0.5) ? 1 : timeoutMs);
      throw new Error(`${hostname} does not answer`);
    }
    if (weather.scrape === undefined && node !== undefined) {
      process.sight.scrapedAtMs.set(node.volume.key, clock.monotonic());
    }
    return { status: 200, body };
  };
  return { get: (url, { timeoutMs }) => process.guard(get(url, timeoutMs)) };
}
