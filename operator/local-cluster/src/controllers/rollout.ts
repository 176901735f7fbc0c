import type { Deployment } from "./api-types.ts";

export interface SetCounts {
  readonly wanted: number;
  readonly replicas: number;
  readonly ready: number;
}

export interface RolloutStep {
  readonly current: number;
  /** In the order of the old sets that were given. */
  readonly old: readonly number[];
}

/**
 * The next sizes of a Deployment's ReplicaSets. Recreate: the new one waits until every pod of the
 * old ones is gone. RollingUpdate: at most `maxSurge` more than wanted, at most `maxUnavailable`
 * fewer ready.
 */
export function rolloutStep(
  deployment: Deployment,
  world: {
    readonly current: SetCounts;
    readonly old: readonly SetCounts[];
    readonly oldPodsLeft: number;
  },
): RolloutStep {
  const wanted = deployment.spec?.replicas ?? 1;
  const { current, old } = world;
  const oldWanted = old.reduce((sum, one) => sum + one.wanted, 0);
  if (deployment.spec?.strategy?.type === "Recreate") {
    return { current: world.oldPodsLeft > 0 ? 0 : wanted, old: old.map(() => 0) };
  }
  if (oldWanted === 0) return { current: wanted, old: old.map(() => 0) };
  const rolling = deployment.spec?.strategy?.rollingUpdate;
  const surge = share(rolling?.maxSurge, wanted, "up");
  const unavailable = share(rolling?.maxUnavailable, wanted, "down");
  // Both at 0 would never move; the API reads that as one unavailable.
  const spare = surge === 0 && unavailable === 0 ? 1 : unavailable;
  const grown = Math.min(wanted, Math.max(current.wanted, wanted + surge - oldWanted));
  const ready = current.ready + old.reduce((sum, one) => sum + Math.min(one.ready, one.wanted), 0);
  let removable = Math.max(0, ready - (wanted - spare));
  const shrunk = old.map((one) => {
    // What is not ready serves nobody and goes first.
    const idle = Math.max(0, one.wanted - one.ready);
    const cut = Math.min(one.wanted - idle, removable);
    removable -= cut;
    return one.wanted - idle - cut;
  });
  return { current: grown, old: shrunk };
}

function share(value: unknown, of: number, round: "up" | "down"): number {
  if (typeof value === "number") return value;
  const percent = typeof value === "string" ? Number.parseInt(value, 10) : 25;
  const exact = (of * percent) / 100;
  return round === "up" ? Math.ceil(exact) : Math.floor(exact);
}
