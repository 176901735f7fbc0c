import { unreachable } from "../kernel/assert.ts";
import type { Digest } from "../kernel/scalars.ts";
import type { Market } from "../margin/state.ts";
import { withAmounts } from "../margin/terms.ts";
import type { MarketAct, MarketParameters } from "../margin/types.ts";
import { GenesisError } from "./genesis-reader.ts";
import { checkMarketRules } from "./genesis-rules.ts";
import { checkOwnerQuorum } from "./owner-quorum.ts";
import { marketTermsSigningBytes } from "./transaction.ts";
import type { Transaction } from "./types.ts";
import { burnNonce, checkNonce, type Verdict, type Work } from "./work.ts";

type MarketTerms = Extract<Transaction, { kind: "market-terms" }>;

/**
 * PARAMETERS: owners who together hold a quorum of the power restrict a market at once, or schedule
 * what it is after the timelock. Anybody may send it. A refused one spends nothing.
 */
export function applyMarketTerms(work: Work, terms: MarketTerms, id: Digest): Verdict {
  const { state } = work;
  const { market: marketId, act, nonce, untilMs, signatures } = terms;
  const market = state.margin.markets[marketId];
  if (market === undefined) {
    const fix = `there are ${state.margin.markets.length} markets`;
    return { code: "UNKNOWN_MARKET", field: "market", fix };
  }
  if (state.timestampMs >= untilMs) {
    const fix = `it ended at block time ${untilMs}: let the owners sign it anew`;
    return { code: "TERMS_EXPIRED", field: "untilMs", fix };
  }
  const scope = `terms/${marketId}`;
  const refusal =
    checkNonce(work, scope, nonce, id) ??
    checkTurn(work, marketId) ??
    checkAct(market, act, state.genesis.dev) ??
    checkOwnerQuorum(work, signatures, {
      message: marketTermsSigningBytes(state.chainId, terms),
      name: "marketTermsSigningBytes",
    });
  if (refusal !== undefined) return refusal;
  burnNonce(work, scope, nonce, id);
  work.acts.push({ market: marketId, act });
  return undefined;
}

/** The engine acts on the block as a whole: a second act would be judged by terms of before. */
function checkTurn({ acts }: Work, market: number): Verdict {
  if (acts.every((each) => each.market !== market)) return undefined;
  const fix = `market ${market} had one in this block: send it again`;
  return { code: "TERMS_TURN_TAKEN", field: "market", fix };
}

function checkAct(market: Market, act: MarketAct, dev: boolean): Verdict {
  const { mode, scheduled } = market.terms;
  switch (act.kind) {
    case "restrict":
      if (act.mode !== mode || scheduled?.opens === true) return undefined;
      return { code: "MODE_UNCHANGED", field: "act.mode", fix: `the market is ${mode} already` };
    case "cancel":
      if (scheduled !== undefined) return undefined;
      return { code: "NOTHING_SCHEDULED", field: "act", fix: "the market has no scheduled change" };
    case "schedule":
      return checkSchedule(market, act, dev);
    default:
      return unreachable(act);
  }
}

function checkSchedule(
  { parameters, terms }: Market,
  { opens, amounts }: Extract<MarketAct, { kind: "schedule" }>,
  dev: boolean,
): Verdict {
  if (terms.scheduled !== undefined) {
    const fix = `another change holds from ${terms.scheduled.fromMs} on: wait for it, or cancel it`;
    return { code: "TERMS_SCHEDULED", field: "act", fix };
  }
  if (opens && terms.mode === "open") {
    return { code: "MODE_UNCHANGED", field: "act.opens", fix: "the market is open already" };
  }
  if (!opens && amounts.length === 0) {
    return { code: "NOTHING_CHANGES", field: "act.amounts", fix: "name an amount, or open" };
  }
  const fixed = amounts.findIndex(({ name }) => name === "microUsdPerLotTick");
  if (fixed !== -1) {
    const fix = "positions are counted in it: leave it out";
    return { code: "AMOUNT_FIXED", field: `act.amounts[${fixed}]`, fix };
  }
  return checkAmounts(withAmounts(parameters, amounts), dev);
}

/** What a genesis may not say, nobody may say later. */
function checkAmounts(next: MarketParameters, dev: boolean): Verdict {
  try {
    checkMarketRules(next, "act.amounts", { index: next.id, dev });
    return undefined;
  } catch (error) {
    if (!(error instanceof GenesisError)) throw error;
    return { code: "TERMS_INVALID", field: error.field, fix: error.fix };
  }
}
