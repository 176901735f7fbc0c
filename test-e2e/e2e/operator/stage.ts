import { readFileSync, rmSync } from "node:fs";
import { AccountKey } from "@quorate/client/account-key";
import type { QuorateClient } from "@quorate/client/client";
import type { ValidatorSetSpec } from "@quorate/operator/api/v1alpha1/types";
import type { KubeClient } from "@quorate/runtime/kube-client";
import type { ResourceType } from "@quorate/runtime/objects";
import { type Pod, pods } from "@quorate/runtime/resources";
import { Faults } from "../../faults/faults.ts";
import { mainJobTemplate } from "../../main-job/genesis.ts";
import { SAMPLE_PRICES } from "../../main-job/options.ts";
import { ChainObserver } from "../../network/chain-observer.ts";
import { eventually } from "../../network/eventually.ts";
import { WATCHABLE_SILENCE_MS } from "../../network/genesis-file.ts";
import type { Owner } from "../../network/network.ts";
import { runQuorate } from "../../network/quorate-command.ts";
import { newSigningKey } from "../../network/signing-key.ts";
import type { ClusterProvider, OperatorPlace } from "../../provider/provider.ts";
import { startProvider } from "../../provider/start-provider.ts";
import { installOperator, OPERATOR_HOME } from "../../set/install.ts";
import { openKube } from "../../set/open-kube.ts";
import { RunningSet } from "../../set/running-set.ts";

const NAMESPACE = "e2e";
const SET = "quorate";
const TICK_MS = 1_000;
/** Long enough that a machine's loss, a swap and a new spare stay within one price. */
const PRICE_STANDS_MS = 2_000;
const USD = 1_000_000;
/** The sample has some 330 prices: they last for eleven minutes. */
const FIRST_PRICE_MS = 10_000;
const HEALED_MS = 60_000;

export const DEPLOYMENTS: ResourceType = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  plural: "deployments",
  namespaced: true,
};
export const OPERATOR = { namespace: OPERATOR_HOME, name: "quorate-operator" } as const;

export interface StageOptions {
  readonly machines?: number;
  /** Programs of tests that run as images. */
  readonly images?: Readonly<Record<string, string>>;
  readonly spec?: Partial<ValidatorSetSpec>;
  /** Windows of silence after which nodes act by themselves; 3 as in production. */
  readonly selfHealAfterWindows?: number;
  /** Silence that costs a seat; long where it is not what the test is about. */
  readonly silenceMs?: number;
  readonly allowFaults?: boolean;
  /** Between the operator's installation and the apply of the set. */
  readonly beforeApply?: (stage: Stage) => Promise<Partial<ValidatorSetSpec>>;
}

/** A cluster with the operator and one set, as a test finds it. */
export class Stage {
  readonly provider: ClusterProvider;
  readonly kube: KubeClient;
  readonly folder: string;
  readonly accounts = [AccountKey.generate(), AccountKey.generate()];
  readonly owners: readonly Owner[] = [{ key: newSigningKey(), sponsor: newSigningKey() }];
  #set: RunningSet | undefined;
  #client: QuorateClient | undefined;
  #observer: ChainObserver | undefined;
  #faults: Faults | undefined;
  #passed = false;

  private constructor(parts: Pick<Stage, "provider" | "kube" | "folder">) {
    this.provider = parts.provider;
    this.kube = parts.kube;
    this.folder = parts.folder;
  }

  get set(): RunningSet {
    return present(this.#set, "set");
  }

  get client(): QuorateClient {
    return present(this.#client, "client");
  }

  get observer(): ChainObserver {
    return present(this.#observer, "observer");
  }

  get faults(): Faults {
    return present(this.#faults, "faults");
  }

  /** A cluster with the operator installed, and no set yet. */
  static async cluster(options: StageOptions = {}): Promise<Stage> {
    const { provider, folder } = await startProvider({
      machines: options.machines ?? 5,
      ...(options.images === undefined ? {} : { images: options.images }),
    });
    const stage = new Stage({ provider, folder, kube: openKube(provider.kubeconfigFile) });
    try {
      await stage.installOperator();
      return stage;
    } catch (error) {
      await stage.stop();
      throw error;
    }
  }

  /** Watching all sets, unless it is one operator of several. */
  async installOperator(place?: OperatorPlace): Promise<void> {
    const { provider, kube } = this;
    if (provider.installOperator) await provider.installOperator(place);
    else await installOperator(kube, place === undefined ? {} : { place });
  }

  /** With a set that was born and commits. */
  static async start(options: StageOptions = {}): Promise<Stage> {
    const stage = await Stage.cluster(options);
    try {
      await stage.apply(options);
      await stage.alive();
      return stage;
    } catch (error) {
      await stage.stop();
      throw error;
    }
  }

  async apply(options: StageOptions = {}): Promise<RunningSet> {
    const more = (await options.beforeApply?.(this)) ?? {};
    const now = Date.now();
    const { provider, kube, folder } = this;
    const startMs = now + FIRST_PRICE_MS;
    this.#set = await RunningSet.apply(
      { provider, kube, folder },
      {
        namespace: NAMESPACE,
        name: SET,
        owners: this.owners,
        treasury: "10000000000000",
        allowFaults: options.allowFaults ?? true,
        template: mainJobTemplate({
          accounts: this.accounts.map(({ publicKey }) => ({ key: publicKey, usd: USD })),
          genesisTimeMs: now - TICK_MS,
          tickMs: TICK_MS,
          selfHealAfterWindows: options.selfHealAfterWindows ?? 3,
          ...(options.silenceMs === undefined ? {} : { silenceMs: options.silenceMs }),
        }),
        sources: {
          default: [
            {
              market: 0,
              kind: "replay",
              file: "prices/prices.csv",
              startMs,
              tickMs: PRICE_STANDS_MS,
              seed: 1,
              noisePpm: 0,
              delayMs: 0,
              outages: [],
            },
          ],
        },
        priceFiles: { "prices.csv": readFileSync(SAMPLE_PRICES, "utf8") },
        spec: { ...QUICK, ...options.spec, ...more },
      },
    );
    this.#faults = new Faults(this.#set);
    return this.#set;
  }

  /** Waits for the birth and follows the chain from then on. */
  async alive(): Promise<void> {
    await this.set.ready();
    this.#client = await this.set.client();
    this.#observer = new ChainObserver({ client: this.client });
    this.observer.start();
    await this.commits();
  }

  /** Waits until blocks that are not there yet are committed and proven. */
  async commits(blocks = 3): Promise<void> {
    const wanted = this.observer.height + blocks;
    const reached = () => (this.observer.height >= wanted ? true : undefined);
    await this.observer.until(reached, `height ${wanted}`, HEALED_MS);
  }

  /**
   * The voter that a test breaks: those on the operator's machine come last, so that a test about
   * a voter is not one about the operator as well.
   */
  async voter(at = 0): Promise<Victim> {
    const operators = await this.operatorPods();
    const machines = new Set(operators.map(({ spec }) => spec?.nodeName));
    const voters = (await this.set.members()).filter(({ role }) => role === "Voter");
    const found = voters.toSorted(
      (left, right) => Number(machines.has(left.node)) - Number(machines.has(right.node)),
    )[at];
    if (found === undefined) throw new Error(`the set has no voter ${at}`);
    return { name: found.name, key: found.consensusKey, node: found.node };
  }

  /** A voter on the operator's own machine, if there is one. */
  async voterBesideOperator(): Promise<Victim | undefined> {
    const machines = (await this.operatorPods()).map(({ spec }) => spec?.nodeName);
    const found = (await this.set.members()).find(
      ({ role, node }) => role === "Voter" && machines.includes(node),
    );
    return found && { name: found.name, key: found.consensusKey, node: found.node };
  }

  /** Every swap that the chain can prove. */
  async swaps() {
    return (await this.client.swaps()).flatMap(({ value }) => (value ? [value] : []));
  }

  /** Waits for the swap of a key and for a vote of its newcomer; returns the chain's record. */
  async swapped(key: string, timeoutMs = HEALED_MS) {
    const swap = await eventually(
      async () => (await this.swaps()).find(({ leaver, newcomer }) => leaver === key && newcomer),
      { what: `the swap of ${key}`, timeoutMs, everyMs: 200 },
    );
    const votes = () => {
      const last = this.observer.lastVote(swap.newcomer ?? "");
      return last !== undefined && last.epoch >= swap.epoch ? true : undefined;
    };
    await this.observer.until(votes, "a vote of the newcomer", timeoutMs);
    return { ...swap, leaver: key };
  }

  /** Waits for the record of a swap that the chain has made: the operator writes it afterwards. */
  recorded({
    leaver,
    newcomer,
  }: {
    readonly leaver: string;
    readonly newcomer?: string | undefined;
  }) {
    return eventually(
      async () =>
        (await this.set.rotations()).find(
          ({ spec, status }) => spec.member === leaver && status?.newcomer === newcomer,
        ),
      { what: `the record of the swap of ${leaver}`, timeoutMs: HEALED_MS, everyMs: 200 },
    );
  }

  /** Waits while the chain commits: what has not happened by then does not happen. */
  async commitsFor(windows: number): Promise<void> {
    const until = Date.now() + windows * WATCHABLE_SILENCE_MS;
    while (Date.now() < until) await this.commits(1);
  }

  /** Number of pods of the operator that run is set; 0 takes it away. */
  async scaleOperator(replicas: number, namespace: string = OPERATOR_HOME): Promise<void> {
    const { name } = OPERATOR;
    await this.kube.mergePatch(DEPLOYMENTS, { namespace, name }, { spec: { replicas } });
    await eventually(
      async () => {
        const pods = await this.operatorPods(namespace);
        return pods.length === replicas ? true : undefined;
      },
      { what: `${replicas} pods of the operator`, timeoutMs: HEALED_MS, everyMs: 100 },
    );
  }

  /** `quorate logs --operator | quorate replay - --json`. */
  async replayed(): Promise<Replayed> {
    const access = ["--kubeconfig", this.provider.kubeconfigFile];
    const log = await runQuorate(["logs", "--operator", ...access]);
    if (log.code !== 0) throw new Error(`quorate logs: exit ${log.code}: ${log.stderr}`);
    const { code, stdout, stderr } = await runQuorate(["replay", "-", "--json"], {}, log.stdout);
    if (code !== 0) throw new Error(`quorate replay: exit ${code}: ${stdout}${stderr}`);
    return JSON.parse(stdout);
  }

  operatorPods(namespace: string = OPERATOR_HOME): Promise<readonly Pod[]> {
    return this.kube.list(pods, {
      namespace,
      labelSelector: "app.kubernetes.io/name=quorate-operator",
    });
  }

  /**
   * SIGKILL to every operator that runs (false: none did), which leaves the lease behind; its
   * Deployment makes a new pod at once, where a restart of the old one would wait longer each time.
   */
  async killOperator(): Promise<boolean> {
    const { namespace } = OPERATOR;
    const running = (await this.operatorPods()).filter(
      ({ metadata, status }) =>
        metadata.deletionTimestamp === undefined && status?.phase === "Running",
    );
    for (const { metadata } of running) {
      await this.provider.podKill({ namespace, name: metadata.name });
      await this.kube.delete(pods, { namespace, name: metadata.name }, { uid: metadata.uid ?? "" });
    }
    return running.length > 0;
  }

  /** Call as the last act of a test: what failed keeps its logs, and says where. */
  passed(): void {
    this.#passed = true;
  }

  async stop(): Promise<void> {
    try {
      const stopped = this.#observer?.stop();
      this.#client?.close();
      await stopped;
      await this.#faults?.stop();
      if (!this.#passed) await this.provider.collect(`${this.folder}-failed`);
    } finally {
      await this.provider.stop();
      if (!this.#passed) process.stderr.write(`what failed is in ${this.folder}-failed\n`);
      rmSync(this.folder, { recursive: true, force: true });
    }
  }
}

/** What a test looks at of docs/schemas/replay.schema.json. */
interface Replayed {
  readonly different: number;
  readonly decisions: readonly { readonly plan: object | null }[];
}

export interface Victim {
  readonly name: string;
  readonly key: string;
  /** Machine that its pod runs on. */
  readonly node: string;
}

/** The operator looks every second, and the chain alone limits its rate. */
const QUICK: Partial<ValidatorSetSpec> = {
  healing: {
    signals: ["Chain", "Peers", "Kubernetes"],
    intervalSeconds: 1,
    cooldownSeconds: 0,
    dailyBudget: 10,
  },
};

function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the stage has no ${what} yet`);
  return value;
}
