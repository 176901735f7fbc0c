import { AccountKey } from "@quorate/client/account-key";
import { openSession, readSessions, resumeSession } from "@quorate/client/open-session";
import { expect, test } from "vitest";
import { RunningChain } from "../network/running-chain.ts";

test("a session's key trades within its scope, goes on after a restart, and is revoked", async () => {
  const chain = await RunningChain.start();
  try {
    const { client, accounts } = chain;
    const [seller, buyer] = accounts;
    if (seller === undefined || buyer === undefined) throw new Error("two accounts");
    const price = await chain.freshPrice();
    const lastsMs = 3_600_000;
    const asks = await openSession(client, { account: seller, lastsMs });
    const sell = { market: 0, side: "sell", size: 1n, price } as const;
    const resting = await Promise.all(
      Array.from({ length: 20 }, (_, at) => asks.place({ ...sell, clientId: at })),
    );
    expect(resting.every(({ outcome }) => outcome.resting === 1n)).toBe(true);
    // Twenty orders, fewer signatures.
    expect(new Set(resting.map(({ transaction }) => transaction)).size).toBeLessThan(20);

    const key = AccountKey.generate();
    const scope = { orderLotsMax: 5n };
    const before = await openSession(client, { account: buyer, lastsMs, key, scope });
    before.close();
    const account = buyer.publicKey;
    const bids = await resumeSession(client, { account, key });
    const buy = { market: 0, clientId: 1, side: "buy", price } as const;
    await expect(bids.place({ ...buy, size: 6n })).rejects.toMatchObject({ code: "SESSION_SCOPE" });
    expect((await bids.place({ ...buy, size: 5n })).outcome.filled).toBe(5n);
    expect((await client.account(account))?.positions.map(({ size }) => size)).toEqual([5n]);

    const bound = { account, key };
    const second = await resumeSession(client, bound);
    await bids.revoke();
    await expect(second.place({ ...buy, size: 1n })).rejects.toMatchObject({
      code: "UNKNOWN_SESSION",
    });
    expect((await readSessions(client, account)).value).toBeUndefined();
    await expect(resumeSession(client, bound)).rejects.toMatchObject({ code: "UNKNOWN_SESSION" });

    // Orders outlive their session, unless it cancels them.
    const cancelled = await asks.cancelAll();
    expect(cancelled.filter(({ outcome }) => outcome.code === "OK")).toHaveLength(15);
    await asks.revoke();
    second.close();
    chain.passed();
  } finally {
    await chain.stop();
  }
});
