import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { trade } from "../test/example.ts";
import { testSeed } from "../test/fake-chain.ts";
import { startNetwork } from "../test/network.ts";
import { AccountKey } from "./account-key.ts";

function textOf(path: string): string {
  return readFileSync(new URL(path, import.meta.url), "utf8");
}

test("the example of docs/client.md runs", async () => {
  const shown = /```ts\n(.*?)```/s.exec(textOf("../../../docs/client.md"))?.[1];
  const example = textOf("../test/example.ts").replace(
    /"\.\.\/src\/([a-z-]+)\.ts"/g,
    '"@quorate/client/$1"',
  );
  expect(shown).toBe(example);
  const network = await startNetwork();
  const { chain, endpoints } = network;
  const account = AccountKey.fromSeed(Buffer.from(testSeed("account")).toString("hex"));
  const { height } = await trade(chain.genesisBytes, endpoints, account.toPem());
  expect(height).toBe(chain.height);
  network.close();
});
