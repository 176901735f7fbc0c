/** What the main job prints at its end, and alone with --json. Money is decimal micro-USD. */
export interface Summary {
  readonly version: 1;
  readonly kept: boolean;
  readonly promises: readonly PromiseKept[];
  readonly seed: number;
  readonly chainId: string;
  readonly prices: {
    readonly file: string;
    readonly ticks: number;
    readonly from: string;
    readonly to: string;
  };
  readonly durationSeconds: number;
  readonly height: number;
  readonly epoch: number;
  readonly finality: {
    readonly longestGapMs: number;
    readonly afterHeight: number;
    readonly certificates: number;
  };
  readonly faults: readonly FaultReport[];
  readonly swaps: readonly SwapReport[];
  readonly rotations: readonly RotationReport[];
  /** What the operator looked at beside the chain. */
  readonly signals: { readonly peers: "prometheus" | "scrape"; readonly kubernetes: boolean };
  readonly falseReporter: {
    readonly validator: string;
    readonly key: string;
    readonly outliers: number;
    readonly seated: boolean;
  };
  readonly margin: {
    readonly calls: number;
    readonly reduceOnly: number;
    readonly liquidations: number;
    /** Rates that were fixed, and payments of accounts that they led to. */
    readonly fundings: number;
    readonly fundingPayments: number;
    readonly closeOuts: number;
    readonly withdrawals: number;
    readonly deficits: readonly DeficitReport[];
    readonly fundLeft: string;
    readonly debtLeft: string;
  };
  readonly conservation: {
    readonly equal: boolean;
    readonly height: number;
    readonly accounts: number;
    /** Sum of all balances and the fund. */
    readonly total: string;
    /** Empty where everything is equal. */
    readonly differences: readonly string[];
  };
  readonly carried: {
    readonly transactions: number;
    readonly orders: number;
    readonly ordersPerSecond: number;
    readonly latencyMs: { readonly p50: number; readonly p99: number };
  };
}

export interface PromiseKept {
  readonly name: string;
  readonly kept: boolean;
  /** The numbers behind it. */
  readonly detail: string;
}

export interface FaultReport {
  readonly kind: "gone" | "crash" | "equivocation";
  readonly validator: string;
  readonly key: string;
  readonly date: string;
  /** Newest certified height when it struck. */
  readonly height: number;
  /**
   * From the blow to the next vote of the seat: the same key's after a crash, else the newcomer's.
   */
  readonly healedMs: number;
}

export interface SwapReport {
  readonly epoch: number;
  readonly cause: string;
  /** Id of the transaction that holds the proof. */
  readonly proof: string;
  readonly leaver: string;
  readonly newcomer: string;
  readonly power: string;
  /** Where the newcomer's key was registered; 0 would be genesis. */
  readonly registeredHeight: number;
  /** Where the proof was executed. */
  readonly causeHeight: number;
  /** First block of the new epoch. */
  readonly effectiveHeight: number;
}

/** A ValidatorRotation: what the operator did and recorded. */
export interface RotationReport {
  readonly name: string;
  readonly cause: string;
  readonly member: string;
  readonly phase: string;
  readonly initiator: string;
  readonly transaction: string;
  readonly newcomer: string;
}

export interface DeficitReport {
  readonly account: string;
  readonly date: string;
  readonly height: number;
  readonly deficit: string;
  readonly paidByFund: string;
  readonly paidByCut: string;
}

export const FINALITY_GAP_MS_MAX = 5_000;
/**
 * The silence window of the job's chain: whoever is back within it was never silent. Where other
 * work shares the machine a node votes again after six seconds, on a quiet one after one.
 */
export const SILENCE_MS = 8_000;

type Facts = Omit<Summary, "version" | "kept" | "promises">;

/** Holds the facts against what is promised; the summary is kept only if every promise is. */
export function judge(facts: Facts): Summary {
  const promises = [
    finalityPromise(facts),
    ...facts.faults.map((fault) => faultPromise(facts, fault)),
    reporterPromise(facts),
    newcomersPromise(facts),
    operatorPromise(facts),
    valuePromise(facts),
  ];
  return { version: 1, kept: promises.every(({ kept }) => kept), promises, ...facts };
}

function finalityPromise({ finality }: Facts): PromiseKept {
  const { longestGapMs, afterHeight, certificates } = finality;
  return {
    name: "no finality gap above 5 s for a client",
    kept: certificates > 0 && longestGapMs <= FINALITY_GAP_MS_MAX,
    detail: `longest ${seconds(longestGapMs)} after height ${afterHeight}`,
  };
}

function faultPromise({ swaps }: Facts, fault: FaultReport): PromiseKept {
  const swap = swaps.find(({ leaver, newcomer }) => leaver === fault.key && newcomer !== "");
  if (fault.kind === "crash") {
    return {
      name: "a crashed validator votes again within its silence window and is not swapped",
      kept: swap === undefined && fault.healedMs <= SILENCE_MS,
      detail: `${fault.validator} voted again after ${seconds(fault.healedMs)}`,
    };
  }
  const cause = fault.kind === "gone" ? "silence" : "misconduct";
  const name =
    fault.kind === "gone"
      ? "a validator whose machine is gone is swapped for its silence"
      : "a validator that signs two things is swapped for its misconduct";
  const detail =
    swap === undefined
      ? `${fault.validator} was not swapped`
      : `${fault.validator} by ${swap.cause} at height ${swap.causeHeight}, ` +
        `the seat voted again after ${seconds(fault.healedMs)}`;
  return { name, kept: swap?.cause === cause, detail };
}

function reporterPromise({ falseReporter, swaps }: Facts): PromiseKept {
  const swapped = swaps.some(({ leaver }) => leaver === falseReporter.key);
  return {
    name: "a validator that only reports false prices keeps its seat",
    kept: falseReporter.seated && !swapped && falseReporter.outliers > 0,
    detail: `${falseReporter.validator} was marked as outlier ${falseReporter.outliers} times`,
  };
}

function newcomersPromise({ swaps, faults }: Facts): PromiseKept {
  const first = faults[0]?.height ?? 0;
  // Muting and unmuting change the set without a newcomer.
  const entered = swaps.filter(({ newcomer }) => newcomer !== "");
  const heights = entered.map(({ registeredHeight }) => registeredHeight);
  return {
    name: "newcomers' keys were registered above genesis, the second after the first fault",
    kept:
      entered.length === 2 &&
      heights.every((height) => height > 0) &&
      heights.some((height) => height > first),
    detail: `registered at heights ${heights.join(" and ")}, the first fault at ${first}`,
  };
}

/** Nodes heal by themselves only three windows later: the operator is first, and writes it down. */
function operatorPromise({ swaps, rotations }: Facts): PromiseKept {
  const entered = swaps.filter(({ newcomer }) => newcomer !== "");
  const done = entered.map((swap) =>
    rotations.find(
      ({ member, newcomer, initiator, phase }) =>
        member === swap.leaver &&
        newcomer === swap.newcomer &&
        initiator === "Operator" &&
        (phase === "Effective" || phase === "Replaced"),
    ),
  );
  const records = done.flatMap((rotation) => (rotation === undefined ? [] : [rotation.name]));
  return {
    name: "every swap was the operator's act, and no other seat was touched",
    kept: records.length === entered.length && rotations.length === entered.length,
    detail: `${entered.length} swaps, recorded as ${records.join(", ") || "nothing"}`,
  };
}

function valuePromise({ conservation }: Facts): PromiseKept {
  const { equal, accounts, height, differences } = conservation;
  return {
    name: "a separate program rebuilds every balance to the unit",
    kept: equal && accounts > 0,
    detail: equal
      ? `${accounts} accounts and the fund at height ${height}`
      : `${differences.length} differences: ${differences.slice(0, 3).join("; ")}`,
  };
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}

/** Micro-USD as US$ with two decimals, rounded towards zero. */
export function dollars(microUsd: string | bigint): string {
  const value = BigInt(microUsd);
  const cents = (value < 0n ? -value : value) / 10_000n;
  const whole = (cents / 100n).toString().replace(/\B(?=(\d{3})+$)/g, ",");
  return `${value < 0n ? "-" : ""}$${whole}.${(cents % 100n).toString().padStart(2, "0")}`;
}

/** Who pays a deficit, in words. */
export function payersText(paidByFund: bigint, paidByCut: bigint): string {
  const payers = [
    ...(paidByFund > 0n ? [`the fund pays ${dollars(paidByFund)}`] : []),
    ...(paidByCut > 0n ? [`claims are cut by ${dollars(paidByCut)}`] : []),
  ];
  return payers.join(", ");
}
