import type { PersistentMap } from "../kernel/persistent-map.ts";
import type { PublicKey } from "../kernel/scalars.ts";
import type { PricedMarket } from "./margin-requirement.ts";
import { safePriceSurvey } from "./safe-prices.ts";
import type { Account } from "./state.ts";

/** The accounts while a block is applied: those of the state before, and over them what changed. */
export class DraftAccounts {
  readonly #before: PersistentMap<Account>;
  readonly #changed = new Map<PublicKey, Account>();

  constructor(before: PersistentMap<Account>) {
    this.#before = before;
  }

  get(key: PublicKey): Account | undefined {
    return this.#changed.get(key) ?? this.#before.get(key);
  }

  set(key: PublicKey, account: Account): void {
    this.#changed.set(key, account);
  }

  /**
   * Accounts that may stand badly at these prices, as they are now: no other has a breach. What
   * changed in this block is among them.
   */
  *doubtful(markets: readonly PricedMarket[]): Generator<readonly [PublicKey, Account], void> {
    for (const [key, account] of this.#before.unsettled(safePriceSurvey(markets))) {
      if (!this.#changed.has(key)) yield [key, account];
    }
    yield* this.#changed;
  }

  *[Symbol.iterator](): Generator<readonly [PublicKey, Account], void> {
    for (const [key, account] of this.#before) yield [key, this.#changed.get(key) ?? account];
    for (const [key, account] of this.#changed) {
      if (!this.#before.has(key)) yield [key, account];
    }
  }

  *values(): Generator<Account, void> {
    for (const [, account] of this) yield account;
  }

  close(): PersistentMap<Account> {
    let accounts = this.#before;
    for (const [key, account] of this.#changed) accounts = accounts.with(key, account);
    return accounts;
  }
}
