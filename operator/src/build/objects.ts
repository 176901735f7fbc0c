import { ANNOTATIONS, API_VERSION, LABELS, PATHS, PORTS } from "../api/v1alpha1/labels.ts";
import type { ValidatorSet } from "../api/v1alpha1/types.ts";
import type { MemberView } from "../observe/observation.ts";
import type { Claim, ConfigMap, DisruptionBudget, Labelled, Pod, Service } from "./desired.ts";

/** Container's working directory; every path in it is relative (see PATHS). */
const WORKING_DIR = "/quorate";
/** User and group of the image (distroless `nonroot`). */
const USER = 65532;
/** A node closes its logs and says goodbye within this. */
const STOP_SECONDS = 30;
const DEFAULT_RESOURCES = { requests: { cpu: "250m", memory: "256Mi" } };

export const genesisName = (set: ValidatorSet): string => `${set.metadata.name}-genesis`;

function namespaceOf(set: ValidatorSet): string {
  return set.metadata.namespace ?? "default";
}

function labelsOf(set: ValidatorSet, member: string): Record<string, string> {
  return { ...labelsOfSet(set), [LABELS.member]: member };
}

function labelsOfSet({ metadata }: ValidatorSet): Record<string, string> {
  return {
    "app.kubernetes.io/name": "quorate-node",
    [LABELS.managedBy]: "quorate-operator",
    [LABELS.set]: metadata.name,
  };
}

function meta(
  set: ValidatorSet,
  member: string,
  name: string,
): Labelled["metadata"] & { readonly labels: Record<string, string> } {
  return { name, namespace: namespaceOf(set), labels: labelsOf(set, member) };
}

/** Dies with the set: what holds no key, no address and no genesis. */
function owned(set: ValidatorSet) {
  const { name, uid } = set.metadata;
  if (uid === undefined) return {};
  const owner = { apiVersion: API_VERSION, kind: "ValidatorSet", name, uid };
  return { ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }] };
}

/**
 * A member's record: its address on the chain, its failure domain, later its identity. No owner:
 * under `Retain` it outlives the set, so that a set of the same name finds its addresses again.
 */
export function serviceOf(
  set: ValidatorSet,
  member: Pick<MemberView, "name" | "zone" | "image" | "retired" | "consensusKey" | "networkKey">,
): Service {
  const { name, zone, image, retired, consensusKey, networkKey } = member;
  const annotations = {
    [ANNOTATIONS.zone]: zone,
    [ANNOTATIONS.image]: image,
    [ANNOTATIONS.retired]: String(retired),
    ...(consensusKey === undefined ? {} : { [ANNOTATIONS.consensusKey]: consensusKey }),
    ...(networkKey === undefined ? {} : { [ANNOTATIONS.networkKey]: networkKey }),
  };
  const ports = Object.entries(PORTS).map(([port, number]) => {
    return { name: port, port: number, protocol: "TCP", targetPort: port };
  });
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...meta(set, name, name), annotations },
    spec: {
      type: "ClusterIP",
      publishNotReadyAddresses: true,
      selector: { [LABELS.member]: name, [LABELS.set]: set.metadata.name },
      ports,
    },
  };
}

/** The volume with keys and logs. No owner: keys die only by an explicit word. */
export function claimOf(set: ValidatorSet, member: string): Claim {
  const { size, storageClassName } = set.spec.storage;
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: meta(set, member, `${member}-data`),
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: size } },
      ...(storageClassName === undefined ? {} : { storageClassName }),
    },
  };
}

export interface NodeConfiguration {
  readonly controlClientKey: string;
  readonly prices: readonly unknown[];
  /** For nodes that come after the birth: the one chain that they may follow (GENESIS). */
  readonly genesisHash: string | undefined;
}

/** `node.json`; fields in node/docs/node.md. The node fills in POD_IP itself. */
export function configMapOf(
  set: ValidatorSet,
  member: MemberView,
  { controlClientKey, prices, genesisHash }: NodeConfiguration,
): ConfigMap {
  const at = (port: number) => `\${POD_IP}:${port}`;
  const config = {
    dataDir: PATHS.data,
    genesisFile: PATHS.genesis,
    ...(genesisHash === undefined ? {} : { genesisHash }),
    // As a person wrote it: the operator is trusted at birth alone, and names none by itself.
    ...(set.spec.checkpoint === undefined ? {} : { checkpoint: set.spec.checkpoint }),
    listen: {
      peers: at(PORTS.peers),
      control: at(PORTS.control),
      query: at(PORTS.query),
      metrics: at(PORTS.metrics),
    },
    advertise: member.address,
    controlClientKey,
    prices,
  };
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { ...meta(set, member.name, `${member.name}-config`), ...owned(set) },
    data: { "node.json": `${JSON.stringify(config, undefined, 2)}\n` },
  };
}

function probe(path: string, periodSeconds: number, failureThreshold: number) {
  const httpGet = { path, port: "metrics", scheme: "HTTP" };
  return { httpGet, periodSeconds, failureThreshold, timeoutSeconds: 2, successThreshold: 1 };
}

function containerOf(set: ValidatorSet, image: string) {
  const { resources, prices } = set.spec;
  const mount = (name: string, readOnly: boolean) => {
    return { name, mountPath: `${WORKING_DIR}/${name}`, ...(readOnly ? { readOnly } : {}) };
  };
  const ports = Object.entries(PORTS).map(([name, containerPort]) => {
    return { name, containerPort, protocol: "TCP" };
  });
  return {
    name: "node",
    image,
    args: ["--config", PATHS.config],
    workingDir: WORKING_DIR,
    env: [{ name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }],
    ports,
    resources: resources ?? DEFAULT_RESOURCES,
    // Slow on purpose: a busy disk is no reason to kill a signer.
    livenessProbe: { ...probe("/healthz", 10, 6), initialDelaySeconds: 10 },
    readinessProbe: probe("/readyz", 2, 2),
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [
      mount("config", true),
      mount("data", false),
      mount("genesis", true),
      ...(prices.sourcesRef === undefined ? [] : [mount("prices", true)]),
    ],
  };
}

function volumesOf(set: ValidatorSet, member: string) {
  const { sourcesRef } = set.spec.prices;
  const prices = { name: "prices", configMap: { name: sourcesRef?.name } };
  return [
    { name: "config", configMap: { name: `${member}-config` } },
    { name: "data", persistentVolumeClaim: { claimName: `${member}-data` } },
    // Optional: a founder makes its keys before there is a genesis (rule GENESIS).
    { name: "genesis", configMap: { name: genesisName(set), optional: true } },
    ...(sourcesRef === undefined ? [] : [prices]),
  ];
}

/** What changes in a pod's metadata while it runs. */
export interface PodMarks {
  readonly votes: boolean;
  readonly genesisHash: string | undefined;
  /** What its container was asked to run, whatever an admission webhook made of it. */
  readonly image: string;
}

export function podOf(set: ValidatorSet, member: MemberView, marks: PodMarks): Pod {
  const base = meta(set, member.name, member.name);
  const { topologyKey, nodeSelector } = set.spec.placement;
  const zone = member.zone === "" ? {} : { [topologyKey]: member.zone };
  const hash = marks.genesisHash;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...base,
      labels: { ...base.labels, [LABELS.voter]: String(marks.votes) },
      annotations: {
        [ANNOTATIONS.image]: marks.image,
        ...(hash === undefined ? {} : { [ANNOTATIONS.genesisHash]: hash }),
      },
      ...owned(set),
    },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      restartPolicy: "Always",
      terminationGracePeriodSeconds: STOP_SECONDS,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: USER,
        runAsGroup: USER,
        fsGroup: USER,
        fsGroupChangePolicy: "OnRootMismatch",
        seccompProfile: { type: "RuntimeDefault" },
      },
      nodeSelector: { ...nodeSelector, ...zone },
      containers: [containerOf(set, member.image)],
      volumes: volumesOf(set, member.name),
    },
  };
}

/**
 * How many of the pods labelled voter stay, whoever drains machines. A number that must stay, not
 * one that may go: Kubernetes takes the latter of the replicas of the pods' controller, which by
 * the set's scale subresource are its spares (ADR 6, ADR 10).
 */
export function budgetOf(set: ValidatorSet, minAvailable: number): DisruptionBudget {
  const { name } = set.metadata;
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name, namespace: namespaceOf(set), labels: labelsOfSet(set), ...owned(set) },
    spec: {
      minAvailable,
      selector: { matchLabels: { [LABELS.set]: name, [LABELS.voter]: "true" } },
    },
  };
}
