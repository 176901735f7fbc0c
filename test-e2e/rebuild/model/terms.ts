import {
  type Act,
  MARKET_NUMBERS,
  type Market,
  type MarketRules,
  type Numbered,
  type World,
} from "./world.ts";

/** node/spec/margin.md §4.1: the block's decisions, then what is due. */
export function settleTerms(world: World, acts: readonly Act[]): void {
  for (const act of acts) {
    const market = world.markets[act.market];
    if (market === undefined) throw new Error(`a decision about market ${act.market}`);
    decide(world, market, act);
  }
  for (const market of world.markets) carryOut(world, market);
}

function enter(world: World, market: Market, mode: Market["mode"]): void {
  if (market.mode === mode) return;
  const { id } = market.rules;
  world.events.push({ kind: "market-mode", market: id, from: market.mode, to: mode });
  market.mode = mode;
}

function tell(
  world: World,
  market: Market,
  { step, amounts }: { readonly step: string; readonly amounts?: readonly Numbered[] },
): void {
  const { scheduled: plan, rules } = market;
  if (plan === undefined) throw new Error(`nothing is scheduled in ${rules.id}`);
  const { fromMs, opens } = plan;
  const told = { fromMs, opens, amounts: amounts ?? plan.amounts };
  world.events.push({ kind: "market-terms", market: rules.id, step, ...told });
}

function decide(world: World, market: Market, act: Act): void {
  const plan = market.scheduled;
  if (act.kind === "schedule") {
    const { opens, amounts } = act;
    const fromMs = world.clockMs + world.rules.termsDelayMs;
    market.scheduled = { fromMs, opens, amounts, noticedMs: 0, initialBefore: 0n };
    tell(world, market, { step: "scheduled" });
  }
  if (act.kind === "cancel" && plan !== undefined) {
    if (plan.initialBefore !== 0n) {
      market.rules = { ...market.rules, initialMarginPpm: plan.initialBefore };
    }
    tell(world, market, { step: "cancelled" });
    market.scheduled = undefined;
  }
  if (act.kind === "restrict") {
    enter(world, market, act.mode);
    if (plan?.opens !== true) return;
    tell(world, market, { step: "cancelled", amounts: [] });
    plan.opens = false;
    if (plan.amounts.length === 0) market.scheduled = undefined;
  }
}

export function changed(rules: MarketRules, amounts: readonly Numbered[]): MarketRules {
  const next = { ...rules } as Record<string, unknown>;
  for (const { name, value } of amounts) {
    if (!MARKET_NUMBERS.includes(name)) throw new Error(`no number ${name} of a market`);
    next[name] = value;
  }
  return next as unknown as MarketRules;
}

function carryOut(world: World, market: Market): void {
  const plan = market.scheduled;
  if (plan === undefined || world.clockMs < plan.fromMs) return;
  const { opens, amounts } = plan;
  if (opens) enter(world, market, "open"); // 1
  plan.opens = false;
  const next = changed(market.rules, amounts);
  if (next.maintenanceMarginPpm > market.rules.maintenanceMarginPpm) {
    if (market.state !== "fresh") {
      plan.noticedMs = 0; // 3
      return;
    }
    if (plan.noticedMs === 0) {
      const now = market.rules.initialMarginPpm;
      if (plan.initialBefore === 0n) plan.initialBefore = now;
      if (next.initialMarginPpm > now) {
        market.rules = { ...market.rules, initialMarginPpm: next.initialMarginPpm };
      }
      plan.noticedMs = world.clockMs;
      tell(world, market, { step: "noticed" });
      return;
    }
    if (world.clockMs - plan.noticedMs < world.rules.callDeadlineMs) return;
  }
  const { fundingIntervalMs, fundingSampleMs } = market.rules;
  market.rules = next;
  const isSame =
    fundingIntervalMs === next.fundingIntervalMs && fundingSampleMs === next.fundingSampleMs;
  if (!isSame) restart(world, market);
  tell(world, market, { step: "in-effect" });
  market.scheduled = undefined;
}

function restart(world: World, market: Market): void {
  const elapsed = BigInt(world.clockMs - world.rules.genesisTimeMs);
  const { fundingIntervalMs, fundingSampleMs } = market.rules;
  const isOff = fundingIntervalMs === 0n;
  market.samples = [];
  market.interval = isOff ? 0 : Number(elapsed / fundingIntervalMs);
  market.sampleSlot = isOff ? -1 : Number(elapsed / fundingSampleMs);
}
