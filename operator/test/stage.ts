// One set on a fake cluster with a fake chain, and the reconciler that looks after it.
import { generateKeyPairSync } from "node:crypto";
import { AccountKey } from "@quorate/client/account-key";
import type { EventNote } from "@quorate/runtime/event-recorder";
import type { Log } from "@quorate/runtime/log";
import type { KubeObject } from "@quorate/runtime/objects";
import { VirtualClock } from "@quorate/runtime/virtual-clock";
import { Registry } from "prom-client";
import type {
  ValidatorRotation,
  ValidatorSet,
  ValidatorSetSpec,
} from "../src/api/v1alpha1/types.ts";
import { SpareMaker } from "../src/birth/spares.ts";
import { DecisionLog } from "../src/decision-log/decision-log.ts";
import { Observer } from "../src/observe/observe.ts";
import type { HttpPort } from "../src/ports.ts";
import { ValidatorSetReconciler } from "../src/reconcile/validator-set-reconciler.ts";
import { createOperatorMetrics } from "../src/report/metrics.ts";
import { Reporter } from "../src/report/report.ts";
import { FakeChain } from "./fake-chain.ts";
import { FakeCluster, FakeNodes } from "./fake-cluster.ts";

const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A line of the log as `kubectl logs` prints it. */
function lineOf(fields: object, msg: string): string {
  return JSON.stringify({ level: 30, time: 0, ...fields, msg });
}

export const TEMPLATE = {
  name: "quorate-test",
  dev: true,
  custodians: [],
  margin: { markets: [], accounts: [], insuranceFund: "1000" },
};

export class Stage implements HttpPort {
  readonly clock = new VirtualClock();
  readonly cluster = new FakeCluster(5);
  readonly nodes = new FakeNodes(this.cluster, "s");
  readonly chain = new FakeChain();
  readonly events: { readonly object: KubeObject; readonly note: EventNote }[] = [];
  readonly sponsor = AccountKey.generate();
  readonly owner = AccountKey.generate();
  readonly registry = new Registry();
  /** Peers that every observer has not heard for so long, ms. */
  readonly deafMs = new Map<string, number>();
  leaseIsFresh = true;
  /** Lines of the decision log. */
  readonly decisions: string[] = [];
  #reconciler: ValidatorSetReconciler;

  constructor(spec: Partial<ValidatorSetSpec> = {}) {
    this.cluster.put({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { namespace: "ns", name: "template" },
      data: { "template.json": JSON.stringify(TEMPLATE) },
    } as KubeObject);
    this.cluster.put({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { namespace: "ns", name: "sponsor" },
      data: { pem: Buffer.from(this.sponsor.toPem()).toString("base64") },
    } as KubeObject);
    this.applySet(spec);
    this.#reconciler = this.#newReconciler();
  }

  applySet(spec: Partial<ValidatorSetSpec> = {}): void {
    this.cluster.put({
      apiVersion: "quorate.dev/v1alpha1",
      kind: "ValidatorSet",
      metadata: { namespace: "ns", name: "s", generation: 1 },
      spec: {
        replicas: 4,
        spares: 1,
        faultTolerance: 1,
        mode: "Auto",
        paused: false,
        image: "quorate/node:dev",
        owners: [
          {
            name: "owner-1",
            key: this.owner.publicKey,
            sponsorKey: this.sponsor.publicKey,
            sponsorSecretRef: { name: "sponsor", key: "pem" },
            treasury: "10000000000000",
          },
        ],
        endorsements: [],
        genesis: { templateRef: { name: "template" }, seatPower: "1000000000000" },
        prices: {},
        storage: { size: "1Gi" },
        placement: { topologyKey: "topology.kubernetes.io/zone" },
        healing: {
          signals: ["Chain", "Peers", "Kubernetes"],
          intervalSeconds: 1,
          cooldownSeconds: 0,
          dailyBudget: 10,
        },
        trustPeriodHours: 24,
        deletionPolicy: "Retain",
        ...spec,
      },
    } as unknown as KubeObject);
  }

  /** What a restart of the process loses: all that lives in memory. */
  restart(): void {
    this.cluster.writesLeft = undefined;
    this.#reconciler = this.#newReconciler();
  }

  #newReconciler(): ValidatorSetReconciler {
    const { cluster, chain, nodes, clock, registry } = this;
    registry.clear();
    const metrics = createOperatorMetrics(registry);
    const recorder = {
      record: (object: KubeObject, note: EventNote) => void this.events.push({ object, note }),
      flush: async () => undefined,
    };
    return new ValidatorSetReconciler({
      cache: cluster,
      kube: cluster,
      chain,
      observer: new Observer({
        cache: cluster,
        kube: cluster,
        chain,
        control: nodes,
        http: this,
        clock,
        controlClientKey: "cc".repeat(32),
        leaseIsFresh: () => this.leaseIsFresh,
      }),
      spares: new SpareMaker({
        kube: cluster,
        chain,
        control: nodes,
        clock,
        leads: () => this.leaseIsFresh,
      }),
      reporter: new Reporter({ kube: cluster, recorder, clock, log: silentLog, metrics }),
      decisions: new DecisionLog(
        { ...silentLog, info: (fields, text) => this.decisions.push(lineOf(fields, text)) },
        clock,
      ),
      metrics,
      clock,
      leads: () => this.leaseIsFresh,
    });
  }

  /** A node's /metrics: everybody hears everybody, but for `deafMs`. */
  async get(url: string): Promise<{ readonly status: number; readonly body: string }> {
    const ip = /^http:\/\/([^:]+):7004\/metrics$/.exec(url)?.[1];
    if (ip === undefined || this.nodes.silent.has(ip)) throw new Error(`${url}: no answer`);
    const keys = this.chain.set?.members.map(({ key }) => key) ?? [];
    const lines = keys.flatMap((key) => [
      `quorate_member_last_seen_seconds{member="${key}"} ${(this.deafMs.get(key) ?? 100) / 1_000}`,
      `quorate_member_silent{member="${key}"} ${(this.deafMs.get(key) ?? 0) >= 10_000 ? 1 : 0}`,
    ]);
    return {
      status: 200,
      body: [`quorate_certified_height ${this.chain.height}`, ...lines].join("\n"),
    };
  }

  async pass(): Promise<void> {
    this.chain.nowMs = this.clock.now();
    await this.#reconciler.reconcile({ namespace: "ns", name: "s" });
    this.cluster.startPods();
    await this.clock.advance(1_000);
  }

  async passes(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) await this.pass();
  }

  /** Alive, with a spare that is on the chain. */
  async born(): Promise<void> {
    await this.passes(14);
  }

  get set(): ValidatorSet {
    const set = this.cluster.set({ namespace: "ns", name: "s" });
    if (set === undefined) throw new Error("the set is gone");
    return set;
  }

  get rotations(): readonly ValidatorRotation[] {
    return this.cluster.rotations({ namespace: "ns", name: "s" });
  }

  condition(type: string) {
    return this.set.status?.conditions.find((each) => each.type === type);
  }

  reasons(): readonly string[] {
    return this.events.map(({ note }) => note.reason);
  }

  /** Everybody, and the chain, has lost sight of the member. */
  async lose(key: string, ms: number): Promise<void> {
    this.deafMs.set(key, ms);
    this.chain.silentMs.set(key, ms);
  }
}

/** A PEM of another kind of key. */
export function foreignPem(): string {
  const { privateKey } = generateKeyPairSync("ed25519");
  return privateKey.export({ format: "pem", type: "pkcs8" }).toString();
}
