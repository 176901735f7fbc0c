import { changed } from "./model/terms.ts";
import type { Act, Market, MarketRules } from "./model/world.ts";

/** What a quorum of the owners may decide about a market: node/spec/ledger.md, market-terms. */
export function mayDecide(market: Market, act: Act, isDev: boolean): boolean {
  const plan = market.scheduled;
  if (act.kind === "restrict") return act.mode !== market.mode || plan?.opens === true;
  if (act.kind === "cancel") return plan !== undefined;
  if (plan !== undefined || (act.opens && market.mode === "open")) return false;
  if (!act.opens && act.amounts.length === 0) return false;
  if (act.amounts.some(({ name }) => name === "microUsdPerLotTick")) return false;
  return isSound(changed(market.rules, act.amounts), isDev);
}

const MILLION = 1_000_000n;
const HOUR_MS = 3_600_000n;
const HALF_A_CENTURY_MS = 50n * 365n * 24n * HOUR_MS;

function isSound(rules: MarketRules, isDev: boolean): boolean {
  const { id: _, name: __, ...numbers } = rules;
  const all = Object.values(numbers);
  const { initialMarginPpm: initial, maintenanceMarginPpm: maintenance } = rules;
  const { fundingIntervalMs: span, fundingSampleMs: every } = rules;
  const above0 = [
    ...[maintenance, rules.liquidationSharePpm, rules.priceBandPpm, rules.orderLotsMax],
    ...[rules.positionLotsMax, every, rules.fundingImpactNotional],
  ];
  const shares = [
    ...[initial, rules.takerFeePpm, rules.liquidationFeePpm],
    ...[rules.liquidationSharePpm, rules.corruptMovePpm],
  ];
  if (all.some((value) => value < 0n || value.toString().length > 24)) return false;
  if (above0.some((value) => value === 0n) || shares.some((value) => value > MILLION)) return false;
  if (maintenance >= initial || rules.priceBandPpm >= MILLION) return false;
  if (rules.fundingCapPpm > maintenance || span > HALF_A_CENTURY_MS) return false;
  if (span % every !== 0n || span / every > 1_024n) return false;
  if (isDev) return true;
  if (rules.corruptMovePpm === 0n) return false;
  return span === 0n || (span >= HOUR_MS && span / every >= 15n);
}
