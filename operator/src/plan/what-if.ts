import { candidatesOf } from "../decide/candidate.ts";
import { decide } from "../decide/decide.ts";
import type { Decision } from "../decide/decision.ts";
import { holds } from "../decide/policy.ts";
import { detect } from "../detect/detect.ts";
import type { Findings } from "../detect/verdict.ts";
import { nodeView, podView } from "../observe/cluster-view.ts";
import { judgeGenesis } from "../observe/genesis-object.ts";
import type { MemberView, NodeView, Observation, PodView } from "../observe/observation.ts";
import { imaginedChain } from "./imagined-chain.ts";
import { imaginedPeers } from "./imagined-peers.ts";
import { heldReason, membersOf, type SetRecord } from "./set-record.ts";

/** What is supposed to have happened. */
export interface Supposition {
  readonly nowMs: number;
  /** Names of members whose pods are gone. */
  readonly fail: readonly string[];
  /** Values of the topology key whose machines are all down. */
  readonly zones: readonly string[];
}

export interface WhatIf {
  readonly observation: Observation;
  readonly findings: Findings;
  readonly decision: Decision;
  /** Rules that had something to judge: all, or the holds alone where nothing is wanted. */
  readonly judged: readonly string[];
  /** Names of the members that are silent and unreachable by the supposition. */
  readonly failed: readonly string[];
  /** What is not known here and was taken for granted, for people. */
  readonly assumptions: readonly string[];
}

/** Where a member's pod runs; before it runs, where it is bound to. */
export function zoneOf(
  member: MemberView,
  pods: readonly PodView[],
  nodes: readonly NodeView[],
): string {
  const pod = pods.find((each) => each.member === member.name);
  return nodes.find(({ name }) => name === pod?.node)?.zone || member.zone;
}

/**
 * What the operator would see and decide if the named members fell silent: the real steps `detect`
 * and `decide`, over an observation made from the API objects instead of from the nodes. Pure.
 */
export function whatIf(record: SetRecord, supposed: Supposition): WhatIf {
  const { set, rotations } = record;
  const pods = record.pods.map(podView);
  const machines = record.nodes.map((node) => nodeView(node, set.spec.placement.topologyKey));
  const members = membersOf(record);
  const failed = members.filter(
    (member) =>
      supposed.fail.includes(member.name) ||
      supposed.zones.includes(zoneOf(member, pods, machines)),
  );
  const names = failed.map(({ name }) => name);
  const world = {
    members,
    pods: pods.filter(({ member }) => !supposed.fail.includes(member)),
    nodes: machines.map((node) =>
      supposed.zones.includes(node.zone) ? { ...node, ready: false } : node,
    ),
  };
  const keys = new Set(failed.flatMap(({ consensusKey }) => consensusKey ?? []));
  const imagined = imaginedChain({ record, nowMs: supposed.nowMs, keys, ...world });
  const genesis = judgeGenesis(set, record.genesis);
  const peers = imaginedPeers(set, imagined.chain, { ...world, failed: keys });
  const observation: Observation = {
    nowMs: supposed.nowMs,
    set,
    rotations,
    ...world,
    genesisHash: genesis.kind === "there" ? genesis.hash : undefined,
    controlClientKey: "",
    priceSources: {},
    chain: imagined.chain,
    prometheus: set.spec.prometheus === undefined ? undefined : peers,
    scrape: peers,
    proofs: [],
    leaseIsFresh: heldReason(set) !== "LeaseStale",
  };
  const findings = detect(observation);
  const decision = decide(observation, findings);
  const { assumptions, chain } = imagined;
  const isWanted =
    chain.kind === "verified" && candidatesOf(observation, findings, chain.chain).length > 0;
  const judged = isWanted ? decision.rules : [...new Set(holds.map(({ id }) => id))];
  return { observation, findings, decision, judged, failed: names, assumptions };
}
