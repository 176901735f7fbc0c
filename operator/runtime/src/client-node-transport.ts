import { KubeConfig } from "@kubernetes/client-node";
import {
  createHttpTransport,
  type HttpTransport,
  type HttpTransportOptions,
} from "./http-transport.ts";

export interface ClientNodeTransportOptions extends HttpTransportOptions {
  /** Absent: KUBECONFIG, ~/.kube/config or the pod's service account, in this order. */
  readonly kubeConfig?: KubeConfig;
}

function defaultKubeConfig(): KubeConfig {
  const config = new KubeConfig();
  config.loadFromDefault();
  return config;
}

/**
 * The API server of a kubeconfig, with every way to authenticate that it knows. The import alone
 * takes about 60 MB (measured: 159 MB of RSS instead of 96): see in-cluster-transport.ts for a pod.
 */
export function createClientNodeTransport(options: ClientNodeTransportOptions = {}): HttpTransport {
  const { kubeConfig = defaultKubeConfig(), ...rest } = options;
  const cluster = kubeConfig.getCurrentCluster();
  if (!cluster) {
    const context = kubeConfig.currentContext;
    throw new TypeError(`kubeconfig: the context "${context}" names no cluster; set one`);
  }
  return createHttpTransport(
    {
      server: cluster.server,
      proxied: cluster.proxyUrl !== undefined && cluster.proxyUrl !== "",
      async options() {
        const access = {};
        // Its agent is kept by the user's name whatever the certificate is: used for proxies only.
        await kubeConfig.applyToHTTPSOptions(access);
        return access;
      },
    },
    rest,
  );
}
