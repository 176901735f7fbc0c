import type { Parameters } from "@quorate/node/kernel/parameters";
import { parseGenesis } from "@quorate/node/ledger/genesis";
import type { ConfigMap, Node, Pod, Service } from "@quorate/runtime/resources";
import type { ValidatorRotation, ValidatorSet } from "../api/v1alpha1/types.ts";
import { memberView } from "../observe/cluster-view.ts";
import { genesisBytes, judgeGenesis } from "../observe/genesis-object.ts";
import type { MemberView } from "../observe/observation.ts";

/** All that the API server has of one set. */
export interface SetRecord {
  readonly set: ValidatorSet;
  readonly rotations: readonly ValidatorRotation[];
  readonly services: readonly Service[];
  readonly pods: readonly Pod[];
  readonly nodes: readonly Node[];
  /** `<set>-genesis`; undefined before birth. */
  readonly genesis: ConfigMap | undefined;
}

/** Members of the set as their Services record them, by ordinal. */
export function membersOf({ set, services }: SetRecord): readonly MemberView[] {
  return services
    .map((service) => memberView(service, set.metadata.name))
    .filter((member) => member !== undefined)
    .toSorted((left, right) => left.ordinal - right.ordinal);
}

/** Why the operator held everything when it last looked. */
export function heldReason({ status }: ValidatorSet): string | undefined {
  const held = status?.conditions?.find(({ type }) => type === "Held");
  return held?.status === "True" ? held.reason : undefined;
}

/** The parameters in the genesis; a text for people where they cannot be had. */
export function parametersOf({ set, genesis }: SetRecord): Parameters | string {
  const judged = judgeGenesis(set, genesis);
  if (judged.kind === "wrong") return judged.message;
  const bytes = genesis === undefined ? undefined : genesisBytes(genesis);
  if (bytes === undefined) return "the set has no genesis yet";
  const parsed = parseGenesis(bytes);
  return parsed.ok
    ? parsed.value.parameters
    : `genesis: ${parsed.error.field}: ${parsed.error.fix}`;
}
