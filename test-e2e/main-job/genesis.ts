import { type GenesisDocument, WATCHABLE_TIMES } from "../network/genesis-file.ts";
import type { BornNetwork } from "../network/network.ts";
import { INSURANCE_FUND_USD, MICRO_USD_PER_LOT_TICK, MICRO_USD_PER_USD } from "./cast.ts";

export interface MainJobTemplate {
  readonly accounts: readonly { readonly key: string; readonly usd: number }[];
  readonly genesisTimeMs: number;
  /** One oracle slot per price. */
  readonly tickMs: number;
  /** Windows after which nodes act by themselves: with an operator, it moves first. */
  readonly selfHealAfterWindows?: number;
  /** Silence that costs a seat; short enough to watch unless told. */
  readonly silenceMs?: number;
}

const TREASURY = "10000000000000";

/** The genesis of a network that is born without an operator. */
export function mainJobGenesis(job: MainJobTemplate & BornNetwork): GenesisDocument {
  const { owners, seats } = job;
  return {
    ...mainJobTemplate(job),
    owners: owners.map(({ key, sponsor }) => ({
      key: key.publicKey,
      sponsorKey: sponsor.publicKey,
      treasury: TREASURY,
    })),
    seats,
  };
}

/** One perpetual on the index, leverages up to 25, and times short enough to watch. */
export function mainJobTemplate(job: MainJobTemplate): Omit<GenesisDocument, "owners" | "seats"> {
  const { accounts, genesisTimeMs, tickMs } = job;
  const selfHealAfterWindows =
    job.selfHealAfterWindows ?? WATCHABLE_TIMES.rotation.selfHealAfterWindows;
  const silenceMs = job.silenceMs ?? WATCHABLE_TIMES.rotation.silenceMs;
  return {
    name: "quorate-main-job",
    dev: true,
    genesisTimeMs,
    parameters: {
      ...WATCHABLE_TIMES,
      rotation: { ...WATCHABLE_TIMES.rotation, selfHealAfterWindows, silenceMs },
      margin: {
        oracleSlotMs: tickMs,
        // A price stands for one tick; five ticks later nothing is liquidated on it any more.
        oracleReportMsMax: Math.max(1_500, 5 * tickMs),
        freshSlotsToResume: 2,
        resumeGraceMs: tickMs,
        callDeadlineMs: 10 * tickMs,
        gainLockMs: 5 * tickMs,
      },
    },
    custodians: [],
    margin: {
      markets: [INDEX_PERPETUAL],
      accounts: accounts.map(({ key, usd }) => ({ account: key, balance: microUsd(usd) })),
      insuranceFund: microUsd(INSURANCE_FUND_USD),
    },
  };
}

function microUsd(usd: number): string {
  return String(BigInt(usd) * MICRO_USD_PER_USD);
}

/** Initial margin of 3.6 % leaves leverage 25 room for the fee and the spread of its opening. */
export const INDEX_PERPETUAL = {
  id: 0,
  name: "SPX-PERP",
  microUsdPerLotTick: String(MICRO_USD_PER_LOT_TICK),
  initialMarginPpm: "36000",
  maintenanceMarginPpm: "18000",
  takerFeePpm: "100",
  liquidationFeePpm: "1000",
  liquidationSharePpm: "200000",
  priceBandPpm: "150000",
  orderLotsMax: "1000000",
  // Bonds of the job are small against what it trades: its open interest is not capped.
  corruptMovePpm: "0",
  // Short enough that a run of a few minutes sees payments.
  fundingIntervalMs: "5000",
  fundingSampleMs: "250",
  fundingCapPpm: "500",
  fundingImpactNotional: "10000000000",
} as const;
