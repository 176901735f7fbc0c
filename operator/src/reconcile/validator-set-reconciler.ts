import type { Clock } from "@quorate/runtime/clock";
import type { ReconcileResult } from "@quorate/runtime/controller";
import { NotLeaderError } from "@quorate/runtime/fence-writes";
import type { KubeClient } from "@quorate/runtime/kube-client";
import type { ObjectKey } from "@quorate/runtime/objects";
import { act } from "../act/act.ts";
import type { ValidatorSet } from "../api/v1alpha1/types.ts";
import { apply } from "../apply/apply.ts";
import { farewell, holdForFarewell } from "../apply/finalize.ts";
import { giveBirth } from "../birth/birth.ts";
import { genesisProblem, withoutGenesis } from "../birth/genesis-trust.ts";
import type { SpareMaker } from "../birth/spares.ts";
import { build } from "../build/build.ts";
import { disruptableSeats } from "../decide/budget.ts";
import type { DecisionLog } from "../decision-log/decision-log.ts";
import { diff } from "../diff/diff.ts";
import type { ClusterView } from "../observe/cluster-cache.ts";
import type { Observed, Observer } from "../observe/observe.ts";
import type { ChainPort } from "../ports.ts";
import type { OperatorMetrics } from "../report/metrics.ts";
import type { Pass } from "../report/pass.ts";
import type { Reporter } from "../report/report.ts";
import { decideAfresh } from "./decide-afresh.ts";
import { readLive, withLive } from "./read-live.ts";

export interface ReconcilerPorts {
  readonly cache: ClusterView;
  /** Fenced: writes only while the lease is fresh (rule S10). */
  readonly kube: KubeClient;
  readonly chain: ChainPort;
  readonly observer: Observer;
  readonly spares: SpareMaker;
  readonly reporter: Reporter;
  readonly decisions: DecisionLog;
  readonly metrics: OperatorMetrics;
  readonly clock: Clock;
  /** The lease is fresh now: without it nothing is sent to the chain (rule S10). */
  readonly leads: () => boolean;
}

/** A set that goes away is looked at again so often, until its last pod has stopped. */
const FAREWELL_MS = 1_000;

/** One pass over one set: the order of the steps (design §2) and nothing else. */
export class ValidatorSetReconciler {
  readonly #ports: ReconcilerPorts;

  constructor(ports: ReconcilerPorts) {
    this.#ports = ports;
  }

  async reconcile(key: ObjectKey): Promise<ReconcileResult> {
    const { cache } = this.#ports;
    const set = cache.set(key);
    if (set === undefined) {
      this.#forget(key);
      return {};
    }
    try {
      const isDeleted = set.metadata.deletionTimestamp !== undefined;
      return isDeleted ? await this.#farewell(key, set) : await this.#pass(key, set);
    } catch (error) {
      // What was true before this pass may be so no more: nobody is left with stale good news.
      if (!(error instanceof NotLeaderError)) await this.#tellFailure(set, error);
      throw error;
    }
  }

  #forget(key: ObjectKey): void {
    this.#ports.reporter.forget(key);
    this.#ports.decisions.forget(key);
  }

  async #tellFailure(set: ValidatorSet, error: unknown): Promise<void> {
    try {
      await this.#ports.reporter.reportFailure(set, error);
    } catch {
      // The failure itself is thrown, logged and tried again; a status comes with the next pass.
    }
  }

  async #farewell(key: ObjectKey, set: ValidatorSet): Promise<ReconcileResult> {
    const { cache, kube, reporter, clock } = this.#ports;
    const seen = { objects: cache.objects(key), nowMs: clock.now() };
    const state = await farewell(kube, set, seen);
    if (state.kind === "gone") {
      this.#forget(key);
      return {};
    }
    await reporter.reportFarewell(set, state);
    // What a person says comes by the watch; meanwhile it is looked at as often as a living set.
    const isHeld = state.reason === "AwaitingWord";
    const waitMs = isHeld ? set.spec.healing.intervalSeconds * 1_000 : FAREWELL_MS;
    return { requeueAfterMs: waitMs };
  }

  async #pass(key: ObjectKey, set: ValidatorSet): Promise<ReconcileResult> {
    const { kube, chain, spares, reporter, decisions, metrics, clock, leads } = this.#ports;
    await holdForFarewell(kube, set);
    const startedAt = clock.monotonic();
    const seen = await this.#observe(set);
    const seconds = (clock.monotonic() - startedAt) / 1_000;
    metrics.observe.observe({ namespace: key.namespace, set: key.name }, seconds);
    const decided = await decideAfresh({ kube, leads }, seen);
    const { observed, findings, decision: asked } = decided;
    const { observation } = observed;
    if (!decided.isGone) decisions.note(key, { observation, findings, decision: asked });
    const birth = await giveBirth(kube, observed);
    const { changes: rotations, decision } = await act({ kube, chain, leads }, observed, asked);
    const spare = await spares.make(observed, () => readLive(kube, set));
    const disruptable = disruptableSeats(observation, findings, decision);
    const { desired, applied } = await this.#apply(observed, disruptable);
    await reporter.report({
      observed,
      findings,
      decision,
      birth,
      rotations,
      spare,
      desired,
      applied,
    });
    return { requeueAfterMs: set.spec.healing.intervalSeconds * 1_000 };
  }

  async #observe(set: ValidatorSet): Promise<Observed> {
    const { observer, kube } = this.#ports;
    const seen = await observer.observe(set);
    const problem = await genesisProblem(kube, seen);
    return problem === undefined ? seen : withoutGenesis(seen, problem);
  }

  /**
   * Nothing is written while a person said stop, or has to look at the genesis first. Before a
   * member is made or a pod goes, the API server is asked: the copies may be late.
   */
  async #apply(
    observed: Observed,
    disruptable: number,
  ): Promise<Pick<Pass, "desired" | "applied">> {
    const { observation, genesis, objects } = observed;
    const { kube } = this.#ports;
    const desired = build(observation, disruptable);
    const nothing = { desired, applied: undefined };
    if (observation.set.spec.paused || genesis.kind === "wrong") return nothing;
    const changes = diff(desired, { objects });
    if (desired.newMembers.length === 0 && changes.removal === undefined) {
      return { desired, applied: await apply(kube, changes) };
    }
    const live = await readLive(kube, observation.set);
    if (live === undefined) return nothing;
    const sure = withLive(observed, live);
    const wanted = build(sure.observation, disruptable);
    return {
      desired: wanted,
      applied: await apply(kube, diff(wanted, { objects: sure.objects })),
    };
  }
}
