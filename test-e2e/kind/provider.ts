import { join } from "node:path";
import type { KubeClient } from "@quorate/runtime/kube-client";
import { pods } from "@quorate/runtime/resources";
import type { ClusterProvider, OperatorPlace, PodName } from "../provider/provider.ts";
import { openKube } from "../set/open-kube.ts";
import { machinesReady, openKindCluster, startMachines } from "./cluster.ts";
import { collectMachines, collectObjects } from "./collect.ts";
import { command } from "./command.ts";
import { installByHelm } from "./helm.ts";
import { buildImages, loadImages } from "./images.ts";
import { removeNamespaces, systemNamespaces } from "./namespaces.ts";
import { openNodePort } from "./outside-access.ts";

/**
 * Kept between runs: making it takes a minute, `kind delete cluster --name quorate-e2e` ends it.
 */
export const KIND_CLUSTER = "quorate-e2e";

/**
 * Brings up the kind cluster of five workers with the images of this work tree: minutes, once for
 * all tests of a run.
 */
export async function prepareKind(folder: string, say: (line: string) => void): Promise<void> {
  say("building the images of node and operator");
  await buildImages();
  say(`bringing up the kind cluster ${KIND_CLUSTER}`);
  await openKindCluster({ name: KIND_CLUSTER, kubeconfigFile: join(folder, "kubeconfig") });
  say("loading the images");
  await loadImages(KIND_CLUSTER);
  const kube = openKube(join(folder, "kubeconfig"));
  // A run that was killed leaves its sets behind: the next one must not take them for its own.
  await removeNamespaces(kube, await systemNamespaces(kube));
}

/** The kind cluster that `prepareKind` brought up. */
export async function startKindProvider(folder: string): Promise<ClusterProvider> {
  const kubeconfigFile = join(folder, "kubeconfig");
  await openKindCluster({ name: KIND_CLUSTER, kubeconfigFile });
  const kube = openKube(kubeconfigFile);
  return new KindProvider(kubeconfigFile, kube);
}

class KindProvider implements ClusterProvider {
  readonly name = "kind";
  readonly kubeconfigFile: string;
  readonly #kube: KubeClient;

  constructor(kubeconfigFile: string, kube: KubeClient) {
    this.kubeconfigFile = kubeconfigFile;
    this.#kube = kube;
  }

  async machineOff(node: string): Promise<void> {
    await command("docker", ["kill", node]);
  }

  async machineOn(node: string): Promise<void> {
    await command("docker", ["start", node]);
  }

  async machinePause(node: string): Promise<void> {
    await command("docker", ["pause", node]);
  }

  async machineResume(node: string): Promise<void> {
    await command("docker", ["unpause", node]);
  }

  async podKill(pod: PodName): Promise<void> {
    await this.#task(pod, "kill", "--signal", "SIGKILL");
  }

  async podPause(pod: PodName): Promise<void> {
    await this.#task(pod, "pause");
  }

  async podResume(pod: PodName): Promise<void> {
    await this.#task(pod, "resume");
  }

  installOperator(place?: OperatorPlace): Promise<void> {
    return installByHelm(this.kubeconfigFile, place);
  }

  queryEndpoint(member: PodName): Promise<string> {
    return openNodePort(this.#kube, member);
  }

  async collect(folder: string): Promise<void> {
    await collectObjects(this.kubeconfigFile, folder);
    await collectMachines(KIND_CLUSTER, folder);
  }

  async stop(): Promise<void> {
    await startMachines(KIND_CLUSTER);
    await machinesReady(this.kubeconfigFile);
    await removeNamespaces(this.#kube, await systemNamespaces(this.#kube));
  }

  /** Asks containerd on the pod's machine, beside the kubelet. */
  async #task({ namespace, name }: PodName, ...verb: string[]): Promise<void> {
    const pod = await this.#kube.get(pods, { namespace, name });
    const node = pod?.spec?.nodeName;
    const id = pod?.status?.containerStatuses?.[0]?.containerID?.replace("containerd://", "");
    if (node === undefined || id === undefined) throw new Error(`${name} runs nowhere`);
    const ctr = ["ctr", "--namespace", "k8s.io", "tasks"];
    const [first = "", ...flags] = verb;
    await command("docker", ["exec", node, ...ctr, first, ...flags, id]);
  }
}
