import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { AccountKey } from "@quorate/client/account-key";
import { connect, type QuorateClient } from "@quorate/client/client";
import type { AdversaryMode } from "../network/adversary.ts";
import { ChainObserver } from "../network/chain-observer.ts";
import { Network, type NetworkNode } from "../network/network.ts";
import { registerSpare } from "../network/register-spare.ts";
import { MARKET_MAKER_USD, TRADERS } from "./cast.ts";
import { Chronicle } from "./chronicle.ts";
import { drawFaultPlan, type FaultPlan, SPARES, VALIDATORS } from "./fault-plan.ts";
import { type FaultContext, strike } from "./faults.ts";
import { FinalityGap } from "./finality-gap.ts";
import { mainJobGenesis } from "./genesis.ts";
import { makeMarket } from "./market-maker.ts";
import type { Options } from "./options.ts";
import { Orders } from "./orders.ts";
import { type PriceTick, readPrices, scaledPriceFile } from "./price-file.ts";
import { Random } from "./random.ts";
import { checkRebuild } from "./rebuild-check.ts";
import { openedLine, type Story } from "./story.ts";
import { type FaultReport, judge, type Summary } from "./summary.ts";
import { TickClock } from "./tick-clock.ts";
import { type Opened, trade } from "./trader.ts";

/** From the start of the processes to the first price: birth takes about half of it. */
const BIRTH_MS = 7_000;

export interface Ran {
  readonly orders: Orders;
  readonly faults: readonly FaultReport[];
}

interface Participant {
  readonly name: string;
  readonly key: AccountKey;
  readonly usd: number;
}

/** The network with everything that watches it. */
export class MainJob {
  readonly #options: Options;
  readonly #story: Story;
  readonly #prices: readonly PriceTick[];
  readonly #plan: FaultPlan;
  readonly #clock: TickClock;
  readonly #participants: readonly Participant[];
  readonly #gap = new FinalityGap();
  readonly #chronicle: Chronicle;
  readonly network: Network;
  readonly client: QuorateClient;
  readonly #observer: ChainObserver;
  readonly #startMs: number;
  readonly #stopping = new AbortController();

  private constructor(born: Born, network: Network, client: QuorateClient) {
    this.#options = born.options;
    this.#story = born.story;
    this.#prices = born.prices;
    this.#plan = born.plan;
    this.#clock = born.clock;
    this.#participants = born.participants;
    this.#startMs = born.startMs;
    this.network = network;
    this.client = client;
    this.#chronicle = new Chronicle({
      story: born.story,
      nameOf: (key) => this.#nameOf(key),
      dateNow: () => this.#dateNow(),
    });
    this.#observer = new ChainObserver({
      client,
      onCertificate: (height) => this.#gap.arrived(height, performance.now()),
      onBlock: (block) => this.#chronicle.take(block),
    });
  }

  static async start(options: Options, folder: string, story: Story): Promise<MainJob> {
    const born = conceive(options, story);
    const network = await Network.start({
      folder,
      validators: VALIDATORS,
      spares: SPARES,
      sources: (index) => [priceSource(born, folder, index)],
      genesis: (parts) =>
        mainJobGenesis({
          ...parts,
          accounts: born.participants.map(({ key, usd }) => ({ key: key.publicKey, usd })),
          genesisTimeMs: born.genesisTimeMs,
          tickMs: options.tickMs,
        }),
      onExit: ({ name, code, signal, restartInMs }) => {
        if (restartInMs === undefined) return;
        story.tell(undefined, `process      ${name} ended (${signal ?? code}), starts again`);
      },
    });
    const client = await connect({
      genesis: { file: network.genesisFile },
      endpoints: network.endpoints,
      timeouts: { attemptMs: 2_000, totalMs: 15_000 },
    });
    return new MainJob(born, network, client);
  }

  /** Runs from the first price to the last; returns what `conclude` needs. */
  async run(): Promise<Ran> {
    const { network, client } = this;
    this.#observer.start();
    const [firstSpare, secondSpare] = network.spares;
    if (firstSpare === undefined || secondSpare === undefined) throw new Error("two spares");
    await this.#observer.until(
      () => (this.#observer.height > 0 ? true : undefined),
      "the first block",
      20_000,
    );
    this.#tellStart();
    await registerSpare({ network, client, node: firstSpare });
    const orders = new Orders(client);
    const trading = this.#trade(orders);
    const faults = await this.#faults(secondSpare);
    await trading;
    await this.#settle();
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
    await this.network.stop();
  }

  async #trade(orders: Orders): Promise<void> {
    const { signal } = this.#stopping;
    const shared = { orders, clock: this.#clock, prices: this.#prices, signal };
    const [maker, ...traders] = this.#participants;
    if (maker === undefined) throw new Error("a market has a market maker");
    await Promise.all([
      makeMarket({ ...shared, key: maker.key }),
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

  /** One after the other; the second spare is registered when the first fault has healed. */
  async #faults(secondSpare: NetworkNode): Promise<FaultReport[]> {
    const { network, client } = this;
    const reports: FaultReport[] = [];
    const modes = new Random(this.#options.seed, "adversary").shuffled<AdversaryMode>([
      "vote",
      "proposal",
      "attestation",
    ]);
    const context: FaultContext = {
      network,
      observer: this.#observer,
      chronicle: this.#chronicle,
      story: this.#story,
      dateNow: () => this.#dateNow(),
      adversaryMode: modes[0] ?? "vote",
    };
    for (const { kind, validator, notBeforeTick } of this.#plan.faults) {
      const victim = network.validators[validator];
      if (victim === undefined) throw new Error(`no validator ${validator}`);
      await this.#clock.reach(notBeforeTick, this.#stopping.signal);
      reports.push(await strike(context, kind, victim));
      if (reports.length === 1) await registerSpare({ network, client, node: secondSpare });
    }
    return reports;
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
    const { network, client } = this;
    const reporter = network.validators[this.#plan.falseReporter];
    if (reporter === undefined) throw new Error("a false reporter");
    const set = await client.set();
    const fund = await client.fund();
    const conservation = await checkRebuild({
      client,
      genesisFile: network.genesisFile,
      endpoint: reporter.place.query,
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
      falseReporter: {
        validator: reporter.place.name,
        key: reporter.identity.key,
        outliers: this.#chronicle.outliersOf(reporter.identity.key),
        seated: set.value?.members.some(({ key }) => key === reporter.identity.key) ?? false,
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
      leaver: swap.leaver,
      newcomer: swap.newcomer ?? "",
      power: String(swap.power),
      registeredHeight: swap.newcomerRegisteredAt,
      causeHeight: this.#observer.heightOf(swap.proof) ?? swap.height,
      effectiveHeight: this.#observer.epochStart(swap.epoch) ?? 0,
    }));
  }

  #tellStart(): void {
    const { network } = this;
    const reporter = network.validators[this.#plan.falseReporter]?.place.name ?? "";
    this.#story.tell(
      this.#observer.height,
      `network      ${VALIDATORS} validators and ${SPARES} spares commit; ` +
        `${reporter} is fed prices of ${this.#plan.falsePerMille} per mille`,
    );
  }

  #nameOf(key: string): string {
    const participant = this.#participants.find(({ key: own }) => own.publicKey === key);
    const node = this.network.nodeOf(key)?.place.name;
    return participant?.name ?? node ?? `${key.slice(0, 8)}...`;
  }

  #dateNow(): string {
    const at = Math.min(Math.max(0, this.#clock.now), this.#prices.length - 1);
    return this.#prices[at]?.date ?? "";
  }
}

/** Everything that is decided before a process runs. */
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

function conceive(options: Options, story: Story): Born {
  const prices = readPrices(options.prices);
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

/** The false reporter is given a false file, and nothing else. */
function priceSource({ options, prices, plan, startMs }: Born, folder: string, index: number) {
  const source = plan.sources[index];
  if (source === undefined) throw new Error(`no price source for node ${index}`);
  const isFalse = index === plan.falseReporter;
  const file = isFalse ? join(folder, "false-prices.csv") : options.prices;
  if (isFalse) writeFileSync(file, scaledPriceFile(prices, plan.falsePerMille));
  return {
    market: 0,
    kind: "replay",
    file,
    startMs,
    tickMs: options.tickMs,
    seed: options.seed * 16 + index,
    ...source,
  } as const;
}
