import type { Refusal } from "../kernel/result.ts";
import type { MarginAction, MarketId } from "../margin/types.ts";
import type { SessionScope } from "./types.ts";

/** What a scope needs to know of a market: the worth of one lot at one tick. */
export interface ScopeMarket {
  readonly microUsdPerLotTick: bigint;
}

/**
 * Why the scope forbids an action (node/spec/ledger.md, Sessions); withdrawals and stakes are in no
 * scope. `markets` by index; an unknown one is worth nothing.
 */
export function scopeRefusal(
  scope: SessionScope,
  action: MarginAction,
  markets: readonly ScopeMarket[],
): Refusal | undefined {
  const refuse = (fix: string): Refusal => ({ code: "SESSION_SCOPE", field: "actions", fix });
  if (action.kind === "withdraw" || action.kind === "stake" || !mayAct(scope, action.kind)) {
    return refuse(`the session may not ${action.kind}: sign it with the account`);
  }
  const isElsewhere =
    action.kind === "cancel-all" ? scope.markets.length > 0 : !isMarketOf(scope, action.market);
  if (isElsewhere) return refuse(`the session trades in markets ${scope.markets.join(", ")} alone`);
  if (action.kind === "cancel" || action.kind === "cancel-all") return undefined;
  const { orderLotsMax, orderNotionalMax } = scope;
  const perLotTick = markets[action.market]?.microUsdPerLotTick ?? 0n;
  for (const { size, price } of action.kind === "quote" ? action.quotes : [action]) {
    if (orderLotsMax > 0n && size > orderLotsMax) {
      return refuse(`the session's orders have at most ${orderLotsMax} lots`);
    }
    if (orderNotionalMax > 0n && size * price * perLotTick > orderNotionalMax) {
      return refuse(`the session's orders are of at most ${orderNotionalMax} micro-USD`);
    }
  }
  return undefined;
}

/** A mass quote places and cancels. */
function mayAct(
  scope: SessionScope,
  kind: Exclude<MarginAction["kind"], "withdraw" | "stake">,
): boolean {
  if (kind === "quote") return scope.place && scope.cancel;
  return kind === "place" ? scope.place : scope.cancel;
}

function isMarketOf({ markets }: SessionScope, market: MarketId): boolean {
  return markets.length === 0 || markets.includes(market);
}
