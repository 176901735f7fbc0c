import { genesisHash } from "@quorate/node/ledger/genesis";
import type { KubeClient } from "@quorate/runtime/kube-client";
import { type ConfigMap, configMaps } from "@quorate/runtime/resources";
import type { ValidatorSet } from "../api/v1alpha1/types.ts";
import { genesisName } from "../build/objects.ts";

/** Name of the file in the genesis ConfigMap. */
export const GENESIS_FILE = "genesis.json";

/** The genesis as the cluster has it, and what is wrong with it. */
export type GenesisReading =
  | { readonly kind: "there"; readonly bytes: Uint8Array; readonly hash: string }
  | { readonly kind: "absent" }
  /** A person has to look: nothing may be done with this set. */
  | { readonly kind: "wrong"; readonly reason: string; readonly message: string };

/** The exact bytes of the genesis file: a chain's identity is their hash. */
export function genesisBytes(map: ConfigMap): Uint8Array | undefined {
  const text = map.data?.[GENESIS_FILE];
  return text === undefined ? undefined : Uint8Array.from(Buffer.from(text, "utf8"));
}

/**
 * Reads and judges the genesis of a set (rule GENESIS): the hash that the set names, or that was
 * pinned before, is the only one that counts, and what was pinned once is never made again.
 */
export function judgeGenesis(set: ValidatorSet, map: ConfigMap | undefined): GenesisReading {
  const name = genesisName(set);
  const named = set.spec.genesisHash;
  const pinned = set.status?.genesisHash ?? "";
  const bytes = map === undefined ? undefined : genesisBytes(map);
  if (map !== undefined && bytes === undefined) {
    const message = `ConfigMap ${name} has no ${GENESIS_FILE}: put the file of the chain there`;
    return { kind: "wrong", reason: "GenesisMalformed", message };
  }
  if (bytes === undefined) {
    if (named !== undefined) {
      const message = `put the genesis of chain ${named} into ConfigMap ${name}`;
      return { kind: "wrong", reason: "GenesisMissing", message };
    }
    if (pinned !== "") {
      const message = `ConfigMap ${name} of chain ${pinned} is gone: put the same bytes back`;
      return { kind: "wrong", reason: "GenesisMissing", message };
    }
    return { kind: "absent" };
  }
  const hash = genesisHash(bytes);
  for (const [wanted, where] of [
    [named, "spec.genesisHash"],
    [pinned === "" ? undefined : pinned, "status.genesisHash"],
  ] as const) {
    if (wanted === undefined || wanted === hash) continue;
    const message = `ConfigMap ${name} is chain ${hash}, ${where} names chain ${wanted}`;
    return { kind: "wrong", reason: "GenesisMismatch", message };
  }
  return { kind: "there", bytes, hash };
}

/** From the cache, else from the server: a joining set's ConfigMap is a person's, without label. */
export async function readGenesis(
  kube: KubeClient,
  set: ValidatorSet,
  cached: readonly ConfigMap[],
): Promise<GenesisReading> {
  const name = genesisName(set);
  const map =
    cached.find(({ metadata }) => metadata.name === name) ??
    (await kube.get(configMaps, { namespace: set.metadata.namespace ?? "", name }));
  return judgeGenesis(set, map);
}
