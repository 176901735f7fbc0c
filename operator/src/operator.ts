import type { Clock, Random } from "@quorate/runtime/clock";
import { runController } from "@quorate/runtime/controller";
import { createKubeClient } from "@quorate/runtime/create-kube-client";
import { createEventRecorder } from "@quorate/runtime/event-recorder";
import { fenceWrites } from "@quorate/runtime/fence-writes";
import type { KubeClient } from "@quorate/runtime/kube-client";
import { type LeaderElection, runLeaderElection } from "@quorate/runtime/leader-election";
import type { Log } from "@quorate/runtime/log";
import { meterTransport } from "@quorate/runtime/metered-transport";
import { createRuntimeMetrics } from "@quorate/runtime/metrics";
import type { ObjectKey } from "@quorate/runtime/objects";
import type { Transport } from "@quorate/runtime/transport";
import { WorkQueue } from "@quorate/runtime/work-queue";
import type { Registry } from "prom-client";
import { FIELD_MANAGER } from "./api/v1alpha1/labels.ts";
import { controlKey } from "./birth/control-key.ts";
import { SpareMaker } from "./birth/spares.ts";
import { DecisionLog } from "./decision-log/decision-log.ts";
import { type TargetGroup, targetGroups } from "./listener/service-discovery.ts";
import { ClusterCache } from "./observe/cluster-cache.ts";
import { Observer } from "./observe/observe.ts";
import type { ChainPort, ControlKeys, HttpPort } from "./ports.ts";
import { ValidatorSetReconciler } from "./reconcile/validator-set-reconciler.ts";
import { createOperatorMetrics, forgetAllSets } from "./report/metrics.ts";
import { Reporter } from "./report/report.ts";

/** All that the operator needs of the world: the real one, or a simulator's. */
export interface OperatorPorts {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly chain: ChainPort;
  readonly control: ControlKeys;
  readonly http: HttpPort;
  readonly log: Log;
  readonly registry: Registry;
  /** Unique to this process: two processes of one name would both lead. */
  readonly identity: string;
  /** Name of this pod, for events. */
  readonly podName: string;
  /** Where the operator itself lives: its lease and its control key. */
  readonly namespace: string;
  /** Namespace whose sets are looked after; absent: all. */
  readonly watchNamespace?: string;
  /** Name of the API server in request metrics. */
  readonly apiHost?: string;
}

export interface Operator {
  /** Runs until the signal aborts; then gives the lease back. */
  run(signal: AbortSignal): Promise<void>;
  /** Why it is not ready; undefined when its caches are filled. */
  unready(): string | undefined;
  targets(key: ObjectKey): readonly TargetGroup[] | undefined;
  /** Whether this process leads and its lease is fresh. */
  leads(): boolean;
}

export const LEASE = "quorate-operator";
/** Sets in work at the same time. */
const WORKERS = 4;
/** A set that fails is never left alone for longer: it may need healing by then. */
const RETRY_MOST_MS = 10_000;
const CONTROL_RETRY_MS = 1_000;

/** Everything injected: a simulator runs exactly this on a virtual clock. */
export function createOperator(ports: OperatorPorts): Operator {
  return new Wired(ports);
}

class Wired implements Operator {
  readonly #ports: OperatorPorts;
  readonly #transport: Transport;
  readonly #runtimeMetrics: ReturnType<typeof createRuntimeMetrics>;
  readonly #operatorMetrics: ReturnType<typeof createOperatorMetrics>;
  readonly #cache: ClusterCache;
  /** Of the term under way. */
  #queue: WorkQueue | undefined;
  #election: LeaderElection | undefined;

  constructor(ports: OperatorPorts) {
    this.#ports = ports;
    const { clock, random, log, registry, watchNamespace } = ports;
    this.#runtimeMetrics = createRuntimeMetrics(registry, clock);
    this.#operatorMetrics = createOperatorMetrics(registry);
    const host = ports.apiHost ?? "kubernetes";
    this.#transport = meterTransport(ports.transport, { metrics: this.#runtimeMetrics, host });
    this.#cache = new ClusterCache({
      transport: this.#transport,
      clock,
      random,
      log,
      ...(watchNamespace === undefined ? {} : { namespace: watchNamespace }),
      onSetChange: (set) => this.#queue?.add(keyText(set)),
      onNodeChange: () => this.#addAll(),
    });
  }

  unready(): string | undefined {
    return this.#cache.synced() ? undefined : "the caches are not filled yet";
  }

  targets(key: ObjectKey): readonly TargetGroup[] | undefined {
    return targetGroups(this.#cache, key);
  }

  leads(): boolean {
    return this.#election?.isFresh() === true;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log, identity, namespace } = this.#ports;
    const caches = this.#cache.start(signal);
    const client = createKubeClient({
      transport: this.#transport,
      clock,
      fieldManager: FIELD_MANAGER,
      retryBudgetMs: 0,
    });
    const election = runLeaderElection({
      client,
      clock,
      random,
      log,
      metrics: this.#runtimeMetrics,
      identity,
      lease: { namespace, name: LEASE },
      signal,
      onStartedLeading: (term) => this.#lead(term),
    });
    this.#election = election;
    await Promise.all([caches, election.stopped]);
  }

  /** The work of one term: nothing of it outlives the term, and nothing of it writes unfenced. */
  async #lead(signal: AbortSignal): Promise<void> {
    const { clock, random, log, podName } = this.#ports;
    const kube = createKubeClient({
      transport: fenceWrites(this.#transport, () => this.leads()),
      clock,
      fieldManager: FIELD_MANAGER,
      signal,
    });
    await this.#cache.whenSynced(signal);
    const pem = await this.#controlKey(kube, signal);
    const recorder = createEventRecorder({
      client: kube,
      clock,
      random,
      log,
      component: FIELD_MANAGER,
      instance: podName,
    });
    const reconciler = this.#reconciler({ kube, pem, recorder });
    const queue = new WorkQueue({
      name: "validatorset",
      clock,
      metrics: this.#runtimeMetrics,
      backOffFirstMs: 100,
      backOffMostMs: RETRY_MOST_MS,
    });
    this.#queue = queue;
    this.#addAll();
    try {
      await runController({
        name: "validatorset",
        workers: WORKERS,
        queue,
        reconcile: (key) => reconciler.reconcile(keyOf(key)),
        signal,
        clock,
        log,
        metrics: this.#runtimeMetrics,
      });
      await recorder.flush();
    } finally {
      this.#queue = undefined;
      forgetAllSets(this.#operatorMetrics);
    }
  }

  #reconciler(parts: {
    readonly kube: KubeClient;
    readonly pem: string;
    readonly recorder: ReturnType<typeof createEventRecorder>;
  }): ValidatorSetReconciler {
    const { kube, pem, recorder } = parts;
    const { chain, http, clock, log } = this.#ports;
    const control = this.#ports.control.open(pem);
    const cache = this.#cache;
    const metrics = this.#operatorMetrics;
    const observer = new Observer({
      cache,
      kube,
      chain,
      control,
      http,
      clock,
      controlClientKey: this.#ports.control.publicKey(pem),
      leaseIsFresh: () => this.leads(),
    });
    const spares = new SpareMaker({ kube, chain, control, clock, leads: () => this.leads() });
    const reporter = new Reporter({ kube, recorder, clock, log, metrics });
    return new ValidatorSetReconciler({
      cache,
      kube,
      chain,
      observer,
      spares,
      reporter,
      decisions: new DecisionLog(log, clock),
      metrics,
      clock,
      leads: () => this.leads(),
    });
  }

  /** Without the key no node can be asked: it is tried until the term ends. */
  async #controlKey(kube: KubeClient, signal: AbortSignal): Promise<string> {
    const { control, namespace, log, clock } = this.#ports;
    for (;;) {
      try {
        const pem = await controlKey(kube, control, namespace);
        control.publicKey(pem);
        return pem;
      } catch (error) {
        signal.throwIfAborted();
        log.error({ err: error }, "the control key cannot be had: nothing can be done without it");
        await clock.sleep(CONTROL_RETRY_MS, signal);
      }
    }
  }

  #addAll(): void {
    for (const { metadata } of this.#cache.sets()) {
      this.#queue?.add(keyText({ namespace: metadata.namespace ?? "", name: metadata.name }));
    }
  }
}

function keyText({ namespace, name }: ObjectKey): string {
  return `${namespace}/${name}`;
}

function keyOf(text: string): ObjectKey {
  const [namespace = "", name = ""] = text.split("/");
  return { namespace, name };
}
