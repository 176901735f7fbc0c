import { compareText } from "../kernel/bytes.ts";
import { absolute, PPM } from "../kernel/fixed-point.ts";
import type { MarginParameters } from "../kernel/parameters.ts";
import type { Millis, Power, PublicKey } from "../kernel/scalars.ts";
import { quorumPower } from "../kernel/threshold.ts";
import { OUTLIER_PPM } from "./limits.ts";
import type { NewestReport, Oracle } from "./state.ts";
import type { MarginBlock, MarginEvent, MarketId, OracleReport, Ticks } from "./types.ts";

export const GENESIS_ORACLE: Oracle = {
  price: 0n,
  state: "stale",
  reports: new Map(),
  resumingSinceMs: 0,
  freshSlots: 0,
  quorumSlot: -1,
  quorumMs: 0,
};

export interface OracleClock {
  readonly parameters: MarginParameters;
  readonly genesisTimeMs: Millis;
}

interface CountingReport {
  readonly author: PublicKey;
  readonly power: Power;
  readonly price: Ticks;
  readonly slot: number;
}

/** Steps one market's oracle by one block (node/spec/margin.md §5). */
export function stepOracle(
  before: Oracle,
  { id: market, isPaused }: { readonly id: MarketId; readonly isPaused: boolean },
  block: MarginBlock,
  clock: OracleClock,
): { readonly oracle: Oracle; readonly events: readonly MarginEvent[] } {
  const taken = block.reports.filter((report) => report.market === market);
  const { reports, accepted } = takeReports(before, taken, block, clock);
  const counting = countingReports(reports, block, clock);
  const power = counting.reduce((sum, report) => sum + report.power, 0n);
  const quorum = quorumPower(block.totalPower);
  const now = block.timestampMs;
  // A chain that stood still has a gap, even if its first block brings fresh reports (rule STALE).
  const gap = now - before.quorumMs > clock.parameters.oracleReportMsMax;
  const known: Oracle = { ...before, reports, ...(gap ? STALE : {}) };
  const events: MarginEvent[] = [];
  let oracle: Oracle = { ...known, ...STALE };
  // Rule PARAMETERS: a paused market has no price, so that it opens again as after a gap.
  if (power >= quorum && !isPaused) {
    const median = weightedMedian(counting, power);
    const slot = quorumSlot(counting, quorum);
    oracle = resume({ ...known, price: median, quorumMs: now }, before.price, slot, {
      clockMs: block.clockMs,
      parameters: clock.parameters,
    });
    for (const report of accepted) {
      if (absolute(report.price - median) * PPM <= OUTLIER_PPM * median) continue;
      const { author, price } = report;
      events.push({ kind: "oracle-outlier", market, author, price });
    }
  }
  if (oracle.price !== before.price || oracle.state !== before.state) {
    const { price, state } = oracle;
    events.push({ kind: "index-price", market, price, state, reports: counting.length });
  }
  return { oracle, events };
}

const STALE = { state: "stale", resumingSinceMs: 0, freshSlots: 0 } as const;
const FRESH = { state: "fresh", resumingSinceMs: 0, freshSlots: 0 } as const;

/** Keeps the newest report of each present member; everything else is void. */
function takeReports(
  before: Oracle,
  taken: readonly OracleReport[],
  block: MarginBlock,
  clock: OracleClock,
): { reports: ReadonlyMap<PublicKey, NewestReport>; accepted: readonly OracleReport[] } {
  const members = new Set(block.members.map(({ key }) => key));
  const departed = Array.from(before.reports.keys()).some((author) => !members.has(author));
  if (taken.length === 0 && !departed) return { reports: before.reports, accepted: [] };
  const reports = new Map(Array.from(before.reports).filter(([author]) => members.has(author)));
  const accepted: OracleReport[] = [];
  const newestMs = block.timestampMs + clock.parameters.oracleSlotMs;
  for (const report of taken) {
    const { author, slot, price } = report;
    if (!members.has(author) || price < 1n || slotMs(slot, clock) > newestMs) continue;
    if (slot <= (reports.get(author)?.slot ?? -1)) continue;
    reports.set(author, { slot, price, includedMs: block.timestampMs });
    accepted.push(report);
  }
  return { reports, accepted };
}

function slotMs(slot: number, clock: OracleClock): Millis {
  return clock.genesisTimeMs + slot * clock.parameters.oracleSlotMs;
}

/** A report ages from its slot and from its inclusion, whichever is earlier. */
function countingReports(
  reports: ReadonlyMap<PublicKey, NewestReport>,
  block: MarginBlock,
  clock: OracleClock,
): CountingReport[] {
  const oldestMs = block.timestampMs - clock.parameters.oracleReportMsMax;
  const counting: CountingReport[] = [];
  for (const { key, power } of block.members) {
    const report = reports.get(key);
    if (report === undefined) continue;
    if (Math.min(report.includedMs, slotMs(report.slot, clock)) < oldestMs) continue;
    counting.push({ author: key, power, price: report.price, slot: report.slot });
  }
  return counting;
}

/**
 * Lower weighted median. With a quorum counting, members of at most f power cannot move it out of
 * the range of the honest reports: they are less than half of what counts.
 */
function weightedMedian(counting: readonly CountingReport[], power: Power): Ticks {
  const sorted = counting.toSorted(
    (one, two) => comparePrices(one.price, two.price) || compareText(one.author, two.author),
  );
  let below = 0n;
  for (const report of sorted) {
    below += report.power;
    if (2n * below >= power) return report.price;
  }
  return 0n;
}

function comparePrices(one: Ticks, two: Ticks): number {
  if (one === two) return 0;
  return one < two ? -1 : 1;
}

/** The newest slot that authors of a quorum of power have reached. */
function quorumSlot(counting: readonly CountingReport[], quorum: Power): number {
  const newestFirst = counting.toSorted((one, two) => two.slot - one.slot);
  let reached = 0n;
  for (const report of newestFirst) {
    reached += report.power;
    if (reached >= quorum) return report.slot;
  }
  return -1;
}

/** Rule STALE: after a gap, a number of fresh slots and a grace come before liquidation. */
function resume(
  oracle: Oracle,
  priceBefore: Ticks,
  slot: number,
  at: { readonly clockMs: Millis; readonly parameters: MarginParameters },
): Oracle {
  let next = oracle;
  if (oracle.state === "stale") {
    // Before the first price nobody can hold a position: there is nothing to protect by a grace.
    if (priceBefore === 0n) return { ...oracle, ...FRESH, quorumSlot: slot };
    const resumed = { state: "resuming", resumingSinceMs: at.clockMs, freshSlots: 1 } as const;
    next = { ...oracle, ...resumed, quorumSlot: slot };
  } else if (slot > oracle.quorumSlot) {
    const freshSlots = oracle.state === "resuming" ? oracle.freshSlots + 1 : 0;
    next = { ...oracle, quorumSlot: slot, freshSlots };
  }
  if (next.state !== "resuming") return next;
  const graceOver = at.clockMs - next.resumingSinceMs >= at.parameters.resumeGraceMs;
  const enoughSlots = next.freshSlots >= at.parameters.freshSlotsToResume;
  return enoughSlots && graceOver ? { ...next, ...FRESH } : next;
}
