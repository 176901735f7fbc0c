import { ANNOTATIONS } from "../api/v1alpha1/labels.ts";
import type { ValidatorSet } from "../api/v1alpha1/types.ts";

/**
 * Whether a person said that this very set's keys may die: by `deletionPolicy: Delete` and by the
 * word, which is the set's uid. The API server chooses the uid, so no manifest has the word in it,
 * and one that was said about an earlier set of the name is none.
 */
export function keysMayDie({ metadata, spec }: ValidatorSet): boolean {
  if (spec.deletionPolicy !== "Delete" || metadata.uid === undefined) return false;
  return metadata.annotations?.[ANNOTATIONS.destroyKeys] === metadata.uid;
}

/** Why a deleted set waits, where it does: for people, with both ways on. */
export function missingWord(set: ValidatorSet): string | undefined {
  if (set.spec.deletionPolicy !== "Delete" || keysMayDie(set)) return undefined;
  const { namespace = "default", name, uid = "" } = set.metadata;
  const word = `${ANNOTATIONS.destroyKeys}=${uid}`;
  const retain = `-p '{"spec":{"deletionPolicy":"Retain"}}'`;
  return [
    "deletionPolicy is Delete, and nobody said that the keys may die: its nodes run on",
    stakes(set),
    `to destroy its keys for ever: kubectl -n ${namespace} annotate --overwrite vset ${name} ${word}`,
    `to keep them: kubectl -n ${namespace} patch vset ${name} --type=merge ${retain}`,
  ].join("; ");
}

/** What the chain loses with the keys, as it was verified last; others may run it too (MANY). */
function stakes({ status }: ValidatorSet): string {
  const total = amount(status?.faultBudget?.total);
  const quorum = amount(status?.faultBudget?.quorum);
  if (total === 0n) return "no set of a verified chain has them yet";
  const chain = `chain ${(status?.genesisHash ?? "").slice(0, 8)}`;
  const seats = (status?.members ?? []).map(({ power }) => amount(power)).filter((it) => it > 0n);
  if (seats.length === 0) return `none of them holds a seat in ${chain}`;
  const own = seats.reduce((sum, power) => sum + power, 0n);
  const held = `${seats.length} of them hold seats in ${chain}, power ${own} of ${total}`;
  if (own >= total) return `${held}: the chain ends with them`;
  if (total - own < quorum) return `${held}: others hold the rest, which is no quorum`;
  return `${held}: others go on without them, rotate these seats out first`;
}

/** Micro-USD, decimal; a status is written in steps, so a field may be missing. */
function amount(text: string | undefined): bigint {
  return BigInt(text || "0");
}
