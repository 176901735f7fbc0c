import { assert, defined } from "../kernel/assert.ts";
import { maximum } from "../kernel/fixed-point.ts";
import type { Draft, MarketDraft } from "./draft.ts";
import { restartedFunding } from "./funding.ts";
import { marketOf } from "./margin-requirement.ts";
import type { ScheduledTerms, Terms } from "./state.ts";
import type {
  AmountChange,
  MarginBlock,
  MarketAct,
  MarketMode,
  MarketParameters,
  TermsStep,
} from "./types.ts";

export const GENESIS_TERMS: Terms = { mode: "open", scheduled: undefined };

const UNNOTICED = { noticedMs: 0, initialBefore: 0n } as const;

/** The market's numbers with these in place of some. */
export function withAmounts(
  parameters: MarketParameters,
  amounts: readonly AmountChange[],
): MarketParameters {
  return { ...parameters, ...Object.fromEntries(amounts.map(({ name, value }) => [name, value])) };
}

/**
 * What owners decided in this block, then what was scheduled and is due (rule PARAMETERS,
 * node/spec/margin.md §4.1). Nothing that can make an account liquidatable happens here without a
 * grace: a higher maintenance margin waits for a whole call under the new initial margin, on a
 * price that is fresh all the time.
 */
export function stepTerms(draft: Draft, acts: MarginBlock["acts"]): void {
  for (const { market, act } of acts) decide(draft, marketOf(draft.markets, market), act);
  for (const market of draft.markets) {
    const { scheduled } = market.terms;
    if (scheduled !== undefined && draft.clockMs >= scheduled.fromMs) advance(draft, market);
  }
}

function decide(draft: Draft, market: MarketDraft, act: MarketAct): void {
  const { scheduled } = market.terms;
  switch (act.kind) {
    case "restrict":
      enterMode(draft, market, act.mode);
      if (scheduled?.opens === true) dropOpening(draft, market, scheduled);
      return;
    case "schedule": {
      assert(scheduled === undefined, `market ${market.parameters.id} has a scheduled change`);
      const fromMs = draft.clockMs + draft.before.parameters.termsDelayMs;
      const next = { fromMs, opens: act.opens, amounts: act.amounts, ...UNNOTICED };
      schedule(market, next);
      tell(draft, market, "scheduled", next);
      return;
    }
    case "cancel":
      cancel(draft, market, defined(scheduled, "a scheduled change to take back"));
      return;
  }
}

/** A market that was just restricted must not open by a decision of before. */
function dropOpening(draft: Draft, market: MarketDraft, scheduled: ScheduledTerms): void {
  const { amounts } = scheduled;
  tell(draft, market, "cancelled", { ...scheduled, amounts: [] });
  schedule(market, amounts.length === 0 ? undefined : { ...scheduled, opens: false });
}

/** An initial margin that was raised with the notice goes back: that hurts nobody. */
function cancel(draft: Draft, market: MarketDraft, scheduled: ScheduledTerms): void {
  const { initialBefore } = scheduled;
  if (initialBefore > 0n) {
    market.parameters = { ...market.parameters, initialMarginPpm: initialBefore };
  }
  schedule(market, undefined);
  tell(draft, market, "cancelled", scheduled);
}

/** What is due: the opening at once, the amounts at once or after a notice. */
function advance(draft: Draft, market: MarketDraft): void {
  const due = market.terms.scheduled;
  if (due?.opens === true) {
    enterMode(draft, market, "open");
    schedule(market, { ...due, opens: false });
  }
  const { parameters, terms } = market;
  const { scheduled } = terms;
  if (scheduled === undefined) return;
  const next = withAmounts(parameters, scheduled.amounts);
  const isRaised = next.maintenanceMarginPpm > parameters.maintenanceMarginPpm;
  if (isRaised && !isNoticed(draft, market, scheduled)) return;
  takeEffect(draft, market, scheduled);
}

/**
 * Whether accounts had a whole call under the new initial margin, on a price that was fresh all the
 * time. A gap begins it anew: nobody is called, or can trade, without a price.
 */
function isNoticed(draft: Draft, market: MarketDraft, scheduled: ScheduledTerms): boolean {
  const { noticedMs } = scheduled;
  if (market.oracle.state !== "fresh") {
    if (noticedMs > 0) schedule(market, { ...scheduled, noticedMs: 0 });
    return false;
  }
  if (noticedMs > 0) return draft.clockMs - noticedMs >= draft.before.parameters.callDeadlineMs;
  const { initialMarginPpm } = market.parameters;
  const initialBefore = scheduled.initialBefore > 0n ? scheduled.initialBefore : initialMarginPpm;
  const wanted = withAmounts(market.parameters, scheduled.amounts).initialMarginPpm;
  const raised = maximum(initialMarginPpm, wanted);
  market.parameters = { ...market.parameters, initialMarginPpm: raised };
  schedule(market, { ...scheduled, noticedMs: draft.clockMs, initialBefore });
  tell(draft, market, "noticed", scheduled);
  return false;
}

function takeEffect(draft: Draft, market: MarketDraft, scheduled: ScheduledTerms): void {
  const before = market.parameters;
  const next = withAmounts(before, scheduled.amounts);
  const isSameSpan =
    before.fundingIntervalMs === next.fundingIntervalMs &&
    before.fundingSampleMs === next.fundingSampleMs;
  market.parameters = next;
  if (!isSameSpan) {
    const elapsedMs = draft.clockMs - draft.before.genesisTimeMs;
    market.funding = restartedFunding(market.funding, next, elapsedMs);
  }
  schedule(market, undefined);
  tell(draft, market, "in-effect", scheduled);
}

function schedule(market: MarketDraft, scheduled: ScheduledTerms | undefined): void {
  market.terms = { ...market.terms, scheduled };
}

function enterMode(draft: Draft, market: MarketDraft, to: MarketMode): void {
  const from = market.terms.mode;
  if (from === to) return;
  market.terms = { ...market.terms, mode: to };
  draft.events.push({ kind: "market-mode", market: market.parameters.id, from, to });
}

function tell(
  draft: Draft,
  { parameters }: MarketDraft,
  step: TermsStep,
  { fromMs, opens, amounts }: ScheduledTerms,
): void {
  const market = parameters.id;
  draft.events.push({ kind: "market-terms", market, step, fromMs, opens, amounts });
}
