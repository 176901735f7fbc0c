import { assert } from "../kernel/assert.ts";
import { compareText } from "../kernel/bytes.ts";
import { DecodeError, Reader, Writer } from "../kernel/codec.ts";
import type { MicroUsd, PublicKey } from "../kernel/scalars.ts";
import { MEMBERS_MAX } from "../kernel/validator-set.ts";
import { FUNDING_SAMPLES_MAX, OUTFLOW_EPOCHS } from "./limits.ts";
import type { OpenOrder } from "./open-order.ts";
import type { Account, Caps, Funding, GainLock, NewestReport, Oracle, Position } from "./state.ts";
import {
  type AccountStage,
  type Lots,
  MARKET_AMOUNTS,
  type MarketAmounts,
  type MarketId,
  type MarketParameters,
  marketAmounts,
  type OracleState,
  type Side,
  type Ticks,
  type TimeInForce,
} from "./types.ts";

/** Keys and values of the margin engine's leaves in the state tree (node/spec/margin.md §12). */
export const FUND_KEY = "fund";
export const CAPS_KEY = "caps";

export function accountKey(account: PublicKey): string {
  return `account/${account}`;
}

export function positionKey(market: MarketId, account: PublicKey): string {
  return `position/${market}/${account}`;
}

export function orderKey(order: Pick<OpenOrder, "market" | "account" | "clientId">): string {
  return `order/${order.market}/${order.account}/${order.clientId}`;
}

export function fundingKey(market: MarketId): string {
  return `funding/${market}`;
}

export function termsKey(market: MarketId): string {
  return `terms/${market}`;
}

export function marketKey(market: MarketId): string {
  return `market/${market}`;
}

const STAGES = ["healthy", "called", "reduce-only", "liquidating"] as const;
const SIDES = ["buy", "sell"] as const;
const TIMES_IN_FORCE = ["gtc", "ioc", "post-only", "fok", "gtt"] as const;
const ORACLE_STATES = ["stale", "resuming", "fresh"] as const;

export function writeChoice<T extends string>(
  writer: Writer,
  choices: readonly T[],
  choice: T,
): void {
  const index = choices.indexOf(choice);
  assert(index >= 0, `${choice} is none of ${choices.join(", ")}`);
  writer.u8(index);
}

/** @throws DecodeError. */
export function readChoice<T extends string>(
  reader: Reader,
  field: string,
  choices: readonly T[],
): T {
  const index = reader.u8(field);
  const choice = choices[index];
  if (choice === undefined) throw new DecodeError(field, `${index} is not below ${choices.length}`);
  return choice;
}

export interface AccountLeaf {
  readonly balance: MicroUsd;
  readonly stage: AccountStage;
  readonly deadlineMs: number;
  readonly debt: MicroUsd;
  readonly waited: number;
  readonly misses: number;
  readonly locks: readonly GainLock[];
  readonly withdrawnWindow: number;
  readonly withdrawn: MicroUsd;
}

export function encodeAccount(account: Account | AccountLeaf): Uint8Array {
  const writer = new Writer().i128(account.balance);
  writeChoice(writer, STAGES, account.stage);
  writer.u64(account.deadlineMs).i128(account.debt).u32(account.waited).u32(account.misses);
  writer.list(account.locks, (out, { untilMs, amount }) => {
    out.u64(untilMs).i128(amount);
  });
  return writer.u64(account.withdrawnWindow).i128(account.withdrawn).finish();
}

const LOCKS_MAX = 1_024;

/** @throws DecodeError on bytes that no encoder writes. */
export function decodeAccount(bytes: Uint8Array): AccountLeaf {
  const reader = new Reader(bytes);
  const account = {
    balance: reader.i128("balance"),
    stage: readChoice(reader, "stage", STAGES),
    deadlineMs: reader.u64("deadlineMs"),
    debt: reader.i128("debt"),
    waited: reader.u32("waited"),
    misses: reader.u32("misses"),
    locks: reader.list("locks", LOCKS_MAX, (input, field) => ({
      untilMs: input.u64(`${field}.untilMs`),
      amount: input.i128(`${field}.amount`),
    })),
    withdrawnWindow: reader.u64("withdrawnWindow"),
    withdrawn: reader.i128("withdrawn"),
  };
  reader.end();
  return account;
}

export interface PositionLeaf {
  readonly size: Lots;
  readonly cost: MicroUsd;
  readonly fundingIndex: bigint;
}

export function encodePosition(position: Position | PositionLeaf): Uint8Array {
  const { size, cost, fundingIndex } = position;
  return new Writer().i128(size).i128(cost).i128(fundingIndex).finish();
}

/** @throws DecodeError on bytes that no encoder writes. */
export function decodePosition(bytes: Uint8Array): PositionLeaf {
  const reader = new Reader(bytes);
  const position = {
    size: reader.i128("size"),
    cost: reader.i128("cost"),
    fundingIndex: reader.i128("fundingIndex"),
  };
  reader.end();
  return position;
}

export interface OrderLeaf {
  readonly side: Side;
  readonly size: Lots;
  readonly price: Ticks;
  readonly timeInForce: TimeInForce;
  readonly reduceOnly: boolean;
  readonly sequence: number;
  /** Block time at which it leaves; 0: none. */
  readonly untilMs: number;
}

export function encodeOrder(order: OrderLeaf): Uint8Array {
  const writer = new Writer();
  writeChoice(writer, SIDES, order.side);
  writer.i128(order.size).i128(order.price);
  writeChoice(writer, TIMES_IN_FORCE, order.timeInForce);
  return writer.bool(order.reduceOnly).u64(order.sequence).u64(order.untilMs).finish();
}

/** @throws DecodeError on bytes that no encoder writes. */
export function decodeOrder(bytes: Uint8Array): OrderLeaf {
  const reader = new Reader(bytes);
  const order = {
    side: readChoice(reader, "side", SIDES),
    size: reader.i128("size"),
    price: reader.i128("price"),
    timeInForce: readChoice(reader, "timeInForce", TIMES_IN_FORCE),
    reduceOnly: reader.bool("reduceOnly"),
    sequence: reader.u64("sequence"),
    untilMs: reader.u64("untilMs"),
  };
  reader.end();
  return order;
}

export interface MarketLeaf extends MarketAmounts {
  readonly name: string;
  readonly price: Ticks;
  readonly state: OracleState;
  readonly resumingSinceMs: number;
  readonly freshSlots: number;
  /** -1 before the first quorum. */
  readonly quorumSlot: number;
  readonly quorumMs: number;
  readonly nextSequence: number;
  readonly reports: readonly (NewestReport & { readonly author: PublicKey })[];
}

export interface MarketRecord {
  readonly parameters: MarketParameters;
  readonly oracle: Oracle;
  readonly nextSequence: number;
}

export function encodeMarket({ parameters, oracle, nextSequence }: MarketRecord): Uint8Array {
  const writer = new Writer().text(parameters.name);
  for (const field of MARKET_AMOUNTS) writer.i128(parameters[field]);
  writer.i128(oracle.price);
  writeChoice(writer, ORACLE_STATES, oracle.state);
  writer
    .u64(oracle.resumingSinceMs)
    .u32(oracle.freshSlots)
    .u64(oracle.quorumSlot + 1);
  writer.u64(oracle.quorumMs).u64(nextSequence);
  const reports = Array.from(oracle.reports).sort(([one], [two]) => compareText(one, two));
  writer.list(reports, (out, [author, { slot, price, includedMs }]) => {
    out.hex32(author).u64(slot).i128(price).u64(includedMs);
  });
  return writer.finish();
}

/** @throws DecodeError on bytes that no encoder writes. */
export function decodeMarket(bytes: Uint8Array): MarketLeaf {
  const reader = new Reader(bytes);
  const name = reader.text("name", 255);
  const market: MarketLeaf = {
    name,
    ...marketAmounts((field) => reader.i128(field)),
    price: reader.i128("price"),
    state: readChoice(reader, "state", ORACLE_STATES),
    resumingSinceMs: reader.u64("resumingSinceMs"),
    freshSlots: reader.u32("freshSlots"),
    quorumSlot: reader.u64("quorumSlot") - 1,
    quorumMs: reader.u64("quorumMs"),
    nextSequence: reader.u64("nextSequence"),
    reports: reader.list("reports", MEMBERS_MAX, (input, field) => ({
      author: input.hex32(`${field}.author`),
      slot: input.u64(`${field}.slot`),
      price: input.i128(`${field}.price`),
      includedMs: input.u64(`${field}.includedMs`),
    })),
  };
  reader.end();
  return market;
}

export function encodeFunding(funding: Funding): Uint8Array {
  const { index, lastRate, interval, sampleSlot, samples } = funding;
  const writer = new Writer().i128(index).i128(lastRate).u64(interval);
  writer.u64(sampleSlot + 1);
  return writer.list(samples, (out, sample) => out.i128(sample)).finish();
}

/** @throws DecodeError on bytes that no encoder writes. */
export function decodeFunding(bytes: Uint8Array): Funding {
  const reader = new Reader(bytes);
  const funding = {
    index: reader.i128("index"),
    lastRate: reader.i128("lastRate"),
    interval: reader.u64("interval"),
    sampleSlot: reader.u64("sampleSlot") - 1,
    samples: reader.list("samples", FUNDING_SAMPLES_MAX, (input, field) => input.i128(field)),
  };
  reader.end();
  return funding;
}

export interface FundLeaf {
  readonly fund: MicroUsd;
  /** Sum of what the universe owes its accounts after cuts. */
  readonly totalDebt: MicroUsd;
}

export function encodeFund({ fund, totalDebt }: FundLeaf): Uint8Array {
  return new Writer().i128(fund).i128(totalDebt).finish();
}

/** @throws DecodeError on bytes that no encoder writes. */
export function decodeFund(bytes: Uint8Array): FundLeaf {
  const reader = new Reader(bytes);
  const leaf = { fund: reader.i128("fund"), totalDebt: reader.i128("totalDebt") };
  reader.end();
  return leaf;
}

export function encodeCaps({
  lagFromMs,
  lowestBefore,
  lowest,
  budget,
  outflows,
}: Caps): Uint8Array {
  const writer = new Writer().u64(lagFromMs).i128(lowestBefore).i128(lowest).i128(budget);
  writer.list(outflows, (out, { epoch, amount }) => {
    out.u64(epoch).i128(amount);
  });
  return writer.finish();
}

/** @throws DecodeError on bytes that no encoder writes. */
export function decodeCaps(bytes: Uint8Array): Caps {
  const reader = new Reader(bytes);
  const caps = {
    lagFromMs: reader.u64("lagFromMs"),
    lowestBefore: reader.i128("lowestBefore"),
    lowest: reader.i128("lowest"),
    budget: reader.i128("budget"),
    outflows: reader.list("outflows", OUTFLOW_EPOCHS + 1, (input, field) => ({
      epoch: input.u64(`${field}.epoch`),
      amount: input.i128(`${field}.amount`),
    })),
  };
  reader.end();
  return caps;
}
