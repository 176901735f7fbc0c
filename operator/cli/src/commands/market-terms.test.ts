import { AccountKey } from "@quorate/client/account-key";
import { decodeTransaction, marketTermsSigningBytes } from "@quorate/node/ledger/transaction";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startNetwork, type TestNetwork } from "../../../../node/client/test/network.ts";
import { ed25519 } from "../../../../node/src/crypto/ed25519.ts";
import { CommandLine } from "../../test/command-line.ts";
import { submitMarket } from "./market-terms.ts";

const TERM = ["--nonce", "4", "--until", "1800000000000"];

let network: TestNetwork;
let line: CommandLine;

beforeEach(async () => {
  network = await startNetwork();
  line = new CommandLine(network);
  line.files.set("owner-b.pem", AccountKey.generate().toPem());
});

afterEach(() => network.close());

async function sign(owner: string, ...act: readonly string[]): Promise<string> {
  const words = ["market", "sign", "0", ...act, ...TERM, "--owner-key", owner, "--json"];
  const ran = await line.run(...words);
  expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
  return ran.stdout;
}

test.each([
  [["--restrict", "paused"], { kind: "restrict", mode: "paused" }],
  [["--cancel"], { kind: "cancel" }],
  [["--open"], { kind: "schedule", opens: true, amounts: [] }],
  [
    ["--set", "takerFeePpm=7", "--set", "initialMarginPpm=60000"],
    {
      kind: "schedule",
      opens: false,
      // As the chain wants them, whatever the order on the line.
      amounts: [
        { name: "initialMarginPpm", value: 60_000n },
        { name: "takerFeePpm", value: 7n },
      ],
    },
  ],
])("owners sign %j offline; their files become one transaction that verifies", async (act, is) => {
  for (const node of network.nodes) node.lies = { isSilent: true };
  const texts = [await sign("owner-a.pem", ...act), await sign("owner-b.pem", ...act)];
  const files = texts.map((text, at) => ({ name: `${at}.json`, text }));
  const { chainId } = network.chain;
  const sent: Uint8Array[] = [];
  const submit = async () => {
    throw new Error("not in this test");
  };
  const sending = (bytes: Uint8Array) => void sent.push(bytes);
  await expect(submitMarket({ chainId, submit }, files, sending)).rejects.toThrow("not in");
  const read = decodeTransaction(sent[0] ?? new Uint8Array());
  if (!read.ok || read.value.kind !== "market-terms") throw new Error("kind");
  const { value } = read;
  expect(value).toMatchObject({ market: 0, nonce: 4, untilMs: 1_800_000_000_000, act: is });
  expect(value.signatures).toHaveLength(2);
  for (const { author, signature } of value.signatures) {
    expect(ed25519.verify(author, marketTermsSigningBytes(chainId, value), signature)).toBe(true);
  }
});

test("files of two decisions, or of another command, are refused by name", async () => {
  line.files.set("a.json", await sign("owner-a.pem", "--restrict", "paused"));
  line.files.set("b.json", await sign("owner-b.pem", "--restrict", "reduce-only"));
  const resize = (line.files.get("a.json") ?? "").replace("market sign", "resize sign");
  line.files.set("resize.json", resize);
  const cases = [
    [["a.json", "b.json"], "b.json: it signs another change than a.json"],
    [["resize.json"], 'resize.json: it is of command "resize sign"'],
  ] as const;
  for (const [files, said] of cases) {
    const ran = await line.run("market", "submit", ...files);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain(said);
  }
});

test.each([
  [["0", "--restrict", "open"], "--restrict"],
  [["0"], "--restrict"],
  [["0", "--restrict", "paused", "--open"], "--restrict"],
  [["0", "--cancel", "--set", "takerFeePpm=7"], "--restrict"],
  [["0", "--set", "takerFee=7"], "--set"],
  [["0", "--set", "takerFeePpm=-7"], "--set"],
  [["0", "--set", "takerFeePpm=7", "--set", "takerFeePpm=8"], "--set"],
  [["NO-PERP", "--cancel"], "MARKET"],
])("%j is refused at %s", async (words, field) => {
  const ran = await line.run("market", "sign", ...words, ...TERM, "--owner-key", "owner-a.pem");
  expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
  expect(ran.stderr).toContain(`${field}:`);
});
