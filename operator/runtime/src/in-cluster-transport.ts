import { readFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { join } from "node:path";
import {
  createHttpTransport,
  type HttpTransport,
  type HttpTransportOptions,
} from "./http-transport.ts";

export interface InClusterTransportOptions extends HttpTransportOptions {
  /** KUBERNETES_SERVICE_HOST of the pod. */
  readonly host: string;
  /** KUBERNETES_SERVICE_PORT of the pod. */
  readonly port: string;
  /** Where the service account is mounted. */
  readonly folder?: string;
}

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * The API server as a pod sees it, without client-node: an operator of 1,000 sets has no 60 MB to
 * spare. The token is read for each request, because the kubelet renews it.
 */
export function createInClusterTransport(options: InClusterTransportOptions): HttpTransport {
  const { host, port, folder = SERVICE_ACCOUNT, ...rest } = options;
  return createHttpTransport(
    {
      server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
      proxied: false,
      async options() {
        const [ca, token] = await Promise.all([
          readFile(join(folder, "ca.crt")),
          readFile(join(folder, "token"), "utf8"),
        ]);
        return { ca, headers: { authorization: `Bearer ${token.trim()}` } };
      },
    },
    rest,
  );
}
