import type { Millis, PublicKey } from "../kernel/scalars.ts";
import type { Lots, MarketId, Side, Ticks, TimeInForce } from "./types.ts";

export interface OpenOrder {
  readonly account: PublicKey;
  readonly market: MarketId;
  readonly clientId: number;
  readonly side: Side;
  /** Lots still open. */
  readonly size: Lots;
  readonly price: Ticks;
  readonly timeInForce: TimeInForce;
  readonly reduceOnly: boolean;
  /** Block time at which it leaves the book; 0: none. */
  readonly untilMs: Millis;
  /** Time priority within the market. */
  readonly sequence: number;
  /** Where the book keeps it. Not part of the state's value: equal states may differ in it. */
  readonly slot: number;
}

/** Names an open order that has an end. */
export type ExpiringOrder = Pick<OpenOrder, "untilMs" | "market" | "sequence" | "account">;
