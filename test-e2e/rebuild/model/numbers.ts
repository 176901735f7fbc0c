import { abs, ceil, max, PPM, sum } from "./arithmetic.ts";
import { fundingDue } from "./settlement.ts";
import {
  type Account,
  getMarket,
  getPosition,
  type Market,
  type Order,
  sideSign,
  type World,
} from "./world.ts";

/** node/spec/margin.md §6: every number anew from the state, each time it is asked for. */
export function value(market: Market, lots: bigint, price: bigint): bigint {
  return lots * price * market.rules.microUsdPerLotTick;
}

export function equity(world: World, account: Account): bigint {
  return (
    account.balance +
    sum(
      world.markets.map((market) => {
        const position = getPosition(account, market.rules.id);
        return value(market, position.size, market.price) + fundingDue(position, market);
      }),
    )
  );
}

export function requirement(market: Market, lots: bigint, ppm: bigint): bigint {
  return ceil(value(market, abs(lots), market.price) * ppm, PPM);
}

/** The sizes that the account has, or would have: by market. */
export function sizes(account: Account): bigint[] {
  return account.positions.map(({ size }) => size);
}

export function sizesAfter(account: Account, market: number, change: bigint): bigint[] {
  return sizes(account).map((size, id) => (id === market ? size + change : size));
}

export function initialMargin(world: World, lots: readonly bigint[]): bigint {
  return sum(
    lots.map((size, id) => {
      const market = getMarket(world, id);
      return requirement(market, size, market.rules.initialMarginPpm);
    }),
  );
}

export function maintenanceMargin(world: World, lots: readonly bigint[]): bigint {
  return sum(
    lots.map((size, id) => {
      const market = getMarket(world, id);
      return requirement(market, size, market.rules.maintenanceMarginPpm);
    }),
  );
}

export function ordersOf(world: World, account: string): Order[] {
  return world.orders.filter((order) => order.account === account);
}

export type Terms = Pick<Order, "market" | "side" | "price" | "lots">;

/** What the order would lose at once against the index. */
export function loss(world: World, order: Terms): bigint {
  const market = getMarket(world, order.market);
  return max(0n, sideSign(order.side) * value(market, order.lots, order.price - market.price));
}

/** R: positions and open orders, with `more` counted as if they were open. */
export function marginWithOrders(world: World, account: Account, more: readonly Terms[]): bigint {
  const open: readonly Terms[] = [...ordersOf(world, account.key), ...more];
  const margins = world.markets.map((market) => {
    const { id, initialMarginPpm } = market.rules;
    const lots = (side: "buy" | "sell"): bigint =>
      sum(open.filter((o) => o.market === id && o.side === side).map((o) => o.lots));
    const { size } = getPosition(account, id);
    const worst = max(abs(size + lots("buy")), abs(size - lots("sell")));
    return requirement(market, worst, initialMarginPpm);
  });
  return sum(margins) + sum(open.map((order) => loss(world, order)));
}

/** A change of `change` lots that costs the account `cost` does not make its ratio worse. */
export function isNotWorsening(
  world: World,
  account: Account,
  { market, change, cost }: { market: number; change: bigint; cost: bigint },
): boolean {
  const before = equity(world, account);
  const after = before - cost;
  const marginBefore = maintenanceMargin(world, sizes(account));
  const marginAfter = maintenanceMargin(world, sizesAfter(account, market, change));
  return after * marginBefore >= before * marginAfter;
}
