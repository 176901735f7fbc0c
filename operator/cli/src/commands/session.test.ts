import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Bundle } from "@quorate/client/bundle";
import { countingNonces } from "@quorate/client/nonces";
import { revokeSessionTransaction, sessionTransaction } from "@quorate/client/session";
import { leafKeys } from "@quorate/node/ledger/leaves";
import { encodeSessions } from "@quorate/node/ledger/session-codec";
import { transactionId } from "@quorate/node/ledger/transaction";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { GENESIS_TIME_MS, testKey } from "../../../../node/client/test/fake-chain.ts";
import { startNetwork, type TestNetwork } from "../../../../node/client/test/network.ts";
import { account, CommandLine, sessionKey } from "../../test/command-line.ts";
import { systemPorts } from "../ports.ts";

const UNTIL = "1800000000000";
const BY_SESSION = ["--session-key", "session.pem", "--account", account.publicKey];
const SCOPE = {
  ...{ place: true, cancel: false, markets: [0] },
  ...{ orderLotsMax: 5n, orderNotionalMax: 2_500_000n },
};
const BOUNDS = [
  ...["--only", "place", "--market", "0", "SPX-PERP"],
  ...["--lots-max", "5", "--notional-max", "2.5"],
];

let network: TestNetwork;
let line: CommandLine;

beforeEach(async () => {
  network = await startNetwork();
  line = new CommandLine(network);
  const outcome = { code: "OK", field: "", fix: "", filled: 0n, resting: 5n };
  network.chain.receipt = { outcomes: [outcome] };
});

afterEach(() => network.close());

function hasSessions(...ends: readonly number[]): readonly string[] {
  const ids = ends.map((_, at) => testKey(`session ${at}`));
  const sessions = ends.map((expiresMs, at) => ({
    ...{ id: ids[at] ?? "", key: sessionKey.publicKey, expiresMs, scope: SCOPE },
  }));
  network.chain.put(leafKeys.sessions(account.publicKey), encodeSessions(sessions));
  return ids;
}

async function json(...words: readonly string[]) {
  const ran = await line.run(...words, "--json");
  expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
  return JSON.parse(ran.stdout);
}

describe("session open", () => {
  const open = ["session", "open", "--session-key", "session.pem", "--until", UNTIL, ...BOUNDS];

  test("the account's key signs the terms; the same words and nonce make the same bytes", async () => {
    const signed = sessionTransaction({
      ...{ chainId: network.chain.chainId, account, nonces: countingNonces(77) },
      ...{ key: sessionKey.publicKey, expiresMs: Number(UNTIL), scope: SCOPE },
    });
    const opened = await json(...open, "--nonce", "77");
    expect(opened).toMatchObject({
      ...{ transaction: signed.id, session: signed.id, key: sessionKey.publicKey, nonce: 77 },
      ...{ place: true, cancel: false, orderLotsMax: "5", orderNotionalMaxMicroUsd: "2500000" },
      markets: [{ id: 0, name: "SPX-PERP" }],
    });
    expect((await json(...open, "--nonce", "77")).height).toBe(opened.height);
    expect(network.chain.receipts.size).toBe(1);
  });

  test("a lost answer names the nonce that sends it again", async () => {
    for (const node of network.nodes) node.lies = { isSilent: true };
    const lost = await line.run(...open, "--timeout", "200");
    expect(lost).toMatchObject({ exitCode: 3 });
    expect(lost.stderr).toMatch(/to send it again: --nonce \d+/);
  });

  test.each([
    ["--until", ["--until", "tomorrow"]],
    ["--only", ["--until", UNTIL, "--only", "withdraw"]],
    ["--market", ["--until", UNTIL, "--market", "GOLD"]],
    ["--lots-max", ["--until", UNTIL, "--lots-max", "0"]],
    ["--notional-max", ["--until", UNTIL, "--notional-max", "0.0000001"]],
    ["--notional-max", ["--until", UNTIL, "--notional-max", "0"]],
    ["--session-key", ["--until", UNTIL, "--session-key", "nobody.pem"]],
  ])("a wrong %s is exit code 2 and nothing is sent", async (field, words) => {
    const ran = await line.run("session", "open", "--session-key", "session.pem", ...words);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain(`${field}: `);
    expect(network.chain.receipts.size).toBe(0);
  });

  test("the chain's refusal of the term is exit code 1", async () => {
    network.chain.receipt = { code: "SESSION_TERM", field: "expiresMs", fix: "choose another" };
    const ran = await line.run(...open);
    expect(ran).toMatchObject({ exitCode: 1 });
    expect(ran.stderr).toMatch(/^quorate: SESSION_TERM: expiresMs: choose another\n/);
  });
});

describe("session list", () => {
  test("shows each session, and that one has ended", async () => {
    const [ended, open] = hasSessions(GENESIS_TIME_MS, Number(UNTIL));
    const { sessions } = await json("session", "list");
    expect(sessions).toMatchObject([
      { session: ended, open: false },
      { session: open, open: true, place: true, cancel: false, orderLotsMax: "5" },
    ]);
    const { stdout } = await line.run("session", "list", "--account", account.publicKey);
    expect(stdout).toMatch(/ended +place, up to 5 lots, up to 2\.5 USD +SPX-PERP\n/);
  });

  test("none is proven too", async () => {
    expect((await json("session", "list")).sessions).toEqual([]);
  });
});

describe("session revoke", () => {
  const id = testKey("session 0");
  const bytesBy = (signer: typeof account) =>
    revokeSessionTransaction({
      ...{ chainId: network.chain.chainId, account: account.publicKey, session: id, signer },
    });

  test("the account's key signs it, or the session's own", async () => {
    hasSessions(Number(UNTIL));
    const revoke = ["session", "revoke", "--id", id];
    const byAccount = await json(...revoke);
    expect(byAccount.transaction).toBe(transactionId(bytesBy(account)));
    const bySession = await json(...revoke, ...BY_SESSION);
    expect(bySession).toMatchObject({
      ...{ account: account.publicKey, session: id },
      transaction: transactionId(bytesBy(sessionKey)),
    });
  });

  test("a lost answer says that the same command sends it again", async () => {
    for (const node of network.nodes) node.lies = { isSilent: true };
    const lost = await line.run("session", "revoke", "--id", id, "--timeout", "200");
    expect(lost).toMatchObject({ exitCode: 3 });
    expect(lost.stderr).toContain("the same command sends it again");
  });
});

describe("trading by a session's key", () => {
  function bundle(nonce: number, session: string): Bundle {
    return new Bundle({
      ...{ chainId: network.chain.chainId, account: sessionKey, actionsMax: 10 },
      nonces: countingNonces(nonce),
      session: { account: account.publicKey, id: session },
    });
  }

  test("place, cancel and cancel-all are signed under the newest session of the key", async () => {
    const [, newest = ""] = hasSessions(Number(UNTIL), Number(UNTIL));
    const order = { market: 0, clientId: 7, side: "buy", size: 5n, price: 100n } as const;
    const of = ["--market", "SPX-PERP", "--client-id", "7"];
    const place = ["order", "place", ...of, "--side", "buy", "--size", "5", "--price", "100"];
    const placed = await json(...place, ...BY_SESSION, "--nonce", "1");
    const expected = { account: account.publicKey };
    const idOf = (filled: Bundle) => filled.sign().id;
    expect(placed).toMatchObject({
      ...expected,
      transaction: idOf(bundle(1, newest).place(order)),
    });
    const cancelled = await json("cancel", ...of, ...BY_SESSION, "--nonce", "2");
    expect(cancelled).toMatchObject({
      ...expected,
      transaction: idOf(bundle(2, newest).cancel(order)),
    });
    const all = await json("cancel-all", ...BY_SESSION, "--nonce", "3");
    expect(all).toMatchObject({ ...expected, transaction: idOf(bundle(3, newest).cancelAll()) });
  });

  test("a key without a session, or half of the options, names field and fix", async () => {
    const check = async (words: readonly string[], says: string) => {
      const ran = await line.run("cancel-all", ...words);
      expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
      expect(ran.stderr).toContain(says);
    };
    await check(BY_SESSION, "UNKNOWN_SESSION: key: ");
    await check(BY_SESSION.slice(0, 2), "OPTION_MISSING: --account: ");
    await check(BY_SESSION.slice(2), "OPTION_UNUSED: --account: ");
    const withdrawal = await line.run("withdraw", "--amount", "1", ...BY_SESSION);
    expect(withdrawal).toMatchObject({ exitCode: 2 });
    expect(network.chain.receipts.size).toBe(0);
  });

  test("cancel-all by the account's own key", async () => {
    const { account: of } = await json("cancel-all");
    expect(of).toBe(account.publicKey);
  });
});

describe("files of keys", () => {
  test("one that others may use is refused, with the way to mend it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "quorate-key-"));
    const ports = systemPorts({}, "quorate");
    const file = join(folder, "session.pem");
    try {
      await ports.writeSecret(file, sessionKey.toPem());
      expect(await ports.readSecret(file, "--key")).toBe(sessionKey.toPem());
      for (const mode of [0o640, 0o604, 0o610]) {
        chmodSync(file, mode);
        await expect(ports.readSecret(file, "--key")).rejects.toMatchObject({
          code: "SECRET_EXPOSED",
          field: "--key",
          fix: expect.stringContaining("chmod 600"),
        });
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
