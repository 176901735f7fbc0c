import { AccountKey } from "../src/account-key.ts";
import { Bundle } from "../src/bundle.ts";
import { connect } from "../src/client.ts";
import { ChainRefusalError } from "../src/errors.ts";
import { clockNonces } from "../src/nonces.ts";

export async function trade(genesis: Uint8Array, endpoints: readonly string[], pem: string) {
  const client = await connect({ genesis, endpoints });
  try {
    const account = AccountKey.fromPem(pem);
    const { bundleActionsMax: actionsMax } = client.genesis.parameters.margin;
    const bundle = new Bundle({
      chainId: client.chainId,
      account,
      nonces: clockNonces(),
      actionsMax,
    })
      .place({ market: 0, clientId: 1, side: "buy", size: 5n, price: 128_000n })
      .place({ market: 0, clientId: 2, side: "sell", size: 5n, price: 129_000n })
      .sign();
    // Send the same bytes again whenever the answer is lost: they are executed once.
    const { height, receipt } = await client.submit(bundle.bytes);
    return { height, outcomes: receipt.outcomes };
  } catch (error) {
    if (!(error instanceof ChainRefusalError)) throw error;
    throw new Error(`at height ${error.height}: ${error.code}: ${error.fix}`, { cause: error });
  } finally {
    client.close();
  }
}
