import type { Digest, PublicKey } from "../kernel/scalars.ts";
import { verifyStatement } from "../kernel/statements.ts";
import { findMember } from "../kernel/validator-set.ts";
import type { LedgerState } from "./state.ts";
import { bundleSigningBytes } from "./transaction.ts";
import { checkStakes } from "./treasury.ts";
import type { Transaction } from "./types.ts";
import { burnNonce, checkNonce, type Verdict, type Work } from "./work.ts";

/** How many actions one signature may carry. */
export function checkSize({ genesis }: LedgerState, count: number): Verdict {
  const { bundleActionsMax } = genesis.parameters.margin;
  if (count >= 1 && count <= bundleActionsMax) return undefined;
  const fix = `put 1 to ${bundleActionsMax} actions under one signature`;
  return { code: "BUNDLE_SIZE", field: "actions", fix };
}

/** An account is there once it had a deposit, also one earlier in this block. */
export function checkAccount({ state, deposits }: Work, account: PublicKey): Verdict {
  if (state.margin.accounts.has(account)) return undefined;
  if (deposits.some((deposit) => deposit.account === account)) return undefined;
  const fix = "the account has no balance yet: deposit first";
  return { code: "UNKNOWN_ACCOUNT", field: "account", fix };
}

/** Admits a bundle to the margin engine, which judges each action by itself. */
export function applyBundle(
  work: Work,
  bundle: Extract<Transaction, { kind: "bundle" }>,
  { id, position }: { readonly id: Digest; readonly position: number },
): Verdict {
  const { state } = work;
  const size = checkSize(state, bundle.actions.length);
  if (size !== undefined) return size;
  const { account } = bundle;
  const unknown = checkAccount(work, account);
  if (unknown !== undefined) return unknown;
  const stakes = checkStakes(state, bundle);
  if (stakes !== undefined) return stakes;
  const scope = `bundle/${account}`;
  const used = checkNonce(work, scope, bundle.nonce, id);
  if (used !== undefined) return used;
  if (!work.scheme.verify(account, bundleSigningBytes(state.chainId, bundle), bundle.signature)) {
    const fix = "sign bundleSigningBytes of this chain with the account's key";
    return { code: "BAD_SIGNATURE", field: "signature", fix };
  }
  burnNonce(work, scope, bundle.nonce, id);
  work.bundles.push({ account, actions: bundle.actions, position });
  return undefined;
}

/**
 * EVIDENCE, STALE: nobody honest signs a report more than one slot ahead of block time. Such a
 * report counts for nothing, and as a proof it would outrank every later E9 of its author.
 */
export function slotAhead(state: LedgerState, slot: number, field: string): Verdict {
  const { genesis, timestampMs } = state;
  const { oracleSlotMs } = genesis.parameters.margin;
  if (genesis.genesisTimeMs + slot * oracleSlotMs <= timestampMs + oracleSlotMs) return undefined;
  const fix = `slot ${slot} is more than one slot ahead of block time ${timestampMs}`;
  return { code: "REPORT_AHEAD", field, fix };
}

/** Newest slot of the author in this market that was admitted; -1 if none. */
function newestSlot({ state, reports }: Work, author: PublicKey, market: number): number {
  const before = state.margin.markets[market]?.oracle.reports.get(author)?.slot ?? -1;
  const own = reports.filter((report) => report.author === author && report.market === market);
  return own.reduce((newest, { slot }) => Math.max(newest, slot), before);
}

/** A member's report of one slot; the engine takes each author's newest (rule STALE). */
export function applyReport(
  work: Work,
  { report }: Extract<Transaction, { kind: "oracle-report" }>,
): Verdict {
  const { state } = work;
  const { statement, author } = report;
  if (statement.kind !== "oracle-report") {
    const fix = `${statement.kind} is no oracle report`;
    return { code: "WRONG_STATEMENT", field: "report.statement.kind", fix };
  }
  const { epoch, market, slot, price } = statement;
  if (epoch !== state.set.epoch) {
    const fix = `a report of epoch ${epoch} is void in epoch ${state.set.epoch}`;
    return { code: "FOREIGN_EPOCH", field: "report.statement.epoch", fix };
  }
  const member = findMember(state.set, author);
  if (member === undefined) {
    return { code: "NOT_A_MEMBER", field: "report.author", fix: "only members report prices" };
  }
  if (market >= state.margin.markets.length) {
    const fix = `there are ${state.margin.markets.length} markets`;
    return { code: "UNKNOWN_MARKET", field: "report.statement.market", fix };
  }
  if (price < 1n) {
    return { code: "PRICE_INVALID", field: "report.statement.price", fix: "report 1 tick or more" };
  }
  const ahead = slotAhead(state, slot, "report.statement.slot");
  if (ahead !== undefined) return ahead;
  // A seat vacated in this very block keeps its jail to the block's end.
  const seat = state.seats.get(author) ?? work.leaver;
  const jailedUntilMs = seat?.key === author ? seat.reportsJailedUntilMs : 0;
  if (jailedUntilMs > state.clockMs) {
    const fix = `its reports are jailed until block time ${jailedUntilMs}`;
    return { code: "REPORTS_JAILED", field: "report.author", fix };
  }
  const newest = newestSlot(work, author, market);
  if (slot <= newest) {
    const fix = `its newest report is of slot ${newest}: report each slot once, in order`;
    return { code: "REPORT_NOT_NEWER", field: "report.statement.slot", fix };
  }
  if (!verifyStatement(work.scheme, state.chainId, report)) {
    const fix = "sign the statement for this chain with the member's consensus key";
    return { code: "BAD_SIGNATURE", field: "report.signature", fix };
  }
  work.reports.push({ author, power: member.power, market, slot, price });
  return undefined;
}
