import { abs, ceil, floor, max, min, PPM, sign } from "./arithmetic.ts";
import { isOver } from "./matching.ts";
import { value } from "./numbers.ts";
import { IMPACT_ORDERS_MAX, type Market, sideSign, type World } from "./world.ts";

/** node/spec/margin.md §5.1 for one market: the rate of what is over, then a sample. */
export function stepFunding(world: World, market: Market): void {
  const { fundingIntervalMs, fundingSampleMs } = market.rules;
  if (fundingIntervalMs === 0n || market.state !== "fresh") return;
  const elapsed = BigInt(world.clockMs - world.rules.genesisTimeMs);
  const interval = Number(elapsed / fundingIntervalMs);
  const slot = Number(elapsed / fundingSampleMs);
  if (interval > market.interval) {
    market.lastRate = rateOf(market);
    market.fundingIndex += value(market, market.lastRate, market.price);
    world.events.push({
      kind: "funding",
      market: market.rules.id,
      interval: market.interval,
      rate: market.lastRate,
      price: market.price,
      samples: market.samples.length,
      index: market.fundingIndex,
    });
    market.interval = interval;
    market.samples = [];
  }
  if (slot > market.sampleSlot) {
    market.sampleSlot = slot;
    market.samples.push(premium(world, market));
  }
}

/** The middle of the samples and of 0 for each that is missing, of an odd number; then the cap. */
function rateOf({ rules, samples }: Market): bigint {
  const filled = [...samples];
  while (BigInt(filled.length) < rules.fundingIntervalMs / rules.fundingSampleMs) filled.push(0n);
  if (filled.length % 2 === 0) filled.push(0n);
  filled.sort((left, right) => Number(sign(left - right)));
  const median = filled[(filled.length - 1) / 2] ?? 0n;
  return max(-rules.fundingCapPpm, min(median, rules.fundingCapPpm));
}

function premium(world: World, market: Market): bigint {
  const { price, rules } = market;
  const lots = max(1n, ceil(rules.fundingImpactNotional, value(market, 1n, price)));
  const above = impact(world, market, { side: "buy", lots }) ?? price * lots;
  const below = impact(world, market, { side: "sell", lots }) ?? price * lots;
  const over = max(0n, above - price * lots) - max(0n, price * lots - below);
  // Towards zero, so that longs and shorts are treated alike.
  return sign(over) * floor(abs(over) * PPM, price * lots);
}

/** What the best orders of the side that hold so many lots are worth, in lots x ticks. */
function impact(
  world: World,
  market: Market,
  { side, lots }: { side: "buy" | "sell"; lots: bigint },
): bigint | undefined {
  const best = world.orders
    .filter((order) => order.market === market.rules.id && order.side === side)
    .sort(
      (left, right) =>
        Number(sign((right.price - left.price) * sideSign(side))) || left.sequence - right.sequence,
    )
    .slice(0, IMPACT_ORDERS_MAX)
    .filter((order) => !isOver(world, order));
  let worth = 0n;
  let missing = lots;
  for (const order of best) {
    const part = min(missing, order.lots);
    worth += part * order.price;
    missing -= part;
  }
  return missing === 0n ? worth : undefined;
}
