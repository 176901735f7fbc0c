import type { GenesisFile } from "../stranger/genesis.ts";
import type { Verify } from "../stranger/keys.ts";
import type { Action } from "./model/world.ts";
import type { Nonces } from "./nonces.ts";
import { count } from "./parameters.ts";
import { type Kind, type Scope, signingBytes } from "./transactions.ts";

interface Session {
  readonly account: string;
  readonly key: string;
  readonly expiresMs: number;
  readonly scope: Scope;
}

/** ledger.md, Sessions. Expired ones are kept: whether they are gone or refused is the same. */
export class Sessions {
  readonly #genesis: GenesisFile;
  readonly #verify: Verify;
  readonly #nonces: Nonces;
  readonly #open = new Map<string, Session>();

  constructor(genesis: GenesisFile, verify: Verify, nonces: Nonces) {
    this.#genesis = genesis;
    this.#verify = verify;
    this.#nonces = nonces;
  }

  #find(account: string, id: string): Session | undefined {
    const session = this.#open.get(id);
    return session?.account === account ? session : undefined;
  }

  /** The caller has seen that the account exists. */
  open(transaction: Kind<"session">, id: string, nowMs: number): boolean {
    const { account, nonce, key, expiresMs, scope, signature } = transaction;
    const lastMs = nowMs + count(this.#genesis, "sessionMsMax");
    if (key === account || expiresMs <= nowMs || expiresMs > lastMs) return false;
    if (!this.#nonces.isFree(`bundle/${account}`, nonce)) return false;
    const live = [...this.#open.values()].filter(
      (each) => each.account === account && each.expiresMs > nowMs,
    );
    if (live.length >= count(this.#genesis, "sessionsMax")) return false;
    const message = signingBytes(this.#genesis.chainId, transaction);
    if (!this.#verify(account, message, signature)) return false;
    this.#nonces.use(`bundle/${account}`, nonce);
    this.#open.set(id, { account, key, expiresMs, scope });
    return true;
  }

  #isInScope({ actions, markets, lots, notional }: Scope, action: Action): boolean {
    if (action.kind === "withdraw" || action.kind === "stake") return false;
    if (action.kind === "cancel-all") return actions >= 2 && markets.length === 0;
    if (markets.length > 0 && !markets.includes(action.market)) return false;
    if (action.kind === "cancel") return actions >= 2;
    if (action.kind === "place" ? actions === 2 : actions !== 3) return false;
    const unit = this.#genesis.markets[action.market]?.microUsdPerLotTick ?? 0n;
    const orders = action.kind === "place" ? [action] : action.quotes;
    return orders.every(({ size, price }) => {
      const isSmall = lots === 0n || size <= lots;
      return isSmall && (notional === 0n || size * price * unit <= notional);
    });
  }

  /** Adds to the block's bundles what it admits. */
  admit(
    bundle: Kind<"session-bundle">,
    nowMs: number,
    bundles: { account: string; actions: readonly Action[] }[],
  ): boolean {
    const { account, session: id, nonce, actions, signature } = bundle;
    const session = this.#find(account, id);
    if (actions.length < 1 || actions.length > count(this.#genesis, "bundleActionsMax"))
      return false;
    if (session === undefined || session.expiresMs <= nowMs) return false;
    if (!actions.every((action) => this.#isInScope(session.scope, action))) return false;
    if (!this.#nonces.isFree(`session/${id}`, nonce)) return false;
    const message = signingBytes(this.#genesis.chainId, bundle);
    if (!this.#verify(session.key, message, signature)) return false;
    this.#nonces.use(`session/${id}`, nonce);
    bundles.push({ account, actions });
    return true;
  }

  revoke(transaction: Kind<"revoke-session">): boolean {
    const { account, session: id, by, signature } = transaction;
    const session = this.#find(account, id);
    if (session === undefined) return false;
    const message = signingBytes(this.#genesis.chainId, transaction);
    if (!this.#verify(by === 0 ? account : session.key, message, signature)) return false;
    return this.#open.delete(id);
  }
}
