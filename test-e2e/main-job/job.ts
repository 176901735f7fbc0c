import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { AccountKey } from "@quorate/client/account-key";
import type { QuorateClient } from "@quorate/client/client";
import { QuorateError } from "@quorate/client/errors";
import type { AdversaryMode } from "../network/adversary.ts";
import { ChainObserver } from "../network/chain-observer.ts";
import type { PriceSource } from "../network/node-folder.ts";
import type { RunningSet } from "../set/running-set.ts";
import { MARKET_MAKER_USD, TRADERS } from "./cast.ts";
import { Chronicle } from "./chronicle.ts";
import type { Deployment } from "./deployment.ts";
import { drawFaultPlan, type FaultPlan, SOURCES, VALIDATORS } from "./fault-plan.ts";
import { type FaultContext, type Founder, strike } from "./faults.ts";
import { FinalityGap } from "./finality-gap.ts";
import { mainJobTemplate } from "./genesis.ts";
import { makeMarket } from "./market-maker.ts";
import type { Options } from "./options.ts";
import { Orders } from "./orders.ts";
import { type PriceTick, scaledPriceFile } from "./price-file.ts";
import { Random } from "./random.ts";
import { checkRebuild } from "./rebuild-check.ts";
import { rotationReports } from "./rotation-reports.ts";
import { openedLine, type Story } from "./story.ts";
import { type FaultReport, judge, SILENCE_MS, type Summary } from "./summary.ts";
import { TickClock } from "./tick-clock.ts";
import { type Opened, trade } from "./trader.ts";

/** From the apply of the set to the first price: birth takes about half of it. */
const BIRTH_MS = 10_000;
/** Until a spare is registered and in sync after a swap: pod, identity, bond, catching up. */
const SPARE_AGAIN_MS = 60_000;
/** As in production: three silence windows are the operator's. */
const PRODUCTION_SELF_HEAL_WINDOWS = 3;
const PRICES = "prices.csv";
const FALSE_PRICES = "false-prices.csv";

export interface Ran {
  readonly orders: Orders;
  readonly faults: readonly FaultReport[];
}

interface Participant {
  readonly name: string;
  readonly key: AccountKey;
  readonly usd: number;
}

/** The set on its cluster, with everything that watches it. */
export class MainJob {
  readonly #options: Options;
  readonly #story: Story;
  readonly #prices: readonly PriceTick[];
  readonly #plan: FaultPlan;
  readonly #clock: TickClock;
  readonly #participants: readonly Participant[];
  readonly #gap = new FinalityGap();
  readonly #chronicle: Chronicle;
  readonly deployment: Deployment;
  readonly set: RunningSet;
  readonly client: QuorateClient;
  readonly #founders: readonly Founder[];
  /** Names of members by key; grows as newcomers are born. */
  readonly #names = new Map<string, string>();
  readonly #observer: ChainObserver;
  readonly #startMs: number;
  readonly #stopping = new AbortController();

  private constructor(born: Born, running: Running) {
    this.#options = born.options;
    this.#story = born.story;
    this.#prices = born.prices;
    this.#plan = born.plan;
    this.#clock = born.clock;
    this.#participants = born.participants;
    this.#startMs = born.startMs;
    this.deployment = running.deployment;
    this.set = running.set;
    this.client = running.client;
    this.#founders = running.founders;
    for (const { name, key } of running.founders) this.#names.set(key, name);
    this.#chronicle = new Chronicle({
      story: born.story,
      nameOf: (key) => this.#nameOf(key),
      dateNow: () => this.#dateNow(),
    });
    this.#observer = new ChainObserver({
      client: running.client,
      onCertificate: (height) => this.#gap.arrived(height, performance.now()),
      onBlock: (block) => this.#chronicle.take(block),
    });
  }

  /** The deployment stays the caller's to stop. */
  static async start(options: Options, stage: Scenery): Promise<MainJob> {
    const { deployment, story, prices } = stage;
    const born = conceive(options, story, prices);
    const set = await deployment.deploy(
      {
        template: mainJobTemplate({
          accounts: born.participants.map(({ key, usd }) => ({ key: key.publicKey, usd })),
          genesisTimeMs: born.genesisTimeMs,
          tickMs: options.tickMs,
          selfHealAfterWindows: PRODUCTION_SELF_HEAL_WINDOWS,
          silenceMs: SILENCE_MS,
        }),
        sources: priceSources(born),
        priceFiles: {
          [PRICES]: readFileSync(options.prices, "utf8"),
          [FALSE_PRICES]: scaledPriceFile(prices, born.plan.falsePerMille),
        },
      },
      options,
    );
    const founders = (await set.members())
      .filter(({ role }) => role === "Voter")
      .map(({ name, consensusKey: key }) => ({ name, key }));
    return new MainJob(born, { deployment, set, founders, client: await set.client() });
  }

  /** Runs from the first price to the last; returns what `conclude` needs. */
  async run(): Promise<Ran> {
    this.#observer.start();
    await this.#observer.until(
      () => (this.#observer.height > 0 ? true : undefined),
      "the first block",
      20_000,
    );
    this.#tellStart();
    const orders = new Orders(this.client);
    const trading = this.#trade(orders);
    const naming = this.#learnNames();
    const faults = await this.#faults();
    await trading;
    await this.#settle();
    this.#stopping.abort();
    await naming;
    return { orders, faults };
  }

  /** Holds what happened against what is promised. */
  async conclude({ orders, faults }: Ran): Promise<Summary> {
    this.#gap.end(performance.now());
    return judge(await this.#facts(orders, faults));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const stopped = this.#observer.stop();
    this.client.close();
    await stopped;
  }

  async #heldBy(account: string): Promise<bigint | undefined> {
    try {
      const state = await this.client.account(account);
      return state?.positions.find(({ market }) => market === 0)?.size ?? 0n;
    } catch (error) {
      // Between two epochs, or at the end, nobody may answer in time: what it knew is good enough.
      if (error instanceof QuorateError) return undefined;
      throw error;
    }
  }

  async #trade(orders: Orders): Promise<void> {
    const { signal } = this.#stopping;
    const shared = { orders, clock: this.#clock, prices: this.#prices, signal };
    const [maker, ...traders] = this.#participants;
    if (maker === undefined) throw new Error("a market has a market maker");
    await Promise.all([
      makeMarket({ ...shared, key: maker.key, held: () => this.#heldBy(maker.key.publicKey) }),
      ...traders.map(({ key }, at) => {
        const plan = TRADERS[at];
        const opened = (position: Opened) =>
          this.#story.tell(
            this.#observer.height,
            `${this.#dateNow().padStart(10)}  ${openedLine(position)}`,
          );
        return plan === undefined ? undefined : trade({ ...shared, key, plan, opened });
      }),
    ]);
  }

  /** One after the other, each when the one before has healed and a spare is there again. */
  async #faults(): Promise<FaultReport[]> {
    const reports: FaultReport[] = [];
    const modes = new Random(this.#options.seed, "adversary").shuffled<AdversaryMode>([
      "vote",
      "proposal",
      "attestation",
    ]);
    const context: FaultContext = {
      faults: this.deployment.faults,
      observer: this.#observer,
      chronicle: this.#chronicle,
      story: this.#story,
      dateNow: () => this.#dateNow(),
      adversaryMode: modes[0] ?? "vote",
    };
    for (const { kind, validator, notBeforeTick } of this.#plan.faults) {
      const victim = this.#founder(validator);
      await this.#clock.reach(notBeforeTick, this.#stopping.signal);
      await this.set.until(
        ({ spares }) => (spares >= 1 ? true : undefined),
        "a spare in sync",
        SPARE_AGAIN_MS,
      );
      reports.push(await strike(context, kind, victim));
    }
    return reports;
  }

  /** Newcomers get their names from the operator, the chain knows keys only. */
  async #learnNames(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const members = await this.set.members().catch(() => []);
      for (const { name, consensusKey } of members) {
        if (consensusKey !== "") this.#names.set(consensusKey, name);
      }
      await pause(1_000, undefined, { signal }).catch(() => undefined);
    }
  }

  /** After the last price: everything that was sent is executed and read. */
  async #settle(): Promise<void> {
    await this.#clock.reach(this.#prices.length + 8, this.#stopping.signal);
    const target = this.#observer.certifiedHeight + 2;
    await this.#observer.until(
      () => (this.#observer.height >= target ? true : undefined),
      `height ${target}`,
      20_000,
    );
  }

  async #facts(orders: Orders, faults: readonly FaultReport[]) {
    const { client } = this;
    const reporter = this.#founder(this.#plan.falseReporter);
    const { namespace } = this.set.plan;
    const endpoint = { namespace, name: reporter.name };
    const set = await client.set();
    const fund = await client.fund();
    const conservation = await checkRebuild({
      client,
      genesisFile: this.set.genesisFile,
      endpoint: await this.deployment.provider.queryEndpoint(endpoint),
      accounts: this.#participants.map(({ name, key }) => ({ name, key: key.publicKey })),
    });
    const spanSeconds = (this.#prices.length * this.#options.tickMs) / 1_000;
    return {
      seed: this.#options.seed,
      chainId: client.chainId,
      prices: {
        file: this.#options.prices,
        ticks: this.#prices.length,
        from: this.#prices[0]?.date ?? "",
        to: this.#prices.at(-1)?.date ?? "",
      },
      durationSeconds: Math.round((Date.now() - this.#startMs + BIRTH_MS) / 1_000),
      height: this.#observer.height,
      epoch: this.#observer.epoch,
      finality: {
        longestGapMs: Math.round(this.#gap.longestMs),
        afterHeight: this.#gap.longestAfterHeight,
        certificates: this.#gap.certificates,
      },
      faults,
      swaps: this.#swaps(),
      rotations: rotationReports(await this.set.rotations()),
      signals: {
        peers:
          this.deployment.prometheus === undefined ? ("scrape" as const) : ("prometheus" as const),
        kubernetes: this.#options.signals === "all",
      },
      falseReporter: {
        validator: reporter.name,
        key: reporter.key,
        outliers: this.#chronicle.outliersOf(reporter.key),
        seated: set.value?.members.some(({ key }) => key === reporter.key) ?? false,
      },
      margin: {
        ...this.#chronicle.margin(),
        fundLeft: String(fund.value?.fund ?? 0n),
        debtLeft: String(fund.value?.totalDebt ?? 0n),
      },
      conservation,
      carried: {
        transactions: this.#chronicle.transactions,
        orders: this.#chronicle.orders,
        ordersPerSecond: Math.round((this.#chronicle.orders / spanSeconds) * 10) / 10,
        latencyMs: {
          p50: orders.latencies.percentile(50),
          p99: orders.latencies.percentile(99),
        },
      },
    };
  }

  #swaps(): Summary["swaps"] {
    return this.#chronicle.swaps.map((swap) => ({
      epoch: swap.epoch,
      cause: swap.cause,
      proof: swap.proof,
      leaver: swap.leaver ?? "",
      newcomer: swap.newcomer ?? "",
      power: String(swap.power),
      registeredHeight: swap.newcomerRegisteredAt,
      causeHeight: this.#observer.heightOf(swap.proof) ?? swap.height,
      effectiveHeight: this.#observer.epochStart(swap.epoch) ?? 0,
    }));
  }

  #tellStart(): void {
    const reporter = this.#founder(this.#plan.falseReporter).name;
    this.#story.tell(
      this.#observer.height,
      `network      ${VALIDATORS} validators commit, a spare is in sync; ` +
        `${reporter} is fed prices of ${this.#plan.falsePerMille} per mille`,
    );
  }

  #founder(validator: number): Founder {
    const founder = this.#founders[validator];
    if (founder === undefined) throw new Error(`no validator ${validator}`);
    return founder;
  }

  #nameOf(key: string): string {
    const participant = this.#participants.find(({ key: own }) => own.publicKey === key);
    return participant?.name ?? this.#names.get(key) ?? `${key.slice(0, 8)}...`;
  }

  #dateNow(): string {
    const at = Math.min(Math.max(0, this.#clock.now), this.#prices.length - 1);
    return this.#prices[at]?.date ?? "";
  }
}

/** What stands before the job begins. */
export interface Scenery {
  readonly deployment: Deployment;
  readonly story: Story;
  readonly prices: readonly PriceTick[];
}

interface Running {
  readonly deployment: Deployment;
  readonly set: RunningSet;
  readonly founders: readonly Founder[];
  readonly client: QuorateClient;
}

/** Everything that is decided before a node runs. */
interface Born {
  readonly options: Options;
  readonly story: Story;
  readonly prices: readonly PriceTick[];
  readonly plan: FaultPlan;
  readonly clock: TickClock;
  readonly participants: readonly Participant[];
  /** Unix time of the first price. */
  readonly startMs: number;
  /** Before it by whole ticks, so that each oracle slot sees one price; never in the future. */
  readonly genesisTimeMs: number;
}

function conceive(options: Options, story: Story, prices: readonly PriceTick[]): Born {
  const startMs = Date.now() + BIRTH_MS;
  return {
    options,
    story,
    prices,
    plan: drawFaultPlan(options.seed, prices.length),
    clock: new TickClock({ startMs, tickMs: options.tickMs, ticks: prices.length }),
    participants: [
      { name: "market-maker", key: AccountKey.generate(), usd: MARKET_MAKER_USD },
      ...TRADERS.map(({ name, collateralUsd }) => ({
        name,
        key: AccountKey.generate(),
        usd: collateralUsd,
      })),
    ],
    startMs,
    genesisTimeMs: startMs - Math.ceil(BIRTH_MS / options.tickMs) * options.tickMs,
  };
}

/** By ordinal. The false reporter is given a false file, and nothing else. */
function priceSources({ options, plan, startMs }: Born): Record<string, readonly PriceSource[]> {
  const source = (index: number): readonly PriceSource[] => {
    const drawn = plan.sources[index % SOURCES];
    if (drawn === undefined) throw new Error(`no price source for node ${index}`);
    const file = index === plan.falseReporter ? FALSE_PRICES : PRICES;
    const seed = options.seed * 16 + index;
    const { tickMs } = options;
    return [{ market: 0, kind: "replay", file: `prices/${file}`, startMs, tickMs, seed, ...drawn }];
  };
  const ordinals = Array.from({ length: SOURCES }, (_, at) => [String(at), source(at)] as const);
  return { default: source(SOURCES - 1), ...Object.fromEntries(ordinals) };
}
