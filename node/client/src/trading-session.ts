import type { Digest, Height, Millis, PublicKey } from "@quorate/node/kernel/scalars";
import type { Genesis } from "@quorate/node/ledger/genesis-file";
import { scopeRefusal } from "@quorate/node/ledger/session-scope";
import type { SessionScope } from "@quorate/node/ledger/types";
import type { ActionOutcome, MarginAction, MarketId } from "@quorate/node/margin/types";
import type { AccountKey } from "./account-key.ts";
import { Bundle, cancelAction, type PlaceOrder, placeAction } from "./bundle.ts";
import type { CertifiedReceipt } from "./certified-receipt.ts";
import type { Clock } from "./clock.ts";
import { InputError } from "./errors.ts";
import { clockNonces, type NonceSource } from "./nonces.ts";
import { revokeSessionTransaction } from "./session.ts";

/** Where signed transactions go: `Submissions` is one. */
export interface Door {
  submit(transaction: Uint8Array): Promise<CertifiedReceipt>;
  close(): void;
}

/** An open session of the chain, and the key that signs for it. */
export interface SessionGrant {
  readonly account: PublicKey;
  /** Id of the transaction that opened it. */
  readonly id: Digest;
  readonly key: AccountKey;
  readonly scope: SessionScope;
  /** Of block time. */
  readonly expiresMs: Millis;
}

export interface TradingSessionOptions {
  readonly chainId: Digest;
  readonly genesis: Genesis;
  readonly grant: SessionGrant;
  readonly door: Door;
  readonly clock: Clock;
  /** How long an action waits for others to share its signature with. */
  readonly gatherMs: Millis;
  /** Of the session, not of the account: default `clockNonces()`. */
  readonly nonces?: NonceSource;
}

/** What became of one action, under a verified certificate. */
export interface CertifiedOutcome {
  readonly height: Height;
  /** The bundle that carried it. */
  readonly transaction: Digest;
  /** Its code may be a refusal's: of this action, not of its neighbours. */
  readonly outcome: ActionOutcome;
}

interface Waiting {
  readonly action: MarginAction;
  readonly resolve: (outcome: CertifiedOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Signs orders of an account with a key of its own. Actions that come within a few milliseconds
 * share one signature and one nonce, up to the chain's bound. What the scope forbids is refused
 * here: on the chain one forbidden action refuses its whole bundle.
 *
 * Bundles may be executed in another order than they were sent in: wait for an outcome before an
 * action that depends on it.
 */
export class TradingSession {
  readonly grant: SessionGrant;
  readonly #options: TradingSessionOptions;
  readonly #nonces: NonceSource;
  readonly #ended = new AbortController();
  /** Orders of this session that may still rest in the book. */
  readonly #resting = new Map<string, { readonly market: MarketId; readonly clientId: number }>();
  readonly #waiting: Waiting[] = [];

  constructor(options: TradingSessionOptions) {
    this.#options = options;
    this.grant = options.grant;
    this.#nonces = options.nonces ?? clockNonces();
  }

  /** Throws InputError (nothing was sent), or as `QuorateClient.submit`. */
  async place(order: PlaceOrder): Promise<CertifiedOutcome> {
    const done = await this.#act(placeAction(order, "order."));
    const { market, clientId } = order;
    if (done.outcome.resting > 0n) this.#resting.set(name(order), { market, clientId });
    return done;
  }

  /** As `place`; the outcome of an order that rests no more is ORDER_NOT_FOUND. */
  async cancel(order: {
    readonly market: MarketId;
    readonly clientId: number;
  }): Promise<CertifiedOutcome> {
    const done = await this.#act(cancelAction(order, "order."));
    this.#resting.delete(name(order));
    return done;
  }

  /** Cancels what this object placed and that may still rest. */
  async cancelAll(): Promise<readonly CertifiedOutcome[]> {
    return await Promise.all(Array.from(this.#resting.values(), (order) => this.cancel(order)));
  }

  /**
   * Ends the session on the chain. Orders that rest stay, as orders of the account: `cancelAll`
   * first, where they should not.
   */
  async revoke(): Promise<CertifiedReceipt> {
    this.#flush();
    const { chainId, door } = this.#options;
    const { account, id, key } = this.grant;
    const revoked = await door.submit(
      revokeSessionTransaction({ chainId, account, session: id, signer: key }),
    );
    this.close();
    return revoked;
  }

  /** Gives up what has no outcome; the session stays open on the chain until it expires. */
  close(): void {
    this.#ended.abort();
    for (const { reject } of this.#waiting.splice(0)) reject(sessionEnded());
    this.#options.door.close();
  }

  #act(action: MarginAction): Promise<CertifiedOutcome> {
    return new Promise((resolve, reject) => {
      if (this.#ended.signal.aborted) throw sessionEnded();
      const { genesis, clock, gatherMs } = this.#options;
      const refusal = scopeRefusal(this.grant.scope, action, genesis.margin.markets);
      if (refusal !== undefined) throw new InputError(refusal);
      this.#waiting.push({ action, resolve, reject });
      const { bundleActionsMax } = genesis.parameters.margin;
      if (this.#waiting.length >= bundleActionsMax) this.#flush();
      else if (this.#waiting.length === 1) {
        const flush = () => this.#flush();
        clock.pause(gatherMs, this.#ended.signal).then(flush, flush);
      }
    });
  }

  #flush(): void {
    const together = this.#waiting.splice(0);
    if (together.length === 0) return;
    const settled = this.#send(together.map(({ action }) => action));
    settled.then(
      (outcomes) => {
        for (const [at, { resolve, reject }] of together.entries()) {
          const outcome = outcomes[at];
          if (outcome === undefined) reject(new Error("a bundle has an outcome for each action"));
          else resolve(outcome);
        }
      },
      (error: unknown) => {
        for (const { reject } of together) reject(error);
      },
    );
  }

  async #send(actions: readonly MarginAction[]): Promise<readonly CertifiedOutcome[]> {
    const { chainId, genesis, door } = this.#options;
    const { account, id, key } = this.grant;
    const bundle = new Bundle({
      ...{ chainId, account: key, nonces: this.#nonces, session: { account, id } },
      actionsMax: genesis.parameters.margin.bundleActionsMax,
    });
    for (const action of actions) bundle.add(action);
    const { bytes, id: transaction } = bundle.sign();
    const { height, receipt } = await door.submit(bytes);
    return receipt.outcomes.map((outcome) => ({ height, transaction, outcome }));
  }
}

function name({ market, clientId }: { readonly market: number; readonly clientId: number }) {
  return `${market}/${clientId}`;
}

function sessionEnded(): InputError {
  const fix = "it was revoked or closed: open another one";
  return new InputError({ code: "SESSION_ENDED", field: "session", fix });
}
