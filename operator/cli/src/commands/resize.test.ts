import { AccountKey } from "@quorate/client/account-key";
import { decodeTransaction, resizeSigningBytes } from "@quorate/node/ledger/transaction";
import { afterEach, beforeEach, expect, test } from "vitest";
import { testKey } from "../../../../node/client/test/fake-chain.ts";
import { startNetwork, type TestNetwork } from "../../../../node/client/test/network.ts";
import { ed25519 } from "../../../../node/src/crypto/ed25519.ts";
import { CommandLine } from "../../test/command-line.ts";
import { submitResize } from "./resize.ts";

const SET = ["--set-hash", "5e".repeat(32)];
const OWNERS = ["owner-a.pem", "owner-b.pem"];

let network: TestNetwork;
let line: CommandLine;

beforeEach(async () => {
  network = await startNetwork();
  line = new CommandLine(network);
  line.files.set("owner-b.pem", AccountKey.generate().toPem());
});

afterEach(() => network.close());

async function sign(owner: string, ...change: readonly string[]): Promise<string> {
  const ran = await line.run("resize", "sign", ...change, ...SET, "--owner-key", owner, "--json");
  expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
  return ran.stdout;
}

test("owners sign alone and offline; their files become one transaction that verifies", async () => {
  for (const node of network.nodes) node.lies = { isSilent: true };
  const change = ["--grow", testKey("spare"), "--power", "9"];
  const texts = [await sign("owner-a.pem", ...change), await sign("owner-b.pem", ...change)];
  const files = texts.map((text, at) => ({ name: `${at}.json`, text }));
  const { chainId } = network.chain;
  const sent: Uint8Array[] = [];
  const submit = async () => {
    throw new Error("not in this test");
  };
  const sending = (bytes: Uint8Array) => void sent.push(bytes);
  await expect(submitResize({ chainId, submit }, files, sending)).rejects.toThrow("not in");
  const read = decodeTransaction(sent[0] ?? new Uint8Array());
  if (!read.ok || read.value.kind !== "resize") throw new Error("kind");
  const { value } = read;
  expect(value.change).toEqual({ kind: "grow", key: testKey("spare"), power: 9n });
  expect(value.signatures).toHaveLength(OWNERS.length);
  for (const { author, signature } of value.signatures) {
    expect(ed25519.verify(author, resizeSigningBytes(chainId, value), signature)).toBe(true);
  }
});

test("files of two changes, of another chain, or no files of `sign` are refused by name", async () => {
  line.files.set("a.json", await sign("owner-a.pem", "--shrink", testKey("seat")));
  line.files.set("b.json", await sign("owner-b.pem", "--shrink", testKey("other")));
  const foreign = (line.files.get("a.json") ?? "").replace(network.chain.chainId, "ab".repeat(32));
  line.files.set("foreign.json", foreign);
  line.files.set("words.json", "words");
  line.files.set("empty.json", "{}");
  const cases = [
    [["a.json", "b.json"], "b.json: it signs another change than a.json"],
    [["foreign.json"], `foreign.json: it is signed for chain ${"ab".repeat(32)}`],
    [["words.json"], "words.json: it is no JSON"],
    [["empty.json"], "empty.json: it is signed for chain "],
  ] as const;
  for (const [files, said] of cases) {
    const ran = await line.run("resize", "submit", ...files);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain("SIGNATURE_FILE");
    expect(ran.stderr).toContain(said);
  }
});

test.each([
  [["--grow", "1", "--power", "9"], "--grow"],
  [["--grow", testKey("spare")], "--power"],
  [["--grow", testKey("spare"), "--shrink", testKey("seat")], "--grow"],
  [[], "--grow"],
  [["--shrink", testKey("seat"), "--power", "9"], "--power"],
])("%j is refused at %s", async (change, field) => {
  const ran = await line.run("resize", "sign", ...change, ...SET, "--owner-key", "owner-a.pem");
  expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
  expect(ran.stderr).toContain(field);
});
