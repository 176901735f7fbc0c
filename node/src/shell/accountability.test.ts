import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterEach, describe, expect, test } from "vitest";
import { createBirth, nodeKeys } from "../../test/sim/birth.ts";
import { quietPlan } from "../../test/sim/quiet-plan.ts";
import { createKeyring } from "../../test/sim/schemes.ts";
import { sortedSignatures } from "../consensus/certificates.ts";
import { encodeChainRecord } from "../consensus/codec.ts";
import { fromHex } from "../kernel/bytes.ts";
import { ZERO_DIGEST } from "../kernel/scalars.ts";
import { type SignedStatement, signingBytes } from "../kernel/statements.ts";
import { checkTransaction } from "../ledger/check-transaction.ts";
import { createLedger } from "../ledger/create-ledger.ts";
import { encodeGenesis } from "../ledger/genesis.ts";
import { accountability } from "./accountability.ts";
import { diskFileSystem } from "./disk/file-system.ts";
import { writeNewLog } from "./disk/record-log.ts";

const SCHEMA = new URL("../../../docs/schemas/accountability.schema.json", import.meta.url);
const plan = quietPlan({ spares: 0 });
const keyring = createKeyring("stub");
const keys = nodeKeys(keyring, plan);
const { genesis, chainId } = createBirth(plan, keyring, keys);
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function attestation(member: number, stateRoot: string): SignedStatement {
  const author = keys[member]!.key;
  const blockId = "11".repeat(32);
  const [epoch, height, timestampMs] = [1, 1, 5];
  const roots = { stateRoot, receiptsRoot: ZERO_DIGEST, nextSetHash: ZERO_DIGEST };
  const result = { epoch, height, blockId, timestampMs, ...roots };
  const statement = { kind: "attestation", result } as const;
  return { statement, author, signature: keyring.sign(author, signingBytes(chainId, statement)) };
}

/** A data folder whose log has one result certified by these members. */
async function dataFolder(at: string, members: readonly number[], root: string): Promise<string> {
  mkdirSync(at);
  const signed = members.map((member) => attestation(member, root));
  const { statement } = signed[0]!;
  if (statement.kind !== "attestation") throw new Error("no attestation");
  const certificate = { result: statement.result, signatures: sortedSignatures(signed) };
  const location = { fileSystem: diskFileSystem, folder: at, name: "chain.log" };
  const { log } = await writeNewLog({ ...location, salt: new Uint8Array(16) }, [
    encodeChainRecord({ kind: "certified", certificate }),
  ]);
  await log.close();
  return at;
}

async function run(right: readonly number[], root: string, ...flags: readonly string[]) {
  const home = mkdtempSync(join(tmpdir(), "accountability-"));
  folders.push(home);
  writeFileSync(join(home, "genesis.json"), encodeGenesis(genesis));
  const left = await dataFolder(join(home, "left"), [0, 2, 3], "aa".repeat(32));
  const other = await dataFolder(join(home, "right"), right, root);
  let text = "";
  const write = (part: string) => {
    text += part;
  };
  const args = ["--genesis", join(home, "genesis.json"), ...flags, left, other];
  const code = await accountability(args, { write, scheme: keyring.scheme });
  return { code, text };
}

describe("npm run accountability", () => {
  test("names the culprits of a fork, each with a transaction that the ledger admits", async () => {
    const { code, text } = await run([1, 2, 3], "bb".repeat(32), "--json");
    expect(code).toBe(2);
    const output = JSON.parse(text);
    const validate = new Ajv2020().compile(JSON.parse(readFileSync(SCHEMA, "utf8")));
    expect([validate(output), validate.errors]).toEqual([true, null]);
    const [{ culprits, complete }] = output.findings;
    expect(complete).toBe(true);
    const named = culprits.map(({ key }: { key: string }) => key);
    expect(named.toSorted()).toEqual([keys[2]!.key, keys[3]!.key].toSorted());
    const ledger = createLedger(genesis, chainId);
    for (const { proof } of culprits) {
      expect(checkTransaction(ledger, fromHex(proof), keyring.scheme).ok).toBe(true);
    }
  });

  test("exit codes: 0 without a conflict, 3 where the culprits are not enough, 1 for misuse", async () => {
    const same = await run([1, 2, 3], "aa".repeat(32));
    expect(same).toEqual({ code: 0, text: expect.stringContaining("no conflict") });
    const few = await run([1, 3], "bb".repeat(32));
    expect(few).toEqual({ code: 3, text: expect.stringContaining("incomplete") });
    let text = "";
    const write = (part: string) => {
      text += part;
    };
    const ports = { write, scheme: keyring.scheme };
    expect(await accountability(["one"], ports)).toBe(1);
    expect(await accountability(["--help"], ports)).toBe(0);
    expect(text).toContain("--genesis");
    expect(text).toContain("exit codes");
  });
});
