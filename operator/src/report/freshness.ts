import type { ValidatorSetStatus } from "../api/v1alpha1/types.ts";

/** What moves in every pass is written this often at most. */
const REFRESH_MS = 10_000;

/**
 * The status without what moves in every pass: heights, times, counts and the words around them.
 */
function lasting(status: ValidatorSetStatus): unknown {
  const { conditions, chain, checkpoint, members, lastDecision, ...rest } = status;
  return {
    ...rest,
    conditions: conditions.map(({ type, status: is, reason, observedGeneration }) => ({
      type,
      is,
      reason,
      observedGeneration,
    })),
    chain: { epoch: chain.epoch, setHash: chain.setHash, protocol: chain.protocol },
    checkpoint: { epoch: checkpoint.epoch, set: checkpoint.set },
    members: members.map(({ silentMs: _, ...member }) => member),
    lastDecision: { verdict: lastDecision.verdict },
  };
}

/** JSON with sorted names, so that equal values are equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** Decides when a status is worth a write: at once where it says something new, else seldom. */
export class StatusFreshness {
  readonly #writtenAt = new Map<string, number>();

  /** `before` is what the API server has. */
  isDue(
    key: string,
    before: ValidatorSetStatus | undefined,
    next: ValidatorSetStatus,
    monotonicMs: number,
  ): boolean {
    if (before === undefined) return true;
    if (canonical(before) === canonical(next)) return false;
    if (isPartial(before) || canonical(lasting(before)) !== canonical(lasting(next))) return true;
    const at = this.#writtenAt.get(key);
    return at === undefined || monotonicMs - at >= REFRESH_MS;
  }

  written(key: string, monotonicMs: number): void {
    this.#writtenAt.set(key, monotonicMs);
  }

  forget(key: string): void {
    this.#writtenAt.delete(key);
  }
}

/** A status that an older operator, or somebody else, wrote. */
function isPartial(status: Partial<ValidatorSetStatus>): boolean {
  const { conditions, chain, checkpoint, members, lastDecision } = status;
  return [conditions, chain, checkpoint, members, lastDecision].includes(undefined);
}
