// A second margin engine, as plain as possible: one mutable object, every list scanned anew, no
// saving of any kind. Written from node/spec/margin.md; shares types with the engine, no code.
import type { MarginAction, MarginBlock, Place } from "../../src/margin/types.ts";
import { abs, ceil, type Holder, max, min, type Order, signOf, text } from "./model-accounts.ts";
import { ModelTerms } from "./model-terms.ts";

function classOf({ kind }: MarginAction): string {
  if (kind === "cancel-all") return "cancel";
  if (kind === "quote") return "place";
  return kind === "stake" ? "withdraw" : kind;
}

export class Model extends ModelTerms {
  apply(block: MarginBlock): string[][] {
    this.now = block.timestampMs;
    this.clock = block.clockMs;
    this.stepCaps(block);
    const fundAtStart = this.fund;
    for (const { account, amount } of block.deposits) {
      (this.find(account) ?? this.openLate(account)).balance += amount;
    }
    this.decide(block);
    this.oracles.forEach((_, market) => {
      this.report(market, block);
    });
    this.oracles.forEach((_, market) => {
      this.funding(market);
    });
    this.ladder();
    const codes: string[][] = block.bundles.map(() => []);
    this.expire();
    for (const kind of ["cancel", "place", "withdraw"]) {
      const shut = this.holders.some((holder) => this.equity(holder) < 0n);
      block.bundles.forEach(({ account, actions }, at) => {
        actions.forEach((action, index) => {
          const replaces = action.kind === "quote" && kind === "cancel";
          if (replaces) this.drop(account, action.market);
          if (classOf(action) === kind) codes[at]![index] = this.act(account, action, shut);
        });
      });
    }
    this.repay(fundAtStart);
    return codes;
  }

  ladder(): void {
    const breached: { holder: Holder; equity: bigint; maintenance: bigint }[] = [];
    for (const holder of this.holders) {
      const equity = this.equity(holder);
      const maintenance = this.maintenance(holder);
      const states = this.states(holder, false);
      const fresh = states.every((state) => state === "fresh");
      if (states.includes("stale")) continue;
      const stage = this.stageOf(holder, equity, fresh);
      if (fresh && equity < maintenance) breached.push({ holder, equity, maintenance });
      if (stage === holder.stage) continue;
      if (holder.stage === "liquidating") holder.waited = holder.misses = 0;
      holder.stage = stage;
      holder.deadline = stage === "called" ? this.clock + this.parameters.callDeadlineMs : 0;
      if (stage === "reduce-only" || stage === "liquidating") this.cancelAll(holder);
    }
    breached.sort((one, two) => {
      if (one.holder.waited !== two.holder.waited) return two.holder.waited - one.holder.waited;
      if ((one.maintenance === 0n) !== (two.maintenance === 0n))
        return one.maintenance === 0n ? -1 : 1;
      const difference = one.equity * two.maintenance - two.equity * one.maintenance;
      return Number(signOf(difference)) || text(one.holder.key, two.holder.key);
    });
    this.serveAll(breached.map(({ holder }) => holder));
  }

  serveAll(holders: readonly Holder[]): void {
    let closed = 0;
    for (const [rank, holder] of holders.entries()) {
      const closes = this.closes(holder);
      if (rank >= 256 || (closes && closed === 64)) {
        holder.waited += 1;
        continue;
      }
      this.serve(holder);
      if (closes) closed += 1;
    }
  }

  closes(holder: Holder): boolean {
    const equity = this.equity(holder);
    return equity < 0n || (holder.misses >= 8 && 2n * equity < this.maintenance(holder));
  }

  stageOf(holder: Holder, equity: bigint, fresh: boolean): string {
    const { stage, deadline } = holder;
    if (equity >= this.initial(holder)) return "healthy";
    if (equity < this.maintenance(holder)) {
      if (fresh) return "liquidating";
      return stage === "healthy" ? "called" : stage;
    }
    if (stage === "healthy") return "called";
    if (stage === "called") return fresh && this.clock >= deadline ? "reduce-only" : "called";
    return "reduce-only";
  }

  cancelAll(holder: Holder): void {
    this.orders = this.orders.filter(({ owner }) => owner !== holder.key);
  }

  serve(holder: Holder): void {
    holder.waited = 0;
    const equity = this.equity(holder);
    const maintenance = this.maintenance(holder);
    if (equity >= maintenance) return;
    this.cancelAll(holder);
    if (this.closes(holder)) this.closeOut(holder);
    else this.liquidate(holder, equity, maintenance);
  }

  liquidate(holder: Holder, equity: bigint, maintenance: bigint): void {
    const own = holder.size.map((size, market) =>
      ceil(this.value(market, abs(size)), this.markets[market]!.maintenanceMarginPpm),
    );
    const market = own.indexOf(own.reduce(max));
    const size = holder.size[market]!;
    const { price } = this.oracles[market]!;
    const rules = this.markets[market]!;
    const all = abs(size);
    let lots = all;
    if (this.value(market, all) > 1_000_000_000n) {
      lots = min(all, max(1n, ceil(all, rules.liquidationSharePpm)));
    }
    const room = (equity * own[market]!) / maintenance / (all * rules.microUsdPerLotTick);
    const width = min(room, (price * rules.priceBandPpm) / 1_000_000n);
    const limit = size > 0n ? max(1n, price - width) : price + width;
    const { filled, value } = this.take(holder, market, -signOf(size) * lots, limit, undefined);
    const fee = min(ceil(value, rules.liquidationFeePpm), max(0n, this.equity(holder)));
    holder.balance -= fee;
    this.fund += fee;
    holder.misses = filled === lots ? 0 : holder.misses + 1;
  }

  closeOut(holder: Holder): void {
    holder.misses = 0;
    this.oracles.forEach(({ price }, market) => {
      const size = holder.size[market]!;
      if (size === 0n) return;
      const opposite = this.holders
        .filter((other) => other.size[market]! * size < 0n)
        .map((other) => ({ holder: other, weight: abs(other.size[market]!) }));
      for (const [other, lots] of this.share(abs(size), opposite)) {
        if (lots > 0n) this.fill(other, market, signOf(size) * lots, price);
      }
      this.fill(holder, market, -size, price);
    });
    if (holder.balance >= 0n) return;
    const deficit = -holder.balance;
    const byFund = min(this.fund, deficit);
    this.fund -= byFund;
    const claims = this.holders
      .map((other) => ({ holder: other, weight: this.equity(other) }))
      .filter(({ weight }) => weight > 0n);
    for (const [other, cut] of this.share(deficit - byFund, claims)) {
      other.balance -= cut;
      other.debt += cut;
    }
    holder.balance = 0n;
  }

  /** A liquidation pays no fee and has no mode: its account has no orders. */
  take(
    taker: Holder,
    market: number,
    signed: bigint,
    limit: bigint,
    mode: string | undefined,
  ): { filled: bigint; value: bigint; left: bigint } {
    const sign = signOf(signed);
    let left = abs(signed);
    let filled = 0n;
    let value = 0n;
    let paid = 0n;
    for (let step = 0; left > 0n; step += 1) {
      const maker = this.best(market, -sign);
      if (maker === undefined || sign * (limit - maker.price) < 0n) break;
      if (step === 1_024) return { filled, value, left: 0n };
      const owner = this.find(maker.owner)!;
      if (owner === taker) {
        left = this.meetOwn(maker, left, mode);
        continue;
      }
      const lots = this.makerLots(owner, maker, left);
      if (lots === 0n) {
        this.shrink(maker, maker.size);
        continue;
      }
      this.fill(taker, market, sign * lots, maker.price);
      this.fill(owner, market, -sign * lots, maker.price);
      value += this.value(market, lots, maker.price);
      const due = mode === undefined ? 0n : ceil(value, this.markets[market]!.takerFeePpm);
      taker.balance -= due - paid;
      this.fund += due - paid;
      paid = due;
      left -= lots;
      filled += lots;
      this.shrink(maker, lots);
    }
    return { filled, value, left };
  }

  shrink(order: Order, lots: bigint): void {
    order.size -= lots;
    this.orders = this.orders.filter(({ size }) => size > 0n);
  }

  /** What is left of the taker. */
  meetOwn(maker: Order, left: bigint, mode: string | undefined): bigint {
    if (mode === "cancel-taker") return 0n;
    const lots = mode === "decrement" ? min(left, maker.size) : maker.size;
    this.shrink(maker, lots);
    if (mode === "cancel-both") return 0n;
    return mode === "decrement" ? left - lots : left;
  }

  /** Fill or kill: tries it, and puts everything back. */
  fillsWhole(holder: Holder, action: Place, size: bigint): boolean {
    const { orders, fund } = structuredClone({ orders: this.orders, fund: this.fund });
    const holders = structuredClone(this.holders);
    const { market, price, selfTrade } = action;
    const sign = action.side === "buy" ? 1n : -1n;
    const { filled } = this.take(holder, market, sign * size, price, selfTrade);
    holders.forEach((saved, index) => {
      Object.assign(this.holders[index]!, saved);
    });
    this.orders = orders;
    this.fund = fund;
    return filled === size;
  }

  /** 0 if the maker order has to go. */
  makerLots(owner: Holder, maker: Order, wanted: bigint): bigint {
    if (maker.until > 0 && maker.until <= this.now) return 0n;
    const { market, sign, price } = maker;
    const held = owner.size[market]!;
    let lots = min(wanted, maker.size);
    if (maker.reduceOnly) lots = min(lots, max(0n, -sign * held));
    if (lots === 0n) return 0n;
    const cost = sign * this.value(market, lots, price - this.oracles[market]!.price);
    const after = owner.size.map((size, at) => (at === market ? size + sign * lots : size));
    if (this.equity(owner) - cost >= this.margin(after, "initialMarginPpm")) return lots;
    const reduces = signOf(held) === -sign && lots <= abs(held);
    return reduces && this.notWorsening(owner, market, sign * lots, cost) ? lots : 0n;
  }

  act(account: string, action: MarginAction, shut: boolean): string {
    const holder = this.find(account);
    if (action.kind === "withdraw" || action.kind === "stake") {
      return this.withdraw(holder, action, shut);
    }
    if (action.kind !== "cancel-all" && this.markets[action.market] === undefined) {
      return "UNKNOWN_MARKET";
    }
    if (holder === undefined) return "UNKNOWN_ACCOUNT";
    if (action.kind === "place") return this.place(holder, action);
    if (action.kind === "cancel-all") {
      this.drop(account);
      return "OK";
    }
    if (action.kind === "quote") return this.quote(holder, action);
    const order = this.ordersOf(holder).find(
      ({ market, id }) => market === action.market && id === action.clientId,
    );
    if (order === undefined) return "ORDER_NOT_FOUND";
    this.orders = this.orders.filter((each) => each !== order);
    return "OK";
  }

  withdraw(
    holder: Holder | undefined,
    { kind, amount }: Extract<MarginAction, { kind: "withdraw" | "stake" }>,
    shut: boolean,
  ): string {
    if (holder === undefined) return "UNKNOWN_ACCOUNT";
    if (amount < 1n) return "AMOUNT_OUT_OF_RANGE";
    if (shut) return "WITHDRAWALS_SHUT";
    if (this.states(holder, true).some((state) => state !== "fresh")) return "PRICE_NOT_FRESH";
    const locked = holder.locks
      .filter(({ until }) => until > this.clock)
      .reduce((sum, lock) => sum + lock.amount, 0n);
    const released = holder.cost.reduce((sum, cost) => sum + cost, holder.balance) - locked;
    const spare = this.equity(holder) - this.required(holder, this.ordersOf(holder));
    if (amount > max(0n, min(released, spare))) return "INSUFFICIENT_COLLATERAL";
    if (kind === "withdraw" && !this.letOut(holder, amount)) return "OUTFLOW_CAP_REACHED";
    this.oracles.forEach((_, market) => {
      this.settle(holder, market);
    });
    holder.balance -= amount;
    holder.locks = holder.locks.filter(({ until }) => until > this.clock);
    return "OK";
  }

  quote(holder: Holder, { market, quotes }: Extract<MarginAction, { kind: "quote" }>): string {
    const terms = {
      timeInForce: "post-only",
      reduceOnly: false,
      selfTrade: "cancel-maker",
    } as const;
    const told = quotes.map((each) => {
      const from = this.bounds.length;
      const code = this.place(holder, { kind: "place", market, untilMs: 0, ...terms, ...each });
      return { code, bounds: this.bounds.splice(from) };
    });
    // One outcome for all: that of the first refusal.
    const first = told.find(({ code }) => code !== "OK");
    this.bounds.push(...(first?.bounds ?? []));
    return first?.code ?? "OK";
  }

  formCode(own: readonly Order[], action: Place): string | undefined {
    const { market, size, price, clientId, timeInForce, untilMs } = action;
    const rests = timeInForce !== "ioc" && timeInForce !== "fok";
    if (size < 1n || size > this.markets[market]!.orderLotsMax) return "SIZE_OUT_OF_RANGE";
    if (price < 1n || price >= 2n ** 53n) return "PRICE_OUT_OF_RANGE";
    if (timeInForce === "gtt" ? untilMs <= this.now : untilMs > 0) return "TIME_OUT_OF_RANGE";
    if (own.some(({ id }) => id === clientId)) return "DUPLICATE_CLIENT_ID";
    return rests && own.length >= 256 ? "TOO_MANY_ORDERS" : undefined;
  }

  place(holder: Holder, action: Place): string {
    const { market, clientId, price, timeInForce, reduceOnly, untilMs, selfTrade } = action;
    const rests = timeInForce !== "ioc" && timeInForce !== "fok";
    const rules = this.markets[market]!;
    const oracle = this.oracles[market]!;
    const sign = action.side === "buy" ? 1n : -1n;
    const held = holder.size[market]!;
    const own = this.ordersOf(holder);
    const code = this.formCode(own, action);
    if (code !== undefined) return code;
    if (this.modes[market] === "paused") return "MARKET_PAUSED";
    if (oracle.state === "stale") return "PRICE_NOT_FRESH";
    if (abs(price - oracle.price) * 1_000_000n > rules.priceBandPpm * oracle.price) {
      return "PRICE_OUT_OF_BAND";
    }
    if (reduceOnly && sign * held >= 0n) return "NOTHING_TO_REDUCE";
    const size = reduceOnly ? min(action.size, abs(held)) : action.size;
    const best = this.best(market, -sign);
    if (timeInForce === "post-only" && best !== undefined && sign * (price - best.price) >= 0n) {
      return "POST_ONLY_WOULD_TAKE";
    }
    const owner = holder.key;
    const terms = { owner, market, id: clientId, sign, size, price, reduceOnly };
    const order = { ...terms, sequence: 0, until: untilMs };
    const refusal =
      this.checkLimits(holder, order, timeInForce === "post-only") ??
      this.checkMargin(holder, order, timeInForce === "post-only");
    if (refusal !== undefined) return refusal;
    if (timeInForce === "fok" && !this.fillsWhole(holder, action, size)) return "WOULD_NOT_FILL";
    const { left } = this.take(holder, market, sign * size, price, selfTrade);
    if (rests && left > 0n) {
      this.orders.push({ ...order, size: left, sequence: oracle.sequence });
      oracle.sequence += 1;
    }
    return "OK";
  }

  checkMargin(holder: Holder, order: Order, postOnly: boolean): string | undefined {
    const { market, sign, size, price } = order;
    const worth = this.value(market, size, price);
    const fee = postOnly ? 0n : ceil(worth, this.markets[market]!.takerFeePpm);
    const own = this.ordersOf(holder);
    const byStage = holder.stage === "reduce-only" || holder.stage === "liquidating";
    const unfresh = [...this.states(holder, true), this.oracles[market]!.state];
    const byMode = this.modes[market] !== "open";
    const restricted = byStage || byMode || unfresh.some((state) => state !== "fresh");
    if (!restricted && this.equity(holder) >= this.required(holder, [...own, order]) + fee) {
      return undefined;
    }
    const held = holder.size[market]!;
    const sameSide = own
      .filter((other) => other.market === market && other.sign === sign)
      .reduce((sum, other) => sum + other.size, size);
    const reducing = signOf(held) === -sign && sameSide <= abs(held);
    const cost = this.loss(order) + fee;
    if (reducing && this.notWorsening(holder, market, sign * size, cost)) return undefined;
    if (!restricted || reducing) return "INSUFFICIENT_MARGIN";
    if (byStage) return "ACCOUNT_REDUCE_ONLY";
    return byMode ? "MARKET_REDUCE_ONLY" : "PRICE_NOT_FRESH";
  }

  repay(fundAtStart: bigint): void {
    const creditors = this.holders.filter(({ debt }) => debt > 0n);
    const owed = creditors.reduce((sum, { debt }) => sum + debt, 0n);
    const repaid = min(max(0n, this.fund - fundAtStart), owed);
    const weights = creditors.map((holder) => ({ holder, weight: holder.debt }));
    for (const [holder, part] of this.share(repaid, weights)) {
      holder.balance += part;
      holder.debt -= part;
      this.fund -= part;
    }
  }
}
