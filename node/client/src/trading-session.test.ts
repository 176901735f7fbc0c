import { decodeTransaction, transactionId } from "@quorate/node/ledger/transaction";
import type { SessionScope, Transaction } from "@quorate/node/ledger/types";
import type { ActionOutcome } from "@quorate/node/margin/types";
import { expect, test } from "vitest";
import { FakeChain, testGenesis } from "../test/fake-chain.ts";
import { AccountKey } from "./account-key.ts";
import type { CertifiedReceipt } from "./certified-receipt.ts";
import { ChainRefusalError, ClosedError } from "./errors.ts";
import { countingNonces } from "./nonces.ts";
import { TradingSession } from "./trading-session.ts";

type SessionBundle = Extract<Transaction, { kind: "session-bundle" }>;

const WIDE: SessionScope = {
  ...{ place: true, cancel: true, markets: [] },
  ...{ orderLotsMax: 0n, orderNotionalMax: 0n },
};

/** A session before a door that answers when the test says so, on the test's own clock. */
function world(scope: SessionScope = WIDE) {
  const chain = new FakeChain();
  const sent: Uint8Array[] = [];
  const elapse: (() => void)[] = [];
  const state = { isClosed: false, refuse: undefined as Error | undefined };
  const door = {
    submit: (bytes: Uint8Array): Promise<CertifiedReceipt> => {
      if (state.isClosed) return Promise.reject(new ClosedError());
      sent.push(bytes);
      if (state.refuse !== undefined) return Promise.reject(state.refuse);
      const outcomes = actionsOf(bytes).map(outcomeOf);
      const receipt = { transaction: transactionId(bytes), code: "OK", field: "", fix: "" };
      const certificate = chain.commit();
      const { height } = certificate.result;
      return Promise.resolve({ height, certificate, receipt: { ...receipt, outcomes } });
    },
    close: () => {
      state.isClosed = true;
    },
  };
  const clock = {
    now: () => 0,
    pause: () => new Promise<void>((resolve) => elapse.push(resolve)),
    jitter: (ms: number) => ms,
  };
  const [account, key] = [AccountKey.generate(), AccountKey.generate()];
  const grant = { account: account.publicKey, id: "cd".repeat(32), key, scope, expiresMs: 9_000 };
  const { chainId } = chain;
  const genesis = testGenesis("test");
  const session = new TradingSession({
    ...{ chainId, genesis, grant, door, clock, gatherMs: 5 },
    nonces: countingNonces(0),
  });
  return { session, sent, elapse, state, grant };
}

function actionsOf(bytes: Uint8Array): SessionBundle["actions"] {
  const decoded = decodeTransaction(bytes);
  if (!decoded.ok) throw new Error(decoded.error.fix);
  return decoded.value.kind === "session-bundle" ? decoded.value.actions : [];
}

/** Orders of 7 lots fill; of 9 are refused; others rest. */
function outcomeOf(action: SessionBundle["actions"][number]): ActionOutcome {
  const nothing = { code: "OK", field: "", fix: "", filled: 0n, resting: 0n };
  if (action.kind !== "place") return nothing;
  if (action.size === 7n) return { ...nothing, filled: 7n };
  if (action.size === 9n)
    return { ...nothing, code: "MARGIN_LOW", field: "size", fix: "add money" };
  return { ...nothing, resting: action.size };
}

function order(clientId: number, size = 1n) {
  return { market: 0, clientId, side: "buy", size, price: 1_000n } as const;
}

test("actions that come together share one signature, each with its own outcome", async () => {
  const { session, sent, elapse } = world();
  const placed = [
    session.place(order(1)),
    session.place(order(2, 7n)),
    session.place(order(3, 9n)),
  ];
  expect(sent).toHaveLength(0);
  elapse.shift()?.();
  const outcomes = await Promise.all(placed);
  expect(sent).toHaveLength(1);
  expect(outcomes.map(({ outcome }) => outcome.code)).toEqual(["OK", "OK", "MARGIN_LOW"]);
  expect(outcomes.map(({ outcome }) => outcome.filled)).toEqual([0n, 7n, 0n]);
  expect(new Set(outcomes.map(({ transaction }) => transaction)).size).toBe(1);
});

test("a full bundle waits for nobody, and no bundle is beyond the chain's bound", async () => {
  const { session, sent, elapse } = world();
  const placed = Array.from({ length: 130 }, (_, at) => session.place(order(at)));
  expect(sent.map((bytes) => actionsOf(bytes).length)).toEqual([64, 64]);
  for (const time of elapse) time();
  await Promise.all(placed);
  expect(sent.map((bytes) => actionsOf(bytes).length)).toEqual([64, 64, 2]);
});

test("what the scope forbids is refused here, by name, and costs its neighbours nothing", async () => {
  const bounds = { markets: [0], orderLotsMax: 5n, orderNotionalMax: 0n };
  const { session, sent, elapse } = world({ place: true, cancel: false, ...bounds });
  const good = session.place(order(1));
  await expect(session.place(order(2, 6n))).rejects.toMatchObject({ code: "SESSION_SCOPE" });
  const elsewhere = session.place({ ...order(3), market: 1 });
  await expect(elsewhere).rejects.toMatchObject({ code: "SESSION_SCOPE" });
  await expect(session.cancel(order(1))).rejects.toMatchObject({ code: "SESSION_SCOPE" });
  await expect(session.place(order(4, 0n))).rejects.toMatchObject({ field: "order.size" });
  elapse.shift()?.();
  await good;
  expect(sent.map((bytes) => actionsOf(bytes).length)).toEqual([1]);
});

test("cancelAll cancels what may still rest, and nothing twice", async () => {
  const { session, sent, elapse } = world();
  const placed = [session.place(order(1)), session.place(order(2, 7n)), session.place(order(3))];
  elapse.shift()?.();
  await Promise.all(placed);
  const cancelled = session.cancelAll();
  elapse.shift()?.();
  expect(await cancelled).toHaveLength(2);
  expect(actionsOf(sent[1] ?? new Uint8Array())).toMatchObject([
    { kind: "cancel", clientId: 1 },
    { kind: "cancel", clientId: 3 },
  ]);
  expect(await session.cancelAll()).toEqual([]);
});

test("revoking sends what waits first, signs with the session's key and ends the object", async () => {
  const { session, sent, state, grant } = world();
  const waiting = session.place(order(1));
  await session.revoke();
  expect((await waiting).outcome.code).toBe("OK");
  const last = decodeTransaction(sent[1] ?? new Uint8Array());
  if (!last.ok) throw new Error(last.error.fix);
  const { account, id } = grant;
  expect(last.value).toMatchObject({ kind: "revoke-session", by: "session", account, session: id });
  expect(state.isClosed).toBe(true);
  await expect(session.place(order(2))).rejects.toMatchObject({ code: "SESSION_ENDED" });
});

test("a bundle that the chain refuses tells each of its actions why", async () => {
  const { session, elapse, state } = world();
  const expired = { code: "SESSION_EXPIRED", field: "session", fix: "open another one" };
  state.refuse = new ChainRefusalError(expired, { height: 5, transaction: "ef".repeat(32) });
  const placed = [session.place(order(1)), session.place(order(2))];
  elapse.shift()?.();
  for (const each of await Promise.allSettled(placed)) {
    expect(each).toMatchObject({ status: "rejected", reason: { code: "SESSION_EXPIRED" } });
  }
});

test("closing gives up what waits", async () => {
  const { session, sent } = world();
  const waiting = session.place(order(1));
  session.close();
  await expect(waiting).rejects.toMatchObject({ code: "SESSION_ENDED" });
  expect(sent).toHaveLength(0);
});
