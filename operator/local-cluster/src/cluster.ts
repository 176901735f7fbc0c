import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@quorate/runtime/system-clock";
import { createApiServer } from "./apiserver/api-server.ts";
import { makeServerIdentity, type ServerIdentity } from "./apiserver/certificate.ts";
import { type HttpListener, listen } from "./apiserver/http-listener.ts";
import { writeKubeconfig } from "./apiserver/kubeconfig.ts";
import type { StoreClient } from "./apiserver/store-client.ts";
import { AddressPlan } from "./controllers/address-plan.ts";
import { claimBlock } from "./controllers/loopback-block.ts";
import { Machinery } from "./controllers/machinery.ts";
import { ClusterNetwork } from "./controllers/network.ts";
import type { ImageProgram } from "./kubelet/image-table.ts";
import type { BackOffPolicy } from "./kubelet/restart-back-off.ts";
import { MachineDoor } from "./machine-door/machine-door.ts";

export interface ClusterOptions {
  /** Holds everything; a later start in it goes on from there. Only one cluster at a time. */
  readonly folder: string;
  /** Virtual machines `local-1`, `local-2`, ..., each in a zone of its own; 5 by default. */
  readonly kubeletNodes?: number;
  readonly images: readonly ImageProgram[];
  /** A machine that is silent for this long is unknown; 8 s by default, 40 s in real clusters. */
  readonly nodeGraceMs?: number;
  /** Of containers that end; a kubelet's by default. */
  readonly backOff?: BackOffPolicy;
  /** Told of mistakes of this program in background work; thrown by default. */
  readonly onError?: (error: unknown) => void;
}

export interface Cluster {
  readonly kubeconfigFile: string;
  readonly apiUrl: string;
  /** Socket of the machine door. */
  readonly machineDoor: string;
  /** A door to the API inside this process. */
  client(fieldManager: string): StoreClient;
  /** Ends all pods' processes in order; objects and volumes stay in the folder. */
  stop(): Promise<void>;
}

const NODES = 5;
/** Shorter than a real cluster's, so that a lost machine is seen while one watches. */
const NODE_GRACE_MS = 8_000;

/** What a cluster keeps of itself beside its objects. */
interface ClusterFile {
  readonly block: number;
  readonly port: number;
  readonly token: string;
  readonly identity: ServerIdentity;
}

/** Starts a Kubernetes API with its controllers and virtual machines in this process. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { folder } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, "cluster.json");
  const known = existsSync(path)
    ? (JSON.parse(readFileSync(path, "utf8")) as ClusterFile)
    : undefined;
  const block = await claimBlock({ seed: folder, known: known?.block });
  const plan = new AddressPlan(block.number);
  const identity = known?.identity ?? (await makeServerIdentity(Date.now()));
  const token = known?.token ?? randomBytes(32).toString("base64url");
  const onError = options.onError ?? fail;
  const server = createApiServer({
    clock: systemClock,
    dataDir: join(folder, "api"),
    caCertificate: identity.certificate,
    serviceAddresses: plan.services,
    onTaskError: onError,
  });
  const kubeconfigFile = join(folder, "kubeconfig");
  const machinery = new Machinery({
    client: (fieldManager) => server.client(fieldManager),
    network: new ClusterNetwork(plan),
    plan,
    folder,
    nodes: options.kubeletNodes ?? NODES,
    images: options.images,
    nodeGraceMs: options.nodeGraceMs ?? NODE_GRACE_MS,
    kubeconfigFile,
    onError,
    ...(options.backOff === undefined ? {} : { backOff: options.backOff }),
  });
  server.setLogProvider(machinery.logs);
  const listener = await listenAgain({ server, identity, token }, known?.port);
  const door = new MachineDoor(join(folder, "machine-door.sock"), machinery.kubelets);
  const port = Number(new URL(listener.url).port);
  const file: ClusterFile = { block: block.number, port, token, identity };
  writeFileSync(path, JSON.stringify(file), { mode: 0o600 });
  machinery.start();
  await door.open();
  // Written last: who finds it finds a cluster that works.
  writeKubeconfig(kubeconfigFile, {
    url: listener.url,
    caCertificate: identity.certificate,
    token,
  });
  return {
    kubeconfigFile,
    apiUrl: listener.url,
    machineDoor: door.socketPath,
    client: (fieldManager) => server.client(fieldManager),
    stop: async () => {
      await door.close();
      await machinery.stop();
      await listener.close();
      server.close();
      await block.release();
    },
  };
}

/** On the port that it had, so that kubeconfigs in other places stay good; else on another. */
async function listenAgain(
  parts: Omit<Parameters<typeof listen>[0], "port">,
  port: number | undefined,
): Promise<HttpListener> {
  try {
    return await listen({ ...parts, port: port ?? 0 });
  } catch (error) {
    if (port === undefined) throw error;
    return listen({ ...parts, port: 0 });
  }
}

function fail(error: unknown): never {
  throw error;
}
