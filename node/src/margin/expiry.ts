import { accountOf, cancelByEngine, type Draft } from "./draft.ts";
import { EXPIRIES_PER_BLOCK_MAX } from "./limits.ts";
import type { ExpiringOrder, OpenOrder } from "./open-order.ts";

/** An order whose time is over trades no more, even where no block has taken it out yet. */
export function isExpired(order: OpenOrder, nowMs: number): boolean {
  return order.untilMs > 0 && order.untilMs <= nowMs;
}

/** Takes orders out of the book whose time is over (node/spec/margin.md §8.4). */
export function expireOrders(draft: Draft): void {
  let expired = 0;
  for (const { untilMs, market, sequence, account } of draft.before.expiring) {
    if (untilMs > draft.nowMs || expired === EXPIRIES_PER_BLOCK_MAX) return;
    // The ladder may have taken it out in this block.
    const order = accountOf(draft, account).orders.find(
      (open) => open.market === market && open.sequence === sequence,
    );
    if (order === undefined) continue;
    cancelByEngine(draft, order, "expired");
    expired += 1;
  }
}

/** The first to leave first; no two are equal. */
export function byExpiry(one: ExpiringOrder, two: ExpiringOrder): number {
  return one.untilMs - two.untilMs || one.market - two.market || one.sequence - two.sequence;
}

/** The list of the state before, with what the block changed: one pass, whatever left. */
export function expiringAfter(draft: Draft): readonly ExpiringOrder[] {
  const { before, orderChanges } = draft;
  const changes = Array.from(orderChanges.values()).filter(({ order }) => order.untilMs > 0);
  if (changes.length === 0) return before.expiring;
  const kept = before.expiring.filter(
    ({ market, sequence }) => !orderChanges.has(`${market}/${sequence}`),
  );
  const open = changes.flatMap(({ order, open: isOpen }) => (isOpen ? [nameOf(order)] : []));
  return [...kept, ...open].sort(byExpiry);
}

export function nameOf({ untilMs, market, sequence, account }: OpenOrder): ExpiringOrder {
  return { untilMs, market, sequence, account };
}
