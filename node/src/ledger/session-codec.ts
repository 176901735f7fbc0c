import { DecodeError, Reader, Writer } from "../kernel/codec.ts";
import type { Session } from "./state.ts";
import type { SessionScope } from "./types.ts";

/** Decoder's bound; the genesis field `sessionsMax` may be lower. */
export const SESSIONS_MAX = 64;
/** Markets that one session may name; one without a list trades in all. */
const MARKETS_NAMED_MAX = 64;

/** u8 actions (1 place, 2 cancel, 3 both), list u16 of markets, i128 lots, i128 micro-USD. */
export function writeScope(writer: Writer, scope: SessionScope): void {
  writer.u8((scope.place ? 1 : 0) + (scope.cancel ? 2 : 0));
  writer.list(scope.markets, (out, market) => out.u16(market));
  writer.i128(scope.orderLotsMax).i128(scope.orderNotionalMax);
}

/** @throws DecodeError on a scope that allows nothing, and on one that has a second encoding. */
export function readScope(reader: Reader, field: string): SessionScope {
  const actions = reader.u8(`${field}.actions`);
  if (actions < 1 || actions > 3) {
    throw new DecodeError(`${field}.actions`, `${actions} is not 1 (place), 2 (cancel) or 3`);
  }
  const markets = reader.list(`${field}.markets`, MARKETS_NAMED_MAX, (input, name) =>
    input.u16(name),
  );
  if (markets.some((market, at) => at > 0 && market <= (markets[at - 1] ?? 0))) {
    throw new DecodeError(`${field}.markets`, "markets do not ascend");
  }
  const bounds = {
    orderLotsMax: reader.i128(`${field}.orderLotsMax`),
    orderNotionalMax: reader.i128(`${field}.orderNotionalMax`),
  };
  if (bounds.orderLotsMax < 0n || bounds.orderNotionalMax < 0n) {
    throw new DecodeError(`${field}.orderLotsMax`, "a bound is below 0");
  }
  return { place: actions % 2 === 1, cancel: actions >= 2, markets, ...bounds };
}

/** Leaf of an account: its sessions, oldest first. */
export function encodeSessions(sessions: readonly Session[]): Uint8Array {
  const writer = new Writer().list(sessions, (out, { id, key, expiresMs, scope }) => {
    out.hex32(id).hex32(key).u64(expiresMs);
    writeScope(out, scope);
  });
  return writer.finish();
}

export function decodeSessions(bytes: Uint8Array): readonly Session[] {
  const reader = new Reader(bytes);
  const sessions = reader.list("sessions", SESSIONS_MAX, (input, field) => ({
    id: input.hex32(`${field}.id`),
    key: input.hex32(`${field}.key`),
    expiresMs: input.u64(`${field}.expiresMs`),
    scope: readScope(input, `${field}.scope`),
  }));
  reader.end();
  if (sessions.length === 0) throw new DecodeError("sessions", "an account without has no leaf");
  return sessions;
}
