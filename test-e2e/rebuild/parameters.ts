import type { GenesisFile } from "../stranger/genesis.ts";
import type { Rules } from "./model/world.ts";

/** Production values of the parameters that move money; node/spec/ledger.md, Parameters. */
const PRODUCTION: Readonly<Record<string, number | bigint>> = {
  silenceMs: 10_000,
  blockTimeCreditMsMax: 1_000,
  jailMs: 3_600_000,
  unbondingMs: 1_814_400_000,
  evidenceMsMax: 1_209_600_000,
  slashPpm: 50_000n,
  slashCorrelationMs: 1_209_600_000,
  slashCorrelationMultiplier: 3,
  secondMisconductWaitMs: 86_400_000,
  sponsorBondMax: 100_000_000_000_000n,
  registrationFee: 100_000_000n,
  candidatesMax: 32,
  rewardPeriodMs: 3_600_000,
  rewardPpm: 100n,
  oracleSlotMs: 1_000,
  oracleReportMsMax: 5_000,
  freshSlotsToResume: 3,
  resumeGraceMs: 10_000,
  callDeadlineMs: 600_000,
  termsDelayMs: 86_400_000,
  gainLockMs: 60_000,
  depositWindowMs: 3_600_000,
  depositWindowMax: 1_000_000_000_000n,
  bundleActionsMax: 64,
  sessionMsMax: 604_800_000,
  sessionsMax: 8,
  outflowWindowMs: 86_400_000,
  withdrawalMinimum: 1_000_000_000n,
  bondHaircutPpm: 500_000n,
  bondLagMs: 3_600_000,
  capFallPpm: 100_000n,
  outflowSharePpm: 500_000n,
};

function parameter(genesis: GenesisFile, name: string): number | bigint {
  const value = genesis.parameters.get(name) ?? PRODUCTION[name];
  if (value === undefined) throw new Error(`no parameter ${name}`);
  return value;
}

export function count(genesis: GenesisFile, name: string): number {
  return Number(parameter(genesis, name));
}

export function amount(genesis: GenesisFile, name: string): bigint {
  return BigInt(parameter(genesis, name));
}

/** What the margin engine needs of them. */
export function marginRules(genesis: GenesisFile): Rules {
  return {
    genesisTimeMs: genesis.genesisTimeMs,
    oracleSlotMs: count(genesis, "oracleSlotMs"),
    oracleReportMsMax: count(genesis, "oracleReportMsMax"),
    freshSlotsToResume: count(genesis, "freshSlotsToResume"),
    resumeGraceMs: count(genesis, "resumeGraceMs"),
    callDeadlineMs: count(genesis, "callDeadlineMs"),
    termsDelayMs: count(genesis, "termsDelayMs"),
    gainLockMs: count(genesis, "gainLockMs"),
    outflowWindowMs: count(genesis, "outflowWindowMs"),
    withdrawalMinimum: amount(genesis, "withdrawalMinimum"),
    bondHaircutPpm: amount(genesis, "bondHaircutPpm"),
    bondLagMs: count(genesis, "bondLagMs"),
    capFallPpm: amount(genesis, "capFallPpm"),
    outflowSharePpm: amount(genesis, "outflowSharePpm"),
  };
}
