import type { Ledger } from "./ledger.ts";

/** What the rebuild found; amounts are decimal strings of micro-USD, sizes of lots. */
export interface Report {
  readonly chainId: string;
  readonly height: number;
  readonly epoch: number;
  /** All money there is equals genesis plus deposits less withdrawals, to the unit. */
  readonly conserved: boolean;
  readonly total: string;
  readonly due: string;
  readonly insuranceFund: string;
  readonly slashedPot: string;
  readonly rewardPot: string;
  readonly treasuries: readonly { readonly owner: string; readonly amount: string }[];
  readonly bonds: readonly {
    readonly key: string;
    readonly owner: string;
    readonly place: string;
    readonly amount: string;
  }[];
  /** Balances by account key: what the leaf "account/<hex>" begins with. */
  readonly accounts: Readonly<Record<string, string>>;
  readonly details: readonly AccountReport[];
  /** Transactions by kind, refused ones apart, and margin events by kind. */
  readonly counts: Readonly<Record<string, number>>;
}

export interface AccountReport {
  readonly account: string;
  /** Contains the entry costs of positions. */
  readonly balance: string;
  /** Balance with the entry costs added back. */
  readonly cash: string;
  readonly debt: string;
  readonly stage: string;
  readonly positions: readonly {
    readonly market: number;
    readonly size: string;
    readonly cost: string;
  }[];
}

export function reportOf(ledger: Ledger, chainId: string): Report {
  const { held, due } = ledger.totals();
  const { bonds, world } = ledger;
  return {
    chainId,
    height: ledger.height,
    epoch: ledger.set.epoch,
    conserved: held === due,
    total: String(held),
    due: String(due),
    insuranceFund: String(world.fund),
    slashedPot: String(bonds.slashedPot),
    rewardPot: String(bonds.rewardPot),
    treasuries: bonds.owners.map(({ key, money }) => ({ owner: key, amount: String(money) })),
    bonds: [...bonds.bonds.values()].map(({ key, owner, place, amount }) => ({
      key,
      owner,
      place,
      amount: String(amount),
    })),
    accounts: Object.fromEntries(world.accounts.map(({ key, balance }) => [key, String(balance)])),
    details: world.accounts.map(({ key, balance, positions, debt, stage }) => ({
      account: key,
      balance: String(balance),
      cash: String(positions.reduce((sum, { cost }) => sum + cost, balance)),
      debt: String(debt),
      stage,
      positions: positions.flatMap(({ size, cost }, market) =>
        size === 0n ? [] : [{ market, size: String(size), cost: String(cost) }],
      ),
    })),
    counts: Object.fromEntries([...ledger.counts].sort()),
  };
}

export function printedReport(report: Report): string {
  const short = (key: string): string => key.slice(0, 12);
  const lines = [
    `chain      ${report.chainId}`,
    `height     ${report.height}, epoch ${report.epoch}`,
    ...report.details.map(
      ({ account, balance, cash, stage, positions }) =>
        `account    ${short(account)}  balance ${balance}  cash ${cash}  ${stage}` +
        positions.map(({ market, size }) => `  market ${market}: ${size} lots`).join(""),
    ),
    `fund       ${report.insuranceFund}`,
    ...report.treasuries.map(({ owner, amount }) => `treasury   ${short(owner)}  ${amount}`),
    ...report.bonds.map(({ key, place, amount }) => `bond       ${short(key)}  ${place} ${amount}`),
    `slashed    ${report.slashedPot}`,
    `reward pot ${report.rewardPot}`,
    `total      ${report.total}, due ${report.due}`,
    `conserved  ${report.conserved}`,
  ];
  return `${lines.join("\n")}\n`;
}
