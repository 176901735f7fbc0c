import { AccountKey } from "@quorate/client/account-key";
import type { QuorateClient } from "@quorate/client/client";
import type { AccountState } from "@quorate/client/margin-reads";
import type { Height, MicroUsd, Millis, PublicKey } from "@quorate/node/kernel/scalars";
import type { AccountStage, Lots } from "@quorate/node/margin/types";
import type { CommandOutput } from "../output.ts";
import { instant, usd } from "../quantities.ts";
import { facts, table } from "../table.ts";
import { type MarketName, nameOf } from "./market-name.ts";

export interface KeygenDocument {
  readonly command: "account keygen";
  /** Public key: the account's name on the chain. */
  readonly account: PublicKey;
  readonly file: string;
}

/** Writes a new key with `write`, which must refuse to overwrite. */
export async function generateKey(
  file: string,
  write: (file: string, pem: string) => Promise<void>,
): Promise<CommandOutput & { readonly document: KeygenDocument }> {
  const key = AccountKey.generate();
  await write(file, key.toPem());
  return {
    document: { command: "account keygen", account: key.publicKey, file },
    lines: [`account ${key.publicKey}`, `its private key is in ${file}: keep a copy, show nobody`],
  };
}

/** Of `quorate account show` and `quorate query account`. */
export interface AccountDocument<C extends string> {
  readonly command: C;
  readonly account: PublicKey;
  readonly height: Height;
  readonly timestampMs: Millis;
  /** False: the chain proves that it has no such account. */
  readonly exists: boolean;
  readonly state: AccountFields | null;
}

interface AccountFields {
  /** Cash after entry costs: a buyer has paid size x price out of it. */
  readonly balanceMicroUsd: MicroUsd;
  readonly equityMicroUsd: MicroUsd;
  readonly initialMarginMicroUsd: MicroUsd;
  readonly maintenanceMarginMicroUsd: MicroUsd;
  readonly stage: AccountStage;
  /**
   * By when, on the ledger's clock (it stands still in a halt), a called account must be back at
   * initial margin; null where no call runs.
   */
  readonly deadlineMs: Millis | null;
  /** What the universe owes the account after cuts. */
  readonly owedMicroUsd: MicroUsd;
  /** Realised gains that cannot be withdrawn yet; `untilMs` is on the ledger's clock. */
  readonly locked: readonly { readonly untilMs: Millis; readonly amountMicroUsd: MicroUsd }[];
  readonly positions: readonly {
    readonly market: MarketName;
    /** Long positive, short negative. */
    readonly sizeLots: Lots;
    readonly costMicroUsd: MicroUsd;
  }[];
}

export async function showAccount<C extends string>(
  command: C,
  client: Pick<QuorateClient, "account" | "head" | "genesis">,
  account: PublicKey,
): Promise<CommandOutput & { readonly document: AccountDocument<C> }> {
  const state = await client.account(account);
  if (state === undefined) {
    const { height, timestampMs } = (await client.head()).result;
    return {
      document: { command, account, height, timestampMs, exists: false, state: null },
      lines: [`the chain has no account ${account} (height ${height})`],
    };
  }
  const { height, timestampMs } = state;
  const fields = fieldsOf(state, client.genesis.margin.markets);
  return {
    document: { command, account, height, timestampMs, exists: true, state: fields },
    lines: accountLines(state, fields),
  };
}

function fieldsOf(state: AccountState, markets: readonly MarketName[]): AccountFields {
  const { leaf, positions } = state;
  return {
    balanceMicroUsd: leaf.balance,
    equityMicroUsd: state.equity,
    initialMarginMicroUsd: state.initialMargin,
    maintenanceMarginMicroUsd: state.maintenanceMargin,
    stage: leaf.stage,
    deadlineMs: leaf.deadlineMs === 0 ? null : leaf.deadlineMs,
    owedMicroUsd: leaf.debt,
    locked: leaf.locks.map(({ untilMs, amount }) => ({ untilMs, amountMicroUsd: amount })),
    positions: positions.map(({ market, size, cost }) => ({
      market: nameOf(markets[market] ?? { id: market, name: String(market) }),
      sizeLots: size,
      costMicroUsd: cost,
    })),
  };
}

/** The ledger's clock counts at most a second of each block's span: it can only be later. */
function callEnd(deadlineMs: Millis): string {
  return `${instant(deadlineMs)} on the ledger's clock, later by every halt of the chain`;
}

function accountLines(state: AccountState, fields: AccountFields): string[] {
  const locked = fields.locked.reduce((sum, { amountMicroUsd }) => sum + amountMicroUsd, 0n);
  const lines = facts([
    ["account", state.account],
    ["at height", `${state.height}, ${instant(state.timestampMs)}`],
    ["stage", fields.stage],
    ...(fields.deadlineMs === null ? [] : [["call ends", callEnd(fields.deadlineMs)] as const]),
    ["equity", `${usd(fields.equityMicroUsd)} USD`],
    ["initial margin", `${usd(fields.initialMarginMicroUsd)} USD`],
    ["maintenance margin", `${usd(fields.maintenanceMarginMicroUsd)} USD`],
    ["balance", `${usd(fields.balanceMicroUsd)} USD (entry costs are paid out of it)`],
    ...(locked === 0n ? [] : [["locked gains", `${usd(locked)} USD`] as const]),
    ...(fields.owedMicroUsd === 0n ? [] : [["owed", `${usd(fields.owedMicroUsd)} USD`] as const]),
  ]);
  if (fields.positions.length === 0) return [...lines, "no positions"];
  const rows = fields.positions.map(({ market, sizeLots, costMicroUsd }) => [
    market.name,
    sizeLots.toString(),
    usd(costMicroUsd),
  ]);
  return [
    ...lines,
    "",
    ...table(
      [
        { title: "market", align: "left" },
        { title: "lots", align: "right" },
        { title: "entry cost USD", align: "right" },
      ],
      rows,
    ),
  ];
}
