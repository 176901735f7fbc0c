import type { Height, MicroUsd, Millis, Power, PublicKey } from "../kernel/scalars.ts";

/** Index into the genesis list of markets. */
export type MarketId = number;
/** Signed size in lots: long positive, short negative. */
export type Lots = bigint;
/** Price in ticks. */
export type Ticks = bigint;
export type Side = "buy" | "sell";
/**
 * Good till cancelled; immediate or cancel; post only (refused where it would take); fill or kill
 * (whole at once, or refused); good till a block time.
 */
export type TimeInForce = "gtc" | "ioc" | "post-only" | "fok" | "gtt";
/**
 * What an order does where it meets an order of its own account: which of the two is cancelled, or
 * both shrink by the smaller size without a trade.
 */
export type SelfTradeMode = "cancel-maker" | "cancel-taker" | "cancel-both" | "decrement";

/**
 * A perpetual on an index. Notional in micro-USD = lots x ticks x `microUsdPerLotTick`, exactly.
 */
export interface MarketParameters {
  readonly id: MarketId;
  /** Printable ASCII, e.g. "SPX-PERP". */
  readonly name: string;
  readonly microUsdPerLotTick: bigint;
  /** Initial margin, ppm of notional; 40,000 allows leverage 25. */
  readonly initialMarginPpm: bigint;
  /** Maintenance margin, ppm of notional; below initial. */
  readonly maintenanceMarginPpm: bigint;
  /** Taker fee, ppm of notional, to the insurance fund. */
  readonly takerFeePpm: bigint;
  /** Liquidation fee, ppm of notional closed, to the insurance fund, never beyond equity. */
  readonly liquidationFeePpm: bigint;
  /** Share of a position that one liquidation order may close per block, ppm. */
  readonly liquidationSharePpm: bigint;
  /** Orders further than this from the index are refused, ppm of index. */
  readonly priceBandPpm: bigint;
  readonly orderLotsMax: bigint;
  /** Lots of one account, position and open orders of one side together. */
  readonly positionLotsMax: bigint;
  /**
   * Move of the price that a corrupt quorum is thought to print before anyone stops it, ppm: bounds
   * open interest (rule CAPS). 0: this market's open interest is not capped (dev alone).
   */
  readonly corruptMovePpm: bigint;
  /** Longs and shorts pay each other once in such a span, on the ledger's clock; 0: never. */
  readonly fundingIntervalMs: bigint;
  /** The book's premium over the index is sampled once in such a span; divides the interval. */
  readonly fundingSampleMs: bigint;
  /** The most that an interval moves from one side to the other, ppm of notional. */
  readonly fundingCapPpm: bigint;
  /** Micro-USD that quotes must be good for to count in a sample. */
  readonly fundingImpactNotional: MicroUsd;
}

/** The numbers of a market, in the order of its genesis entry and of its leaf. */
export const MARKET_AMOUNTS = [
  "microUsdPerLotTick",
  "initialMarginPpm",
  "maintenanceMarginPpm",
  "takerFeePpm",
  "liquidationFeePpm",
  "liquidationSharePpm",
  "priceBandPpm",
  "orderLotsMax",
  "positionLotsMax",
  "corruptMovePpm",
  "fundingIntervalMs",
  "fundingSampleMs",
  "fundingCapPpm",
  "fundingImpactNotional",
] as const satisfies readonly (keyof MarketParameters)[];

export type MarketAmounts = Readonly<Record<(typeof MARKET_AMOUNTS)[number], bigint>>;

/** All of them, each read in this order. */
export function marketAmounts(read: (field: keyof MarketAmounts) => bigint): MarketAmounts {
  return Object.fromEntries(MARKET_AMOUNTS.map((field) => [field, read(field)])) as MarketAmounts;
}

/**
 * What may be traded in a market: everything, what only reduces a position, or nothing. A paused
 * market has no price, as after a gap of its oracle (rule STALE).
 */
export type MarketMode = "open" | "reduce-only" | "paused";

export interface AmountChange {
  readonly name: keyof MarketAmounts;
  readonly value: bigint;
}

/** What owners with a quorum of the power decide about a market (rule PARAMETERS). */
export type MarketAct =
  /** At once. A scheduled opening is taken back. */
  | { readonly kind: "restrict"; readonly mode: Exclude<MarketMode, "open"> }
  /** After the timelock: the market opens again, or has other amounts, or both. */
  | {
      readonly kind: "schedule";
      readonly opens: boolean;
      /** In the order of MARKET_AMOUNTS, each once. */
      readonly amounts: readonly AmountChange[];
    }
  /** Takes back what is scheduled. */
  | { readonly kind: "cancel" };

/** `noticed`: the new initial margin holds, the higher maintenance margin follows after a call. */
export type TermsStep = "scheduled" | "cancelled" | "noticed" | "in-effect";

export type MarginAction =
  | {
      readonly kind: "place";
      readonly market: MarketId;
      /** Chosen by the account; unique among its open orders. */
      readonly clientId: number;
      readonly side: Side;
      readonly size: Lots;
      readonly price: Ticks;
      readonly timeInForce: TimeInForce;
      readonly reduceOnly: boolean;
      readonly selfTrade: SelfTradeMode;
      /** Block time at which a gtt order leaves the book; 0 for every other. */
      readonly untilMs: Millis;
    }
  | { readonly kind: "cancel"; readonly market: MarketId; readonly clientId: number }
  /** Every open order of the account, in all markets. */
  | { readonly kind: "cancel-all" }
  /** Post-only orders that stand in for all open orders of the account in this market. */
  | { readonly kind: "quote"; readonly market: MarketId; readonly quotes: readonly Quote[] }
  | { readonly kind: "withdraw"; readonly amount: MicroUsd }
  /** A withdrawal that goes to an owner's treasury (rule SEAT: what bonds are paid of). */
  | { readonly kind: "stake"; readonly owner: PublicKey; readonly amount: MicroUsd };

export type Place = Extract<MarginAction, { kind: "place" }>;

/** One order of a mass quote. */
export interface Quote {
  readonly clientId: number;
  readonly side: Side;
  readonly size: Lots;
  readonly price: Ticks;
}

export interface Fill {
  readonly market: MarketId;
  readonly maker: PublicKey;
  readonly makerClientId: number;
  readonly taker: PublicKey;
  /** Undefined where the taker is a liquidation. */
  readonly takerClientId: number | undefined;
  /** Side of the taker. */
  readonly side: Side;
  readonly size: Lots;
  readonly price: Ticks;
  readonly fee: MicroUsd;
}

export interface ActionOutcome {
  /** "OK", or a stable refusal code. */
  readonly code: string;
  readonly field: string;
  readonly fix: string;
  /** Lots filled at once; the rest stands in the book for gtc and post-only. */
  readonly filled: Lots;
  readonly resting: Lots;
  /** Where a cap refused (rule CAPS): its numbers, which are part of the certified outcome. */
  readonly bound?: OutcomeBound;
}

/** The cap that refused an action, when, and what it would have left room for. */
export interface OutcomeBound {
  /** Micro-USD; lots where it is a position limit. */
  readonly cap: bigint;
  /** Epoch of the outflow window. */
  readonly epoch: number;
  /** The most that would have been taken, minimum included. */
  readonly remainder: bigint;
}

/** Stages of one account (rule CALL); each transition is an event with its numbers. */
export type AccountStage = "healthy" | "called" | "reduce-only" | "liquidating";

/**
 * Why the engine cancelled: it met its owner's other order, its owner no longer carried the margin
 * at the fill, a reduce-only order had nothing left to reduce, the ladder cleared the account, or
 * its time was over.
 */
export type CancelReason = "self-trade" | "margin" | "nothing-to-reduce" | "ladder" | "expired";

export type MarginEvent =
  | {
      readonly kind: "index-price";
      readonly market: MarketId;
      readonly price: Ticks;
      readonly state: OracleState;
      readonly reports: number;
    }
  | {
      readonly kind: "oracle-outlier";
      readonly market: MarketId;
      readonly author: PublicKey;
      readonly price: Ticks;
    }
  /** An interval's rate: from here on the index of the market says what each position owes. */
  | {
      readonly kind: "funding";
      readonly market: MarketId;
      /** Number of the interval that is paid, from 0 at genesis. */
      readonly interval: number;
      /** Ppm of notional; above 0 longs pay shorts. */
      readonly rate: bigint;
      readonly price: Ticks;
      /** Samples taken in the interval. */
      readonly samples: number;
      /** What a long lot has paid since genesis, micro-USD x ppm. */
      readonly index: bigint;
    }
  /** A position paid or got what the index says: amount + dust + change of the pool = 0. */
  | {
      readonly kind: "funding-payment";
      readonly account: PublicKey;
      readonly market: MarketId;
      /** Signed size that the account held. */
      readonly size: Lots;
      /** Signed: above 0 it was paid. */
      readonly amount: MicroUsd;
      /** What rounding left, to the fund. */
      readonly dust: MicroUsd;
    }
  | {
      readonly kind: "market-mode";
      readonly market: MarketId;
      readonly from: MarketMode;
      readonly to: MarketMode;
    }
  /** A scheduled change of a market's terms, and what became of it. */
  | {
      readonly kind: "market-terms";
      readonly market: MarketId;
      readonly step: TermsStep;
      /** Ledger's clock from which it holds. */
      readonly fromMs: Millis;
      readonly opens: boolean;
      readonly amounts: readonly AmountChange[];
    }
  | { readonly kind: "fill"; readonly fill: Fill }
  | {
      readonly kind: "stage";
      readonly account: PublicKey;
      readonly from: AccountStage;
      readonly to: AccountStage;
      readonly equity: MicroUsd;
      readonly initialMargin: MicroUsd;
      readonly maintenanceMargin: MicroUsd;
      /** Ledger's clock by which a called account must be back at initial margin; 0 if none. */
      readonly deadlineMs: Millis;
    }
  /** One liquidation order of an account in this block; `limit` is the bankruptcy price. */
  | {
      readonly kind: "liquidation";
      readonly account: PublicKey;
      readonly market: MarketId;
      readonly size: Lots;
      readonly limit: Ticks;
      readonly filled: Lots;
      readonly fee: MicroUsd;
    }
  /** The position was closed against opposite positions at the index price. */
  | {
      readonly kind: "close-out";
      readonly account: PublicKey;
      readonly market: MarketId;
      /** Signed size that the account held. */
      readonly size: Lots;
      readonly price: Ticks;
      /** Lots that each opposite account gave up, unsigned, sorted by account. */
      readonly against: readonly { readonly account: PublicKey; readonly size: Lots }[];
    }
  /** The engine itself took an order out of the book; an owner's own cancel is an outcome. */
  | {
      readonly kind: "order-cancelled";
      readonly account: PublicKey;
      readonly market: MarketId;
      readonly clientId: number;
      /** Lots that left the book: all that were open, but for the mode decrement. */
      readonly size: Lots;
      readonly reason: CancelReason;
    }
  /** Who paid a deficit: deficit = fund + cut, to the unit (rule LADDER). */
  | {
      readonly kind: "deficit";
      readonly account: PublicKey;
      readonly deficit: MicroUsd;
      readonly paidByFund: MicroUsd;
      /** Pro-rata cut of the universe's positive claims, booked as a debt that later fees repay. */
      readonly paidByCut: MicroUsd;
      readonly cuts: readonly { readonly account: PublicKey; readonly amount: MicroUsd }[];
    }
  | { readonly kind: "debt-repaid"; readonly account: PublicKey; readonly amount: MicroUsd }
  | { readonly kind: "withdrawal"; readonly account: PublicKey; readonly amount: MicroUsd }
  | {
      readonly kind: "staked";
      readonly account: PublicKey;
      readonly owner: PublicKey;
      readonly amount: MicroUsd;
    }
  | { readonly kind: "deposit"; readonly account: PublicKey; readonly amount: MicroUsd };

export type OracleState = "fresh" | "stale" | "resuming";

/** A verified report of a member of the epoch, as the ledger hands it on. */
export interface OracleReport {
  readonly author: PublicKey;
  readonly power: Power;
  readonly market: MarketId;
  readonly slot: number;
  readonly price: Ticks;
}

export interface MarginBlock {
  readonly height: Height;
  readonly timestampMs: Millis;
  /**
   * The ledger's clock: genesis time plus credited block time. Terms (call, gain lock, grace) run
   * on it, so that a halt consumes none of them; the freshness of prices runs on `timestampMs`.
   */
  readonly clockMs: Millis;
  /** Total power of the epoch: the median needs a quorum of it. */
  readonly totalPower: Power;
  /** Rule CAPS: what those lose at least who corrupt the chain; sets the caps. */
  readonly costOfCorruption: MicroUsd;
  /** How far this block moved the clock: caps fall no faster. */
  readonly creditMs: Millis;
  /** The epoch's members with their powers: reports of anyone else are void. */
  readonly members: readonly { readonly key: PublicKey; readonly power: Power }[];
  readonly reports: readonly OracleReport[];
  readonly deposits: readonly { readonly account: PublicKey; readonly amount: MicroUsd }[];
  /** Rule PARAMETERS: at most one of a market, checked by `marketActRefusal`. */
  readonly acts: readonly { readonly market: MarketId; readonly act: MarketAct }[];
  /** In admission order; classes are ordered inside (rule ORDER). */
  readonly bundles: readonly {
    readonly account: PublicKey;
    readonly actions: readonly MarginAction[];
  }[];
}

/** A changed leaf of the state tree; undefined removes it. */
export interface LeafChange {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

export interface MarginGenesis {
  readonly markets: readonly MarketParameters[];
  readonly accounts: readonly { readonly account: PublicKey; readonly balance: MicroUsd }[];
  readonly insuranceFund: MicroUsd;
}
