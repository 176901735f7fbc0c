import type { QuorumCertificate } from "../../src/consensus/types.ts";
import type { ReplicaState } from "../../src/replica/types.ts";

/**
 * A leader that entered its round by timeout and forgets all certificates but the oldest that it
 * holds: what it then proposes competes with blocks that others may have committed. Only the rule
 * that voters compare the parent with the timeouts' certificates (R2) stands against it.
 */
export function forgetCertificates(state: ReplicaState): ReplicaState {
  const { epoch } = state.consensus;
  if (epoch.highestTc === undefined || epoch.highestTc.round !== epoch.round - 1) return state;
  const held = [...epoch.certified.values()];
  const oldest = held.reduce<QuorumCertificate>(
    (before, qc) => (qc.round < before.round ? qc : before),
    epoch.highestQc,
  );
  if (oldest.round === epoch.highestQc.round) return state;
  const forgetful = { ...epoch, highestQc: oldest, root: { ...epoch.root } };
  return { ...state, consensus: { ...state.consensus, epoch: forgetful } };
}
