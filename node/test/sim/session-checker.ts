import type { Digest, Height, PublicKey } from "../../src/kernel/scalars.ts";
import type { ExecutionResult, SessionScope, Transaction } from "../../src/ledger/types.ts";
import type { MarginAction } from "../../src/margin/types.ts";
import type { Birth } from "./birth.ts";
import { demand } from "./violation.ts";

type Kind<K extends Transaction["kind"]> = Extract<Transaction, { kind: K }>;

/** A client's transaction, with the key that really signed it. */
interface Sent {
  readonly transaction: Kind<"session" | "session-bundle" | "revoke-session">;
  readonly signer: PublicKey;
}

interface Opened {
  readonly terms: Kind<"session">;
  readonly openedAt: Height;
  revokedAt: Height | undefined;
}

type Executed = Pick<ExecutionResult, "result" | "receipts">;

/** Sessions counted anew from what clients sent and what the chain says it executed. */
export class SessionChecker {
  /** Bundles of sessions that were executed. */
  used = 0;
  readonly #sent = new Map<Digest, Sent>();
  readonly #sessions = new Map<Digest, Opened>();
  readonly #markets: Birth["genesis"]["margin"]["markets"];

  constructor({ genesis }: Birth) {
    this.#markets = genesis.margin.markets;
  }

  /** A client is about to send it, however often. */
  sent(id: Digest, sent: Sent): void {
    this.#sent.set(id, sent);
  }

  /** A block, as it was executed first. */
  executed({ result, receipts }: Executed): void {
    for (const { transaction: id, code } of receipts) {
      const sent = this.#sent.get(id);
      if (sent === undefined || code !== "OK") continue;
      const { transaction, signer } = sent;
      if (transaction.kind === "session") this.#open(id, transaction, signer, result);
      else if (transaction.kind === "revoke-session") this.#revoke(transaction, signer, result);
      else this.#use(transaction, signer, result);
    }
  }

  /** The heights above are void (rule SPLIT). */
  cut(height: Height): void {
    for (const [id, session] of this.#sessions) {
      if (session.openedAt > height) this.#sessions.delete(id);
      else if ((session.revokedAt ?? 0) > height) session.revokedAt = undefined;
    }
  }

  #open(id: Digest, terms: Kind<"session">, signer: PublicKey, { height }: Executed["result"]) {
    const what = () => `${id.slice(0, 8)} at ${height}`;
    demand(signer === terms.account, "only the account opens a session", what);
    this.#sessions.set(id, { terms, openedAt: height, revokedAt: undefined });
  }

  #revoke(revoke: Kind<"revoke-session">, signer: PublicKey, result: Executed["result"]): void {
    const session = this.#live(revoke, result);
    const { account, key } = session.terms;
    const what = () => `${revoke.session.slice(0, 8)} at ${result.height}`;
    const isTheirs = signer === account || signer === key;
    demand(isTheirs, "only the two keys of a session end it", what);
    session.revokedAt = result.height;
  }

  #use(bundle: Kind<"session-bundle">, signer: PublicKey, result: Executed["result"]): void {
    const { terms } = this.#live(bundle, result);
    const what = () => `${bundle.session.slice(0, 8)} at ${result.height}`;
    demand(signer === terms.key, "only a session's key signs for it", what);
    demand(bundle.account === terms.account, "a session acts for its account alone", what);
    for (const action of bundle.actions) {
      const beyond = () => `${what()}: ${action.kind}`;
      demand(this.#allows(terms.scope, action), "no session exceeds its scope", beyond);
    }
    this.used += 1;
  }

  /** The session, which is open in this block. */
  #live(use: { readonly session: Digest }, { height, timestampMs }: Executed["result"]): Opened {
    const session = this.#sessions.get(use.session);
    const name = use.session.slice(0, 8);
    if (session === undefined) throw new Error(`session ${name} is used and was never opened`);
    const { revokedAt, terms } = session;
    const late = () => `${name} at ${height}, revoked at ${revokedAt}`;
    demand(revokedAt === undefined, "no session acts after it was revoked", late);
    const old = () => `${name} at ${height}, ${timestampMs - terms.expiresMs} ms after its end`;
    demand(timestampMs < terms.expiresMs, "no session acts after its end", old);
    return session;
  }

  /** node/spec/ledger.md, Sessions, written anew. */
  #allows(scope: SessionScope, action: MarginAction): boolean {
    if (action.kind === "withdraw" || action.kind === "stake") return false;
    if (action.kind === "cancel-all") return scope.cancel && scope.markets.length === 0;
    const { market } = action;
    if (scope.markets.length > 0 && !scope.markets.includes(market)) return false;
    if (action.kind === "cancel") return scope.cancel;
    if (!scope.place || (action.kind === "quote" && !scope.cancel)) return false;
    const worth = this.#markets[market]?.microUsdPerLotTick ?? 0n;
    const orders = action.kind === "quote" ? action.quotes : [action];
    return orders.every(({ size, price }) => {
      const isSmall = scope.orderLotsMax === 0n || size <= scope.orderLotsMax;
      const notional = size * price * worth;
      return isSmall && (scope.orderNotionalMax === 0n || notional <= scope.orderNotionalMax);
    });
  }
}
