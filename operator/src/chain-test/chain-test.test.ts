import { ChainRefusalError } from "@quorate/client/errors";
import type { ResultCertificate } from "@quorate/node/kernel/certificates";
import { decodeTransaction } from "@quorate/node/ledger/transaction";
import type { Transaction } from "@quorate/node/ledger/types";
import { describe, expect, test } from "vitest";
import { type ChainAccess, queryEndpoints, testChain } from "./chain-test.ts";

const account = "ab".repeat(32);

function certificate(height: number): ResultCertificate {
  const result = { height } as ResultCertificate["result"];
  return { result, signatures: [1, 2, 3].map(() => ({ author: account, signature: "" })) } as never;
}

class Chain implements ChainAccess {
  readonly genesis: ChainAccess["genesis"];
  readonly sent: Transaction[] = [];
  #height = 4;

  readonly #faucet: boolean;

  constructor({ dev, faucet }: { readonly dev: boolean; readonly faucet: boolean }) {
    this.genesis = { dev, name: "chain" };
    this.#faucet = faucet;
  }

  submit(bytes: Uint8Array) {
    const read = decodeTransaction(bytes);
    if (read.ok) this.sent.push(read.value);
    if (this.#faucet) return Promise.resolve({ height: 7, certificate: certificate(8) });
    const refusal = { code: "FAUCET_CLOSED", field: "kind", fix: "custodians deposit" };
    return Promise.reject(new ChainRefusalError(refusal, { height: 7, transaction: account }));
  }

  head() {
    this.#height += 1;
    return Promise.resolve(certificate(this.#height));
  }
}

describe("helm test", () => {
  test("on a chain for development it sends one micro-USD and names the certificate", async () => {
    const chain = new Chain({ dev: true, faucet: true });
    const line = await testChain(chain, account);
    expect(line).toBe("chain: executed at height 7, height 8 certified by 3 members");
    expect(chain.sent).toMatchObject([{ kind: "faucet", account, amount: 1n }]);
  });

  test("elsewhere the certified refusal and a later block are the proof", async () => {
    const line = await testChain(new Chain({ dev: false, faucet: false }), account);
    expect(line).toBe("chain: refused as it should be; height 6 certified by 3 members");
  });

  test("a faucet that is closed on a chain for development fails", async () => {
    const chain = new Chain({ dev: true, faucet: false });
    await expect(testChain(chain, account)).rejects.toThrow("FAUCET_CLOSED");
  });

  test("clients reach the founders at the query listeners of their Services", () => {
    const seats = ["10.0.0.1:7001", "[fd00::1]:7001"].map((address) => ({ address }) as never);
    expect(queryEndpoints({ seats })).toEqual(["10.0.0.1:7002", "[fd00::1]:7002"]);
  });
});
