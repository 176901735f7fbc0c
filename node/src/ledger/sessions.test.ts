import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { reload } from "../../test/ledger/snapshots.ts";
import { keyOf, sign, TestChain } from "../../test/ledger/test-chain.ts";
import type { Digest, PublicKey } from "../kernel/scalars.ts";
import type { MarginAction } from "../margin/types.ts";
import { EXPIRED_ACCOUNTS_MAX } from "./sessions.ts";
import { readTree } from "./state-tree.ts";
import {
  decodeTransaction,
  encodeTransaction,
  revokeSessionSigningBytes,
  sessionBundleSigningBytes,
  sessionSigningBytes,
  transactionId,
} from "./transaction.ts";
import type { SessionScope, Transaction } from "./types.ts";

const rich = keyOf("account rich");
const other = keyOf("account other");
const bot = keyOf("bot");
const ALL: SessionScope = {
  ...{ place: true, cancel: true, markets: [] },
  ...{ orderLotsMax: 0n, orderNotionalMax: 0n },
};

interface Opening {
  readonly account?: PublicKey;
  readonly key?: PublicKey;
  readonly nonce?: number;
  readonly lifeMs?: number;
  readonly scope?: Partial<SessionScope>;
  readonly signer?: PublicKey;
}

function opening(chain: TestChain, options: Opening = {}): [Transaction, Digest] {
  const { account = rich, key = bot, nonce = 1, lifeMs = 10_000, signer = account } = options;
  const fields = {
    ...{ kind: "session" as const, account, nonce, key },
    expiresMs: chain.state.timestampMs + lifeMs,
    scope: { ...ALL, ...options.scope },
  };
  const signature = sign(signer, sessionSigningBytes(chain.chainId, fields));
  const transaction = { ...fields, signature };
  return [transaction, transactionId(encodeTransaction(transaction))];
}

const cancel: MarginAction = { kind: "cancel", market: 0, clientId: 7 };

function place(size = 1n, market = 0): MarginAction {
  const terms = {
    price: 1_000n,
    timeInForce: "gtc",
    reduceOnly: false,
    selfTrade: "cancel-maker",
    untilMs: 0,
  } as const;
  return { kind: "place", market, clientId: 1, side: "buy", size, ...terms };
}

interface Use {
  readonly nonce?: number;
  readonly actions?: readonly MarginAction[];
  readonly account?: PublicKey;
  readonly signer?: PublicKey;
}

function use(chain: TestChain, session: Digest, options: Use = {}): Transaction {
  const { nonce = 1, actions = [cancel], account = rich, signer = bot } = options;
  const fields = { kind: "session-bundle" as const, account, session, nonce, actions };
  return { ...fields, signature: sign(signer, sessionBundleSigningBytes(chain.chainId, fields)) };
}

function revoke(
  chain: TestChain,
  session: Digest,
  by: "account" | "session",
  signer = by === "account" ? rich : bot,
): Transaction {
  const fields = { kind: "revoke-session" as const, account: rich, session, by };
  return { ...fields, signature: sign(signer, revokeSessionSigningBytes(chain.chainId, fields)) };
}

function faucet(account: PublicKey): Transaction {
  return { kind: "faucet", account, amount: 1_000n, nonce: 1 };
}

interface Step {
  readonly what: string;
  readonly pick: number;
  readonly lifeMs: number;
}

interface Named {
  readonly id: Digest;
  readonly endMs: number;
  isRevoked: boolean;
  readonly used: Set<number>;
}

/** A list of all sessions that ever were, beside the chain. */
class NamesModel {
  readonly #chain = new TestChain();
  readonly #made: Named[] = [];

  #isLive({ isRevoked, endMs }: Named): boolean {
    return !isRevoked && endMs > this.#chain.state.timestampMs + 200;
  }

  #demand(transaction: Transaction, isTaken: boolean): boolean {
    expect(this.#chain.block({ transactions: [transaction] })[0] === "OK").toBe(isTaken);
    return isTaken;
  }

  step(at: number, { what, pick, lifeMs }: Step): void {
    const one = this.#made[pick % Math.max(1, this.#made.length)];
    if (what === "open") this.#open(at, lifeMs);
    else if (what === "wait" || one === undefined) this.#chain.block({ spanMs: lifeMs });
    else if (what === "use") this.#use(one, pick % 3);
    else {
      const ended = revoke(this.#chain, one.id, "session");
      if (this.#demand(ended, this.#isLive(one))) one.isRevoked = true;
    }
  }

  #open(nonce: number, lifeMs: number): void {
    const endMs = this.#chain.state.timestampMs + lifeMs;
    const isFull = this.#made.filter((each) => this.#isLive(each)).length >= 8;
    const [transaction, id] = opening(this.#chain, { nonce, lifeMs });
    const made = { id, endMs, isRevoked: false, used: new Set<number>() };
    if (this.#demand(transaction, lifeMs > 200 && !isFull)) this.#made.push(made);
  }

  #use(one: Named, nonce: number): void {
    const isTaken = this.#isLive(one) && !one.used.has(nonce);
    if (this.#demand(use(this.#chain, one.id, { nonce }), isTaken)) one.used.add(nonce);
  }
}

describe("sessions", () => {
  test("one signature carries many actions, each with its outcome, once the session is open", () => {
    const chain = new TestChain();
    const [open, id] = opening(chain);
    const early = use(chain, id, { nonce: 9 });
    const transactions = [early, open, use(chain, id, { actions: [cancel, cancel] })];
    expect(chain.block({ transactions })).toEqual(["UNKNOWN_SESSION", "OK", "OK"]);
    const codes = chain.last?.receipts[2]?.outcomes.map(({ code }) => code);
    expect(codes).toEqual(["ORDER_NOT_FOUND", "ORDER_NOT_FOUND"]);
  });

  test("a session's key neither withdraws nor stakes", () => {
    const chain = new TestChain();
    const [open, id] = opening(chain);
    const withdraw = { kind: "withdraw", amount: 5n } as const;
    const stake = { kind: "stake", owner: keyOf("owner a"), amount: 5n } as const;
    const transactions = [
      open,
      use(chain, id, { actions: [withdraw] }),
      use(chain, id, { actions: [cancel, stake] }),
      use(chain, id),
    ];
    const codes = ["OK", "SESSION_SCOPE", "SESSION_SCOPE", "OK"];
    expect(chain.block({ transactions })).toEqual(codes);
  });

  test("a scope bounds actions, markets, lots and notional of an order", () => {
    const chain = new TestChain();
    const scope = { cancel: false, markets: [0], orderLotsMax: 5n, orderNotionalMax: 300_000n };
    const [open, id] = opening(chain, { scope });
    const tries = [cancel, place(1n, 1), { ...place(6n), price: 1n }, place(4n), place(3n)];
    const bundles = tries.map((action) => use(chain, id, { actions: [action] }));
    // 100 micro-USD a lot and tick: 3 lots at 1,000 ticks are 300,000.
    const refused = Array.from({ length: 4 }, () => "SESSION_SCOPE");
    expect(chain.block({ transactions: [open, ...bundles] })).toEqual(["OK", ...refused, "OK"]);
  });

  test("mass quotes and cancel-all are held to the scope too", () => {
    const chain = new TestChain();
    const quote = (size: bigint, market = 0): MarginAction => {
      const order = { clientId: 1, side: "buy", size, price: 1_000n } as const;
      return { kind: "quote", market, quotes: [{ ...order, size: 1n }, order] };
    };
    const all = { kind: "cancel-all" } as const;
    const tried = (scope: Partial<SessionScope>, ...actions: MarginAction[]): readonly string[] => {
      const [open, id] = opening(chain, { scope, nonce: chain.state.height + 1 });
      const bundles = actions.map((action) => use(chain, id, { actions: [action] }));
      return chain.block({ transactions: [open, ...bundles] }).slice(1);
    };
    expect(tried({ cancel: false }, quote(1n), all)).toEqual(["SESSION_SCOPE", "SESSION_SCOPE"]);
    expect(tried({ place: false }, quote(1n), all)).toEqual(["SESSION_SCOPE", "OK"]);
    const bounded = { markets: [0], orderLotsMax: 5n, orderNotionalMax: 300_000n };
    const codes = tried(bounded, quote(6n), quote(4n), quote(1n, 1), all, quote(3n));
    expect(codes).toEqual([...Array.from({ length: 4 }, () => "SESSION_SCOPE"), "OK"]);
  });

  test("an expired session is refused, and a block removes a bounded number of them", () => {
    const chain = new TestChain();
    const accounts = Array.from({ length: EXPIRED_ACCOUNTS_MAX + 6 }, (_, at) => keyOf(`a${at}`));
    chain.block({ transactions: accounts.map(faucet) });
    const opened = accounts.map((account) => opening(chain, { account, lifeMs: 1_000 }));
    chain.block({ transactions: opened.map(([transaction]) => transaction) });
    expect(chain.state.sessions.size).toBe(accounts.length);
    const uses = opened.map(([, id], at) => use(chain, id, { account: accounts[at] ?? "" }));
    const codes = chain.block({ spanMs: 800, transactions: uses });
    expect(chain.state.sessions.size).toBe(6);
    expect(codes.filter((code) => code === "SESSION_EXPIRED")).toHaveLength(6);
    expect(codes.filter((code) => code === "UNKNOWN_SESSION")).toHaveLength(accounts.length - 6);
    chain.block();
    expect(chain.state.sessions.size).toBe(0);
  });

  test("a revoked session is refused at once, by whomever of the two it was revoked", () => {
    for (const by of ["account", "session"] as const) {
      const chain = new TestChain();
      const [open, id] = opening(chain);
      const wrong = revoke(chain, id, by, other);
      const transactions = [open, wrong, revoke(chain, id, by), use(chain, id)];
      const codes = ["OK", "BAD_SIGNATURE", "OK", "UNKNOWN_SESSION"];
      expect(chain.block({ transactions })).toEqual(codes);
      const again = [revoke(chain, id, by), open];
      expect(chain.block({ transactions: again })).toEqual(["UNKNOWN_SESSION", "DUPLICATE"]);
    }
  });

  test("no bundle of a session is replayed when the same key is registered again", () => {
    const chain = new TestChain();
    const [first, id] = opening(chain);
    const bundle = use(chain, id);
    expect(chain.block({ transactions: [first, bundle] })).toEqual(["OK", "OK"]);
    expect(chain.block({ transactions: [revoke(chain, id, "account")] })).toEqual(["OK"]);
    const [second, next] = opening(chain, { nonce: 2 });
    expect(chain.block({ transactions: [second, bundle] })).toEqual(["OK", "UNKNOWN_SESSION"]);
    expect(chain.block({ transactions: [use(chain, next)] })).toEqual(["OK"]);
  });

  test("neither a stranger nor a session opens a session, or uses another account's", () => {
    const chain = new TestChain();
    const [forged] = opening(chain, { signer: bot });
    const [open, id] = opening(chain);
    const [foreign, elsewhere] = opening(chain, { account: other, key: keyOf("bot 2") });
    const transactions = [
      ...[faucet(other), forged, open, foreign],
      use(chain, id, { account: other }),
      use(chain, elsewhere, { account: other }),
      use(chain, id, { signer: rich }),
    ];
    expect(chain.block({ transactions })).toEqual([
      ...["OK", "BAD_SIGNATURE", "OK", "OK"],
      ...["UNKNOWN_SESSION", "BAD_SIGNATURE", "BAD_SIGNATURE"],
    ]);
  });

  test("a bundle counts once, and sessions do not contend for nonces", () => {
    const chain = new TestChain();
    const [one, first] = opening(chain);
    const [two, second] = opening(chain, { nonce: 2 });
    const transactions = [one, two, use(chain, first), use(chain, second), use(chain, first)];
    expect(chain.block({ transactions })).toEqual(["OK", "OK", "OK", "OK", "DUPLICATE"]);
    const changed = use(chain, first, { actions: [cancel, cancel] });
    expect(chain.block({ transactions: [changed] })).toEqual(["NONCE_USED"]);
  });

  test("what a session leaves in the state is gone with it", () => {
    const chain = new TestChain();
    const [open, id] = opening(chain);
    chain.block({ transactions: [open, use(chain, id)] });
    const leaf = (key: string) => readTree(chain.state.tree, key);
    expect(leaf(`session/${rich}`)).toBeDefined();
    expect(leaf(`nonce/session/${id}`)).toBeDefined();
    chain.state = reload(chain);
    chain.run(10_200, { spanMs: 1_000 });
    expect(leaf(`session/${rich}`)).toBeUndefined();
    expect(leaf(`nonce/session/${id}`)).toBeUndefined();
  });

  test("an account has a bounded number of sessions, of a bounded life", () => {
    const chain = new TestChain();
    const { sessionsMax, sessionMsMax } = chain.genesis.parameters.margin;
    const all = Array.from({ length: sessionsMax + 1 }, (_, nonce) => opening(chain, { nonce })[0]);
    const codes = chain.block({ transactions: all });
    expect(codes).toEqual([...all.slice(1).map(() => "OK"), "TOO_MANY_SESSIONS"]);
    // Block time is 200 ms further when the block executes.
    const terms = [0, 200, sessionMsMax + 201].map((lifeMs, at) => {
      return opening(chain, { lifeMs, nonce: 20 + at })[0];
    });
    const [own] = opening(chain, { key: rich, nonce: 30 });
    const late = ["SESSION_TERM", "SESSION_TERM", "SESSION_TERM", "SESSION_KEY"];
    expect(chain.block({ transactions: [...terms, own] })).toEqual(late);
  });

  test("random openings, uses, revocations and gaps agree with a list of names", () => {
    const step = fc.record({
      what: fc.constantFrom("open", "use", "use", "revoke", "wait"),
      pick: fc.nat(40),
      lifeMs: fc.integer({ min: 1, max: 3_000 }),
    });
    const run = (steps: readonly Step[]): void => {
      const model = new NamesModel();
      for (const [at, each] of steps.entries()) model.step(at, each);
    };
    fc.assert(fc.property(fc.array(step, { minLength: 10, maxLength: 40 }), run), {
      numRuns: 40,
      seed: 20_261_123,
    });
  });

  test("bytes of the three kinds decode to what was encoded, and a scope has one encoding", () => {
    const chain = new TestChain();
    const [open, id] = opening(chain, { scope: { markets: [1, 4], orderLotsMax: 3n } });
    for (const transaction of [open, use(chain, id), revoke(chain, id, "session")]) {
      const decoded = decodeTransaction(encodeTransaction(transaction));
      expect(decoded).toEqual({ ok: true, value: transaction });
    }
    const wrong: Partial<SessionScope>[] = [
      ...[{ markets: [4, 1] }, { markets: [1, 1] }, { orderLotsMax: -1n }],
      { place: false, cancel: false },
    ];
    for (const scope of wrong) {
      const decoded = decodeTransaction(encodeTransaction(opening(chain, { scope })[0]));
      expect(decoded).toMatchObject({ ok: false, error: { code: "TRANSACTION_MALFORMED" } });
    }
  });
});
