import { describe, expect, test } from "vitest";
import type { ExecutionResult, SessionScope } from "../../src/ledger/types.ts";
import type { MarginAction } from "../../src/margin/types.ts";
import { quietPlan } from "./quiet-plan.ts";
import { addLife, startAll } from "./scenario.ts";
import { SessionChecker } from "./session-checker.ts";
import { World } from "./world.ts";

const digest = (text: string) => text.repeat(64).slice(0, 64);
const [account, key, stranger, session] = ["a", "b", "c", "d"].map(digest) as [
  string,
  string,
  string,
  string,
];
const signature = new Uint8Array(64);
const END_MS = 5_000;
const SCOPE: SessionScope = {
  ...{ place: false, cancel: true, markets: [0] },
  ...{ orderLotsMax: 0n, orderNotionalMax: 0n },
};
const cancel: MarginAction = { kind: "cancel", market: 0, clientId: 1 };
const { birth } = new World(quietPlan());

/** A block that executed these, 1 s after the one before it. */
function block(height: number, ...ids: string[]): ExecutionResult {
  const receipts = ids.map((transaction) => ({ transaction, code: "OK" }));
  return { result: { height, timestampMs: height * 1_000 }, receipts } as unknown as never;
}

/** Opens at height 1; "use" and "revoke" are what the session's key signs. */
function opened(scope = SCOPE): SessionChecker {
  const checker = new SessionChecker(birth);
  const terms = { nonce: 1, key, expiresMs: END_MS, scope };
  const open = { kind: "session", account, ...terms, signature } as const;
  checker.sent(session, { transaction: open, signer: account });
  use(checker, "use", cancel);
  const revoke = { kind: "revoke-session", account, session, by: "session", signature } as const;
  checker.sent("revoke", { transaction: revoke, signer: key });
  checker.executed(block(1, session));
  return checker;
}

function use(checker: SessionChecker, id: string, action: MarginAction, signer = key): void {
  const fields = { account, session, nonce: 1, actions: [action], signature };
  checker.sent(id, { transaction: { kind: "session-bundle", ...fields }, signer });
}

describe("the session checker", { timeout: 120_000 }, () => {
  test("a session that acts after it was revoked is a violation, until the revoking is void", () => {
    const checker = opened();
    checker.executed(block(2, "use", "revoke"));
    expect(checker.used).toBe(1);
    expect(() => checker.executed(block(3, "use"))).toThrow("revoked at 2");
    checker.cut(1);
    checker.executed(block(2, "use"));
    checker.cut(0);
    expect(() => checker.executed(block(1, "use"))).toThrow("never opened");
  });

  test("a session that acts at its end or later is a violation", () => {
    const checker = opened();
    checker.executed(block(4, "use"));
    expect(() => checker.executed(block(5, "use"))).toThrow("after its end");
  });

  test("an action beyond the scope, and another's signature, are violations", () => {
    const beyond: readonly MarginAction[] = [
      { kind: "withdraw", amount: 1n },
      { kind: "cancel-all" },
      { kind: "cancel", market: 1, clientId: 1 },
      { kind: "quote", market: 0, quotes: [] },
    ];
    for (const [at, action] of beyond.entries()) {
      const checker = opened();
      use(checker, "beyond", action);
      expect(() => checker.executed(block(2, "beyond")), `${at}`).toThrow("exceeds its scope");
    }
    const checker = opened();
    use(checker, "stolen", cancel, stranger);
    expect(() => checker.executed(block(2, "stolen"))).toThrow("only a session's key");
  });

  test("an order of the bounds passes, one above them is a violation", () => {
    const worth = birth.genesis.margin.markets[0]?.microUsdPerLotTick ?? 0n;
    const orderNotionalMax = 30n * worth;
    const terms = { clientId: 1, side: "buy", price: 10n } as const;
    const checker = opened({ ...SCOPE, place: true, orderLotsMax: 4n, orderNotionalMax });
    const quote = (size: bigint, price = 10n): MarginAction => {
      return { kind: "quote", market: 0, quotes: [{ ...terms, size, price }] };
    };
    use(checker, "fits", quote(3n));
    use(checker, "many", quote(5n, 1n));
    use(checker, "dear", quote(3n, 11n));
    checker.executed(block(2, "fits"));
    expect(() => checker.executed(block(3, "many"))).toThrow("exceeds its scope");
    expect(() => checker.executed(block(3, "dear"))).toThrow("exceeds its scope");
  });

  test("bots of a run trade, and the chain refuses what they may not do", () => {
    const world = new World(quietPlan({ sessions: true, healMs: 20_000, endMs: 25_000 }));
    startAll(world);
    addLife(world);
    world.runUntil(25_000);
    expect(world.checker.sessions.used).toBeGreaterThan(3);
    for (const code of ["UNKNOWN_SESSION", "SESSION_SCOPE", "BAD_SIGNATURE"]) {
      expect(world.counts.get(`client: ${code}`), code).toBeGreaterThan(0);
    }
  });
});
