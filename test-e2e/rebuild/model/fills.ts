import { abs, min, sign } from "./arithmetic.ts";
import { value } from "./numbers.ts";
import { lockGain, settle } from "./settlement.ts";
import { type Account, getPosition, type Market, type World } from "./world.ts";

/** One account's side of a fill (§3): `change` lots, signed, at `price`. */
export function fill(
  world: World,
  account: Account,
  { market, change, price }: { market: Market; change: bigint; price: bigint },
): void {
  settle(world, account, market);
  const position = getPosition(account, market.rules.id);
  account.balance -= value(market, change, price);
  const direction = sign(position.size);
  let opening = change;
  if (direction !== 0n && direction !== sign(change)) {
    const closing = min(abs(change), abs(position.size));
    // BigInt division rounds towards zero, as §3 wants.
    const part = (position.cost * closing) / abs(position.size);
    const gain = value(market, direction * closing, price) - part;
    position.size += sign(change) * closing;
    position.cost -= part;
    opening = change - sign(change) * closing;
    if (gain > 0n) lockGain(world, account, gain);
  }
  position.size += opening;
  position.cost += value(market, opening, price);
}
