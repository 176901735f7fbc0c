import { flag, i128, join, key, type Scanner, u8, u16, u64 } from "../stranger/layout.ts";
import type { Action } from "./model/world.ts";

export function choice<T>(scanner: Scanner, choices: readonly T[], what: string): T {
  const byte = scanner.u8();
  const chosen = choices[byte];
  if (chosen === undefined) throw new Error(`${byte} is no ${what}`);
  return chosen;
}

const SIDES = ["buy", "sell"] as const;
const TIMES_IN_FORCE = ["gtc", "ioc", "post-only"] as const;

export function scanAction(scanner: Scanner): Action {
  const kind = choice(scanner, ["place", "cancel", "withdraw", "stake"] as const, "action");
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
      };
    case "cancel":
      return { kind, market: scanner.u16(), clientId: scanner.u64() };
    case "withdraw":
      return { kind, amount: scanner.i128() };
    case "stake":
      return { kind, owner: scanner.key(), amount: scanner.i128() };
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
      );
    case "cancel":
      return join(u8(1), u16(action.market), u64(action.clientId));
    case "withdraw":
      return join(u8(2), i128(action.amount));
    case "stake":
      return join(u8(3), key(action.owner), i128(action.amount));
  }
}
