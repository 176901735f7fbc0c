import { sha256, sha256Hex } from "../../src/crypto/sha256.ts";
import { asciiBytes } from "../../src/kernel/bytes.ts";
import { Writer } from "../../src/kernel/codec.ts";
import { leafKeys } from "../../src/ledger/leaves.ts";
import { encodeNonces, NONCE_WINDOW, useNonce } from "../../src/ledger/nonces.ts";
import {
  accountKey,
  encodeAccount,
  encodeOrder,
  encodePosition,
  orderKey,
  positionKey,
} from "../../src/margin/leaves.ts";
import { EMPTY_ACCOUNT } from "../../src/margin/state.ts";
import type { LeafChange, MarketParameters } from "../../src/margin/types.ts";
import type { Random } from "../margin/random.ts";

/** What the generated accounts add to the chain's own leaves. */
export interface LargeTotals {
  accounts: number;
  leaves: number;
  balances: bigint;
  /** Orders so far, by market. */
  readonly sequences: number[];
}

export function accountName(index: number): string {
  return sha256Hex(asciiBytes(`large account ${index}`));
}

/**
 * Leaves of two accounts with opposite positions in one to three markets, up to two open orders
 * each, and the used nonces of few or many bundles: 60 % have up to 16, 30 % up to 128, 10 % up to
 * the whole window.
 */
export function pairOfAccounts(
  random: Random,
  markets: readonly { readonly parameters: MarketParameters; readonly price: bigint }[],
  totals: LargeTotals,
): LeafChange[] {
  const leaves: LeafChange[] = [];
  const pair = [accountName(totals.accounts), accountName(totals.accounts + 1)] as const;
  const balances = [0n, 0n];
  const first = random.between(0, markets.length - 1);
  const count = random.between(1, Math.min(3, markets.length));
  for (let step = 0; step < count; step += 1) {
    const id = (first + step) % markets.length;
    const market = markets[id];
    if (market === undefined) continue;
    const size = BigInt(random.between(1, 40));
    const cost = size * market.price * market.parameters.microUsdPerLotTick;
    [1n, -1n].forEach((sign, side) => {
      const key = pair[side] ?? "";
      const position = { size: sign * size, cost: sign * cost, fundingIndex: 0n };
      leaves.push({ key: positionKey(id, key), value: encodePosition(position) });
      // Between 1.2 and 10 times the initial margin is free.
      const free = (cost * BigInt(random.between(48, 400))) / 1_000n;
      balances[side] = (balances[side] ?? 0n) - sign * cost + free;
    });
  }
  pair.forEach((key, side) => {
    leaves.push(...ordersOf(random, key, markets, totals));
    const balance = balances[side] ?? 0n;
    totals.balances += balance;
    leaves.push({ key: accountKey(key), value: encodeAccount({ ...EMPTY_ACCOUNT, balance }) });
    leaves.push({ key: leafKeys.nonce(`bundle/${key}`), value: noncesOf(random) });
  });
  totals.accounts += 2;
  totals.leaves += leaves.length;
  return leaves;
}

function ordersOf(
  random: Random,
  account: string,
  markets: readonly { readonly price: bigint }[],
  { sequences }: LargeTotals,
): LeafChange[] {
  const count = Math.max(0, random.between(-3, 2));
  return Array.from({ length: count }, (_, index) => {
    const market = random.between(0, markets.length - 1);
    const side = random.pick(["buy", "sell"] as const);
    const away = BigInt(random.between(5, 90));
    const price = (markets[market]?.price ?? 0n) + (side === "buy" ? -away : away);
    const sequence = sequences[market] ?? 0;
    sequences[market] = sequence + 1;
    const terms = { market, account, clientId: index + 1, side, size: 1n, price };
    const rest = { timeInForce: "gtc", reduceOnly: false, sequence, untilMs: 0 } as const;
    const order = { ...terms, ...rest };
    return { key: orderKey(order), value: encodeOrder(order) };
  });
}

const id = sha256Hex(asciiBytes("large transaction"));

function noncesOf(random: Random): Uint8Array {
  const kind = random.between(0, 9);
  let used = random.between(1, 16);
  if (kind >= 6) used = random.between(17, 128);
  if (kind === 9) used = random.between(256, NONCE_WINDOW);
  const highest = random.between(NONCE_WINDOW, 2 * NONCE_WINDOW);
  const window = useNonce(undefined, highest, id);
  for (let back = 0; back < used; back += 1) {
    window.slots[(highest - back) % NONCE_WINDOW] = random.between(1, 0xffff_ffff);
  }
  return encodeNonces(window);
}

/** A leaf as it stands in chunks, and the hash of its key. */
export function recordOf({ key, value }: LeafChange): { hash: Uint8Array; record: Uint8Array } {
  const text = new Writer().text(key).finish();
  const record = new Writer()
    .text(key)
    .bytes(value ?? new Uint8Array())
    .finish();
  return { hash: sha256(text), record };
}
