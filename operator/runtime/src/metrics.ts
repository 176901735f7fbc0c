import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Clock } from "./clock.ts";

/** What a queue tells of the keys that are being worked on. */
export interface WorkInProgress {
  readonly name: string;
  /** When each key in work was begun, monotonic ms. */
  startedAt(): Iterable<number>;
}

export interface RuntimeMetrics {
  readonly queueDepth: Gauge<"name">;
  readonly queueAdds: Counter<"name">;
  readonly queueRetries: Counter<"name">;
  readonly queueDuration: Histogram<"name">;
  readonly workDuration: Histogram<"name">;
  readonly reconciles: Counter<"controller" | "result">;
  readonly reconcileErrors: Counter<"controller">;
  readonly reconcileTime: Histogram<"controller">;
  readonly activeWorkers: Gauge<"controller">;
  readonly maxWorkers: Gauge<"controller">;
  readonly leader: Gauge<"name">;
  readonly requests: Counter<"code" | "method" | "host">;
  /** Has the queue's unfinished work told at every scrape. */
  watchWork(work: WorkInProgress): void;
}

/** 10 ns to 1000 s, as client-go's workqueue has them. */
const QUEUE_BUCKETS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1_000];
/** As controller-runtime has them. */
const RECONCILE_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1,
  1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];

/** Gauges that are computed when somebody scrapes. */
function unfinishedWork(registry: Registry, clock: Clock): (work: WorkInProgress) => void {
  const works: WorkInProgress[] = [];
  const ages = (work: WorkInProgress): number[] =>
    [...work.startedAt()].map((at) => Math.max(0, clock.monotonic() - at) / 1_000);
  const registers = [registry];
  new Gauge({
    name: "workqueue_unfinished_work_seconds",
    help: "Seconds of work in progress that no work duration tells yet; stuck workers show here.",
    labelNames: ["name"],
    registers,
    collect() {
      for (const work of works) {
        const sum = ages(work).reduce((total, age) => total + age, 0);
        this.set({ name: work.name }, sum);
      }
    },
  });
  new Gauge({
    name: "workqueue_longest_running_processor_seconds",
    help: "Seconds that the longest running reconcile of the queue has taken so far.",
    labelNames: ["name"],
    registers,
    collect() {
      for (const work of works) this.set({ name: work.name }, Math.max(0, ...ages(work)));
    },
  });
  return (work) => works.push(work);
}

function queueMetrics(registry: Registry) {
  const shared = { labelNames: ["name"] as const, registers: [registry] };
  return {
    queueDepth: new Gauge({
      name: "workqueue_depth",
      help: "Keys that wait in the queue.",
      ...shared,
    }),
    queueAdds: new Counter({
      name: "workqueue_adds_total",
      help: "Keys added; one that waits already counts once.",
      ...shared,
    }),
    queueRetries: new Counter({
      name: "workqueue_retries_total",
      help: "Keys added again after a failure.",
      ...shared,
    }),
    queueDuration: new Histogram({
      name: "workqueue_queue_duration_seconds",
      help: "Seconds that a key waited before work on it began.",
      buckets: QUEUE_BUCKETS,
      ...shared,
    }),
    workDuration: new Histogram({
      name: "workqueue_work_duration_seconds",
      help: "Seconds that work on a key took.",
      buckets: QUEUE_BUCKETS,
      ...shared,
    }),
  };
}

function controllerMetrics(registry: Registry) {
  const shared = { labelNames: ["controller"] as const, registers: [registry] };
  return {
    reconciles: new Counter({
      name: "controller_runtime_reconcile_total",
      help: "Reconciles by result: success, error, requeue_after.",
      labelNames: ["controller", "result"],
      registers: [registry],
    }),
    reconcileErrors: new Counter({
      name: "controller_runtime_reconcile_errors_total",
      help: "Reconciles that failed.",
      ...shared,
    }),
    reconcileTime: new Histogram({
      name: "controller_runtime_reconcile_time_seconds",
      help: "Seconds that a reconcile took.",
      buckets: RECONCILE_BUCKETS,
      ...shared,
    }),
    activeWorkers: new Gauge({
      name: "controller_runtime_active_workers",
      help: "Workers that reconcile now.",
      ...shared,
    }),
    maxWorkers: new Gauge({
      name: "controller_runtime_max_concurrent_reconciles",
      help: "Workers in all.",
      ...shared,
    }),
  };
}

/** The metrics by the names that dashboards of controller-runtime know. */
export function createRuntimeMetrics(registry: Registry, clock: Clock): RuntimeMetrics {
  return {
    ...queueMetrics(registry),
    ...controllerMetrics(registry),
    leader: new Gauge({
      name: "leader_election_master_status",
      help: "1 while this process holds the lease, else 0.",
      labelNames: ["name"],
      registers: [registry],
    }),
    requests: new Counter({
      name: "rest_client_requests_total",
      help: "Requests to the API server; code is <error> where no answer came.",
      labelNames: ["code", "method", "host"],
      registers: [registry],
    }),
    watchWork: unfinishedWork(registry, clock),
  };
}
