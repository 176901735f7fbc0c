import type { ValidatorSet } from "../api/v1alpha1/types.ts";
import { isReachable } from "../birth/identities.ts";
import type {
  BlindReason,
  ChainReading,
  MemberView,
  NodeView,
  PeerSample,
  PeersReading,
  PodView,
} from "../observe/observation.ts";

const BLIND_REASONS: readonly BlindReason[] = [
  "PrometheusUnreachable",
  "PrometheusEmpty",
  "PrometheusStale",
  "PrometheusMalformed",
  "ScrapeFailed",
];

/** Reasons that stay while the nodes are as they are now: the supposition does not cure them. */
function blindness({ spec, status }: ValidatorSet): PeersReading | undefined {
  const trusted = status?.conditions?.find(({ type }) => type === "SignalsTrusted");
  // Too few observers is what the supposition itself decides.
  if (trusted?.status !== "False" || trusted.reason === "TooFewObservers") return undefined;
  if (trusted.reason === "ChainNotVerified") return undefined;
  const byPath = spec.prometheus === undefined ? "ScrapeFailed" : "PrometheusUnreachable";
  const reason = BLIND_REASONS.find((each) => each === trusted.reason) ?? byPath;
  const message = `the operator does not trust the signals now: ${trusted.message}`;
  return { kind: "blind", reason, message };
}

/** What the metrics of all that can still be reached would say. */
export function imaginedPeers(
  set: ValidatorSet,
  reading: ChainReading,
  world: {
    readonly members: readonly MemberView[];
    readonly pods: readonly PodView[];
    readonly nodes: readonly NodeView[];
    /** Consensus keys. */
    readonly failed: ReadonlySet<string>;
  },
): PeersReading {
  const blind = blindness(set);
  if (blind !== undefined) return blind;
  const { members, pods, nodes, failed } = world;
  if (reading.kind !== "verified") return { kind: "read", samples: [] };
  const { chain } = reading;
  const { silenceMs } = chain.parameters.rotation;
  const flagged = (reason: string): ReadonlyMap<string, number> => {
    const told = set.status?.members?.filter(({ reasons }) => reasons.includes(reason)) ?? [];
    return new Map(told.map(({ consensusKey }) => [consensusKey, 1]));
  };
  const view: Omit<PeerSample, "observer"> = {
    ageMs: 0,
    certifiedHeight: chain.height,
    lastSeenMs: new Map(
      [...chain.liveness].map(([key, { msSilent }]) => [
        key,
        failed.has(key) ? Math.max(silenceMs, msSilent) : msSilent,
      ]),
    ),
    silent: new Map([...chain.liveness].map(([key, { isSilent }]) => [key, isSilent])),
    equivocations: flagged("Misconduct"),
    wrongRoots: flagged("WrongRoot"),
    invalidProposals: flagged("InvalidProposals"),
    outliers: new Map([...flagged("OracleOutlier")].map(([key]) => [key, OUTLIERS])),
    liquidating: 0,
  };
  const samples = members.flatMap(({ name, consensusKey }): readonly PeerSample[] => {
    const pod = pods.find((each) => each.member === name);
    if (consensusKey === undefined || failed.has(consensusKey)) return [];
    if (pod === undefined || !isReachable(pod)) return [];
    if (nodes.find((node) => node.name === pod.node)?.ready !== true) return [];
    return [{ ...view, observer: consensusKey }];
  });
  return { kind: "read", samples };
}

/** Far above the noise that detect leaves out. */
const OUTLIERS = 1_000;
