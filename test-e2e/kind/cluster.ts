import { fileURLToPath } from "node:url";
import { eventually } from "../network/eventually.ts";
import { command } from "./command.ts";

const CONFIG = fileURLToPath(new URL("kind.yaml", import.meta.url));
const NODE_IMAGE = process.env["QUORATE_KIND_IMAGE"] ?? "kindest/node:v1.34.4";
/** From the start of the control plane's machine. */
const API_MS = 180_000;
const READY = "180s";

export interface KindCluster {
  readonly name: string;
  readonly kubeconfigFile: string;
}

/** Takes the cluster of this name, or makes it; every machine of it is up and ready after it. */
export async function openKindCluster({ name, kubeconfigFile }: KindCluster): Promise<void> {
  const clusters = (await command("kind", ["get", "clusters"])).split("\n");
  if (clusters.includes(name)) {
    await startMachines(name);
    await command("kind", ["export", "kubeconfig", "--name", name, "--kubeconfig", kubeconfigFile]);
  } else {
    const args = ["--name", name, "--image", NODE_IMAGE, "--config", CONFIG, "--wait", READY];
    await command("kind", ["create", "cluster", ...args, "--kubeconfig", kubeconfigFile]);
  }
  await machinesReady(kubeconfigFile);
}

/** Whatever a test did to them: resumed and started. */
export async function startMachines(name: string): Promise<void> {
  for (const machine of (await command("kind", ["get", "nodes", "--name", name])).split("\n")) {
    const state = await command("docker", ["inspect", "--format", "{{.State.Status}}", machine]);
    if (state === "paused") await command("docker", ["unpause", machine]);
    if (state === "exited") await command("docker", ["start", machine]);
  }
}

export async function machinesReady(kubeconfigFile: string): Promise<void> {
  const env = { KUBECONFIG: kubeconfigFile };
  // A control plane that was just started answers nobody for a while.
  await eventually(
    () =>
      command("kubectl", ["get", "--raw", "/readyz"], env).then(
        () => true,
        () => undefined,
      ),
    { what: "the API server is ready", timeoutMs: API_MS, everyMs: 1_000 },
  );
  await command(
    "kubectl",
    ["wait", "node", "--all", "--for=condition=Ready", `--timeout=${READY}`],
    env,
  );
}
