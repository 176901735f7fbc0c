// The part of the plain model for rule CAPS and the limits of positions.
import type { MarginBlock } from "../../src/margin/types.ts";
import { ceil, type Holder, max, min, type Order } from "./model-accounts.ts";
import { ModelFunding } from "./model-funding.ts";

export class ModelCaps extends ModelFunding {
  /** Every span of the lag, with the lowest cost of corruption in it. */
  readonly spans: { from: number; lowest: bigint }[] = [];
  budget = 0n;
  /** Every withdrawal of all accounts, by its epoch. */
  readonly outflows: { epoch: number; amount: bigint }[] = [];
  /** Of the last block: what refusals by the cap told. */
  bounds: { cap: bigint; epoch: number; remainder: bigint }[] = [];

  stepCaps({ costOfCorruption, creditMs }: MarginBlock): void {
    this.bounds = [];
    const { bondLagMs, bondHaircutPpm, capFallPpm } = this.parameters;
    const span = this.spans.at(-1);
    if (span === undefined || this.clock - span.from >= bondLagMs) {
      this.spans.push({ from: this.clock, lowest: costOfCorruption });
    } else {
      span.lowest = min(span.lowest, costOfCorruption);
    }
    const lagged = this.spans
      .slice(-2)
      .map(({ lowest }) => lowest)
      .reduce(min);
    const wanted = (lagged * (1_000_000n - bondHaircutPpm)) / 1_000_000n;
    const fall = (this.budget * capFallPpm * BigInt(creditMs)) / 3_600_000_000_000n;
    this.budget = max(wanted, this.budget - fall);
  }

  /** Its first window has no minimum. */
  openLate(key: string): Holder {
    const holder = this.open(key);
    const { outflowWindowMs, withdrawalMinimum: amount } = this.parameters;
    holder.withdrawals.push({ window: Math.floor(this.clock / outflowWindowMs), amount });
    return holder;
  }

  epoch(): number {
    return Math.floor(this.clock / Math.ceil(this.parameters.outflowWindowMs / 24));
  }

  letOut(holder: Holder, amount: bigint): boolean {
    const { outflowWindowMs, outflowSharePpm, withdrawalMinimum } = this.parameters;
    const epoch = this.epoch();
    const window = Math.floor(this.clock / outflowWindowMs);
    const sum = (list: readonly { amount: bigint }[]): bigint =>
      list.reduce((total, each) => total + each.amount, 0n);
    const left = sum(this.outflows.filter((each) => each.epoch >= epoch - 24));
    const own = sum(holder.withdrawals.filter((each) => each.window === window));
    const cap = (this.budget * outflowSharePpm) / 1_000_000n;
    if (left + amount > cap && own + amount > withdrawalMinimum) {
      this.bounds.push({
        cap,
        epoch,
        remainder: max(0n, max(cap - left, withdrawalMinimum - own)),
      });
      return false;
    }
    this.outflows.push({ epoch, amount });
    holder.withdrawals.push({ window, amount });
    return true;
  }

  checkLimits(holder: Holder, order: Order, postOnly: boolean): string | undefined {
    const { market, sign, size, price } = order;
    const { positionLotsMax: limit, corruptMovePpm } = this.markets[market]!;
    const own = this.ordersOf(holder).filter((o) => o.market === market && o.sign === sign);
    const filled = own.reduce((sum, each) => sum + each.size, sign * holder.size[market]!);
    if (filled + size > limit) {
      this.bounds.push({ cap: limit, epoch: this.epoch(), remainder: max(0n, limit - filled) });
      return "POSITION_LIMIT_REACHED";
    }
    const best = this.best(market, -sign);
    const takes = !postOnly && best !== undefined && sign * (price - best.price) >= 0n;
    const opens = max(0n, size - max(0n, -sign * holder.size[market]!));
    if (corruptMovePpm === 0n || !takes || opens === 0n) return undefined;
    const cap = this.budget - (this.budget * this.parameters.outflowSharePpm) / 1_000_000n;
    if (this.atRisk(market, opens) <= cap) return undefined;
    const remainder = max(0n, cap - this.atRisk(market, 0n));
    this.bounds.push({ cap, epoch: this.epoch(), remainder });
    return "OPEN_INTEREST_CAP_REACHED";
  }

  atRisk(market: number, more: bigint): bigint {
    return this.markets.reduce((sum, { corruptMovePpm }, at) => {
      const longs = this.holders.reduce((lots, holder) => lots + max(0n, holder.size[at]!), 0n);
      return sum + ceil(this.value(at, longs + (at === market ? more : 0n)), corruptMovePpm);
    }, 0n);
  }

  best(market: number, sign: bigint): Order | undefined {
    return this.orders
      .filter((order) => order.market === market && order.sign === sign)
      .sort((one, two) => Number(sign * (two.price - one.price)) || one.sequence - two.sequence)[0];
  }
}
