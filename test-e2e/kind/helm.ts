import { fileURLToPath } from "node:url";
import { command } from "./command.ts";

const CHART = fileURLToPath(new URL("../../charts/quorate", import.meta.url));
const RELEASE = "quorate";
const NAMESPACE = "quorate-system";

/** As docs/on-kubernetes.md says it, with the defaults of the chart. */
export async function installByHelm(kubeconfigFile: string): Promise<void> {
  const where = ["--kubeconfig", kubeconfigFile, "--namespace", NAMESPACE, "--create-namespace"];
  const args = ["upgrade", "--install", RELEASE, CHART, ...where, "--wait", "--timeout", "180s"];
  await command("helm", args);
}
