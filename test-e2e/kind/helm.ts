import { fileURLToPath } from "node:url";
import type { OperatorPlace } from "../provider/provider.ts";
import { OPERATOR_HOME } from "../set/install.ts";
import { command } from "./command.ts";

const CHART = fileURLToPath(new URL("../../charts/quorate", import.meta.url));
const RELEASE = "quorate";

/**
 * As docs/on-kubernetes.md says it, with the defaults of the chart; of several operators each in a
 * place of its own, where the CRDs belong to the first.
 */
export async function installByHelm(kubeconfigFile: string, place?: OperatorPlace): Promise<void> {
  const namespace = place?.namespace ?? OPERATOR_HOME;
  const where = ["--kubeconfig", kubeconfigFile, "--namespace", namespace, "--create-namespace"];
  const install = String(namespace === OPERATOR_HOME);
  const values =
    place === undefined ? [] : [`watchNamespace=${place.watched},crds.install=${install}`];
  const set = values.flatMap((value) => ["--set", value]);
  const args = ["upgrade", "--install", RELEASE, CHART, ...where, ...set];
  await command("helm", [...args, "--wait", "--timeout", "180s"]);
}
