import type { PersistentMap } from "../kernel/persistent-map.ts";
import type { PublicKey } from "../kernel/scalars.ts";
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
