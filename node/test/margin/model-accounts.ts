// The lower half of the plain model: accounts, prices, margins and fills.
import type { MarginParameters } from "../../src/kernel/parameters.ts";
import type {
  MarginBlock,
  MarginGenesis,
  MarketMode,
  MarketParameters,
} from "../../src/margin/types.ts";

export type State = "stale" | "resuming" | "fresh";

export interface Order {
  owner: string;
  market: number;
  id: number;
  sign: bigint;
  size: bigint;
  price: bigint;
  reduceOnly: boolean;
  sequence: number;
  until: number;
}

export interface Holder {
  key: string;
  balance: bigint;
  size: bigint[];
  cost: bigint[];
  /** By market: what funding owes it, micro-USD x ppm; below 0 what it owes. */
  owed: bigint[];
  stage: string;
  deadline: number;
  debt: bigint;
  waited: number;
  misses: number;
  locks: { until: number; amount: bigint }[];
  /** Every withdrawal that it ever made, by the window of its minimum. */
  withdrawals: { window: number; amount: bigint }[];
}

interface Oracle {
  price: bigint;
  state: State;
  reports: { author: string; slot: number; price: bigint; included: number }[];
  since: number;
  freshSlots: number;
  quorumSlot: number;
  quorumMs: number;
  sequence: number;
}

export const abs = (value: bigint): bigint => (value < 0n ? -value : value);
export const min = (one: bigint, two: bigint): bigint => (one < two ? one : two);
export const max = (one: bigint, two: bigint): bigint => (one > two ? one : two);
export const signOf = (value: bigint): bigint => (value > 0n ? 1n : value < 0n ? -1n : 0n);
export const ceil = (amount: bigint, ppm: bigint): bigint => (amount * ppm + 999_999n) / 1_000_000n;
export const floorPpm = (scaled: bigint): bigint =>
  (scaled - (((scaled % 1_000_000n) + 1_000_000n) % 1_000_000n)) / 1_000_000n;
export const text = (one: string, two: string): number => (one < two ? -1 : one > two ? 1 : 0);

export class ModelAccounts {
  readonly holders: Holder[] = [];
  orders: Order[] = [];
  readonly oracles: Oracle[];
  fund: bigint;
  now = 0;
  clock = 0;
  readonly markets: MarketParameters[];
  readonly modes: MarketMode[];
  readonly parameters: MarginParameters;
  readonly genesisMs: number;

  constructor(genesis: MarginGenesis, parameters: MarginParameters, genesisMs: number) {
    this.markets = [...genesis.markets];
    this.modes = genesis.markets.map(() => "open");
    this.parameters = parameters;
    this.genesisMs = genesisMs;
    this.fund = genesis.insuranceFund;
    this.oracles = genesis.markets.map(() => ({
      price: 0n,
      state: "stale",
      reports: [],
      since: 0,
      freshSlots: 0,
      quorumSlot: -1,
      quorumMs: 0,
      sequence: 0,
    }));
    for (const { account, balance } of genesis.accounts) this.open(account).balance = balance;
  }

  open(key: string): Holder {
    const zeros = (): bigint[] => this.markets.map(() => 0n);
    const counts = { deadline: 0, debt: 0n, waited: 0, misses: 0 };
    const rest = { stage: "healthy", ...counts, locks: [], withdrawals: [] };
    const holder = { key, balance: 0n, size: zeros(), cost: zeros(), owed: zeros(), ...rest };
    this.holders.push(holder);
    this.holders.sort((one, two) => text(one.key, two.key));
    return holder;
  }

  find(key: string): Holder | undefined {
    return this.holders.find((holder) => holder.key === key);
  }

  takeReports(market: number, block: MarginBlock): void {
    const oracle = this.oracles[market]!;
    const isMember = (author: string): boolean => block.members.some(({ key }) => key === author);
    oracle.reports = oracle.reports.filter(({ author }) => isMember(author));
    for (const report of block.reports) {
      if (report.market !== market || !isMember(report.author) || report.price < 1n) continue;
      if (this.slotMs(report.slot) > this.now + this.parameters.oracleSlotMs) continue;
      const old = oracle.reports.find(({ author }) => author === report.author);
      if (old !== undefined && report.slot <= old.slot) continue;
      oracle.reports = oracle.reports.filter((each) => each !== old);
      const { author, slot, price } = report;
      oracle.reports.push({ author, slot, price, included: this.now });
    }
  }

  slotMs(slot: number): number {
    return this.genesisMs + slot * this.parameters.oracleSlotMs;
  }

  report(market: number, block: MarginBlock): void {
    this.takeReports(market, block);
    const oracle = this.oracles[market]!;
    const { oracleReportMsMax, freshSlotsToResume, resumeGraceMs } = this.parameters;
    const power = (author: string): bigint =>
      block.members.find((member) => member.key === author)?.power ?? 0n;
    const counting = oracle.reports.filter(
      ({ slot, included }) => this.now - Math.min(included, this.slotMs(slot)) <= oracleReportMsMax,
    );
    const sum = (reports: typeof counting): bigint =>
      reports.reduce((total, { author }) => total + power(author), 0n);
    const quorum = (2n * block.totalPower) / 3n + 1n;
    const stale = (): void => {
      oracle.state = "stale";
      oracle.since = 0;
      oracle.freshSlots = 0;
    };
    if (oracle.state !== "stale" && this.now - oracle.quorumMs > oracleReportMsMax) stale();
    if (sum(counting) < quorum || this.modes[market] === "paused") {
      stale();
      return;
    }
    const known = oracle.price > 0n;
    oracle.price = counting
      .map(({ price }) => price)
      .filter((price) => 2n * sum(counting.filter((each) => each.price <= price)) >= sum(counting))
      .reduce(min);
    const slot = counting
      .map((each) => each.slot)
      .filter((at) => sum(counting.filter((each) => each.slot >= at)) >= quorum)
      .reduce((one, two) => Math.max(one, two));
    oracle.quorumMs = this.now;
    if (oracle.state === "stale") {
      oracle.state = known ? "resuming" : "fresh";
      oracle.since = known ? this.clock : 0;
      oracle.freshSlots = known ? 1 : 0;
      oracle.quorumSlot = slot;
    } else if (slot > oracle.quorumSlot) {
      oracle.quorumSlot = slot;
      if (oracle.state === "resuming") oracle.freshSlots += 1;
    }
    if (oracle.state !== "resuming" || oracle.freshSlots < freshSlotsToResume) return;
    if (this.clock - oracle.since < resumeGraceMs) return;
    stale();
    oracle.state = "fresh";
  }

  value(market: number, lots: bigint, price = this.oracles[market]!.price): bigint {
    return lots * price * this.markets[market]!.microUsdPerLotTick;
  }

  equity(holder: Holder): bigint {
    return holder.size.reduce(
      (sum, size, market) => sum + this.value(market, size) + floorPpm(holder.owed[market]!),
      holder.balance,
    );
  }

  margin(size: readonly bigint[], rate: "initialMarginPpm" | "maintenanceMarginPpm"): bigint {
    return size.reduce(
      (sum, lots, market) => sum + ceil(this.value(market, abs(lots)), this.markets[market]![rate]),
      0n,
    );
  }

  initial(holder: Holder): bigint {
    return this.margin(holder.size, "initialMarginPpm");
  }

  maintenance(holder: Holder): bigint {
    return this.margin(holder.size, "maintenanceMarginPpm");
  }

  loss(order: Pick<Order, "market" | "sign" | "size" | "price">): bigint {
    const worse = order.sign * (order.price - this.oracles[order.market]!.price);
    return max(0n, this.value(order.market, order.size, worse));
  }

  share(
    amount: bigint,
    weights: readonly { holder: Holder; weight: bigint }[],
  ): Map<Holder, bigint> {
    const total = weights.reduce((sum, { weight }) => sum + weight, 0n);
    const parts = new Map<Holder, bigint>();
    if (amount === 0n) return parts;
    let left = amount;
    for (const { holder, weight } of weights) {
      parts.set(holder, (amount * weight) / total);
      left -= (amount * weight) / total;
    }
    const ranked = weights.toSorted((one, two) => {
      const difference = ((amount * two.weight) % total) - ((amount * one.weight) % total);
      return Number(signOf(difference)) || text(one.holder.key, two.holder.key);
    });
    for (const { holder } of ranked.slice(0, Number(left))) {
      parts.set(holder, parts.get(holder)! + 1n);
    }
    return parts;
  }

  expire(): void {
    const over = this.orders
      .filter(({ until }) => until > 0 && until <= this.now)
      .sort((a, b) => a.until - b.until || a.market - b.market || a.sequence - b.sequence)
      .slice(0, 1_024);
    this.orders = this.orders.filter((order) => !over.includes(order));
  }

  drop(account: string, market?: number): void {
    this.orders = this.orders.filter(
      ({ owner, market: at }) => owner !== account || (market !== undefined && at !== market),
    );
  }

  ordersOf(holder: Holder): Order[] {
    return this.orders.filter(({ owner }) => owner === holder.key);
  }

  required(holder: Holder, orders: readonly Order[]): bigint {
    const worst = holder.size.map((size, market) => {
      const lots = (sign: bigint): bigint =>
        orders
          .filter((order) => order.market === market && order.sign === sign)
          .reduce((sum, order) => sum + order.size, 0n);
      return max(abs(size + lots(1n)), abs(size - lots(-1n)));
    });
    const losses = orders.reduce((sum, order) => sum + this.loss(order), 0n);
    return this.margin(worst, "initialMarginPpm") + losses;
  }

  notWorsening(holder: Holder, market: number, lots: bigint, cost: bigint): boolean {
    const after = holder.size.map((size, at) => (at === market ? size + lots : size));
    const maintenance = this.margin(after, "maintenanceMarginPpm");
    const equity = this.equity(holder);
    return (equity - cost) * this.maintenance(holder) >= equity * maintenance;
  }

  /** All that funding still owes in a market, rounded up: what it has taken in for that. */
  pool(market: number): bigint {
    return -floorPpm(-this.holders.reduce((sum, holder) => sum + holder.owed[market]!, 0n));
  }

  settle(holder: Holder, market: number): void {
    const amount = floorPpm(holder.owed[market]!);
    const before = this.pool(market);
    holder.owed[market] = 0n;
    holder.balance += amount;
    this.fund += before - this.pool(market) - amount;
    this.lock(holder, amount);
  }

  fill(holder: Holder, market: number, lots: bigint, price: bigint): void {
    this.settle(holder, market);
    const size = holder.size[market]!;
    const cost = holder.cost[market]!;
    holder.balance -= this.value(market, lots, price);
    let opens = lots;
    let left = size;
    let leftCost = cost;
    if (signOf(size) * signOf(lots) === -1n) {
      const closes = min(abs(lots), abs(size));
      const part = (cost * closes) / abs(size);
      this.lock(holder, this.value(market, signOf(size) * closes, price) - part);
      left = size + signOf(lots) * closes;
      leftCost = cost - part;
      opens = lots - signOf(lots) * closes;
    }
    holder.size[market] = left + opens;
    holder.cost[market] = leftCost + this.value(market, opens, price);
  }

  lock(holder: Holder, gain: bigint): void {
    if (gain <= 0n) return;
    const { gainLockMs } = this.parameters;
    const bucket = Math.max(1, Math.floor(gainLockMs / 8));
    const until = (Math.floor(this.clock / bucket) + 1) * bucket + gainLockMs;
    holder.locks = holder.locks.filter((lock) => lock.until > this.clock);
    const same = holder.locks.find((lock) => lock.until === until);
    if (same !== undefined) same.amount += gain;
    else holder.locks.push({ until, amount: gain });
  }

  states(holder: Holder, withOrders: boolean): State[] {
    return this.oracles
      .filter(
        (_, market) =>
          holder.size[market] !== 0n ||
          (withOrders && this.ordersOf(holder).some((order) => order.market === market)),
      )
      .map(({ state }) => state);
  }
}
