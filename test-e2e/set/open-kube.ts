import { KubeConfig } from "@kubernetes/client-node";
import { createClientNodeTransport } from "@quorate/runtime/client-node-transport";
import { createKubeClient } from "@quorate/runtime/create-kube-client";
import type { KubeClient } from "@quorate/runtime/kube-client";
import { systemClock } from "@quorate/runtime/system-clock";

/** Access as the kubeconfig gives it, under the field manager of a person's tool. */
export function openKube(kubeconfigFile: string): KubeClient {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(kubeconfigFile);
  const transport = createClientNodeTransport({ kubeConfig });
  return createKubeClient({ transport, clock: systemClock, fieldManager: "e2e" });
}
