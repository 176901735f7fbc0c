import { KubeConfig } from "@kubernetes/client-node";
import { createClientNodeTransport } from "./client-node-transport.ts";
import type { HttpTransport, HttpTransportOptions } from "./http-transport.ts";

/** Who speaks to which server, and the namespace that its context names. */
export interface KubeconfigAccess {
  readonly transport: HttpTransport;
  readonly namespace: string;
  readonly server: string;
}

/**
 * The current context of kubeconfig files, merged as kubectl merges those of KUBECONFIG. Throws
 * where a file cannot be read or the context names no cluster.
 */
export function openKubeconfig(
  files: readonly string[],
  options: HttpTransportOptions = {},
): KubeconfigAccess {
  const [first, ...others] = files.map((file) => {
    const config = new KubeConfig();
    config.loadFromFile(file);
    return config;
  });
  if (first === undefined) throw new TypeError("kubeconfig: name at least one file");
  for (const other of others) first.mergeConfig(other, true);
  const context = first.getContextObject(first.getCurrentContext());
  return {
    transport: createClientNodeTransport({ ...options, kubeConfig: first }),
    namespace: context?.namespace || "default",
    server: first.getCurrentCluster()?.server ?? "",
  };
}
