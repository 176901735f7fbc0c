import type { Clock } from "@quorate/runtime/clock";
import type { KubeClient } from "@quorate/runtime/kube-client";
import type { KubeObject } from "@quorate/runtime/objects";
import type { Pod } from "@quorate/runtime/resources";
import { LABELS, PORTS } from "../api/v1alpha1/labels.ts";
import type { ValidatorSet } from "../api/v1alpha1/types.ts";
import { askIdentities, type IdentityAnswer, isReachable } from "../birth/identities.ts";
import { isOwnPod } from "../diff/foreign.ts";
import type {
  ChainPort,
  ChainRequest,
  HttpPort,
  NodeControlPort,
  VerifiedChain,
} from "../ports.ts";
import { NamedObjects } from "./access.ts";
import type { ClusterView } from "./cluster-cache.ts";
import { memberView, nodeView, podView } from "./cluster-view.ts";
import { type GenesisReading, readGenesis } from "./genesis-object.ts";
import { KeyCheck } from "./key-check.ts";
import type { MemberView, Observation, PeersReading, PodView } from "./observation.ts";
import { readPrometheus } from "./prometheus.ts";
import { hostPort, scrape } from "./scrape.ts";

export interface ObserverPorts {
  readonly cache: ClusterView;
  readonly kube: KubeClient;
  readonly chain: ChainPort;
  readonly control: NodeControlPort;
  readonly http: HttpPort;
  readonly clock: Clock;
  readonly controlClientKey: string;
  readonly leaseIsFresh: () => boolean;
}

/** One pass's knowledge, and what the later steps need to act on it. */
export interface Observed {
  readonly observation: Observation;
  /** Live objects of the set, for the comparison with what should be. */
  readonly objects: readonly KubeObject[];
  readonly genesis: GenesisReading;
  /** How the chain is asked; undefined before there is a genesis. */
  readonly request: ChainRequest | undefined;
  readonly checkpoint: Pick<VerifiedChain, "checkpoint" | "checkpointEpoch" | "checkpointTimeMs">;
  readonly identities: readonly IdentityAnswer[];
  /** What is not as its member says, by name: for people. */
  readonly problems?: readonly MemberProblem[];
}

export interface MemberProblem {
  readonly member: string;
  /** CamelCase. */
  readonly reason: "ForeignPod" | "KeyDiffers";
  readonly message: string;
}

const NOTHING_VERIFIED = { checkpoint: "", checkpointEpoch: 0, checkpointTimeMs: 0 } as const;

/** Reads everything that one pass decides on, once; writes nothing. */
export class Observer {
  readonly #ports: ObserverPorts;
  readonly #named: NamedObjects;
  readonly #keys = new KeyCheck();

  constructor(ports: ObserverPorts) {
    this.#ports = ports;
    this.#named = new NamedObjects(ports.kube, ports.clock);
  }

  async observe(set: ValidatorSet): Promise<Observed> {
    const { cache, kube, clock, http } = this.#ports;
    const key = { namespace: set.metadata.namespace ?? "", name: set.metadata.name };
    const objects = cache.objects(key);
    const recorded = objects.services
      .map((service) => memberView(service, key.name))
      .filter((member) => member !== undefined)
      .toSorted((left, right) => left.ordinal - right.ordinal);
    // Labels are anybody's to write: only a pod that this set made runs a member, by its name.
    const own = objects.pods.filter((pod) => isOwnPod(pod, set.metadata.uid));
    const pods = own.map(podView);
    const name = `${key.namespace}/${key.name}`;
    this.#keys.prune(name, pods);
    const [genesis, priceSources] = await Promise.all([
      readGenesis(kube, set, objects.configMaps),
      this.#named.priceSources(set),
    ]);
    const request = chainRequest(set, genesis, recorded, pods);
    const [chain, prometheus, scraped] = await Promise.all([
      this.#readChain(request),
      this.#readPrometheus(set),
      scrape(http, scrapeTargets(recorded, pods)),
    ]);
    const identities = await this.#identities(set, { recorded, pods, genesis, chain });
    const differing = this.#differing(name, recorded, pods);
    const direct = withoutObservers(scraped, differing);
    const observation: Observation = {
      nowMs: clock.now(),
      set,
      rotations: cache.rotations(key),
      members: recorded.map((member) => withIdentity(member, identities)),
      pods,
      nodes: cache.nodes().map((node) => nodeView(node, set.spec.placement.topologyKey)),
      genesisHash: genesis.kind === "there" ? genesis.hash : undefined,
      controlClientKey: this.#ports.controlClientKey,
      priceSources,
      chain: chain.reading,
      prometheus: prometheus && withoutObservers(prometheus, differing),
      scrape: direct,
      proofs: chain.proofs,
      leaseIsFresh: this.#ports.leaseIsFresh(),
    };
    const { budgets, services, configMaps, claims } = objects;
    const live = [...budgets, ...services, ...configMaps, ...claims, ...objects.pods];
    const problems = [...foreignPods(objects.pods, own), ...differing];
    const seen = { observation, objects: live, genesis, request, identities, problems };
    return { ...seen, checkpoint: chain };
  }

  async #readChain(request: ChainRequest | undefined): Promise<VerifiedChain> {
    if (request === undefined) {
      return { reading: { kind: "unborn" }, proofs: [], ...NOTHING_VERIFIED };
    }
    if (request.endpoints.length === 0) {
      const message =
        "no pod of the set has an address, spec.joins names no other: nobody can be asked";
      return { reading: { kind: "unreachable", message }, proofs: [], ...NOTHING_VERIFIED };
    }
    return this.#ports.chain.read(request);
  }

  async #readPrometheus(set: ValidatorSet): Promise<PeersReading | undefined> {
    const access = await this.#named.prometheus(set);
    if (access === undefined) return undefined;
    if (typeof access === "string") {
      return { kind: "blind", reason: "PrometheusUnreachable", message: access };
    }
    const { namespace = "", name } = set.metadata;
    const question = { namespace, set: name, nowMs: this.#ports.clock.now() };
    return readPrometheus(this.#ports.http, access, question);
  }

  /**
   * Before a genesis is pinned everybody is asked in every pass; afterwards only those whose key
   * the chain does not know yet: a spare that is not registered may still come back with new keys.
   * A key that the chain knows is asked for once a pod, and never replaced by another.
   */
  async #identities(
    set: ValidatorSet,
    known: {
      readonly recorded: readonly MemberView[];
      readonly pods: readonly PodView[];
      readonly genesis: GenesisReading;
      readonly chain: VerifiedChain;
    },
  ): Promise<readonly IdentityAnswer[]> {
    const { recorded, pods, genesis, chain } = known;
    const { reading } = chain;
    const isSettled = ({ consensusKey }: MemberView): boolean => {
      if (consensusKey === undefined || genesis.kind === "absent") return false;
      return reading.kind !== "verified" || reading.chain.known.has(consensusKey);
    };
    const name = `${set.metadata.namespace ?? ""}/${set.metadata.name}`;
    const now = this.#ports.clock.monotonic();
    const placed = recorded.flatMap((member) => {
      const pod = pods.find((each) => each.member === member.name && isReachable(each));
      return pod === undefined ? [] : [{ member, pod }];
    });
    const asked = placed.filter(
      (each) => !isSettled(each.member) || this.#keys.isDue(name, each, now),
    );
    const answers = await askIdentities(this.#ports.control, set, asked);
    return answers.map((answer) => {
      const of = asked.find(({ member }) => member.name === answer.member);
      if (of === undefined || !isSettled(of.member)) return answer;
      return this.#keys.judge(name, of, answer, now);
    });
  }

  #differing(
    set: string,
    members: readonly MemberView[],
    pods: readonly PodView[],
  ): readonly (MemberProblem & { readonly key: string })[] {
    return members.flatMap(({ name, consensusKey: key }) => {
      const pod = pods.find((each) => each.member === name);
      const other = pod && this.#keys.otherKey(set, pod);
      if (other === undefined || key === undefined || other === key) return [];
      const has = `the node of pod ${name} proved key ${other}`;
      const message = `${has}, its Service has ${key} on record: it is not heard as that member`;
      return [{ member: name, reason: "KeyDiffers", message, key }];
    });
  }
}

/** Whoever has another key than the one on record says nothing in its name. */
function withoutObservers(
  reading: PeersReading,
  differing: readonly (MemberProblem & { readonly key: string })[],
): PeersReading {
  if (reading.kind === "blind" || differing.length === 0) return reading;
  const out = new Set(differing.map(({ key }) => key));
  const samples = reading.samples.filter(({ observer }) => !out.has(observer));
  const dropped = differing.map(({ key, message }) => ({ observer: key, reason: message }));
  return { ...reading, samples, dropped: [...(reading.dropped ?? []), ...dropped] };
}

function foreignPods(all: readonly Pod[], own: readonly Pod[]): readonly MemberProblem[] {
  return all
    .filter((pod) => !own.includes(pod))
    .map(({ metadata: { name, labels } }) => {
      const member = labels?.[LABELS.member] ?? "";
      const labelled = `pod ${name} has the labels of ${member || "the set"}`;
      const message = `${labelled}, and the set did not make it`;
      return { member, reason: "ForeignPod", message };
    });
}

function withIdentity(member: MemberView, answers: readonly IdentityAnswer[]): MemberView {
  const identity = answers.find((answer) => answer.member === member.name)?.identity;
  if (identity === undefined) return member;
  const { consensusKey, networkKey } = identity;
  return { ...member, consensusKey, networkKey };
}

function scrapeTargets(members: readonly MemberView[], pods: readonly PodView[]) {
  return members.flatMap(({ name, consensusKey }) => {
    const pod = pods.find((each) => each.member === name && isReachable(each));
    if (pod === undefined || consensusKey === undefined) return [];
    return [{ ip: pod.ip, observer: consensusKey }];
  });
}

function chainRequest(
  { metadata, spec, status }: ValidatorSet,
  genesis: GenesisReading,
  members: readonly MemberView[],
  pods: readonly PodView[],
): ChainRequest | undefined {
  if (genesis.kind !== "there") return undefined;
  const { checkpoint: person } = spec;
  const time = Date.parse(status?.checkpoint?.time ?? "");
  const { namespace = "", name, uid = "" } = metadata;
  return {
    identity: { name: `${namespace}/${name}`, uid },
    genesis: genesis.bytes,
    endpoints: [
      ...new Set([
        ...pods.filter(isReachable).map(({ ip }) => hostPort(ip, PORTS.query)),
        // Members that others run: a set that joins has nobody else before its first node is up.
        ...(spec.joins?.endpoints ?? []),
      ]),
    ],
    checkpoint: status?.checkpoint?.set ?? "",
    checkpointTimeMs: Number.isNaN(time) ? 0 : time,
    checkpointEpoch: status?.checkpoint?.epoch ?? 0,
    verified: { height: status?.chain?.height ?? 0 },
    trustPeriodMs: spec.trustPeriodHours * 3_600_000,
    ...(person === undefined ? {} : { person }),
    keys: members.flatMap(({ consensusKey }) => consensusKey ?? []),
  };
}
