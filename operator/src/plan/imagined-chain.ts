import { fromHex } from "@quorate/node/kernel/bytes";
import { DecodeError } from "@quorate/node/kernel/codec";
import type { Parameters } from "@quorate/node/kernel/parameters";
import {
  type ValidatorSet as ChainSet,
  hasQuorum,
  validatorSetHash,
} from "@quorate/node/kernel/validator-set";
import { decodeSet } from "@quorate/node/ledger/leaves";
import { freshLiveness } from "@quorate/node/ledger/state";
import { coolDownMs } from "@quorate/node/ledger/swap";
import { ownerOf } from "../birth/genesis.ts";
import { isReachable } from "../birth/identities.ts";
import { instantMs } from "../decide/instant.ts";
import type {
  ChainLiveness,
  ChainReading,
  ChainSpare,
  ChainView,
  MemberView,
  NodeView,
  PodView,
} from "../observe/observation.ts";
import { heldReason, parametersOf, type SetRecord } from "./set-record.ts";

const HOUR_MS = 3_600_000;
/** Status is refreshed every 10 s at the least; older than this, nobody writes it. */
const STATUS_MS_MAX = 30_000;

export interface World {
  readonly record: SetRecord;
  readonly nowMs: number;
  /** Consensus keys of the members that are supposed to be silent. */
  readonly keys: ReadonlySet<string>;
  readonly members: readonly MemberView[];
  readonly pods: readonly PodView[];
  readonly nodes: readonly NodeView[];
}

interface Imagined {
  readonly chain: ChainReading;
  readonly assumptions: readonly string[];
}

/** The chain as status tells it, with the members silent that are supposed to be. */
export function imaginedChain(world: World): Imagined {
  const { record, nowMs } = world;
  const { status, spec } = record.set;
  const nothing = (chain: ChainReading): Imagined => ({ chain, assumptions: [] });
  if ((status?.genesisHash ?? "") === "" && record.genesis === undefined) {
    return nothing({ kind: "unborn" });
  }
  const parameters = parametersOf(record);
  if (typeof parameters === "string") return nothing({ kind: "unreachable", message: parameters });
  const set = decodedSet(status?.checkpoint?.set ?? "");
  const held = status?.conditions?.find(({ type }) => type === "Held");
  if (set === undefined) {
    const message = "status.checkpoint has no verified set yet: wait for the operator's next pass";
    return nothing({ kind: "unreachable", message });
  }
  if (heldReason(record.set) === "ChainUnreachable") {
    return nothing({ kind: "unreachable", message: held?.message ?? "" });
  }
  const ageMs = nowMs - (instantMs(status?.checkpoint?.time) ?? 0);
  if (ageMs > spec.trustPeriodHours * HOUR_MS && spec.checkpoint === undefined) {
    return nothing({ kind: "checkpoint-expired", ageMs });
  }
  const chain = chainOf(world, set, parameters);
  return { chain: { kind: "verified", chain }, assumptions: assumptionsOf(world, parameters) };
}

/** A checkpoint of status, as a set; undefined where there is none or it is no such thing. */
function decodedSet(hex: string): ChainSet | undefined {
  if (hex === "") return undefined;
  try {
    return decodeSet(fromHex(hex));
  } catch (error) {
    if (error instanceof DecodeError || error instanceof RangeError) return undefined;
    throw error;
  }
}

function chainOf(world: World, set: ChainSet, parameters: Parameters): ChainView {
  const { record, nowMs, keys, members } = world;
  const { status, spec } = record.set;
  const { silenceMs, commitGapMs } = parameters.rotation;
  const silentMs = (key: string): number =>
    status?.members?.find(({ consensusKey }) => consensusKey === key)?.silentMs ?? 0;
  const silent = (key: string): boolean => keys.has(key) || silentMs(key) >= silenceMs;
  const live = set.members.map(({ key }) => key).filter((key) => !silent(key));
  const isHalted = heldReason(record.set) === "ChainHalted" || !hasQuorum(set, live);
  const height = status?.chain.height ?? 0;
  const protocol = status?.chain.protocol;
  const liveness = set.members.map(({ key }): [string, ChainLiveness] => {
    // A chain that stands still counts nobody's silence.
    const counted = keys.has(key) && !isHalted ? silenceMs : 0;
    const msSilent = Math.max(counted, silentMs(key));
    const count = freshLiveness(height, nowMs - msSilent, 0);
    const isSilent = msSilent >= silenceMs;
    return [key, { count, msSilent, isSilent, isAbsent: false, isCondemned: false }];
  });
  return {
    chainId: status?.genesisHash ?? "",
    parameters,
    height,
    timeMs: instantMs(status?.chain.time) ?? 0,
    sinceProgressMs: isHalted ? commitGapMs + spec.healing.intervalSeconds * 1_000 + silenceMs : 0,
    set,
    setHash: validatorSetHash(set),
    liveness: new Map(liveness),
    spares: sparesOf(world),
    known: new Set(members.flatMap(({ consensusKey }) => consensusKey ?? [])),
    swaps: [],
    protocol: { version: protocol?.version ?? 0, activation: protocol?.next },
    coolDownMs: coolDownMs({
      lastSilenceSwapMs: lastSilenceSwapMs(record),
      clockMs: nowMs,
      genesis: { parameters },
    }),
  };
}

/** By our objects; swaps of other clusters' members are not among them (rule MANY). */
function lastSilenceSwapMs({ rotations }: SetRecord): number | undefined {
  const effective = rotations
    .filter(({ spec }) => spec.cause === "Silence")
    .map(({ status }) => instantMs(status?.times.Effective))
    .filter((ms) => ms !== undefined);
  return effective.length === 0 ? undefined : Math.max(...effective);
}

/** Status says how many spares are fit, not which: those with a running pod, by ordinal. */
function sparesOf({ record, keys, members, pods, nodes }: World): readonly ChainSpare[] {
  const { set } = record;
  const registered = members.filter(({ name }) =>
    set.status?.members?.some((each) => each.name === name && each.role === "Spare"),
  );
  const runs = ({ name }: MemberView): boolean => {
    const pod = pods.find((each) => each.member === name);
    if (pod === undefined || !isReachable(pod)) return false;
    return nodes.find((node) => node.name === pod.node)?.ready === true;
  };
  let fitLeft = set.status?.spares ?? 0;
  return registered.map((member) => {
    const key = member.consensusKey ?? "";
    const endorsed = set.spec.endorsements?.some((each) => each.key === key) === true;
    const fit = fitLeft > 0 && !keys.has(key) && runs(member);
    if (fit) fitLeft -= 1;
    return { key, owner: ownerOf(set, member.ordinal).key, fit, endorsed };
  });
}

function assumptionsOf({ record, nowMs, keys }: World, parameters: Parameters): readonly string[] {
  const { chain } = record.set.status ?? {};
  const ageMs = nowMs - (instantMs(chain?.time) ?? 0);
  const seconds = Math.round(ageMs / 1_000);
  const age = `${seconds} s ago`;
  const isOld = ageMs > STATUS_MS_MAX;
  return [
    `the chain is as the operator verified it ${age}, at height ${chain?.height ?? 0}`,
    ...(isOld ? ["that is long ago: the operator is down, or the chain stands still"] : []),
    ...(keys.size === 0
      ? []
      : [
          "the members named are silent for a whole silence window of " +
            `${parameters.rotation.silenceMs} ms, and their pods cannot be reached`,
        ]),
    "metrics were not asked: whoever is ready is taken to hear whoever the chain hears",
    "proofs of misconduct that nodes hold are not known here",
  ];
}
