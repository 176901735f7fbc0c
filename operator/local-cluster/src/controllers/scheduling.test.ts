import { describe, expect, test } from "vitest";
import type { Claim, Node, PersistentVolume, Pod, PodSpec, Taint } from "./api-types.ts";
import { isTolerated, type SchedulingWorld, SELECTED_NODE, schedule } from "./scheduling.ts";

const node = (index: number, taints: readonly Taint[] = [], unschedulable = false): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: {
    name: `local-${index}`,
    labels: {
      "topology.kubernetes.io/zone": `zone-${index}`,
      "kubernetes.io/hostname": `h${index}`,
    },
  },
  spec: { taints, unschedulable },
});

const pod = (name: string, spec: Partial<PodSpec> = {}, labels = {}): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "ns", uid: name, labels },
  spec: { containers: [], ...spec },
});

const world = (parts: Partial<SchedulingWorld>): SchedulingWorld => ({
  nodes: [node(1), node(2), node(3)],
  pods: [],
  claim: () => undefined,
  volume: () => undefined,
  ...parts,
});

const GONE = { key: "node.kubernetes.io/unreachable", effect: "NoExecute" };

describe("scheduler", () => {
  test("fewest pods first, ties by name; ended pods do not count", () => {
    const pods = [
      pod("a", { nodeName: "local-1" }),
      { ...pod("b", { nodeName: "local-2" }), status: { phase: "Succeeded" } },
    ];
    expect(schedule(pod("x"), world({ pods }))).toEqual({ node: "local-2" });
  });

  test("node selector and required affinity both bind", () => {
    const nodeSelector = { "topology.kubernetes.io/zone": "zone-3" };
    expect(schedule(pod("x", { nodeSelector }), world({}))).toEqual({ node: "local-3" });
    const expression = { key: "kubernetes.io/hostname", operator: "NotIn", values: ["h1", "h3"] };
    const affinity = {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [expression] }],
        },
      },
    };
    expect(schedule(pod("x", { affinity }), world({}))).toEqual({ node: "local-2" });
    expect(schedule(pod("x", { affinity, nodeSelector }), world({}))).toEqual({
      refusal: "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
    });
  });

  test("taints and cordons keep pods away, tolerations let them in", () => {
    const nodes = [node(1, [GONE]), node(2, [], true)];
    expect(schedule(pod("x"), world({ nodes }))).toEqual({
      refusal:
        "0/2 nodes are available: 1 node(s) had untolerated taint " +
        "{node.kubernetes.io/unreachable: }, 1 node(s) were unschedulable.",
    });
    const tolerations = [{ key: GONE.key, operator: "Exists" }];
    expect(schedule(pod("x", { tolerations }), world({ nodes }))).toEqual({ node: "local-1" });
    expect(isTolerated(GONE, [{ operator: "Exists" }])).toBe(true);
    expect(isTolerated(GONE, [{ key: GONE.key, value: "other" }])).toBe(false);
  });

  test("required anti-affinity holds both ways", () => {
    const term = {
      topologyKey: "topology.kubernetes.io/zone",
      labelSelector: { matchLabels: { set: "s" } },
    };
    const affinity = {
      podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] },
    };
    const labels = { set: "s" };
    const nodes = [node(1), node(2)];
    const first = pod("a", { nodeName: "local-1", affinity }, labels);
    expect(schedule(pod("x", { affinity }, labels), world({ nodes, pods: [first] }))).toEqual({
      node: "local-2",
    });
    // The new pod asks for nothing, but a running one refuses it.
    const second = pod("b", { nodeName: "local-2", affinity }, labels);
    expect(schedule(pod("x", {}, labels), world({ nodes, pods: [first, second] }))).toEqual({
      refusal:
        "0/2 nodes are available: 2 node(s) didn't satisfy existing pods anti-affinity rules.",
    });
  });

  test("a pod follows its volume, and the node chosen for a claim that waits", () => {
    const claimed = pod("x", {
      volumes: [{ name: "data", persistentVolumeClaim: { claimName: "c" } }],
    });
    expect(schedule(claimed, world({}))).toEqual({
      refusal: '0/3 nodes are available: persistentvolumeclaim "c" not found.',
    });
    const claim = { spec: { volumeName: "v" }, metadata: { name: "c" } } as Claim;
    const required = {
      nodeSelectorTerms: [
        { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["h2"] }] },
      ],
    };
    const volume = { spec: { nodeAffinity: { required } } } as unknown as PersistentVolume;
    const bound = world({
      claim: () => claim,
      volume: (name) => (name === "v" ? volume : undefined),
    });
    expect(schedule(claimed, bound)).toEqual({ node: "local-2" });
    const waiting = { metadata: { name: "c", annotations: { [SELECTED_NODE]: "local-3" } } };
    expect(schedule(claimed, world({ claim: () => waiting as unknown as Claim }))).toEqual({
      node: "local-3",
    });
  });
});
