import type { Digest } from "../../src/kernel/scalars.ts";
import { bundleSigningBytes, encodeTransaction } from "../../src/ledger/transaction.ts";
import type { MarginAction } from "../../src/margin/types.ts";
import { ACCOUNTS, accountKey } from "./birth.ts";
import type { Random } from "./random.ts";
import type { Keyring } from "./schemes.ts";

export interface Workload {
  /** The next client's transaction. */
  bundle(): Uint8Array;
  /** What a client may want at this moment. */
  action(): MarginAction;
  /** Of whichever account: what one has signed, no other uses again. */
  nonce(): number;
  /** What a node's price source says at a slot; every node has its own noise. */
  price(slot: number): bigint;
}

/** A trickle of trades around a price that wanders, jumping at times so that ladders run. */
export function createWorkload(keyring: Keyring, chainId: Digest, random: Random): Workload {
  const prices = new Map<number, bigint>([[0, 100_000n]]);
  const noise = random.fork(1);
  const walk = random.fork(2);
  let nonces = 0;

  const indexAt = (slot: number): bigint => {
    const known = prices.get(slot);
    if (known !== undefined) return known;
    const before = indexAt(slot - 1);
    const span = walk.chance(0.1) ? 4_000 : 300;
    const next = before + BigInt(walk.integer(-span, span));
    prices.set(slot, next < 10_000n ? 10_000n : next);
    return next;
  };

  const action = (): MarginAction => {
    const roll = random.next();
    if (roll < 0.1) return { kind: "withdraw", amount: BigInt(random.integer(1, 1_000_000)) };
    if (roll < 0.2) return { kind: "cancel", market: 0, clientId: random.integer(1, 50) };
    const newest = prices.get(prices.size - 1) ?? 100_000n;
    return {
      kind: "place",
      market: 0,
      clientId: random.integer(1, 1_000),
      side: random.chance(0.5) ? "buy" : "sell",
      size: BigInt(random.integer(1, 900)),
      price: newest + BigInt(random.integer(-500, 500)),
      timeInForce: random.pick(["gtc", "gtc", "ioc", "post-only"] as const),
      reduceOnly: random.chance(0.05),
      selfTrade: "cancel-maker",
      untilMs: 0,
    };
  };

  const nextNonce = () => {
    nonces += 1;
    return nonces;
  };

  return {
    action,
    nonce: nextNonce,
    bundle() {
      const nonce = nextNonce();
      const account = accountKey(keyring, random.integer(0, ACCOUNTS - 1));
      const actions = Array.from({ length: random.integer(1, 4) }, action);
      const fields = { kind: "bundle", account, nonce, actions } as const;
      const signature = keyring.sign(account, bundleSigningBytes(chainId, fields));
      return encodeTransaction({ ...fields, signature });
    },
    price(slot) {
      return indexAt(slot) + BigInt(noise.integer(-20, 20));
    },
  };
}
