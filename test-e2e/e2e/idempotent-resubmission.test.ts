import { Bundle } from "@quorate/client/bundle";
import { connect } from "@quorate/client/client";
import { clockNonces } from "@quorate/client/nonces";
import { expect, test } from "vitest";
import { RunningChain } from "../network/running-chain.ts";

test("one bundle sent to every node is executed once and gets one receipt", async () => {
  const chain = await RunningChain.start();
  try {
    const { network, client, accounts } = chain;
    const [seller, buyer] = accounts;
    if (seller === undefined || buyer === undefined) throw new Error("two accounts");
    const price = await chain.freshPrice();
    const order = { market: 0, clientId: 1, size: 3n, price };
    const bundle = (account: typeof seller) =>
      new Bundle({ chainId: client.chainId, account, nonces: clockNonces(), actionsMax: 16 });
    await client.submit(
      bundle(seller)
        .place({ ...order, side: "sell", size: 100n })
        .sign().bytes,
    );
    const { bytes } = bundle(buyer)
      .place({ ...order, side: "buy" })
      .sign();
    const clients = await Promise.all(
      network.validators.map(({ place }) =>
        connect({ genesis: { file: network.genesisFile }, endpoints: [place.query] }),
      ),
    );
    try {
      const first = await Promise.all(clients.map((one) => one.submit(bytes)));
      const again = await Promise.all(clients.map((one) => one.submit(bytes)));
      const heights = new Set([...first, ...again].map(({ height }) => height));
      expect(heights.size).toBe(1);
      for (const { receipt } of [...first, ...again]) {
        expect(receipt.outcomes.map(({ filled }) => filled)).toEqual([3n]);
      }
    } finally {
      for (const one of clients) one.close();
    }
    const state = await client.account(buyer.publicKey);
    expect(state?.positions.map(({ size }) => size)).toEqual([3n]);
    chain.passed();
  } finally {
    await chain.stop();
  }
});
