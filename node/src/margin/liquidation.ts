import { defined } from "../kernel/assert.ts";
import { absolute, divCeil, maximum, minimum, PPM } from "../kernel/fixed-point.ts";
import type { MicroUsd, PublicKey } from "../kernel/scalars.ts";
import { accountOf, type Draft, draftEquity, payFund, putAccount } from "./draft.ts";
import { WHOLE_POSITION_NOTIONAL } from "./limits.ts";
import {
  equityOf,
  maintenanceMargin,
  marketOf,
  positionMaintenance,
  ppmCeil,
  quoteValue,
} from "./margin-requirement.ts";
import { type Taken, takeFromBook } from "./matching.ts";
import type { Account, Position } from "./state.ts";
import type { Lots, MarketParameters, Ticks } from "./types.ts";

/** One liquidation order of an account that has equity left (node/spec/margin.md §7.4). */
export function liquidatePart(draft: Draft, key: PublicKey): void {
  const account = accountOf(draft, key);
  const position = largestPosition(account, draft);
  const { parameters, oracle } = marketOf(draft.markets, position.market);
  const lots = lotsToClose(position.size, oracle.price, parameters);
  const limit = bankruptcyLimit(draft, account, position);
  const eventIndex = draft.events.length;
  const { market } = position;
  const side = position.size > 0n ? "sell" : "buy";
  const terms = { market, side, size: lots, limit, selfTrade: "cancel-maker" } as const;
  const taker = { account: key, clientId: undefined, ...terms };
  const taken = takeFromBook(draft, taker);
  const fee = chargeFee(draft, key, taken, parameters);
  const misses = taken.filled === lots ? 0 : account.misses + 1;
  putAccount(draft, key, { ...accountOf(draft, key), misses });
  const size = side === "sell" ? -lots : lots;
  const { filled } = taken;
  const event = { kind: "liquidation", account: key, market, size, limit, filled, fee } as const;
  draft.events.splice(eventIndex, 0, event);
}

/**
 * The position with the largest margin of its own; positions are by market id, so ties go lower.
 */
function largestPosition(account: Account, draft: Draft): Position {
  let largest: Position | undefined;
  let margin = -1n;
  for (const position of account.positions) {
    const own = positionMaintenance(position, draft.markets);
    if (own <= margin) continue;
    largest = position;
    margin = own;
  }
  return defined(largest, "position of an account below maintenance margin");
}

/** A capped share per block; a small position goes whole. */
function lotsToClose(size: Lots, price: Ticks, parameters: MarketParameters): Lots {
  const held = absolute(size);
  if (quoteValue(parameters, held, price) <= WHOLE_POSITION_NOTIONAL) return held;
  const part = divCeil(held * parameters.liquidationSharePpm, PPM);
  return minimum(held, maximum(1n, part));
}

/**
 * The price at which the equity that belongs to this position is used up, inside the band. Rounded
 * so that fills at the limit leave no deficit.
 */
function bankruptcyLimit(draft: Draft, account: Account, position: Position): Ticks {
  const { parameters, oracle } = marketOf(draft.markets, position.market);
  const equity = equityOf(account, draft.markets);
  const own = positionMaintenance(position, draft.markets);
  const ownEquity = (equity * own) / maintenanceMargin(account, draft.markets);
  const room = ownEquity / (absolute(position.size) * parameters.microUsdPerLotTick);
  const band = (oracle.price * parameters.priceBandPpm) / PPM;
  const width = minimum(room, band);
  return position.size > 0n ? maximum(1n, oracle.price - width) : oracle.price + width;
}

/** To the fund, rounded up, but never beyond the equity that is left. */
function chargeFee(
  draft: Draft,
  key: PublicKey,
  taken: Taken,
  parameters: MarketParameters,
): MicroUsd {
  const full = ppmCeil(taken.notional, parameters.liquidationFeePpm);
  const fee = minimum(full, maximum(0n, draftEquity(draft, key)));
  payFund(draft, key, fee);
  return fee;
}
