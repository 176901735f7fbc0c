import type { Clock } from "@quorate/runtime/clock";
import type { KubeClient } from "@quorate/runtime/kube-client";
import type { KubeObject } from "@quorate/runtime/objects";
import { PORTS } from "../api/v1alpha1/labels.ts";
import type { ValidatorSet } from "../api/v1alpha1/types.ts";
import { askIdentities, type IdentityAnswer, isReachable } from "../birth/identities.ts";
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
}

const NOTHING_VERIFIED = { checkpoint: "", checkpointEpoch: 0, checkpointTimeMs: 0 } as const;

/** Reads everything that one pass decides on, once; writes nothing. */
export class Observer {
  readonly #ports: ObserverPorts;
  readonly #named: NamedObjects;

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
    const pods = objects.pods.map(podView);
    const [genesis, priceSources] = await Promise.all([
      readGenesis(kube, set, objects.configMaps),
      this.#named.priceSources(set),
    ]);
    const request = chainRequest(set, genesis, recorded, pods);
    const [chain, prometheus, direct] = await Promise.all([
      this.#readChain(request),
      this.#readPrometheus(set),
      scrape(http, scrapeTargets(recorded, pods)),
    ]);
    const identities = await this.#identities(set, { recorded, pods, genesis, chain });
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
      prometheus,
      scrape: direct,
      proofs: chain.proofs,
      leaseIsFresh: this.#ports.leaseIsFresh(),
    };
    const { services, configMaps, claims } = objects;
    const live = [...services, ...configMaps, ...claims, ...objects.pods];
    return { observation, objects: live, genesis, request, checkpoint: chain, identities };
  }

  async #readChain(request: ChainRequest | undefined): Promise<VerifiedChain> {
    if (request === undefined) {
      return { reading: { kind: "unborn" }, proofs: [], ...NOTHING_VERIFIED };
    }
    if (request.endpoints.length === 0) {
      const message = "no pod of the set has an address: nobody can be asked";
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
    const asked = recorded.flatMap((member) => {
      const pod = pods.find((each) => each.member === member.name && isReachable(each));
      return pod === undefined || isSettled(member) ? [] : [{ member, pod }];
    });
    return askIdentities(this.#ports.control, set, asked);
  }
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
    endpoints: pods.filter(isReachable).map(({ ip }) => hostPort(ip, PORTS.query)),
    checkpoint: status?.checkpoint?.set ?? "",
    checkpointTimeMs: Number.isNaN(time) ? 0 : time,
    checkpointEpoch: status?.checkpoint?.epoch ?? 0,
    verified: { height: status?.chain?.height ?? 0 },
    trustPeriodMs: spec.trustPeriodHours * 3_600_000,
    ...(person === undefined ? {} : { person }),
    keys: members.flatMap(({ consensusKey }) => consensusKey ?? []),
  };
}
