import type { KubeClient } from "@quorate/runtime/kube-client";
import type { ValidatorSet, ValidatorSetStatus } from "../api/v1alpha1/types.ts";
import type { MemberView } from "../observe/observation.ts";
import type { Observed } from "../observe/observe.ts";
import {
  assembleGenesis,
  type BirthProblem,
  createGenesis,
  foundersOf,
  imaginaryFounders,
  readSponsor,
  readTemplate,
} from "./genesis.ts";
import { isRecorded } from "./identities.ts";

export interface BirthState {
  readonly phase: ValidatorSetStatus["birth"]["phase"];
  /** Founders whose keys are known. */
  readonly asked: number;
  readonly problem: BirthProblem | undefined;
  /** In this pass. */
  readonly createdGenesis: boolean;
}

/**
 * Keys -> genesis -> alive (rule GENESIS). Each step rests on what the cluster has, so that it may
 * end anywhere: keys are asked again until a genesis is pinned, the genesis is created once, and
 * only of keys that stand in the members' Services already.
 */
export async function giveBirth(kube: KubeClient, observed: Observed): Promise<BirthState> {
  const { observation, genesis } = observed;
  const { set } = observation;
  const asked = founders(observation.members, set).filter(
    ({ consensusKey }) => consensusKey !== undefined,
  ).length;
  const state = (phase: BirthState["phase"], problem?: BirthProblem): BirthState => ({
    phase,
    asked,
    problem,
    createdGenesis: false,
  });
  if (genesis.kind === "wrong") {
    const { reason, message } = genesis;
    return state(set.status?.birth?.phase ?? "Keys", { reason, message });
  }
  if (genesis.kind === "there") {
    const isAlive = set.status?.birth?.phase === "Alive" || hasBlocks(observed);
    return state(isAlive ? "Alive" : "Genesis");
  }
  const problem = await templateProblem(kube, set);
  if (problem !== undefined || set.spec.paused) return state("Keys", problem);
  const ready = readyFounders(observed);
  if (typeof ready === "string") return state("Keys");
  if (ready !== true) return state("Keys", ready);
  return create(kube, observed, state);
}

function founders(members: readonly MemberView[], { spec }: ValidatorSet): readonly MemberView[] {
  return members.filter(({ ordinal }) => ordinal < spec.replicas);
}

function hasBlocks({ observation: { chain } }: Observed): boolean {
  return chain.kind === "verified" && chain.chain.height > 0;
}

/** A wrong template is told before the first key is made, by field. */
async function templateProblem(
  kube: KubeClient,
  set: ValidatorSet,
): Promise<BirthProblem | undefined> {
  const template = await readTemplate(kube, set);
  if (typeof template !== "string") return template;
  const judged = assembleGenesis(set, template, imaginaryFounders(set.spec.replicas), 1);
  return judged.ok ? undefined : judged.problem;
}

/**
 * All founders answered in this pass, with the keys that their Services have recorded, and none of
 * them belongs to a chain already. A text says what is waited for.
 */
function readyFounders({
  observation,
  identities,
  objects,
}: Observed): true | string | BirthProblem {
  const { set, members } = observation;
  if (foundersOf(set, members) === undefined) return "keys";
  for (const member of founders(members, set)) {
    const { name } = member;
    const identity = identities.find((each) => each.member === name)?.identity;
    if (identity === undefined) return `${name} does not answer`;
    if (identity.genesisHash !== "") {
      const message = `${name} belongs to chain ${identity.genesisHash}: put its genesis back`;
      return { reason: "ForeignGenesis", message };
    }
    if (!isRecorded(objects, member)) return `${name} is not recorded yet`;
  }
  return true;
}

async function create(
  kube: KubeClient,
  { observation }: Observed,
  state: (phase: BirthState["phase"], problem?: BirthProblem) => BirthState,
): Promise<BirthState> {
  const { set, members, nowMs } = observation;
  // A sponsor key that is not the one in its Secret would show only when the first spare is made.
  for (const owner of set.spec.owners) {
    const sponsor = await readSponsor(kube, set, owner);
    if ("reason" in sponsor) return state("Keys", sponsor);
  }
  const template = await readTemplate(kube, set);
  if (typeof template !== "string") return state("Keys", template);
  const all = foundersOf(set, members);
  if (all === undefined) return state("Keys");
  const assembled = assembleGenesis(set, template, all, nowMs);
  if (!assembled.ok) return state("Keys", assembled.problem);
  const createdGenesis = await createGenesis(kube, set, assembled.text);
  return { ...state("Genesis"), createdGenesis };
}
