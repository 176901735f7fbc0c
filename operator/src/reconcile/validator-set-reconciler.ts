import type { Clock } from "@quorate/runtime/clock";
import type { ReconcileResult } from "@quorate/runtime/controller";
import type { KubeClient } from "@quorate/runtime/kube-client";
import type { ObjectKey } from "@quorate/runtime/objects";
import { act } from "../act/act.ts";
import { type Applied, apply } from "../apply/apply.ts";
import { farewell, holdForFarewell } from "../apply/finalize.ts";
import { giveBirth } from "../birth/birth.ts";
import type { SpareMaker } from "../birth/spares.ts";
import { build } from "../build/build.ts";
import type { Desired } from "../build/desired.ts";
import { diff } from "../diff/diff.ts";
import type { ClusterView } from "../observe/cluster-cache.ts";
import type { Observed, Observer } from "../observe/observe.ts";
import type { ChainPort } from "../ports.ts";
import type { OperatorMetrics } from "../report/metrics.ts";
import type { Reporter } from "../report/report.ts";
import { decideAfresh } from "./decide-afresh.ts";

export interface ReconcilerPorts {
  readonly cache: ClusterView;
  /** Fenced: writes only while the lease is fresh (rule S10). */
  readonly kube: KubeClient;
  readonly chain: ChainPort;
  readonly observer: Observer;
  readonly spares: SpareMaker;
  readonly reporter: Reporter;
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
    const { cache, kube, chain, observer, spares, reporter, metrics, clock, leads } = this.#ports;
    const set = cache.set(key);
    if (set === undefined) {
      reporter.forget(key);
      return {};
    }
    if (set.metadata.deletionTimestamp !== undefined) {
      const state = await farewell(kube, set, cache.objects(key));
      return state === "gone" ? {} : { requeueAfterMs: FAREWELL_MS };
    }
    await holdForFarewell(kube, set);
    const startedAt = clock.monotonic();
    const seen = await observer.observe(set);
    const seconds = (clock.monotonic() - startedAt) / 1_000;
    metrics.observe.observe({ namespace: key.namespace, set: key.name }, seconds);
    const { observed, findings, decision } = await decideAfresh({ kube, leads }, seen);
    const birth = await giveBirth(kube, observed);
    const rotations = await act({ kube, chain, leads }, observed, decision);
    const spare = await spares.make(observed);
    const desired = build(observed.observation);
    const applied = await this.#apply(observed, desired);
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

  /** Nothing is written while a person said stop, or has to look at the genesis first. */
  async #apply(observed: Observed, desired: Desired): Promise<Applied | undefined> {
    const { observation, genesis, objects } = observed;
    if (observation.set.spec.paused || genesis.kind === "wrong") return undefined;
    return apply(this.#ports.kube, diff(desired, { objects }));
  }
}
