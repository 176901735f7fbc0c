import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "./command.ts";

const KINDS =
  "validatorsets,validatorrotations,pods,services,configmaps,persistentvolumeclaims," +
  "poddisruptionbudgets,deployments,leases";

/** Objects, events and logs of every namespace that is not the cluster's own. */
export async function collectObjects(kubeconfigFile: string, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const kubectl = (...args: string[]) => attempt("kubectl", args, { KUBECONFIG: kubeconfigFile });
  const keep = (file: string, text: string) => writeFileSync(join(folder, file), `${text}\n`);
  keep("nodes.txt", await kubectl("get", "nodes", "-o", "wide", "--show-labels"));
  keep("events.txt", await kubectl("get", "events", "-A", "--sort-by=.lastTimestamp"));
  keep("pods.txt", await kubectl("get", "pods", "-A", "-o", "wide"));
  keep("objects.yaml", await kubectl("get", KINDS, "-A", "-o", "yaml"));
  const names = await kubectl("get", "pods", "-A", "--no-headers", "-o", NAMES);
  for (const line of names.split("\n")) {
    const [namespace, name] = line.split(/\s+/);
    if (namespace === undefined || name === undefined || OWN.test(namespace)) continue;
    keep(`${namespace}-${name}.log`, await kubectl("logs", "-n", namespace, name));
    const previous = await kubectl("logs", "-n", namespace, name, "--previous");
    if (!previous.includes("not found")) keep(`${namespace}-${name}.previous.log`, previous);
  }
}

const NAMES = "custom-columns=N:.metadata.namespace,P:.metadata.name";
const OWN = /^(kube-|local-path-)/;

/** The kubelets' and container runtimes' own logs. */
export async function collectMachines(cluster: string, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const machines = await attempt("kind", ["get", "nodes", "--name", cluster]);
  for (const machine of machines.split("\n")) {
    for (const log of ["kubelet", "containerd"]) {
      const text = await attempt("docker", ["exec", machine, "cat", `/var/log/${log}.log`]);
      writeFileSync(join(folder, `${machine}-${log}.log`), text);
    }
  }
}

/** What cannot be had is written down as such: collecting goes on. */
async function attempt(...call: Parameters<typeof command>): Promise<string> {
  try {
    return await command(...call);
  } catch (error) {
    return String(error);
  }
}
