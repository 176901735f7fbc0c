import { copyFileSync, cpSync, existsSync, mkdirSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Supervisor } from "@quorate/local-cluster/supervisor/supervisor";
import { nodes, services } from "@quorate/runtime/resources";
import { eventually } from "../network/eventually.ts";
import { PORTS } from "../network/loopback.ts";
import { openKube } from "../set/open-kube.ts";
import type { ClusterProvider, PodName } from "./provider.ts";

const DAEMON = fileURLToPath(new URL("../../operator/local-cluster/src/main.ts", import.meta.url));
const UP_MS = 60_000;
const STOP_GRACE_MS = 20_000;

export interface LocalClusterOptions {
  readonly folder: string;
  readonly machines: number;
  /** Programs of tests that run as images, by name. */
  readonly images?: Readonly<Record<string, string>>;
}

/** A cluster of processes on this machine; its machine door is what pulls plugs. */
export async function startLocalCluster(options: LocalClusterOptions): Promise<ClusterProvider> {
  const { folder, machines } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const supervisor = new Supervisor({ folder: join(folder, "daemon") });
  const state = join(folder, "state");
  const daemon = supervisor.start({
    name: "cluster",
    script: DAEMON,
    args: [
      ...["--folder", state, "--nodes", String(machines)],
      ...Object.entries(options.images ?? {}).flatMap(([image, program]) => [
        "--image",
        `${image}=${program}`,
      ]),
    ],
  });
  const kubeconfigFile = join(state, "kubeconfig");
  try {
    await eventually(
      () => {
        if (daemon.starts > 1) throw new Error(`see ${supervisor.logFile("cluster")}`);
        return existsSync(kubeconfigFile) ? answersYet(kubeconfigFile) : undefined;
      },
      { what: "the local cluster is up", timeoutMs: UP_MS },
    );
  } catch (error) {
    await supervisor.stopAll(STOP_GRACE_MS);
    throw error;
  }
  return new LocalProvider(state, kubeconfigFile, supervisor);
}

async function answersYet(kubeconfigFile: string): Promise<true | undefined> {
  try {
    const all = await openKube(kubeconfigFile).list(nodes);
    return all.length > 0 ? true : undefined;
  } catch {
    return undefined;
  }
}

class LocalProvider implements ClusterProvider {
  readonly name = "local";
  readonly kubeconfigFile: string;
  readonly #folder: string;
  readonly #supervisor: Supervisor;

  constructor(folder: string, kubeconfigFile: string, supervisor: Supervisor) {
    this.#folder = folder;
    this.kubeconfigFile = kubeconfigFile;
    this.#supervisor = supervisor;
  }

  async machineOff(node: string): Promise<void> {
    await this.#door("POST", `/machines/${node}/off`);
  }

  async machineOn(node: string): Promise<void> {
    await this.#door("POST", `/machines/${node}/on`);
  }

  async machinePause(node: string): Promise<void> {
    await this.#door("POST", `/machines/${node}/pause`);
  }

  async machineResume(node: string): Promise<void> {
    await this.#door("POST", `/machines/${node}/resume`);
  }

  async podKill({ namespace, name }: PodName): Promise<void> {
    await this.#door("POST", `/pods/${namespace}/${name}/kill`);
  }

  async podPause({ namespace, name }: PodName): Promise<void> {
    await this.#door("POST", `/pods/${namespace}/${name}/pause`);
  }

  async podResume({ namespace, name }: PodName): Promise<void> {
    await this.#door("POST", `/pods/${namespace}/${name}/resume`);
  }

  /** Pod addresses are loopback addresses of this machine. */
  async queryEndpoint(member: PodName): Promise<string> {
    const service = await openKube(this.kubeconfigFile).get(services, member);
    const address = service?.spec?.clusterIP;
    if (address === undefined) throw new Error(`${member.name} has no service`);
    return `${address}:${PORTS.query}`;
  }

  async volumeFolder({ namespace, name }: PodName): Promise<string> {
    const pod = (await this.#door("GET", `/pods/${namespace}/${name}`)) as {
      readonly volumes: Readonly<Record<string, string>>;
    };
    const folder = pod.volumes["data"];
    if (folder === undefined) throw new Error(`${name} has no volume named data`);
    return folder;
  }

  async collect(folder: string): Promise<void> {
    mkdirSync(folder, { recursive: true });
    cpSync(this.#folder, join(folder, "cluster"), { recursive: true, force: true });
    copyFileSync(this.#supervisor.logFile("cluster"), join(folder, "cluster.log"));
  }

  async stop(): Promise<void> {
    await this.#supervisor.stopAll(STOP_GRACE_MS);
  }

  #door(method: "GET" | "POST", path: string): Promise<unknown> {
    const socketPath = join(this.#folder, "machine-door.sock");
    return new Promise((resolve, reject) => {
      const call = request({ socketPath, method, path }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => {
          if (response.statusCode === 200) resolve(text === "" ? undefined : JSON.parse(text));
          else reject(new Error(`machine door: ${method} ${path}: ${response.statusCode} ${text}`));
        });
      });
      call.once("error", reject);
      call.end();
    });
  }
}
