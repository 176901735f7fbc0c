/** Who trades in the main job, declared before it starts. Nothing of it changes on the way. */
export interface TraderPlan {
  readonly name: string;
  readonly side: "buy" | "sell";
  /** Notional over collateral at the opening. */
  readonly leverage: number;
  /** Whole US$, in the account at genesis. */
  readonly collateralUsd: number;
  /** Opens from this tick of the price series on. */
  readonly opensAtTick: number;
  /** Asks for this many US$ back at this tick. */
  readonly withdraws?: { readonly atTick: number; readonly usd: number };
}

/**
 * Leverages from 2 to 25, long and short. Against the autumn of 2008 they were chosen so that the
 * real prices do all of it by themselves: the highest leverages are called and sold out through the
 * book within days; those around 5 and 3.5 stand until a single move (6 and 9 October) carries them
 * past zero, which the fund pays; the shorts of 10 and 27 October are overrun by the two largest
 * rallies, which exhausts the fund. Other prices will make another story of the same accounts.
 */
export const TRADERS: readonly TraderPlan[] = [
  { name: "long-25x", side: "buy", leverage: 25, collateralUsd: 40_000, opensAtTick: 0 },
  { name: "short-25x", side: "sell", leverage: 25, collateralUsd: 30_000, opensAtTick: 0 },
  { name: "long-20x", side: "buy", leverage: 20, collateralUsd: 50_000, opensAtTick: 0 },
  { name: "short-20x", side: "sell", leverage: 20, collateralUsd: 25_000, opensAtTick: 0 },
  { name: "long-15x", side: "buy", leverage: 15, collateralUsd: 60_000, opensAtTick: 0 },
  { name: "long-12x", side: "buy", leverage: 12, collateralUsd: 50_000, opensAtTick: 0 },
  { name: "long-10x", side: "buy", leverage: 10, collateralUsd: 60_000, opensAtTick: 0 },
  { name: "long-8x", side: "buy", leverage: 8, collateralUsd: 60_000, opensAtTick: 0 },
  { name: "long-5.4x", side: "buy", leverage: 5.4, collateralUsd: 100_000, opensAtTick: 0 },
  { name: "long-3.6x", side: "buy", leverage: 3.6, collateralUsd: 150_000, opensAtTick: 0 },
  { name: "long-3x", side: "buy", leverage: 3, collateralUsd: 150_000, opensAtTick: 0 },
  { name: "long-2x", side: "buy", leverage: 2, collateralUsd: 200_000, opensAtTick: 0 },
  {
    name: "short-2x",
    side: "sell",
    leverage: 2,
    collateralUsd: 200_000,
    opensAtTick: 0,
    withdraws: { atTick: 120, usd: 25_000 },
  },
  {
    name: "short-20x-october-10",
    side: "sell",
    leverage: 20,
    collateralUsd: 60_000,
    opensAtTick: 114,
  },
  {
    name: "short-15x-october-27",
    side: "sell",
    leverage: 15,
    collateralUsd: 80_000,
    opensAtTick: 158,
  },
  { name: "long-20x-november", side: "buy", leverage: 20, collateralUsd: 40_000, opensAtTick: 220 },
];

/** The market maker's collateral: it quotes both sides throughout and never runs short. */
export const MARKET_MAKER_USD = 20_000_000;
export const INSURANCE_FUND_USD = 40_000;

/** 1 lot is one unit of the index: a tick of US$ 0.01 moves it by US$ 0.01. */
export const MICRO_USD_PER_LOT_TICK = 10_000n;
export const MICRO_USD_PER_USD = 1_000_000n;
/** Room for the fee and the maker's spread, so that an account of full leverage can open at all. */
const OPENING_ROOM_PERCENT = 99n;

/** Lots that bring the account to its leverage at this price. */
export function lotsFor(trader: TraderPlan, price: bigint): bigint {
  const collateral = BigInt(trader.collateralUsd) * MICRO_USD_PER_USD;
  const perMille = BigInt(Math.round(trader.leverage * 1_000));
  const notional = (collateral * perMille) / 1_000n;
  return (notional * OPENING_ROOM_PERCENT) / 100n / (price * MICRO_USD_PER_LOT_TICK);
}
