import { abs, PPM, sum } from "./arithmetic.ts";
import {
  type Block,
  type Market,
  type Newest,
  OUTLIER_PPM,
  type Report,
  type World,
} from "./world.ts";

/** Rule STALE, node/spec/margin.md §5, for one market: the numbers are those of its list. */
export function updateIndexPrice(world: World, market: Market, block: Block): void {
  const before = { price: market.price, state: market.state };
  const now = block.timestampMs;
  const power = (author: string): bigint =>
    block.members.find(({ key }) => key === author)?.power ?? 0n;
  const isMember = (author: string): boolean => block.members.some(({ key }) => key === author);
  market.newest = market.newest.filter(({ author }) => isMember(author)); // 1
  const taken = block.reports.filter((report) => takeReport(world, { market, block, report })); // 2
  const counting = market.newest.filter((report) => {
    const since = Math.min(report.includedMs, slotMs(world, report.slot));
    return now - since <= world.rules.oracleReportMsMax; // 3
  });
  const powerOf = (reports: readonly Newest[]): bigint =>
    sum(reports.map(({ author }) => power(author)));
  const total = sum(block.members.map((member) => member.power));
  const quorum = (2n * total) / 3n + 1n; // 4
  if (market.state !== "stale" && now - market.quorumMs > world.rules.oracleReportMsMax) {
    enter(market, "stale"); // 5
  }
  if (powerOf(counting) < quorum || market.mode === "paused") {
    enter(market, "stale"); // 6
  } else {
    const hadPrice = market.price !== 0n;
    market.price = lowerMedian(counting, power); // 7
    const slots = counting.map(({ slot }) => slot).sort((left, right) => right - left);
    const newestSlot = slots.find(
      (slot) => powerOf(counting.filter((report) => report.slot >= slot)) >= quorum,
    );
    if (newestSlot === undefined) throw new Error("a quorum has a slot");
    market.quorumMs = now;
    countSlot(world, market, { slot: newestSlot, hadPrice });
    reportOutliers(world, market, taken); // 8
  }
  if (market.price !== before.price || market.state !== before.state) {
    world.events.push({
      kind: "index-price",
      market: market.rules.id,
      price: market.price,
      state: market.state,
      reports: counting.length,
    }); // 9
  }
}

function slotMs(world: World, slot: number): number {
  return world.rules.genesisTimeMs + slot * world.rules.oracleSlotMs;
}

/** Step 2: true if the report became its author's newest. */
function takeReport(
  world: World,
  { market, block, report }: { market: Market; block: Block; report: Report },
): boolean {
  if (report.market !== market.rules.id) return false;
  const now = block.timestampMs;
  const last = market.newest.find(({ author }) => author === report.author);
  const isVoid =
    !block.members.some(({ key }) => key === report.author) ||
    report.price < 1n ||
    slotMs(world, report.slot) > now + world.rules.oracleSlotMs ||
    (last !== undefined && report.slot <= last.slot);
  if (isVoid) return false;
  const { author, slot, price } = report;
  market.newest = [
    ...market.newest.filter((other) => other.author !== author),
    { author, slot, price, includedMs: now },
  ];
  return true;
}

function lowerMedian(counting: readonly Newest[], power: (author: string) => bigint): bigint {
  const sorted = [...counting].sort((left, right) => (left.price < right.price ? -1 : 1));
  const total = sum(sorted.map(({ author }) => power(author)));
  let soFar = 0n;
  for (const { author, price } of sorted) {
    soFar += power(author);
    if (2n * soFar >= total) return price;
  }
  throw new Error("no report counts");
}

function enter(market: Market, state: Market["state"]): void {
  market.state = state;
  if (state !== "resuming") {
    market.resumingSinceMs = 0;
    market.freshSlots = 0;
  }
}

/** Step 7 after the median: from stale over resuming to fresh. */
function countSlot(
  world: World,
  market: Market,
  { slot, hadPrice }: { slot: number; hadPrice: boolean },
): void {
  if (market.state === "stale") {
    market.quorumSlot = slot;
    // The first price of all puts nobody at risk: no position was taken before it.
    enter(market, hadPrice ? "resuming" : "fresh");
    if (hadPrice) {
      market.resumingSinceMs = world.clockMs;
      market.freshSlots = 1;
    }
  } else if (slot > market.quorumSlot) {
    market.quorumSlot = slot;
    if (market.state === "resuming") market.freshSlots += 1;
  }
  const { freshSlotsToResume, resumeGraceMs } = world.rules;
  if (
    market.state === "resuming" &&
    market.freshSlots >= freshSlotsToResume &&
    world.clockMs - market.resumingSinceMs >= resumeGraceMs
  ) {
    enter(market, "fresh");
  }
}

function reportOutliers(world: World, market: Market, taken: readonly Report[]): void {
  for (const { author, price } of taken) {
    if (abs(price - market.price) * PPM > OUTLIER_PPM * market.price) {
      world.events.push({ kind: "oracle-outlier", market: market.rules.id, author, price });
    }
  }
}
