import type { MicroUsd, Millis } from "./scalars.ts";

/**
 * Every constant of the rules, as a genesis field. A genesis marked `dev` may shorten times to
 * seconds; the node prints each with its value at start.
 */
export interface ConsensusParameters {
  /** Pace of empty blocks (rule PACE). */
  readonly emptyBlockPaceMs: Millis;
  /** Bounds of the adaptive part of the round timer (rule PACE): 200 ms to 2 s. */
  readonly roundTimeoutMsMin: Millis;
  readonly roundTimeoutMsMax: Millis;
  /** A voter accepts block time at most this far ahead of its own clock. */
  readonly clockAheadMsMax: Millis;
  /** A lane cuts a batch at this size or this delay, whichever comes first. */
  readonly batchBytesMax: number;
  readonly batchDelayMs: Millis;
  /** Batches of one lane that may be uncommitted at once. */
  readonly laneWindowBatches: number;
  /** Messages of rounds further ahead are dropped (R9). */
  readonly roundsAheadMax: number;
  /** Blocks between a quorum's readiness and the first block of the next version (VERSION). */
  readonly activationDelayBlocks: number;
  /** A snapshot of the state is taken at every certified height that is a multiple of this. */
  readonly snapshotBlocks: number;
}

export interface RotationParameters {
  /** The (N, T) of SILENCE. */
  readonly silenceBlocks: number;
  readonly silenceMs: Millis;
  /** Without vote, order vote or timeout for this many windows, heartbeats no longer help. */
  readonly silenceWindowsDespiteHeartbeats: number;
  /** One block adds at most this to any clock of the ledger. */
  readonly blockTimeCreditMsMax: Millis;
  /** A gap between commits longer than this restarts the silence counts. */
  readonly commitGapMs: Millis;
  /** Nodes submit records and proofs themselves after this many silence windows (CAUSE). */
  readonly selfHealAfterWindows: number;
  /** Cool-down between silence swaps, in silence windows (RATE). */
  readonly coolDownWindows: number;
  /** FIT: the newcomer attested a certified root at most this old, in time or in blocks. */
  readonly fitMs: Millis;
  readonly fitBlocks: number;
  /** RATE: minimum age of a spare that the vacated seat's owner has not endorsed. */
  readonly newcomerAgeMsMin: Millis;
  /** RATE: unendorsed newcomers seated within this span hold at most f together. */
  readonly newcomerSpanMs: Millis;
  /** RETURN: how long silence jails bond and key. */
  readonly jailMs: Millis;
  /** Bonds stay slashable this long after leaving; longer than the evidence window. */
  readonly unbondingMs: Millis;
  /** Age up to which a proof of misconduct is accepted. */
  readonly evidenceMsMax: Millis;
  /** Share of the bond slashed for misconduct, in parts per million. */
  readonly slashPpm: bigint;
  /** Offenders condemned within this span weigh together, each losing this times their share. */
  readonly slashCorrelationMs: Millis;
  readonly slashCorrelationMultiplier: number;
  /** Absence notice: longest rest of the count, and how often. */
  readonly absenceMsMax: Millis;
  readonly absenceEveryMs: Millis;
  /** RATE: a second misconduct swap waits for a signature at most this long. */
  readonly secondMisconductWaitMs: Millis;
  /** Sponsor: total bond that one sponsor key may have placed. */
  readonly sponsorBondMax: MicroUsd;
  /** Candidates open: fee for each owner and each key that comes, and places of all together. */
  readonly registrationFee: MicroUsd;
  readonly candidatesMax: number;
  /** Each period this share of the reward pot is for the seats that served. */
  readonly rewardPeriodMs: Millis;
  readonly rewardPpm: bigint;
}

export interface MarginParameters {
  /** Number of intervals in which each validator reports one price per market. */
  readonly oracleSlotMs: Millis;
  /** Reports older than this (block time) do not count. */
  readonly oracleReportMsMax: Millis;
  /** STALE: fresh slots, then a grace, before liquidation resumes after a gap. */
  readonly freshSlotsToResume: number;
  readonly resumeGraceMs: Millis;
  /** CALL: time from the call to reduce-only. */
  readonly callDeadlineMs: Millis;
  /** PARAMETERS: from an owners' decision that is no restriction to its effect. */
  readonly termsDelayMs: Millis;
  /** ORDER: fresh gains are withdrawable after this. */
  readonly gainLockMs: Millis;
  /** MINT: custodian deposits per window. */
  readonly depositWindowMs: Millis;
  readonly depositWindowMax: MicroUsd;
  /** Bundles: actions under one signature. */
  readonly bundleActionsMax: number;
  /** Sessions: longest life (block time), and how many one account has at a time. */
  readonly sessionMsMax: Millis;
  readonly sessionsMax: number;
  /**
   * CAPS: any span of this length lets out at most the outflow cap and the minimums; each account
   * has its minimum once in it.
   */
  readonly outflowWindowMs: Millis;
  /** CAPS: what each account may always withdraw in a window, cap or not. */
  readonly withdrawalMinimum: MicroUsd;
  /** CAPS: share of the cost of corruption that counts for nothing, in parts per million. */
  readonly bondHaircutPpm: bigint;
  /** CAPS: a rise of the cost of corruption counts after this or twice this, a fall at once. */
  readonly bondLagMs: Millis;
  /** CAPS: the caps fall by at most this part of themselves in an hour, in parts per million. */
  readonly capFallPpm: bigint;
  /** CAPS: the outflow cap's part of what counts; the rest is for open interest. */
  readonly outflowSharePpm: bigint;
}

export interface Parameters {
  readonly consensus: ConsensusParameters;
  readonly rotation: RotationParameters;
  readonly margin: MarginParameters;
}

/** Production values: the numbers of rules.md. */
export const PRODUCTION: Parameters = {
  consensus: {
    emptyBlockPaceMs: 250,
    roundTimeoutMsMin: 200,
    roundTimeoutMsMax: 2_000,
    clockAheadMsMax: 500,
    batchBytesMax: 65_536,
    batchDelayMs: 3,
    laneWindowBatches: 32,
    roundsAheadMax: 64,
    activationDelayBlocks: 1_200,
    snapshotBlocks: 5_000,
  },
  rotation: {
    silenceBlocks: 40,
    silenceMs: 10_000,
    silenceWindowsDespiteHeartbeats: 20,
    blockTimeCreditMsMax: 1_000,
    commitGapMs: 5_000,
    selfHealAfterWindows: 3,
    coolDownWindows: 2,
    fitMs: 5_000,
    fitBlocks: 20,
    newcomerAgeMsMin: 86_400_000,
    newcomerSpanMs: 2_592_000_000,
    jailMs: 3_600_000,
    unbondingMs: 1_814_400_000,
    evidenceMsMax: 1_209_600_000,
    slashPpm: 50_000n,
    slashCorrelationMs: 1_209_600_000,
    slashCorrelationMultiplier: 3,
    absenceMsMax: 600_000,
    absenceEveryMs: 3_600_000,
    secondMisconductWaitMs: 86_400_000,
    sponsorBondMax: 100_000_000_000_000n,
    registrationFee: 100_000_000n,
    candidatesMax: 32,
    rewardPeriodMs: 3_600_000,
    rewardPpm: 100n,
  },
  margin: {
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
  },
};
