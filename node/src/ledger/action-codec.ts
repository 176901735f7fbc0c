import { unreachable } from "../kernel/assert.ts";
import { DecodeError, type Reader, type Writer } from "../kernel/codec.ts";
import { QUOTES_MAX } from "../margin/limits.ts";
import type { MarginAction, Quote, SelfTradeMode, Side, TimeInForce } from "../margin/types.ts";

const ACTION_KINDS = [
  "place",
  "cancel",
  "withdraw",
  "stake",
  "cancel-all",
  "quote",
] as const satisfies MarginAction["kind"][];
const SIDES = ["buy", "sell"] as const satisfies Side[];
const TIMES_IN_FORCE = ["gtc", "ioc", "post-only", "fok", "gtt"] as const satisfies TimeInForce[];
const SELF_TRADE_MODES = [
  "cancel-maker",
  "cancel-taker",
  "cancel-both",
  "decrement",
] as const satisfies SelfTradeMode[];

/** Reads a one-byte position in a fixed list of names. */
export function readChoice<T>(reader: Reader, field: string, choices: readonly T[]): T {
  const position = reader.u8(field);
  const choice = choices[position];
  if (choice === undefined) {
    throw new DecodeError(field, `${position} is not below ${choices.length}`);
  }
  return choice;
}

export function writeAction(writer: Writer, action: MarginAction): void {
  writer.u8(ACTION_KINDS.indexOf(action.kind));
  switch (action.kind) {
    case "place":
      writer.u16(action.market).u64(action.clientId).u8(SIDES.indexOf(action.side));
      writer.i128(action.size).i128(action.price);
      writer.u8(TIMES_IN_FORCE.indexOf(action.timeInForce)).bool(action.reduceOnly);
      writer.u8(SELF_TRADE_MODES.indexOf(action.selfTrade)).u64(action.untilMs);
      return;
    case "cancel-all":
      return;
    case "quote":
      writer.u16(action.market).list(action.quotes, writeQuote);
      return;
    case "cancel":
      writer.u16(action.market).u64(action.clientId);
      return;
    case "withdraw":
      writer.i128(action.amount);
      return;
    case "stake":
      writer.hex32(action.owner).i128(action.amount);
      return;
    default:
      unreachable(action);
  }
}

function writeQuote(writer: Writer, { clientId, side, size, price }: Quote): void {
  writer.u64(clientId).u8(SIDES.indexOf(side)).i128(size).i128(price);
}

function readQuote(reader: Reader, field: string): Quote {
  return {
    clientId: reader.u64(`${field}.clientId`),
    side: readChoice(reader, `${field}.side`, SIDES),
    size: reader.i128(`${field}.size`),
    price: reader.i128(`${field}.price`),
  };
}

export function readAction(reader: Reader, field: string): MarginAction {
  const kind = readChoice(reader, `${field}.kind`, ACTION_KINDS);
  switch (kind) {
    case "place":
      return {
        kind,
        market: reader.u16(`${field}.market`),
        clientId: reader.u64(`${field}.clientId`),
        side: readChoice(reader, `${field}.side`, SIDES),
        size: reader.i128(`${field}.size`),
        price: reader.i128(`${field}.price`),
        timeInForce: readChoice(reader, `${field}.timeInForce`, TIMES_IN_FORCE),
        reduceOnly: reader.bool(`${field}.reduceOnly`),
        selfTrade: readChoice(reader, `${field}.selfTrade`, SELF_TRADE_MODES),
        untilMs: reader.u64(`${field}.untilMs`),
      };
    case "cancel-all":
      return { kind };
    case "quote":
      return {
        kind,
        market: reader.u16(`${field}.market`),
        quotes: reader.list(`${field}.quotes`, QUOTES_MAX, readQuote),
      };
    case "cancel":
      return {
        kind,
        market: reader.u16(`${field}.market`),
        clientId: reader.u64(`${field}.clientId`),
      };
    case "withdraw":
      return { kind, amount: reader.i128(`${field}.amount`) };
    case "stake":
      return {
        kind,
        owner: reader.hex32(`${field}.owner`),
        amount: reader.i128(`${field}.amount`),
      };
    default:
      return unreachable(kind);
  }
}
