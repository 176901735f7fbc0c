import type { KubeClient } from "@quorate/runtime/kube-client";
import { type ConfigMap, configMaps } from "@quorate/runtime/resources";
import type { ValidatorSet } from "../api/v1alpha1/types.ts";
import { genesisName } from "../build/objects.ts";
import { GENESIS_FILE } from "../observe/genesis-object.ts";
import type { MemberView } from "../observe/observation.ts";
import type { Observed } from "../observe/observe.ts";
import { assembleGenesis, type BirthProblem, foundersOf, readTemplate } from "./genesis.ts";
import { isRecorded } from "./identities.ts";

/**
 * Why a genesis that is there is not taken (rule GENESIS). Where neither the spec nor the status
 * names its hash, anybody may have put it there: then it must be what this set's birth makes of its
 * owners, its template and the keys on record, but for the time of birth, and immutable. So a birth
 * that was cut off goes on, and a set that was deleted under `Retain` comes back.
 */
export async function genesisProblem(
  kube: KubeClient,
  { observation, genesis, objects }: Observed,
): Promise<BirthProblem | undefined> {
  const { set, members } = observation;
  if (genesis.kind !== "there") return undefined;
  if (set.spec.genesisHash !== undefined || (set.status?.genesisHash ?? "") !== "") {
    return undefined;
  }
  const name = genesisName(set);
  const map = await kube.get(configMaps, { namespace: set.metadata.namespace ?? "", name });
  const recorded = members.filter((member) => isRecorded(objects, member));
  const why = await difference(kube, set, { map, recorded });
  if (why === undefined) return undefined;
  if (typeof why !== "string") return why;
  const fix = `if it is yours, name ${genesis.hash} in spec.genesisHash, else delete it`;
  return { reason: "GenesisMismatch", message: `ConfigMap ${name} ${why}: ${fix}` };
}

async function difference(
  kube: KubeClient,
  set: ValidatorSet,
  {
    map,
    recorded,
  }: { readonly map: ConfigMap | undefined; readonly recorded: readonly MemberView[] },
): Promise<string | BirthProblem | undefined> {
  const text = map?.data?.[GENESIS_FILE];
  if (text === undefined) return "is not there any more";
  if (map?.immutable !== true) return "can be changed, so this operator did not make it";
  const founders = foundersOf(set, recorded);
  if (founders === undefined) return "was there before the keys of all founders were on record";
  const template = await readTemplate(kube, set);
  if (typeof template !== "string") return template;
  const assembled = assembleGenesis(set, template, founders, timeOf(text));
  if (!assembled.ok) return assembled.problem;
  if (atTime(assembled.text, timeOf(text)) === text) return undefined;
  return "differs from what spec, template and the founders' keys on record give";
}

/** The same genesis at another time of birth: a template may name its own, and be applied anew. */
function atTime(text: string, genesisTimeMs: number): string {
  return `${JSON.stringify({ ...JSON.parse(text), genesisTimeMs }, undefined, 2)}\n`;
}

function timeOf(text: string): number {
  try {
    const { genesisTimeMs } = JSON.parse(text) as { genesisTimeMs?: unknown };
    return typeof genesisTimeMs === "number" ? genesisTimeMs : 1;
  } catch {
    return 1;
  }
}

/** What a pass knows where the genesis is not to be taken: there is no chain to speak of. */
export function withoutGenesis(observed: Observed, { reason, message }: BirthProblem): Observed {
  return {
    ...observed,
    observation: {
      ...observed.observation,
      genesisHash: undefined,
      chain: { kind: "unborn" },
      proofs: [],
    },
    genesis: { kind: "wrong", reason, message },
    request: undefined,
    checkpoint: { checkpoint: "", checkpointEpoch: 0, checkpointTimeMs: 0 },
  };
}
