import { unreachable } from "../kernel/assert.ts";
import type { Reader, Writer } from "../kernel/codec.ts";
import { readAmounts, readMode, writeAmounts, writeMode } from "../margin/terms-codec.ts";
import type {
  AccountStage,
  CancelReason,
  Fill,
  MarginEvent,
  OracleState,
  Side,
  TermsStep,
} from "../margin/types.ts";
import { readChoice } from "./action-codec.ts";

/** The first byte of a margin event is the position of its kind here (node/spec/encoding.md). */
const KINDS = [
  "index-price",
  "oracle-outlier",
  "fill",
  "stage",
  "liquidation",
  "close-out",
  "order-cancelled",
  "deficit",
  "debt-repaid",
  "withdrawal",
  "deposit",
  "staked",
  "funding",
  "funding-payment",
  "market-mode",
  "market-terms",
] as const satisfies readonly MarginEvent["kind"][];
const ORACLE_STATES = ["stale", "resuming", "fresh"] as const satisfies OracleState[];
const STAGES = [
  "healthy",
  "called",
  "reduce-only",
  "liquidating",
] as const satisfies AccountStage[];
const SIDES = ["buy", "sell"] as const satisfies Side[];
const REASONS = [
  "self-trade",
  "margin",
  "nothing-to-reduce",
  "ladder",
  "expired",
] as const satisfies CancelReason[];
const TERMS_STEPS = [
  "scheduled",
  "cancelled",
  "noticed",
  "in-effect",
] as const satisfies TermsStep[];
/** One event names at most this many other accounts. */
const PARTIES_MAX = 1_000_000;

type Kind<K extends MarginEvent["kind"]> = Extract<MarginEvent, { kind: K }>;

function writeFill(writer: Writer, fill: Fill): void {
  writer.u16(fill.market).hex32(fill.maker).u64(fill.makerClientId).hex32(fill.taker);
  writer.bool(fill.takerClientId !== undefined).u64(fill.takerClientId ?? 0);
  writer.u8(SIDES.indexOf(fill.side)).i128(fill.size).i128(fill.price).i128(fill.fee);
}

function readFill(reader: Reader): Fill {
  const head = {
    market: reader.u16("market"),
    maker: reader.hex32("maker"),
    makerClientId: reader.u64("makerClientId"),
    taker: reader.hex32("taker"),
  };
  const hasClientId = reader.bool("takerClientId.present");
  const takerClientId = reader.u64("takerClientId");
  return {
    ...head,
    takerClientId: hasClientId ? takerClientId : undefined,
    side: readChoice(reader, "side", SIDES),
    size: reader.i128("size"),
    price: reader.i128("price"),
    fee: reader.i128("fee"),
  };
}

export function writeMarginEvent(writer: Writer, event: MarginEvent): void {
  writer.u8(KINDS.indexOf(event.kind));
  switch (event.kind) {
    case "index-price":
      writer.u16(event.market).i128(event.price).u8(ORACLE_STATES.indexOf(event.state));
      writer.u32(event.reports);
      return;
    case "oracle-outlier":
      writer.u16(event.market).hex32(event.author).i128(event.price);
      return;
    case "fill":
      writeFill(writer, event.fill);
      return;
    case "stage":
      writer.hex32(event.account).u8(STAGES.indexOf(event.from)).u8(STAGES.indexOf(event.to));
      writer.i128(event.equity).i128(event.initialMargin).i128(event.maintenanceMargin);
      writer.u64(event.deadlineMs);
      return;
    case "liquidation":
      writer.hex32(event.account).u16(event.market).i128(event.size).i128(event.limit);
      writer.i128(event.filled).i128(event.fee);
      return;
    case "close-out":
      writer.hex32(event.account).u16(event.market).i128(event.size).i128(event.price);
      writer.list(event.against, (out, { account, size }) => out.hex32(account).i128(size));
      return;
    case "order-cancelled":
      writer.hex32(event.account).u16(event.market).u64(event.clientId).i128(event.size);
      writer.u8(REASONS.indexOf(event.reason));
      return;
    case "deficit":
      writer.hex32(event.account).i128(event.deficit).i128(event.paidByFund);
      writer.i128(event.paidByCut);
      writer.list(event.cuts, (out, { account, amount }) => out.hex32(account).i128(amount));
      return;
    case "debt-repaid":
    case "withdrawal":
    case "deposit":
      writer.hex32(event.account).i128(event.amount);
      return;
    case "staked":
      writer.hex32(event.account).hex32(event.owner).i128(event.amount);
      return;
    case "funding":
      writer.u16(event.market).u64(event.interval).i128(event.rate).i128(event.price);
      writer.u32(event.samples).i128(event.index);
      return;
    case "funding-payment":
      writer.hex32(event.account).u16(event.market).i128(event.size).i128(event.amount);
      writer.i128(event.dust);
      return;
    case "market-mode":
      writer.u16(event.market);
      writeMode(writer, event.from);
      writeMode(writer, event.to);
      return;
    case "market-terms":
      writer.u16(event.market).u8(TERMS_STEPS.indexOf(event.step)).u64(event.fromMs);
      writer.bool(event.opens);
      writeAmounts(writer, event.amounts);
      return;
    default:
      unreachable(event);
  }
}

export function readMarginEvent(reader: Reader): MarginEvent {
  const kind = readChoice(reader, "kind", KINDS);
  switch (kind) {
    case "index-price":
      return {
        kind,
        market: reader.u16("market"),
        price: reader.i128("price"),
        state: readChoice(reader, "state", ORACLE_STATES),
        reports: reader.u32("reports"),
      };
    case "oracle-outlier":
      return {
        kind,
        market: reader.u16("market"),
        author: reader.hex32("author"),
        price: reader.i128("price"),
      };
    case "fill":
      return { kind, fill: readFill(reader) };
    case "stage":
      return readStage(reader);
    case "debt-repaid":
    case "withdrawal":
    case "deposit":
      return { kind, account: reader.hex32("account"), amount: reader.i128("amount") };
    case "staked":
      return {
        kind,
        account: reader.hex32("account"),
        owner: reader.hex32("owner"),
        amount: reader.i128("amount"),
      };
    case "funding":
    case "funding-payment":
      return readFundingEvent(reader, kind);
    case "market-mode":
      return {
        ...{ kind, market: reader.u16("market") },
        ...{ from: readMode(reader, "from"), to: readMode(reader, "to") },
      };
    case "market-terms":
      return {
        ...{ kind, market: reader.u16("market"), step: readChoice(reader, "step", TERMS_STEPS) },
        ...{ fromMs: reader.u64("fromMs"), opens: reader.bool("opens") },
        amounts: readAmounts(reader, "amounts"),
      };
    case "liquidation":
    case "close-out":
    case "order-cancelled":
    case "deficit":
      return readLadderEvent(reader, kind);
    default:
      return unreachable(kind);
  }
}

function readFundingEvent(
  reader: Reader,
  kind: "funding" | "funding-payment",
): Kind<"funding" | "funding-payment"> {
  if (kind === "funding") {
    return {
      kind,
      market: reader.u16("market"),
      interval: reader.u64("interval"),
      rate: reader.i128("rate"),
      price: reader.i128("price"),
      samples: reader.u32("samples"),
      index: reader.i128("index"),
    };
  }
  return {
    kind,
    account: reader.hex32("account"),
    market: reader.u16("market"),
    size: reader.i128("size"),
    amount: reader.i128("amount"),
    dust: reader.i128("dust"),
  };
}

function readStage(reader: Reader): Kind<"stage"> {
  return {
    kind: "stage",
    account: reader.hex32("account"),
    from: readChoice(reader, "from", STAGES),
    to: readChoice(reader, "to", STAGES),
    equity: reader.i128("equity"),
    initialMargin: reader.i128("initialMargin"),
    maintenanceMargin: reader.i128("maintenanceMargin"),
    deadlineMs: reader.u64("deadlineMs"),
  };
}

function readLadderEvent(
  reader: Reader,
  kind: "liquidation" | "close-out" | "order-cancelled" | "deficit",
): MarginEvent {
  const account = reader.hex32("account");
  switch (kind) {
    case "liquidation":
      return {
        kind,
        account,
        market: reader.u16("market"),
        size: reader.i128("size"),
        limit: reader.i128("limit"),
        filled: reader.i128("filled"),
        fee: reader.i128("fee"),
      };
    case "close-out":
      return {
        kind,
        account,
        market: reader.u16("market"),
        size: reader.i128("size"),
        price: reader.i128("price"),
        against: reader.list("against", PARTIES_MAX, (input, field) => ({
          account: input.hex32(`${field}.account`),
          size: input.i128(`${field}.size`),
        })),
      };
    case "order-cancelled":
      return {
        kind,
        account,
        market: reader.u16("market"),
        clientId: reader.u64("clientId"),
        size: reader.i128("size"),
        reason: readChoice(reader, "reason", REASONS),
      };
    case "deficit":
      return {
        kind,
        account,
        deficit: reader.i128("deficit"),
        paidByFund: reader.i128("paidByFund"),
        paidByCut: reader.i128("paidByCut"),
        cuts: reader.list("cuts", PARTIES_MAX, (input, field) => ({
          account: input.hex32(`${field}.account`),
          amount: input.i128(`${field}.amount`),
        })),
      };
    default:
      return unreachable(kind);
  }
}
