import * as wire from "@quorate/proto/margin/v1/margin";
import { absolute } from "../../kernel/fixed-point.ts";
import type { PublicKey } from "../../kernel/scalars.ts";
import { accountView, marginTotals } from "../../margin/engine.ts";
import type { AccountStage, OracleState } from "../../margin/types.ts";
import type { ReplicaState } from "../../replica/types.ts";
import { bytesOf } from "./ledger-wire.ts";

const STAGES: Readonly<Record<AccountStage, wire.AccountStage>> = {
  healthy: wire.AccountStage.ACCOUNT_STAGE_HEALTHY,
  called: wire.AccountStage.ACCOUNT_STAGE_CALLED,
  "reduce-only": wire.AccountStage.ACCOUNT_STAGE_REDUCE_ONLY,
  liquidating: wire.AccountStage.ACCOUNT_STAGE_LIQUIDATING,
};

const ORACLE_STATES: Readonly<Record<OracleState, wire.OracleState>> = {
  fresh: wire.OracleState.ORACLE_STATE_FRESH,
  stale: wire.OracleState.ORACLE_STATE_STALE,
  resuming: wire.OracleState.ORACLE_STATE_RESUMING,
};

/** This node's view at the newest certified height; undefined where there is no such account. */
export function accountToWire(state: ReplicaState, key: PublicKey): wire.Account | undefined {
  const ledger = state.certified?.ledger ?? state.ledger;
  const view = accountView(ledger.margin, key, ledger.clockMs);
  if (view === undefined) return undefined;
  const { markets } = ledger.margin;
  return {
    account: bytesOf(key),
    quote: view.balance.toString(),
    equity: view.equity.toString(),
    initialMargin: view.initialMargin.toString(),
    maintenanceMargin: view.maintenanceMargin.toString(),
    freeCollateral: view.freeCollateral.toString(),
    stage: STAGES[view.stage],
    deadlineMs: BigInt(view.deadlineMs),
    positions: view.positions.map(({ market, size }) => {
      const price = markets[market]?.oracle.price ?? 0n;
      const unit = markets[market]?.parameters.microUsdPerLotTick ?? 0n;
      const notional = absolute(size) * price * unit;
      return { market, size: size.toString(), notional: notional.toString() };
    }),
  };
}

export function marketsToWire(state: ReplicaState): wire.Market[] {
  const { margin } = state.ledger;
  const { openInterest } = marginTotals(margin);
  return margin.markets.map(({ parameters, oracle }) => ({
    market: parameters.id,
    name: parameters.name,
    microUsdPerLotTick: parameters.microUsdPerLotTick.toString(),
    initialMarginPpm: parameters.initialMarginPpm.toString(),
    maintenanceMarginPpm: parameters.maintenanceMarginPpm.toString(),
    indexPrice: oracle.price === 0n ? "" : oracle.price.toString(),
    oracleState: ORACLE_STATES[oracle.state],
    openInterest: (openInterest[parameters.id] ?? 0n).toString(),
  }));
}
