import { i128, join, list, type Scanner, u8 } from "../stranger/layout.ts";
import { choice } from "./actions.ts";
import { type Act, MARKET_NUMBERS } from "./model/world.ts";

export interface MarketTerms {
  readonly kind: "market-terms";
  readonly market: number;
  readonly nonce: number;
  readonly untilMs: number;
  readonly act: Act;
  readonly signatures: readonly { readonly author: string; readonly signature: Uint8Array }[];
}

const MODES = ["open", "reduce-only", "paused"] as const;

/** Throws for bytes that are no act of market-terms (encoding.md, Transactions). */
export function scanAct(scanner: Scanner, market: number): Act {
  const kind = choice(scanner, ["restrict", "schedule", "cancel"] as const, "act");
  if (kind === "cancel") return { kind, market };
  if (kind === "restrict") {
    const mode = choice(scanner, MODES, "mode");
    if (mode === "open") throw new Error("open is no restriction");
    return { kind, market, mode };
  }
  const opens = scanner.flag();
  const amounts = scanner.list(() => {
    return { name: choice(scanner, MARKET_NUMBERS, "number"), value: scanner.i128() };
  });
  const places = amounts.map(({ name }) => MARKET_NUMBERS.indexOf(name));
  if (places.some((place, at) => at > 0 && place <= (places[at - 1] ?? 0))) {
    throw new Error("numbers out of order");
  }
  return { kind, market, opens, amounts };
}

export function actBytes(act: Act): Uint8Array {
  if (act.kind === "cancel") return u8(2);
  if (act.kind === "restrict") return join(u8(0), u8(MODES.indexOf(act.mode)));
  const amounts = list(act.amounts, ({ name, value }) =>
    join(u8(MARKET_NUMBERS.indexOf(name)), i128(value)),
  );
  return join(u8(1), u8(act.opens ? 1 : 0), amounts);
}
