import type { MarginParameters } from "../kernel/parameters.ts";
import type { PersistentMap } from "../kernel/persistent-map.ts";
import type { MicroUsd, Millis, PublicKey } from "../kernel/scalars.ts";
import type { ExpiringOrder, OpenOrder } from "./open-order.ts";
import type { OrderBook } from "./order-book.ts";
import type {
  AccountStage,
  AmountChange,
  Lots,
  MarketId,
  MarketMode,
  MarketParameters,
  OracleState,
  Ticks,
} from "./types.ts";

/** Everything here is immutable: the replica keeps the states of many heights side by side. */
export interface Position {
  readonly market: MarketId;
  /** Never 0: a closed position is absent. */
  readonly size: Lots;
  /** Entry cost, signed like the size; used for withdrawals only, never for margin. */
  readonly cost: MicroUsd;
  /** The market's funding index up to which it has paid. */
  readonly fundingIndex: bigint;
}

/** A realised gain that cannot be withdrawn yet (rule ORDER). */
export interface GainLock {
  /** On the ledger's clock. */
  readonly untilMs: Millis;
  readonly amount: MicroUsd;
}

export interface Account {
  /** Quote balance including entry costs: a buyer has paid price x size out of it. */
  readonly balance: MicroUsd;
  /** By market id. */
  readonly positions: readonly Position[];
  readonly orders: readonly OpenOrder[];
  readonly stage: AccountStage;
  /** On the ledger's clock; 0 if no call runs. */
  readonly deadlineMs: Millis;
  /** What the universe still owes this account after cuts of its claims. */
  readonly debt: MicroUsd;
  /** Blocks in a row in which it should have been liquidated and others came first. */
  readonly waited: number;
  /** Liquidation orders in a row that the book could not fill. */
  readonly misses: number;
  /** By time. */
  readonly locks: readonly GainLock[];
  /** The newest outflow window in which it withdrew, and how much (rule CAPS: the minimum). */
  readonly withdrawnWindow: number;
  readonly withdrawn: MicroUsd;
}

/** The one amount of accounts that is summed over all of them, in every block. */
export function balanceOf({ balance }: Account): MicroUsd {
  return balance;
}

export interface NewestReport {
  readonly slot: number;
  readonly price: Ticks;
  /** Time of the block that brought it. */
  readonly includedMs: Millis;
}

export interface Oracle {
  /** Index price; 0 until the first median. */
  readonly price: Ticks;
  readonly state: OracleState;
  readonly reports: ReadonlyMap<PublicKey, NewestReport>;
  /** On the ledger's clock; 0 if not resuming. */
  readonly resumingSinceMs: Millis;
  /** Slots with a quorum since the gap ended. */
  readonly freshSlots: number;
  /** Newest slot that a quorum has reached; -1 at genesis. */
  readonly quorumSlot: number;
  /** Time of the last block with a quorum. */
  readonly quorumMs: Millis;
}

/** What longs and shorts owe each other in a market (node/spec/margin.md §5.1). */
export interface Funding {
  /**
   * What a long lot has paid since genesis and a short one was paid, micro-USD x ppm: exact, so
   * that nothing is rounded before an account is paid.
   */
  readonly index: bigint;
  /** Ppm, of the last interval that was paid; 0 before the first. */
  readonly lastRate: bigint;
  /** Number of the interval that runs, or of the one that waits for a fresh price. */
  readonly interval: number;
  /** Number of the newest sample; -1 before the first. */
  readonly sampleSlot: number;
  /** Premiums of the interval, ppm of the index, oldest first. */
  readonly samples: readonly bigint[];
}

/** What owners decided about a market; its amounts now are in `parameters`. */
export interface Terms {
  readonly mode: MarketMode;
  readonly scheduled: ScheduledTerms | undefined;
}

export interface ScheduledTerms {
  /** Ledger's clock from which it holds. */
  readonly fromMs: Millis;
  readonly opens: boolean;
  /** In the order of MARKET_AMOUNTS. */
  readonly amounts: readonly AmountChange[];
  /**
   * Ledger's clock since which accounts are called by the new initial margin while the price is
   * fresh; 0: no such time runs.
   */
  readonly noticedMs: Millis;
  /** Initial margin before the notice, ppm; 0 before the first. */
  readonly initialBefore: bigint;
}

export interface Market {
  readonly parameters: MarketParameters;
  readonly terms: Terms;
  readonly oracle: Oracle;
  readonly funding: Funding;
  readonly nextSequence: number;
  readonly book: OrderBook;
  /** Sum of the long positions, which is that of the short ones. In no leaf: positions say it. */
  readonly openInterest: Lots;
  /**
   * Sum of size x funding index over the positions, micro-USD x ppm: exactly what those who have
   * paid put in for those who were not paid yet. In no leaf: positions say it.
   */
  readonly fundingClaims: bigint;
}

/**
 * Rule CAPS: what an attack can take out stays below what it costs. Slashing alone does not bring
 * that about where a third of the power or more is corrupt under partial synchrony (Budish,
 * Lewis-Pye, Roughgarden: arXiv 2405.09173), so that the gain is capped. Formulas:
 * node/spec/margin.md §9.
 */
export interface Caps {
  /** Ledger clock at which the running span of the lag began; 0 before the first block. */
  readonly lagFromMs: Millis;
  /** Lowest cost of corruption of the span before this one, and of this one so far. */
  readonly lowestBefore: MicroUsd;
  readonly lowest: MicroUsd;
  /** What an attack may gain: parted into outflow and open interest. */
  readonly budget: MicroUsd;
  /** What left the chain in the newest epochs that had any, oldest first. */
  readonly outflows: readonly Outflow[];
}

export interface Outflow {
  readonly epoch: number;
  readonly amount: MicroUsd;
}

export interface MarginState {
  readonly parameters: MarginParameters;
  readonly genesisTimeMs: Millis;
  /** By id. */
  readonly markets: readonly Market[];
  /** Millions, perhaps: a block copies the paths to those that it changes. */
  readonly accounts: PersistentMap<Account>;
  readonly fund: MicroUsd;
  readonly totalDebt: MicroUsd;
  readonly caps: Caps;
  /** Open orders with an end, the first to leave first. */
  readonly expiring: readonly ExpiringOrder[];
  /** Accounts that changed in the last block: the next ladder has to look at them. */
  readonly recheck: ReadonlySet<PublicKey>;
  /** Accounts of a stage other than healthy: every ladder looks at them. */
  readonly unhealthy: ReadonlySet<PublicKey>;
}

export const EMPTY_ACCOUNT: Account = {
  balance: 0n,
  positions: [],
  orders: [],
  stage: "healthy",
  deadlineMs: 0,
  debt: 0n,
  waited: 0,
  misses: 0,
  locks: [],
  withdrawnWindow: 0,
  withdrawn: 0n,
};
