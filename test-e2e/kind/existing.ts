import { homedir } from "node:os";
import { join } from "node:path";
import type { KubeClient } from "@quorate/runtime/kube-client";
import type { ClusterProvider, OperatorPlace, PodName } from "../provider/provider.ts";
import { openKube } from "../set/open-kube.ts";
import { collectObjects } from "./collect.ts";
import { command } from "./command.ts";
import { installByHelm } from "./helm.ts";
import { namespaceNames, removeNamespaces } from "./namespaces.ts";
import { openNodePort } from "./outside-access.ts";

/** Names the program that pulls plugs, where machines are not this suite's. */
const DOOR = "QUORATE_E2E_MACHINE_DOOR";

/**
 * The cluster of KUBECONFIG's current context; its machines can pull `quorate/node:dev` and
 * `quorate/operator:dev`. Machines and processes are reached by a program of the person who runs
 * the tests: `DOOR machine off|on|pause|resume NODE`, `DOOR pod kill|pause|resume NAMESPACE NAME`.
 */
export async function useExistingCluster(): Promise<ClusterProvider> {
  const kubeconfigFile = process.env["KUBECONFIG"] ?? join(homedir(), ".kube", "config");
  const kube = openKube(kubeconfigFile);
  return new ExistingCluster(kubeconfigFile, kube, await namespaceNames(kube));
}

class ExistingCluster implements ClusterProvider {
  readonly name = "existing";
  readonly kubeconfigFile: string;
  readonly #kube: KubeClient;
  readonly #namespaces: ReadonlySet<string>;

  constructor(kubeconfigFile: string, kube: KubeClient, namespaces: ReadonlySet<string>) {
    this.kubeconfigFile = kubeconfigFile;
    this.#kube = kube;
    this.#namespaces = namespaces;
  }

  machineOff(node: string): Promise<void> {
    return door("machine", "off", node);
  }

  machineOn(node: string): Promise<void> {
    return door("machine", "on", node);
  }

  machinePause(node: string): Promise<void> {
    return door("machine", "pause", node);
  }

  machineResume(node: string): Promise<void> {
    return door("machine", "resume", node);
  }

  podKill({ namespace, name }: PodName): Promise<void> {
    return door("pod", "kill", namespace, name);
  }

  podPause({ namespace, name }: PodName): Promise<void> {
    return door("pod", "pause", namespace, name);
  }

  podResume({ namespace, name }: PodName): Promise<void> {
    return door("pod", "resume", namespace, name);
  }

  installOperator(place?: OperatorPlace): Promise<void> {
    return installByHelm(this.kubeconfigFile, place);
  }

  queryEndpoint(member: PodName): Promise<string> {
    return openNodePort(this.#kube, member);
  }

  collect(folder: string): Promise<void> {
    return collectObjects(this.kubeconfigFile, folder);
  }

  stop(): Promise<void> {
    return removeNamespaces(this.#kube, this.#namespaces);
  }
}

async function door(...words: string[]): Promise<void> {
  const program = process.env[DOOR];
  if (program === undefined) {
    throw new Error(`set ${DOOR} to a program that does "${words.join(" ")}" on your cluster`);
  }
  await command(program, words);
}
