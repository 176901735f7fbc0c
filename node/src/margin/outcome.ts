import type { Draft } from "./draft.ts";
import type { ActionOutcome, Lots } from "./types.ts";

/** A check that found nothing is undefined. */
export type RefusedOutcome = ActionOutcome | undefined;

export function done(filled: Lots, resting: Lots): ActionOutcome {
  return { code: "OK", field: "", fix: "", filled, resting };
}

export function refused(code: string, field: string, fix: string): ActionOutcome {
  return { code, field, fix, filled: 0n, resting: 0n };
}

export function unknownMarket(draft: Draft): ActionOutcome {
  return refused("UNKNOWN_MARKET", "market", `choose a market below ${draft.markets.length}`);
}

export function unknownAccount(): ActionOutcome {
  return refused("UNKNOWN_ACCOUNT", "account", "deposit first: that opens the account");
}
