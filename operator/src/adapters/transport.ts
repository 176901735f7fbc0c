import type { HttpTransport } from "@quorate/runtime/http-transport";

/**
 * The API server: of a pod by its service account, else of the kubeconfig. Each way is loaded only
 * where it is used: reading kubeconfigs alone takes 90 MB.
 */
export async function openTransport(
  inCluster: { readonly host: string; readonly port: string } | undefined,
): Promise<HttpTransport> {
  if (inCluster !== undefined) {
    const { createInClusterTransport } = await import("@quorate/runtime/in-cluster-transport");
    return createInClusterTransport(inCluster);
  }
  const { createClientNodeTransport } = await import("@quorate/runtime/client-node-transport");
  return createClientNodeTransport();
}
