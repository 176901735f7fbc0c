import { isHex } from "@quorate/node/kernel/bytes";
import type { Digest, MicroUsd, Millis, PublicKey } from "@quorate/node/kernel/scalars";
import {
  bundleSigningBytes,
  encodeTransaction,
  sessionBundleSigningBytes,
  TRANSACTION_BYTES_MAX,
  transactionId,
} from "@quorate/node/ledger/transaction";
import { QUOTES_MAX } from "@quorate/node/margin/limits";
import type {
  Lots,
  MarginAction,
  MarketId,
  Quote,
  SelfTradeMode,
  Side,
  Ticks,
  TimeInForce,
} from "@quorate/node/margin/types";
import type { AccountKey } from "./account-key.ts";
import { InputError } from "./errors.ts";
import type { NonceSource } from "./nonces.ts";

export interface BundleOptions {
  readonly chainId: Digest;
  readonly account: AccountKey;
  readonly nonces: NonceSource;
  /** Genesis parameter `margin.bundleActionsMax`. */
  readonly actionsMax: number;
  /** Where `account` is the key of a session (session.ts): whose, and which. */
  readonly session?: { readonly account: PublicKey; readonly id: Digest };
}

export interface PlaceOrder {
  readonly market: MarketId;
  /** Chosen by the account; unique among its open orders. */
  readonly clientId: number;
  readonly side: Side;
  /** Lots, above 0. */
  readonly size: Lots;
  /** Limit in ticks, above 0. */
  readonly price: Ticks;
  /** Default "gtc". */
  readonly timeInForce?: TimeInForce;
  /** Default false. */
  readonly reduceOnly?: boolean;
  /** What happens where it meets an order of the same account. Default "cancel-maker". */
  readonly selfTrade?: SelfTradeMode;
  /** Block time at which a "gtt" order leaves the book; for no other. */
  readonly untilMs?: Millis;
}

export interface MassQuote {
  readonly market: MarketId;
  readonly quotes: readonly Quote[];
}

/** A signed bundle: send `bytes`, and send the same bytes again whenever the answer is lost. */
export interface SignedBundle {
  readonly bytes: Uint8Array;
  readonly id: Digest;
  readonly nonce: number;
}

/** Actions of one account under one signature. A wrong action throws InputError at once. */
export class Bundle {
  readonly #options: BundleOptions;
  readonly #actions: MarginAction[] = [];

  constructor(options: BundleOptions) {
    this.#options = options;
  }

  get length(): number {
    return this.#actions.length;
  }

  place(order: PlaceOrder): this {
    return this.add(placeAction(order, this.#field("")));
  }

  /** Cancels every open order of the account, in all markets. */
  cancelAll(): this {
    return this.add({ kind: "cancel-all" });
  }

  /**
   * Mass quote: post-only orders that stand in for all open orders of the account in this market.
   * None: only the cancels.
   */
  quote({ market, quotes }: MassQuote): this {
    checkMarket(market, this.#field("market"));
    if (quotes.length > QUOTES_MAX) {
      const fix = `quote at most ${QUOTES_MAX} orders at once, not ${quotes.length}`;
      throw input("QUOTES_TOO_MANY", this.#field("quotes"), fix);
    }
    for (const { clientId, size, price } of quotes) {
      checkClientId(clientId, this.#field("clientId"));
      checkAmount(size, this.#field("size"), "lots");
      checkAmount(price, this.#field("price"), "ticks");
    }
    return this.add({ kind: "quote", market, quotes });
  }

  cancel(order: { readonly market: MarketId; readonly clientId: number }): this {
    return this.add(cancelAction(order, this.#field("")));
  }

  withdraw(amount: MicroUsd): this {
    checkAmount(amount, this.#field("amount"), "micro-USD");
    return this.add({ kind: "withdraw", amount });
  }

  /**
   * Moves money to an owner's treasury. Where candidates are open an account that names itself
   * becomes an owner by it, if it stakes the fee and the least bond at once.
   */
  stake(stake: { readonly owner: PublicKey; readonly amount: MicroUsd }): this {
    const { owner, amount } = stake;
    if (!isHex(owner, 32)) {
      const fix = "an owner is a public key of 64 lower-case hex characters";
      throw input("OWNER_MALFORMED", this.#field("owner"), fix);
    }
    checkAmount(amount, this.#field("amount"), "micro-USD");
    return this.add({ kind: "stake", owner, amount });
  }

  /** An action that was checked before. */
  add(action: MarginAction): this {
    const { actionsMax } = this.#options;
    if (this.#actions.length >= actionsMax) {
      const fix = `this chain takes at most ${actionsMax} actions in a bundle`;
      throw input("BUNDLE_FULL", "actions", fix);
    }
    this.#actions.push(action);
    return this;
  }

  /** Takes a fresh nonce and signs: each call makes another transaction, so keep it to resend. */
  sign(): SignedBundle {
    const { nonces } = this.#options;
    if (this.#actions.length === 0) {
      throw input("BUNDLE_EMPTY", "actions", "add at least one action");
    }
    const nonce = nonces.next();
    const bytes = this.#signed(nonce);
    if (bytes.length > TRANSACTION_BYTES_MAX) {
      const fix = `it has ${bytes.length} bytes, at most ${TRANSACTION_BYTES_MAX} are taken`;
      throw input("BUNDLE_TOO_LARGE", "actions", fix);
    }
    return { bytes, id: transactionId(bytes), nonce };
  }

  #signed(nonce: number): Uint8Array {
    const { chainId, account, session } = this.#options;
    const actions = [...this.#actions];
    if (session !== undefined) {
      const { account: of, id } = session;
      const fields = { kind: "session-bundle", account: of, session: id, nonce, actions } as const;
      const signature = account.sign(sessionBundleSigningBytes(chainId, fields));
      return encodeTransaction({ ...fields, signature });
    }
    const fields = { kind: "bundle", account: account.publicKey, nonce, actions } as const;
    const signature = account.sign(bundleSigningBytes(chainId, fields));
    return encodeTransaction({ ...fields, signature });
  }

  #field(name: string): string {
    return `actions[${this.#actions.length}].${name}`;
  }
}

/** An order as an action; throws InputError with `prefix` before the field's name. */
export function placeAction(order: PlaceOrder, prefix: string): MarginAction {
  checkMarket(order.market, `${prefix}market`);
  checkClientId(order.clientId, `${prefix}clientId`);
  checkAmount(order.size, `${prefix}size`, "lots");
  checkAmount(order.price, `${prefix}price`, "ticks");
  return {
    kind: "place",
    market: order.market,
    clientId: order.clientId,
    side: order.side,
    size: order.size,
    price: order.price,
    timeInForce: order.timeInForce ?? "gtc",
    reduceOnly: order.reduceOnly ?? false,
    selfTrade: order.selfTrade ?? "cancel-maker",
    untilMs: order.untilMs ?? 0,
  };
}

/** As `placeAction`. */
export function cancelAction(
  order: { readonly market: MarketId; readonly clientId: number },
  prefix: string,
): MarginAction {
  checkMarket(order.market, `${prefix}market`);
  checkClientId(order.clientId, `${prefix}clientId`);
  return { kind: "cancel", market: order.market, clientId: order.clientId };
}

function input(code: string, field: string, fix: string): InputError {
  return new InputError({ code, field, fix });
}

/** Greatest value of the canonical layout's signed 128-bit integers. */
const AMOUNT_MAX = 2n ** 127n - 1n;

function checkAmount(amount: bigint, field: string, unit: string): void {
  if (amount >= 1n && amount <= AMOUNT_MAX) return;
  throw input("AMOUNT_OUT_OF_RANGE", field, `give at least 1 ${unit}, not ${amount}`);
}

function checkMarket(market: MarketId, field: string): void {
  if (Number.isInteger(market) && market >= 0 && market <= 0xffff) return;
  throw input("MARKET_OUT_OF_RANGE", field, `${market} is no index into the genesis markets`);
}

function checkClientId(clientId: number, field: string): void {
  if (Number.isSafeInteger(clientId) && clientId >= 0) return;
  throw input("CLIENT_ID_OUT_OF_RANGE", field, `give an integer from 0 to 2^53-1, not ${clientId}`);
}
