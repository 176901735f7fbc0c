import { parseGenesis } from "@quorate/node/ledger/genesis";
import { VirtualClock } from "@quorate/runtime/virtual-clock";
import { Registry } from "prom-client";
import { DECISION_MESSAGE } from "../../src/decision-log/decision-line.ts";
import { createOperator } from "../../src/operator.ts";
import { ApiConnection } from "./api-connection.ts";
import { ApiServer } from "./api-server.ts";
import { ApiStore } from "./api-store.ts";
import { ChainConnection } from "./chain-connection.ts";
import { Checks } from "./checks.ts";
import { Cluster } from "./cluster.ts";
import { unsettled } from "./convergence.ts";
import { Counts } from "./counts.ts";
import { FakeChain } from "./fake-chain.ts";
import { Incidents } from "./incidents.ts";
import type { NodeProcess } from "./machines.ts";
import { NAMESPACE, SET, SYSTEM } from "./names.ts";
import { CONTROL_PEM, controlKeys, httpOf } from "./node-connection.ts";
import { OperatorProcess } from "./operator-process.ts";
import { Peers } from "./peers.ts";
import { Person } from "./person.ts";
import type { Plan } from "./plan.ts";
import { createRandom, type SeededRandom } from "./random.ts";
import { prometheusSecret, sceneObjects } from "./scene-objects.ts";
import { Trace } from "./trace.ts";
import type { Violation } from "./violation.ts";
import { calm, type Weather } from "./weather.ts";

/** The pace of blocks, and of everything that the cluster does by itself. */
const TICK_MS = 250;
/** After the last fault the set is whole again within this. */
const CONVERGE_MS = 420_000;
/** It stays so for this before it counts as steady. */
const STAY_MS = 15_000;
const QUIET_MS = 25_000;

function logText(fields: object, message: string): string {
  const told = Object.entries(fields).map(([name, value]) => {
    return `${name}=${value instanceof Error ? `${value.name}: ${value.message}` : JSON.stringify(value)}`;
  });
  return `${message} ${told.join(" ")}`;
}

/** The truth when a block was made. */
interface Moment {
  readonly height: number;
  readonly atMs: number;
  readonly lastAliveMs: ReadonlyMap<string, number>;
}

/** More than nodes lag behind. */
const MOMENTS_KEPT = 16;

/** Everything around the operators, and the operators, on one virtual clock. */
export class World {
  readonly plan: Plan;
  readonly clock = new VirtualClock();
  readonly counts = new Counts();
  readonly trace: Trace;
  readonly weather: Weather = calm();
  readonly network: SeededRandom;
  readonly store: ApiStore;
  readonly server: ApiServer;
  readonly cluster: Cluster;
  readonly checks: Checks;
  readonly peers: Peers;
  readonly person: Person;
  readonly secrets: readonly string[];
  readonly scrapeIntervalMs = 5_000;
  readonly lastAliveMs = new Map<string, number>();
  /** Keys of whom peers count conflicting signatures. */
  readonly accusedByCounters = new Set<string>();
  operators: OperatorProcess[] = [];
  chain: FakeChain | undefined;
  /** Grows with each cut of all watches. */
  cuts = 0;
  disturbedAtMs = 0;
  leaseDeletedAtMs = Number.NEGATIVE_INFINITY;
  #started = 0;
  readonly #moments: Moment[] = [];
  #violation: Violation | undefined;
  readonly #chance: SeededRandom;
  readonly #restarts: number[] = [];
  readonly #incidents: Incidents;

  constructor(plan: Plan, print?: (line: string) => void) {
    this.plan = plan;
    this.trace = new Trace(print);
    const random = createRandom(plan.seed);
    this.network = random.fork(1);
    this.#chance = random.fork(2);
    const now = () => this.clock.now();
    this.store = new ApiStore(() => this.clock.monotonic());
    this.server = new ApiServer(this.store, now);
    this.checks = new Checks(this);
    this.peers = new Peers(this);
    this.cluster = new Cluster({
      store: this.store,
      now: () => this.clock.monotonic(),
      random: random.fork(3),
      zones: plan.zones,
      machinesPerZone: plan.machinesPerZone,
      set: SET,
      namespace: NAMESPACE,
    });
    this.store.onWrite = (plural, entry) => this.checks.stored(plural, entry);
    this.cluster.onPin = (hash, text, process) => this.#pinned(hash, text, process);
    this.cluster.onStart = ({ volume, member }) => this.trace.name(volume.key, member);
    const objects = sceneObjects(plan);
    this.secrets = [...objects.secrets, CONTROL_PEM];
    this.store.create("configmaps", objects.template);
    this.store.create("secrets", objects.sponsors);
    this.store.create("secrets", prometheusSecret(objects.secrets));
    this.person = new Person(this, objects.set);
    this.person.applySet();
    this.#incidents = new Incidents(this);
  }

  /** Birth, faults, then the set has to become whole and stay quiet. */
  async run(): Promise<void> {
    for (let index = 0; index < this.plan.operators; index += 1) this.#start();
    while (this.clock.monotonic() < this.plan.calmAtMs) await this.#tick();
    // Condemned seats wait for a spare: somebody follows the advice of the condition.
    this.person.edit((spec) => {
      spec["paused"] = false;
      spec["spares"] = Math.max(1, Number(spec["spares"]));
    });
    this.person.withdrawWishes();
    const untilMs = this.clock.monotonic() + CONVERGE_MS;
    let settledAtMs: number | undefined;
    let problems: readonly string[] = [];
    while (settledAtMs === undefined || this.clock.monotonic() - settledAtMs < STAY_MS) {
      await this.#tick();
      problems = unsettled(this);
      settledAtMs = problems.length > 0 ? undefined : (settledAtMs ?? this.clock.monotonic());
      if (this.clock.monotonic() > untilMs) this.checks.fail("converges", problems.join("; "));
    }
    this.counts.add("ms to converge", this.clock.monotonic() - this.plan.calmAtMs);
    this.checks.watchWrites();
    const quietUntil = this.clock.monotonic() + QUIET_MS;
    while (this.clock.monotonic() < quietUntil) await this.#tick();
    this.checks.wroteNothing(QUIET_MS);
    const left = unsettled(this);
    if (left.length > 0) this.checks.fail("converges", `not any more: ${left.join("; ")}`);
    await this.end();
  }

  /** Nothing runs on. */
  async end(): Promise<void> {
    for (const process of this.operators) process.die();
    this.operators = [];
    await this.clock.advance(0);
  }

  /** A checker spoke: what it threw may have been caught by the program under test. */
  violated(violation: Violation): void {
    this.#violation ??= violation;
  }

  disturb(): void {
    this.disturbedAtMs = this.clock.monotonic();
  }

  cutWatches(): void {
    this.cuts += 1;
    this.store.tick();
  }

  killed(process: OperatorProcess, when: string): void {
    if (!process.alive) return;
    this.counts.add(`operator killed ${when}`);
    this.trace.add(this.clock.monotonic(), process.name, `is killed ${when}`);
    this.#gone(process);
  }

  memberNames(): readonly string[] {
    return this.cluster.memberPods().map(({ metadata }) => metadata.name);
  }

  memberOf(key: string): string {
    const { processes } = this.cluster;
    const found = [...processes.values()].find(({ volume }) => volume.key === key);
    return found?.member ?? key.slice(0, 8);
  }

  momentOf(height: number): Moment {
    const found = this.#moments.findLast((moment) => moment.height <= height);
    return found ?? { height: 0, atMs: 0, lastAliveMs: new Map() };
  }

  async #tick(): Promise<void> {
    this.#incidents.step();
    this.cluster.step();
    this.#live();
    this.peers.step();
    this.person.step();
    this.#restart();
    this.checks.step();
    this.store.tick();
    await this.clock.advance(TICK_MS);
    if (this.#violation !== undefined) throw this.#violation;
  }

  #live(): void {
    const { chain, clock } = this;
    if (chain === undefined) return;
    const live = this.cluster.live(chain.id);
    for (const key of live) this.lastAliveMs.set(key, clock.monotonic());
    const { height } = chain;
    chain.step(clock.now(), live);
    if (chain.height > height || this.#moments.length === 0) {
      const lastAliveMs = new Map(this.lastAliveMs);
      this.#moments.push({ height: chain.height, atMs: clock.monotonic(), lastAliveMs });
      if (this.#moments.length > MOMENTS_KEPT) this.#moments.shift();
    }
    this.counts.add("virtual seconds", TICK_MS / 1_000);
  }

  #pinned(hash: string, text: string, process: NodeProcess): void {
    this.checks.pinned(hash, process.volume.key);
    if (this.chain !== undefined) return;
    const parsed = parseGenesis(Uint8Array.from(Buffer.from(text, "utf8")));
    if (!parsed.ok) this.checks.fail("one genesis", parsed.error.fix);
    const chain = new FakeChain(hash, parsed.value, this.counts);
    chain.onSwap = ({ cause, leaver, newcomer }, by) => {
      const went = `${leaver} for ${newcomer ?? "nobody"}`;
      this.trace.add(this.clock.monotonic(), "chain", `${cause}: ${went}, by ${by}`);
    };
    this.chain = chain;
  }

  #gone(process: OperatorProcess): void {
    process.die();
    this.disturb();
    this.operators = this.operators.filter((each) => each !== process);
    this.#restarts.push(this.clock.monotonic() + this.#chance.integer(500, 8_000));
  }

  #restart(): void {
    const now = this.clock.monotonic();
    const due = this.#restarts.filter((at) => at <= now);
    for (const at of due) {
      this.#restarts.splice(this.#restarts.indexOf(at), 1);
      this.#start();
    }
  }

  #start(): void {
    this.#started += 1;
    this.disturb();
    const name = `op-${this.#started}`;
    const process = new OperatorProcess(name, this.clock, this.#chance.integer(-800, 800));
    const random = this.#chance.fork(this.#started);
    const log = (level: string) => (fields: object, message: string) => {
      if (!process.alive) return;
      this.checks.logged(process, level, logText(fields, message));
      if (message === DECISION_MESSAGE) this.checks.decided(fields);
    };
    const operator = createOperator({
      transport: new ApiConnection(this, process),
      clock: process.clock,
      random: () => random.next(),
      chain: new ChainConnection(this, process),
      control: controlKeys(this, process),
      http: httpOf(this, process),
      log: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
      registry: new Registry(),
      identity: name,
      podName: name,
      namespace: SYSTEM,
    });
    this.operators.push(process);
    operator.run(process.stop.signal).then(
      () => {
        if (process.alive) this.#gone(process);
      },
      (error: unknown) => {
        this.counts.add("operator: ended with an error");
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.trace.add(this.clock.monotonic(), name, `ended: ${text}`);
        if (process.alive) this.#gone(process);
      },
    );
  }
}
