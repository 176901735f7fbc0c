import { InputError } from "@quorate/client/errors";
import { LABELS } from "@quorate/operator/api/v1alpha1/labels";
import type { MemberStatus, ValidatorSet } from "@quorate/operator/api/v1alpha1/types";
import { genesisName } from "@quorate/operator/build/objects";
import type { MemberView } from "@quorate/operator/observe/observation";
import { validatorRotations, validatorSets } from "@quorate/operator/observe/resources";
import { membersOf, type SetRecord } from "@quorate/operator/plan/set-record";
import { configMaps, nodes, pods, services } from "@quorate/runtime/resources";
import { ApiError } from "@quorate/runtime/transport";
import { ClusterRefusal } from "./errors.ts";
import type { Cluster } from "./ports.ts";

/** One set as the words of a command name it. */
export interface SetName {
  readonly name: string;
  /** Absent: the namespace of the kubeconfig's context. */
  readonly namespace?: string | undefined;
}

/** All sets, or those of one namespace; a cluster without our CRDs is refused by name. */
export async function listSets(
  { kube }: Cluster,
  namespace?: string,
): Promise<readonly ValidatorSet[]> {
  try {
    return await kube.list(validatorSets, namespace === undefined ? {} : { namespace });
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason !== "NotFound") throw error;
    const fix = "the cluster knows no ValidatorSet: helm install quorate charts/quorate, or run up";
    const refusal = { code: "CRDS_MISSING", field: "API server", fix };
    throw new ClusterRefusal(refusal, { cause: error });
  }
}

export async function readSet(cluster: Cluster, { name, namespace }: SetName) {
  const at = namespace ?? cluster.namespace;
  const set = (await listSets(cluster, at)).find(({ metadata }) => metadata.name === name);
  if (set !== undefined) return set;
  const everywhere = await listSets(cluster).catch((error: unknown) => {
    if (error instanceof ApiError) return [];
    throw error;
  });
  const places = everywhere
    .filter(({ metadata }) => metadata.name === name)
    .map(({ metadata }) => `-n ${metadata.namespace}`);
  const others = everywhere.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  const hint =
    places.length > 0
      ? `add ${places.join(" or ")}`
      : `the cluster has ${others.length === 0 ? "none" : others.join(", ")}`;
  const fix = `namespace ${at} has no ValidatorSet "${name}"; ${hint}`;
  throw new ClusterRefusal({ code: "SET_NOT_FOUND", field: "NAME", fix });
}

/** The set and everything that belongs to it. */
export async function readRecord(cluster: Cluster, name: SetName): Promise<SetRecord> {
  const set = await readSet(cluster, name);
  const { kube } = cluster;
  const namespace = set.metadata.namespace ?? "";
  const ours = { namespace, labelSelector: `${LABELS.set}=${set.metadata.name}` };
  const [rotations, ownServices, ownPods, machines, genesis] = await Promise.all([
    kube.list(validatorRotations, { namespace }),
    kube.list(services, ours),
    kube.list(pods, ours),
    kube.list(nodes),
    kube.get(configMaps, { namespace, name: genesisName(set) }),
  ]);
  return {
    set,
    rotations: rotations.filter(({ spec }) => spec.set === set.metadata.name),
    services: ownServices,
    pods: ownPods,
    nodes: machines,
    genesis,
  };
}

/** A member by name, by ordinal, or by the first 8 or more characters of its key. */
export function findMember(record: SetRecord, word: string, field = "MEMBER"): MemberView {
  const members = membersOf(record);
  const found = members.filter(
    ({ name, ordinal, consensusKey }) =>
      name === word ||
      String(ordinal) === word ||
      (/^[0-9a-f]{8,64}$/.test(word) && consensusKey?.startsWith(word) === true),
  );
  const [member] = found;
  if (member !== undefined && found.length === 1) return member;
  const names = members.map(({ name }) => name).join(", ");
  const fix = `"${word}" is no member of ${record.set.metadata.name}; it has ${names || "none yet"}`;
  throw new InputError({ code: "MEMBER_UNKNOWN", field, fix });
}

export function statusOf({ set }: SetRecord, { name }: MemberView): MemberStatus | undefined {
  return set.status?.members?.find((each) => each.name === name);
}
