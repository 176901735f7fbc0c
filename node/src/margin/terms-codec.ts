import { DecodeError, Reader, Writer } from "../kernel/codec.ts";
import { readChoice, writeChoice } from "./leaves.ts";
import type { Terms } from "./state.ts";
import { type AmountChange, MARKET_AMOUNTS, type MarketAct, type MarketMode } from "./types.ts";

/** In the order of their bytes. */
export const MARKET_MODES = ["open", "reduce-only", "paused"] as const satisfies MarketMode[];

export function writeMode(writer: Writer, mode: MarketMode): void {
  writeChoice(writer, MARKET_MODES, mode);
}

/** @throws DecodeError. */
export function readMode(reader: Reader, field: string): MarketMode {
  return readChoice(reader, field, MARKET_MODES);
}

/** Each by its place in MARKET_AMOUNTS. */
export function writeAmounts(writer: Writer, amounts: readonly AmountChange[]): void {
  writer.list(amounts, (out, { name, value }) => {
    writeChoice(out, MARKET_AMOUNTS, name);
    out.i128(value);
  });
}

/** @throws DecodeError where they are not in the order of MARKET_AMOUNTS, each once. */
export function readAmounts(reader: Reader, field: string): readonly AmountChange[] {
  let last = -1;
  return reader.list(field, MARKET_AMOUNTS.length, (input, at) => {
    const name = readChoice(input, `${at}.name`, MARKET_AMOUNTS);
    const place = MARKET_AMOUNTS.indexOf(name);
    if (place <= last) throw new DecodeError(`${at}.name`, `${name} is out of order`);
    last = place;
    return { name, value: input.i128(`${at}.value`) };
  });
}

const ACT_KINDS = ["restrict", "schedule", "cancel"] as const satisfies MarketAct["kind"][];

export function writeMarketAct(writer: Writer, act: MarketAct): void {
  writeChoice(writer, ACT_KINDS, act.kind);
  if (act.kind === "restrict") writeMode(writer, act.mode);
  if (act.kind !== "schedule") return;
  writer.bool(act.opens);
  writeAmounts(writer, act.amounts);
}

/** @throws DecodeError. */
export function readMarketAct(reader: Reader, field: string): MarketAct {
  const kind = readChoice(reader, `${field}.kind`, ACT_KINDS);
  if (kind === "cancel") return { kind };
  if (kind === "schedule") {
    const opens = reader.bool(`${field}.opens`);
    return { kind, opens, amounts: readAmounts(reader, `${field}.amounts`) };
  }
  const mode = readMode(reader, `${field}.mode`);
  if (mode === "open") throw new DecodeError(`${field}.mode`, "open is no restriction");
  return { kind, mode };
}

export function encodeTerms({ mode, scheduled }: Terms): Uint8Array {
  const writer = new Writer();
  writeMode(writer, mode);
  writer.bool(scheduled !== undefined);
  if (scheduled === undefined) return writer.finish();
  const { fromMs, opens, amounts, noticedMs, initialBefore } = scheduled;
  writer.u64(fromMs).u64(noticedMs).i128(initialBefore).bool(opens);
  writeAmounts(writer, amounts);
  return writer.finish();
}

/** @throws DecodeError on bytes that no encoder writes. */
export function decodeTerms(bytes: Uint8Array): Terms {
  const reader = new Reader(bytes);
  const mode = readMode(reader, "mode");
  const scheduled = reader.bool("scheduled")
    ? {
        fromMs: reader.u64("fromMs"),
        noticedMs: reader.u64("noticedMs"),
        initialBefore: reader.i128("initialBefore"),
        opens: reader.bool("opens"),
        amounts: readAmounts(reader, "amounts"),
      }
    : undefined;
  reader.end();
  return { mode, scheduled };
}
