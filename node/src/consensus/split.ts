import { resultDigest } from "../kernel/certificates.ts";
import type { Digest, Height, PublicKey } from "../kernel/scalars.ts";
import type { AttestedResult, SignedStatement } from "../kernel/statements.ts";
import { quorumPower } from "../kernel/threshold.ts";
import { powerOf, totalPower, type ValidatorSet } from "../kernel/validator-set.ts";
import type { SplitGroup } from "./split-groups.ts";
import type { Turn } from "./turn.ts";

function groupsOf(
  set: ValidatorSet,
  attestations: ReadonlyMap<PublicKey, SignedStatement>,
): readonly SplitGroup[] {
  const groups = new Map<Digest, { result: AttestedResult; members: PublicKey[] }>();
  for (const { key } of set.members) {
    const statement = attestations.get(key)?.statement;
    if (statement?.kind !== "attestation") continue;
    const digest = resultDigest(statement.result);
    const group = groups.get(digest) ?? { result: statement.result, members: [] };
    group.members.push(key);
    groups.set(digest, group);
  }
  return [...groups.values()];
}

/**
 * The groups, if no result of the height reaches a quorum even where every member that is still to
 * be heard joins it; undefined while one may. While at most f lie and the others agree, there is
 * none: the others alone are a quorum. Nothing more is to be heard of `lost` members.
 */
export function splitGroups(
  set: ValidatorSet,
  attestations: ReadonlyMap<PublicKey, SignedStatement>,
  lost: readonly PublicKey[] = [],
): readonly SplitGroup[] | undefined {
  const weighed = groupsOf(set, attestations).map((group) => {
    return { group, power: powerOf(set, group.members) };
  });
  const total = totalPower(set);
  const silent = set.members.filter(({ key }) => lost.includes(key) && !attestations.has(key));
  const heard = weighed.reduce(
    (sum, { power }) => sum + power,
    powerOf(
      set,
      silent.map(({ key }) => key),
    ),
  );
  const quorum = quorumPower(total);
  if (weighed.some(({ power }) => power + (total - heard) >= quorum)) return undefined;
  // Nobody heard: everything is still possible.
  if (total - heard >= quorum) return undefined;
  const heavier = weighed.toSorted((left, right) => (left.power > right.power ? -1 : 1));
  return heavier.map(({ group }) => group);
}

/**
 * Looks at a height that has a new attestation. From the lowest split on this node signs nothing
 * more in the epoch, but what attests a lower height, and executes nothing above it.
 */
export function noteSplit(turn: Turn, set: ValidatorSet, height: Height): void {
  const { attestations, waiting, certified, split } = turn.chain;
  if (height <= certified || (split !== undefined && split.height <= height)) return;
  // A quorum's word for this height, or a later one: the chain goes on by that.
  if (Array.from(waiting.keys()).some((known) => known >= height)) return;
  const groups = splitGroups(set, attestations.get(height) ?? new Map());
  if (groups === undefined) return;
  turn.changeChain({ split: { height, groups } });
  turn.observe({ kind: "split", split: { height, groups } });
}

/** A certificate after all: members had told this node another result than they told others. */
export function clearSplit(turn: Turn, height: Height): void {
  const { split } = turn.chain;
  if (split === undefined || height < split.height) return;
  turn.changeChain({ split: undefined });
  turn.observe({ kind: "split-over", height: split.height });
}
