import { compareText } from "@quorate/node/kernel/bytes";
import type { SignalKind } from "../api/v1alpha1/types.ts";
import type { ChainView, Observation, PeerSample } from "../observe/observation.ts";
import { podHealth } from "./kubernetes.ts";
import { honestPower, mainPath, powerSaying, usableSamples } from "./peers.ts";
import { OUTLIERS_MIN } from "./tolerances.ts";
import { judgeTrust } from "./trust.ts";
import type { Findings, Verdict } from "./verdict.ts";

interface Scene {
  readonly observation: Observation;
  readonly chain: ChainView;
  /** Fresh and whole samples of the path that verdicts rest on. */
  readonly samples: readonly PeerSample[];
  readonly key: string;
}

type Signal = Verdict["signals"][number];

function chainSilence({ chain, key }: Scene): Signal | undefined {
  const liveness = chain.liveness.get(key);
  if (liveness?.isSilent !== true) return undefined;
  return { kind: "Chain", says: `no sign of life in blocks for ${liveness.msSilent} ms` };
}

function peersSilence({ chain, samples, key }: Scene): Signal | undefined {
  const windowMs = chain.parameters.rotation.silenceMs;
  const unheard = ({ lastSeenMs }: PeerSample) => (lastSeenMs.get(key) ?? 0) >= windowMs;
  const power = powerSaying(chain.set, samples, unheard, key);
  if (power < honestPower(chain.set)) return undefined;
  const says = `observers with power ${power} have not heard it for ${windowMs} ms or longer`;
  return { kind: "Peers", says };
}

function podProblem({ observation, key }: Scene): Signal | undefined {
  const health = podHealth(observation, key);
  return health && { kind: "Kubernetes", says: health.says };
}

/**
 * Rule S7: silence is confirmed by the chain's own record and by observers of at least f+1, no
 * other way. Kubernetes only adds to what is said: a pod may be unready and vote, and a member that
 * every peer hears is not silent, whatever the chain's count or a kubelet says.
 */
function silence(scene: Scene): Verdict | undefined {
  const used = new Set<SignalKind>(scene.observation.set.spec.healing.signals);
  const signals = [chainSilence(scene), peersSilence(scene), podProblem(scene)].filter(
    (signal) => signal !== undefined && used.has(signal.kind),
  ) as readonly Signal[];
  const says = new Set(signals.map(({ kind }) => kind));
  if (!says.has("Chain") && !says.has("Peers")) return undefined;
  const confirmed = says.has("Chain") && says.has("Peers");
  const certainty = confirmed ? "Confirmed" : "Suspected";
  return { kind: "Silence", member: scene.key, certainty, signals };
}

/** Rule S6: two signatures that were verified here condemn; a counter raises a suspicion. */
function misconduct({ observation, samples, key }: Scene): Verdict | undefined {
  const base = { kind: "Misconduct", member: key } as const;
  const [proof] = observation.proofs
    .filter(({ accused }) => accused === key)
    .toSorted((left, right) => compareText(left.evidence, right.evidence));
  if (proof !== undefined) {
    const says = `two conflicting signatures of its key (${proof.evidence}), verified here`;
    const signals = [{ kind: "Chain", says }] as const;
    return { ...base, certainty: "Confirmed", signals, proof: proof.transaction };
  }
  const counted = samples.filter(({ equivocations }) => (equivocations.get(key) ?? 0) > 0);
  if (counted.length === 0) return undefined;
  const says = `${counted.length} observers count conflicting signatures; no proof is here`;
  return { ...base, certainty: "Suspected", signals: [{ kind: "Peers", says }] };
}

/** Counters of the peers: f+1 observers confirm, fewer raise a suspicion. No cause for a swap. */
function counted(
  { chain, samples, key }: Scene,
  kind: "WrongRoot" | "InvalidProposals" | "OracleOutlier",
  says: (sample: PeerSample) => boolean,
): Verdict | undefined {
  const power = powerSaying(chain.set, samples, says, key);
  if (power === 0n) return undefined;
  const certainty = power >= honestPower(chain.set) ? "Confirmed" : "Suspected";
  const signals = [{ kind: "Peers", says: `observers with power ${power} count it` }] as const;
  return { kind, member: key, certainty, signals };
}

function health({ observation, key }: Scene): Verdict | undefined {
  const found = podHealth(observation, key);
  if (found === undefined) return undefined;
  const kind = found.problem === "Crashed" ? "Crashed" : "Unreachable";
  const certainty = found.problem === "NotReady" ? "Suspected" : "Confirmed";
  const signals = [{ kind: "Kubernetes", says: found.says }] as const;
  return { kind, member: key, certainty, signals };
}

function verdictsOf(scene: Scene): readonly (Verdict | undefined)[] {
  const { key } = scene;
  return [
    misconduct(scene),
    silence(scene),
    counted(scene, "WrongRoot", ({ wrongRoots }) => (wrongRoots.get(key) ?? 0) > 0),
    counted(scene, "InvalidProposals", (each) => (each.invalidProposals.get(key) ?? 0) > 0),
    counted(scene, "OracleOutlier", (each) => (each.outliers.get(key) ?? 0) >= OUTLIERS_MIN),
    health(scene),
  ];
}

/** What is wrong with which member, and whether the sources can be believed. Pure. */
export function detect(observation: Observation): Findings {
  const trust = judgeTrust(observation);
  if (observation.chain.kind !== "verified") return { verdicts: [], trust };
  const { chain } = observation.chain;
  const samples = usableSamples(mainPath(observation));
  const verdicts = chain.set.members.flatMap(({ key }) =>
    verdictsOf({ observation, chain, samples, key }).filter((verdict) => verdict !== undefined),
  );
  return { verdicts, trust };
}
