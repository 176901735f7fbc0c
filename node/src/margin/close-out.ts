import { absolute } from "../kernel/fixed-point.ts";
import type { PublicKey } from "../kernel/scalars.ts";
import { accountOf, type Draft, fill, putAccount } from "./draft.ts";
import { payDeficit } from "./insurance-fund.ts";
import { marketOf, positionSize } from "./margin-requirement.ts";
import { share, type Weighted } from "./share.ts";
import type { Position } from "./state.ts";
import type { Lots, MarketId } from "./types.ts";

/**
 * Closes every position of the account against opposite positions at the index price, pro rata to
 * their sizes; flat accounts take no part. What the account then lacks is its deficit.
 */
export function closeOut(draft: Draft, key: PublicKey): void {
  const account = accountOf(draft, key);
  putAccount(draft, key, { ...account, misses: 0 });
  for (const position of account.positions) closePosition(draft, key, position);
  payDeficit(draft, key);
}

function closePosition(draft: Draft, key: PublicKey, { market, size }: Position): void {
  const { price } = marketOf(draft.markets, market).oracle;
  const parts = share(absolute(size), oppositeHolders(draft, market, size));
  const direction = size > 0n ? 1n : -1n;
  for (const part of parts) {
    fill(draft, part.account, { market, delta: direction * part.amount, price });
  }
  fill(draft, key, { market, delta: -size, price });
  const against = parts.map(({ account, amount }) => ({ account, size: amount }));
  draft.events.push({ kind: "close-out", account: key, market, size, price, against });
}

function oppositeHolders(draft: Draft, market: MarketId, size: Lots): Weighted[] {
  const holders: Weighted[] = [];
  for (const [account, record] of draft.accounts) {
    const held = positionSize(record, market);
    if (held * size < 0n) holders.push({ account, weight: absolute(held) });
  }
  return holders;
}
