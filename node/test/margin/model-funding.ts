// The part of the plain model for funding: every holder is charged at once, in exact fractions, and
// every sample of all times is kept.
import { abs, type Holder, ModelAccounts, max, min, signOf } from "./model-accounts.ts";

export class ModelFunding extends ModelAccounts {
  /** By market: every premium with its slot. */
  readonly premiums: { slot: number; ppm: bigint }[][] = this.markets.map(() => []);
  /** By market: no sample is taken up to this slot; -1 unless the spans changed. */
  readonly sampledTo: number[] = this.markets.map(() => -1);
  readonly paid: { interval: number; rate: bigint }[][] = this.markets.map(() => []);

  funding(market: number): void {
    const { fundingIntervalMs, fundingSampleMs } = this.markets[market]!;
    if (fundingIntervalMs === 0n || this.oracles[market]!.state !== "fresh") return;
    const elapsed = this.clock - this.genesisMs;
    const interval = Math.floor(elapsed / Number(fundingIntervalMs));
    const running = this.running[market]!;
    if (interval > running) {
      const rate = this.rate(market, running);
      this.paid[market]!.push({ interval: running, rate });
      for (const holder of this.holders) this.charge(holder, market, rate);
      this.running[market] = interval;
    }
    const slot = Math.floor(elapsed / Number(fundingSampleMs));
    const taken = this.premiums[market]!;
    if (slot <= this.sampledTo[market]!) return;
    if (taken.every((each) => each.slot < slot)) taken.push({ slot, ppm: this.premium(market) });
  }

  /** By market: the interval that is paid next. */
  readonly running: number[] = this.markets.map(() => 0);

  charge(holder: Holder, market: number, rate: bigint): void {
    holder.owed[market]! -= this.value(market, holder.size[market]!) * rate;
  }

  rate(market: number, interval: number): bigint {
    const { fundingIntervalMs, fundingSampleMs, fundingCapPpm: cap } = this.markets[market]!;
    const possible = Number(fundingIntervalMs / fundingSampleMs);
    const counted = this.premiums[market]!.filter(
      ({ slot }) => Math.floor(slot / possible) === interval,
    ).map(({ ppm }) => ppm);
    // The rate is the one nearest to 0 that more than half of all possible samples reach.
    const reached = (ppm: bigint): boolean =>
      2 * counted.filter((each) => (ppm > 0n ? each >= ppm : each <= ppm)).length > possible;
    const candidates = counted.filter((ppm) => ppm !== 0n && reached(ppm));
    const furthest = candidates.sort((one, two) => Number(abs(two) - abs(one)))[0] ?? 0n;
    return max(-cap, min(cap, furthest));
  }

  premium(market: number): bigint {
    const { price } = this.oracles[market]!;
    const one = this.value(market, 1n);
    const least = this.markets[market]!.fundingImpactNotional;
    const whole = least / one;
    const wanted = max(1n, whole * one === least ? whole : whole + 1n);
    const gain = (sign: bigint): bigint => {
      const prices = this.orders
        .filter((order) => order.market === market && order.sign === sign)
        .sort((a, b) => Number(sign * (b.price - a.price)) || a.sequence - b.sequence)
        .slice(0, 256)
        .filter(({ until }) => until === 0 || until > this.now);
      let left = wanted;
      let sum = 0n;
      for (const { size, price: at } of prices) {
        sum += min(left, size) * sign * (at - price);
        left -= min(left, size);
      }
      return left > 0n ? 0n : max(0n, sum);
    };
    const over = gain(1n) - gain(-1n);
    return signOf(over) * ((abs(over) * 1_000_000n) / (wanted * price));
  }
}
