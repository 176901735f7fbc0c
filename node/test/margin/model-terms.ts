// The part of the plain model for rule PARAMETERS: decisions are kept as they were made, and every
// market's numbers are worked out from them anew in each block.
import type { AmountChange, MarginBlock, MarketParameters } from "../../src/margin/types.ts";
import { max } from "./model-accounts.ts";
import { ModelCaps } from "./model-caps.ts";

interface Plan {
  from: number;
  opens: boolean;
  amounts: readonly AmountChange[];
  /** Clock of every block since which the price was fresh without a break; the first counts. */
  freshSince: number | undefined;
  told: boolean;
}

export class ModelTerms extends ModelCaps {
  readonly plans: (Plan | undefined)[] = this.markets.map(() => undefined);
  /** Numbers without any notice: what holds for good. */
  readonly settled: MarketParameters[] = [...this.markets];

  decide({ acts }: MarginBlock): void {
    for (const { market, act } of acts) {
      const plan = this.plans[market];
      if (act.kind === "cancel") this.plans[market] = undefined;
      if (act.kind === "schedule") {
        const from = this.clock + this.parameters.termsDelayMs;
        const { opens, amounts } = act;
        this.plans[market] = { from, opens, amounts, freshSince: undefined, told: false };
      }
      if (act.kind === "restrict") {
        this.modes[market] = act.mode;
        if (plan?.opens === true) {
          plan.opens = false;
          if (plan.amounts.length === 0) this.plans[market] = undefined;
        }
      }
      this.markets[market] = this.numbers(market);
    }
    this.plans.forEach((plan, market) => {
      if (plan !== undefined && this.clock >= plan.from) this.carryOut(plan, market);
      this.markets[market] = this.numbers(market);
    });
  }

  carryOut(plan: Plan, market: number): void {
    if (plan.opens) this.modes[market] = "open";
    plan.opens = false;
    const before = this.settled[market]!;
    const next = this.planned(plan, market);
    const waits = next.maintenanceMarginPpm > before.maintenanceMarginPpm;
    const isFresh = this.oracles[market]!.state === "fresh";
    if (!isFresh) plan.freshSince = undefined;
    else {
      plan.freshSince ??= this.clock;
      plan.told = true;
    }
    const enough =
      plan.freshSince !== undefined &&
      plan.freshSince < this.clock &&
      this.clock >= plan.freshSince + this.parameters.callDeadlineMs;
    if (waits && !enough) return;
    this.settled[market] = next;
    this.plans[market] = undefined;
    const spans = ["fundingIntervalMs", "fundingSampleMs"] as const;
    if (spans.some((name) => before[name] !== next[name])) this.restart(market, next);
  }

  planned({ amounts }: Plan, market: number): MarketParameters {
    const next: Record<string, unknown> = { ...this.settled[market]! };
    for (const { name, value } of amounts) next[name] = value;
    return next as unknown as MarketParameters;
  }

  /** With a notice the initial margin is the higher of the old and the new. */
  numbers(market: number): MarketParameters {
    const settled = this.settled[market]!;
    const plan = this.plans[market];
    if (plan?.told !== true) return settled;
    const planned = this.planned(plan, market).initialMarginPpm;
    return { ...settled, initialMarginPpm: max(settled.initialMarginPpm, planned) };
  }

  restart(market: number, { fundingIntervalMs, fundingSampleMs }: MarketParameters): void {
    const elapsed = this.clock - this.genesisMs;
    const isOn = fundingIntervalMs > 0n;
    this.running[market] = isOn ? Math.floor(elapsed / Number(fundingIntervalMs)) : 0;
    this.sampledTo[market] = isOn ? Math.floor(elapsed / Number(fundingSampleMs)) : -1;
    this.premiums[market] = [];
  }
}
