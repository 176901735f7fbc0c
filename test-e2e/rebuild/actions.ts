import { flag, i128, join, key, type Scanner, u8, u16, u32, u64 } from "../stranger/layout.ts";
import type { Action, Quote } from "./model/world.ts";

export function choice<T>(scanner: Scanner, choices: readonly T[], what: string): T {
  const byte = scanner.u8();
  const chosen = choices[byte];
  if (chosen === undefined) throw new Error(`${byte} is no ${what}`);
  return chosen;
}

const SIDES = ["buy", "sell"] as const;
const TIMES_IN_FORCE = ["gtc", "ioc", "post-only", "fok", "gtt"] as const;
const SELF_TRADES = ["cancel-maker", "cancel-taker", "cancel-both", "decrement"] as const;
const KINDS = ["place", "cancel", "withdraw", "stake", "cancel-all", "quote"] as const;

export function scanAction(scanner: Scanner): Action {
  const kind = choice(scanner, KINDS, "action");
  switch (kind) {
    case "place":
      return {
        kind,
        market: scanner.u16(),
        clientId: scanner.u64(),
        side: choice(scanner, SIDES, "side"),
        size: scanner.i128(),
        price: scanner.i128(),
        timeInForce: choice(scanner, TIMES_IN_FORCE, "time in force"),
        reduceOnly: scanner.flag(),
        selfTrade: choice(scanner, SELF_TRADES, "self-trade mode"),
        untilMs: scanner.u64(),
      };
    case "cancel":
      return { kind, market: scanner.u16(), clientId: scanner.u64() };
    case "withdraw":
      return { kind, amount: scanner.i128() };
    case "stake":
      return { kind, owner: scanner.key(), amount: scanner.i128() };
    case "cancel-all":
      return { kind };
    case "quote":
      return { kind, market: scanner.u16(), quotes: scanQuotes(scanner) };
  }
}

export function actionBytes(action: Action): Uint8Array {
  switch (action.kind) {
    case "place":
      return join(
        u8(0),
        u16(action.market),
        u64(action.clientId),
        u8(SIDES.indexOf(action.side)),
        i128(action.size),
        i128(action.price),
        u8(TIMES_IN_FORCE.indexOf(action.timeInForce)),
        flag(action.reduceOnly),
        u8(SELF_TRADES.indexOf(action.selfTrade)),
        u64(action.untilMs),
      );
    case "cancel":
      return join(u8(1), u16(action.market), u64(action.clientId));
    case "withdraw":
      return join(u8(2), i128(action.amount));
    case "stake":
      return join(u8(3), key(action.owner), i128(action.amount));
    case "cancel-all":
      return u8(4);
    case "quote":
      return join(
        u8(5),
        u16(action.market),
        u32(action.quotes.length),
        ...action.quotes.flatMap(({ clientId, side, size, price }) => [
          u64(clientId),
          u8(SIDES.indexOf(side)),
          i128(size),
          i128(price),
        ]),
      );
  }
}

function scanQuotes(scanner: Scanner): Quote[] {
  const length = scanner.u32();
  if (length > 32) throw new Error(`${length} orders in one mass quote`);
  return Array.from({ length }, () => ({
    clientId: scanner.u64(),
    side: choice(scanner, SIDES, "side"),
    size: scanner.i128(),
    price: scanner.i128(),
  }));
}
