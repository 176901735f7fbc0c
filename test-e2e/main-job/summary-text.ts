import { dollars, payersText, type Summary, seconds } from "./summary.ts";

/** The summary for people. */
export function summaryText(summary: Summary): string {
  const { finality, margin, conservation, carried, prices, falseReporter: reporter } = summary;
  const lines = [
    "",
    "Summary",
    `  chain         ${short(summary.chainId)}, seed ${summary.seed}, ` +
      `${summary.durationSeconds} s`,
    `  prices        ${prices.from} to ${prices.to}, ${prices.ticks} prices`,
    `  height        ${summary.height} in epoch ${summary.epoch}`,
    `  finality      longest gap ${seconds(finality.longestGapMs)} after height ` +
      `${finality.afterHeight}, seen by a client over ${finality.certificates} certificates`,
    ...summary.faults.map(
      ({ kind, validator, date, height, healedMs }) =>
        `  fault         ${kind}: ${validator} on ${date}, height ${height}, ` +
        `healed in ${seconds(healedMs)}`,
    ),
    ...summary.swaps.flatMap((swap) => [
      `  swap          ${swap.cause}: ${short(swap.leaver)} out, ${entering(swap.newcomer)} in, ` +
        `epoch ${swap.epoch}`,
      `                registered at ${swap.registeredHeight}, cause at ${swap.causeHeight}, ` +
        `effective at ${swap.effectiveHeight}`,
      `                proof ${swap.proof}`,
    ]),
    `  false prices  ${reporter.validator}: ${reporter.outliers} outliers, ` +
      (reporter.seated ? "keeps its seat" : "lost its seat"),
    `  margin        ${margin.calls} calls, ${margin.reduceOnly} reduce-only, ` +
      `${margin.liquidations} liquidation orders, ${margin.closeOuts} close-outs, ` +
      `${margin.withdrawals} withdrawals`,
    `  funding       ${margin.fundings} rates, ${margin.fundingPayments} payments`,
    ...margin.deficits.map(
      (one) =>
        `  deficit       ${dollars(one.deficit).padStart(11)}  ${one.account} on ${one.date}: ` +
        payersText(BigInt(one.paidByFund), BigInt(one.paidByCut)),
    ),
    `  fund          ${dollars(margin.fundLeft)} left, ${dollars(margin.debtLeft)} owed`,
    `  value         ${conservation.equal ? "conserved" : "NOT CONSERVED"}: rebuilt ` +
      `${conservation.accounts} accounts at height ${conservation.height}, ` +
      `${dollars(conservation.total)} in all`,
    `  carried       ${carried.transactions} transactions, ${carried.orders} orders, ` +
      `${carried.ordersPerSecond} orders/s, certificate after p50 ${carried.latencyMs.p50} ms, ` +
      `p99 ${carried.latencyMs.p99} ms`,
    "",
    ...summary.promises.map(
      ({ name, kept, detail }) => `  ${kept ? "kept  " : "BROKEN"}  ${name} (${detail})`,
    ),
    "",
  ];
  return lines.join("\n");
}

function short(key: string): string {
  return `${key.slice(0, 8)}...`;
}

/** Where a member was muted or unmuted, nobody enters. */
function entering(newcomer: string): string {
  return newcomer === "" ? "nobody" : short(newcomer);
}
