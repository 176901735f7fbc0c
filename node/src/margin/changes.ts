import { compareText } from "../kernel/bytes.ts";
import type { PublicKey } from "../kernel/scalars.ts";
import type { Draft } from "./draft.ts";
import {
  accountKey,
  CAPS_KEY,
  encodeAccount,
  encodeCaps,
  encodeFund,
  encodeFunding,
  encodeMarket,
  encodeOrder,
  encodePosition,
  FUND_KEY,
  fundingKey,
  marketKey,
  orderKey,
  positionKey,
  termsKey,
} from "./leaves.ts";
import type { Account, MarginState } from "./state.ts";
import { encodeTerms } from "./terms-codec.ts";
import type { LeafChange } from "./types.ts";

/** The leaves that a block changed, sorted by key. */
export function changedLeaves(draft: Draft, next: MarginState): readonly LeafChange[] {
  const { before } = draft;
  const leaves = new Map<string, Uint8Array | undefined>();
  for (const key of draft.touched) {
    const account = next.accounts.get(key);
    if (account === undefined) continue;
    leaves.set(accountKey(key), encodeAccount(account));
    changedPositions(leaves, key, before.accounts.get(key), account);
  }
  orderLeaves(leaves, draft);
  next.markets.forEach((market, id) => {
    const old = before.markets[id];
    if (old?.funding !== market.funding) leaves.set(fundingKey(id), encodeFunding(market.funding));
    if (old?.terms !== market.terms) leaves.set(termsKey(id), encodeTerms(market.terms));
    const isSame = old?.oracle === market.oracle && old.parameters === market.parameters;
    if (isSame && old.nextSequence === market.nextSequence) return;
    leaves.set(marketKey(id), encodeMarket(market));
  });
  if (before.fund !== next.fund || before.totalDebt !== next.totalDebt) {
    leaves.set(FUND_KEY, encodeFund(next));
  }
  if (before.caps !== next.caps) leaves.set(CAPS_KEY, encodeCaps(next.caps));
  return sorted(leaves);
}

function changedPositions(
  leaves: Map<string, Uint8Array | undefined>,
  key: PublicKey,
  old: Account | undefined,
  account: Account,
): void {
  if (old?.positions === account.positions) return;
  for (const { market } of old?.positions ?? []) leaves.set(positionKey(market, key), undefined);
  for (const position of account.positions) {
    leaves.set(positionKey(position.market, key), encodePosition(position));
  }
}

/** A client id may leave and return within one block: removals first, then what is open. */
function orderLeaves(leaves: Map<string, Uint8Array | undefined>, draft: Draft): void {
  for (const { order, open } of draft.orderChanges.values()) {
    const hadLeaf = order.sequence < (draft.before.markets[order.market]?.nextSequence ?? 0);
    if (!open && hadLeaf) leaves.set(orderKey(order), undefined);
  }
  for (const { order, open } of draft.orderChanges.values()) {
    if (open) leaves.set(orderKey(order), encodeOrder(order));
  }
}

/** Every leaf of a state, sorted by key. */
export function stateLeaves(state: MarginState): readonly LeafChange[] {
  const leaves = new Map<string, Uint8Array | undefined>([
    [FUND_KEY, encodeFund(state)],
    [CAPS_KEY, encodeCaps(state.caps)],
  ]);
  for (const [key, account] of state.accounts) {
    leaves.set(accountKey(key), encodeAccount(account));
    for (const position of account.positions) {
      leaves.set(positionKey(position.market, key), encodePosition(position));
    }
    for (const order of account.orders) leaves.set(orderKey(order), encodeOrder(order));
  }
  state.markets.forEach((market, id) => {
    leaves.set(marketKey(id), encodeMarket(market));
    leaves.set(fundingKey(id), encodeFunding(market.funding));
    leaves.set(termsKey(id), encodeTerms(market.terms));
  });
  return sorted(leaves);
}

function sorted(leaves: ReadonlyMap<string, Uint8Array | undefined>): readonly LeafChange[] {
  return Array.from(leaves, ([key, value]) => ({ key, value })).sort((one, two) =>
    compareText(one.key, two.key),
  );
}
