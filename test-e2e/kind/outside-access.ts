import { LABELS, PORTS } from "@quorate/operator/api/v1alpha1/labels";
import type { KubeClient } from "@quorate/runtime/kube-client";
import type { KubeObject } from "@quorate/runtime/objects";
import { nodes, services } from "@quorate/runtime/resources";
import type { PodName } from "../provider/provider.ts";

const CONTROL_PLANE = "node-role.kubernetes.io/control-plane";

/**
 * A client outside reaches a member through a port that every machine forwards to its pod,
 * wherever that is. The machine asked is the control plane's: tests do not switch it off.
 */
export async function openNodePort(kube: KubeClient, member: PodName): Promise<string> {
  const { namespace, name } = member;
  const service: NodePortService = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace, name: `${name}-outside` },
    spec: {
      type: "NodePort",
      publishNotReadyAddresses: true,
      selector: { [LABELS.member]: name },
      ports: [{ name: "query", port: PORTS.query, targetPort: PORTS.query, protocol: "TCP" }],
    },
  };
  const applied = (await kube.apply(services, service as KubeObject)) as NodePortService;
  const port = applied.spec.ports[0]?.nodePort;
  if (port === undefined) throw new Error(`${name}-outside has no node port`);
  return `${await entryAddress(kube)}:${port}`;
}

interface NodePortService extends KubeObject {
  readonly spec: {
    readonly type: "NodePort";
    readonly publishNotReadyAddresses: boolean;
    readonly selector: Readonly<Record<string, string>>;
    readonly ports: readonly {
      readonly name: string;
      readonly port: number;
      readonly targetPort: number;
      readonly protocol: string;
      readonly nodePort?: number;
    }[];
  };
}

interface Machine extends KubeObject {
  readonly status?: { readonly addresses?: readonly { type: string; address: string }[] };
}

async function entryAddress(kube: KubeClient): Promise<string> {
  const machines = (await kube.list(nodes)) as readonly Machine[];
  const entry =
    machines.find(({ metadata }) => metadata.labels?.[CONTROL_PLANE] !== undefined) ?? machines[0];
  const found = entry?.status?.addresses?.find(({ type }) => type === "InternalIP");
  if (found === undefined) throw new Error("no machine of the cluster has an address");
  return found.address;
}
