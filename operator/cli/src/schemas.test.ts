import { readdirSync, readFileSync } from "node:fs";
import { encodeSpare, encodeSwap, leafKeys } from "@quorate/node/ledger/leaves";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { Command } from "commander";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { GENESIS_TIME_MS, testKey } from "../../../node/client/test/fake-chain.ts";
import { startNetwork, type TestNetwork } from "../../../node/client/test/network.ts";
import { account, CommandLine } from "../test/command-line.ts";
import { FakeApi } from "../test/fake-api.ts";
import { systemPorts } from "./ports.ts";
import { buildProgram } from "./program.ts";

const SCHEMAS = new URL("../../../docs/schemas/", import.meta.url);
/** Schemas of other programs' outputs, each tested where its program is. */
const OTHERS = [
  "accountability",
  "bench-consensus",
  "bench-margin",
  "crash",
  "fuzz",
  "load",
  "main-job-summary",
  "sim",
  "sync",
];

const schemas = new Map(
  readdirSync(SCHEMAS)
    .filter((file) => file.endsWith(".schema.json"))
    .map((file) => [
      file.replace(".schema.json", ""),
      JSON.parse(readFileSync(new URL(file, SCHEMAS), "utf8")),
    ]),
);

let network: TestNetwork;
let line: CommandLine;
let api: FakeApi;

beforeEach(async () => {
  network = await startNetwork();
  api = await FakeApi.waiting();
  line = new CommandLine(network, api);
});

afterEach(() => network.close());

function problems(name: string, document: unknown): string {
  const ajv = new Ajv2020({ allErrors: true, strict: true });
  const isValid = ajv.compile(schemas.get(name));
  return isValid(document) ? "" : ajv.errorsText(isValid.errors);
}

/** Every command that does something, as its words. */
function leaves(command: Command, words: readonly string[] = []): string[] {
  if (command.commands.length === 0) return [words.join(" ")];
  return command.commands.flatMap((each) => leaves(each, [...words, each.name()]));
}

const ORDER = ["--market", "SPX-PERP", "--client-id", "7"];

const RESIZE = ["--set-hash", "5e".repeat(32), "--owner-key", "owner-a.pem"];

const DECISION = ["0", "--nonce", "1", "--until", "1800000000000", "--owner-key", "owner-a.pem"];

const SESSION = ["--session-key", "session.pem"];

const SET = ["dev", "-n", "quorate-dev"];
const OWNER = ["--owner-key", "owner.pem"];

const COMMANDS: readonly (readonly [string, ...string[]])[] = [
  ["account keygen", "--out", "bob.pem"],
  ["account show"],
  ["account show", "--account", testKey("nobody")],
  ["order place", ...ORDER, "--side", "buy", "--size", "5", "--price", "100"],
  ["order show", ...ORDER],
  ["cancel", ...ORDER],
  ["cancel-all"],
  ["withdraw", "--amount", "12.5"],
  ["session open", ...SESSION, "--until", "1800000000000"],
  ["session open", ...SESSION, "--until", "1800000000000", "--market", "0", "--lots-max", "5"],
  ["session list"],
  ["session revoke", "--id", "5e".repeat(32)],
  ["resize sign", "--grow", testKey("spare"), "--power", "9", ...RESIZE],
  ["resize sign", "--shrink", testKey("seat"), ...RESIZE],
  ["resize submit", "signed.json"],
  ["market sign", ...DECISION, "--restrict", "paused"],
  ["market sign", ...DECISION, "--open", "--set", "takerFeePpm=7"],
  ["market sign", ...DECISION, "--cancel"],
  ["market submit", "decided.json"],
  ["query status"],
  ["query height"],
  ["query set"],
  ["query spares"],
  ["query swaps"],
  ["query caps"],
  ["query account", account.publicKey],
  ["query market", "0"],
  ["query block", "3"],
  ["query transaction", ""],
  ["verify head", "--save", "saved.json", "--next", "next.json"],
  ["verify account", account.publicKey],
  ["verify account", testKey("nobody")],
  ["verify receipt", ""],
  ["verify state", "chain"],
  ["verify file", "proof.json", "--trusted", "next.json"],
  ["replay", "operator.log"],
  ["up"],
  ["down"],
  ["status"],
  ["status", ...SET],
  ["why", ...SET],
  ["why", ...SET, "dev-2"],
  ["plan"],
  ["plan", ...SET, "--fail", "dev-1"],
  ["logs", ...SET],
  ["approve", ...SET, "--latest", "--dry-run"],
  ["rotate", ...SET, "dev-1", ...OWNER, "--dry-run"],
  ["endorse", ...SET, "dev-4", ...OWNER, "--dry-run"],
];

describe("--json", () => {
  test("each command has a schema, and each schema a command", () => {
    const run = { ports: systemPorts({}, "quorate"), sent: undefined, exitCode: 0 };
    const commands = leaves(buildProgram(run, false)).map((words) => words.replaceAll(" ", "-"));
    const named = [...schemas.keys()].filter((name) => !OTHERS.includes(name));
    expect(named.toSorted()).toEqual([...commands, "error"].toSorted());
    expect(new Set(COMMANDS.map(([command]) => command)).size).toBe(commands.length);
  });

  test.each(COMMANDS)(
    "%s %s prints one document that keeps to its schema",
    async (command, ...rest) => {
      const { chain } = network;
      const outcome = { code: "OK", field: "", fix: "", filled: 3n, resting: 2n };
      chain.receipt = { outcomes: [outcome] };
      const spare = chain.spare("a spare");
      chain.put(leafKeys.spare(spare.key), encodeSpare(spare));
      const { nextSet } = chain.handOver("7");
      const [member] = nextSet.members;
      chain.put(
        leafKeys.swap(2),
        encodeSwap({
          epoch: 2,
          height: 3,
          cause: "silence",
          leaver: spare.key,
          newcomer: member?.key,
          proof: "ab".repeat(32),
          newcomerRegisteredAt: 1,
          power: 8n,
        }),
      );
      while (chain.height < 9) chain.commit();
      // The fake set lives years after the fake chain.
      if (command.startsWith("verify")) line.nowMs = GENESIS_TIME_MS;
      const bytes = Uint8Array.of(1, 2, 3);
      const { transaction } = chain.executed(bytes);
      const saving = ["verify", "head", "--save", "proof.json", "--next", "next.json"];
      if (command === "verify file") expect((await line.run(...saving)).exitCode).toBe(0);
      if (command === "resize submit") {
        const sign = ["resize", "sign", "--shrink", testKey("seat"), ...RESIZE, "--json"];
        line.files.set("signed.json", (await line.run(...sign)).stdout);
      }
      if (command === "market submit") {
        const sign = ["market", "sign", ...DECISION, "--set", "takerFeePpm=7", "--json"];
        line.files.set("decided.json", (await line.run(...sign)).stdout);
      }
      const isOfTransaction = command === "query transaction" || command === "verify receipt";
      const words = isOfTransaction ? [transaction] : rest;
      const ran = await line.run(...command.split(" "), ...words, "--json");
      expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
      const document: unknown = JSON.parse(ran.stdout);
      expect(problems(command.replaceAll(" ", "-"), document)).toBe("");
      expect(document).toMatchObject({ command });
      const forPeople = await line.run(...command.split(" "), ...words);
      expect(forPeople).toMatchObject({ exitCode: 0, stderr: "" });
      expect(forPeople.stdout).toMatch(/^[^{\n].*\n$/s);
      for (const text of forPeople.stdout.split("\n")) expect(text).toBe(text.trimEnd());
    },
  );

  test("query transaction shows the numbers of a cap that refused, as the members signed them", async () => {
    const { chain } = network;
    const bound = { cap: 33n, epoch: 472_222, remainder: 30n };
    const refused = { code: "OUTFLOW_CAP_REACHED", field: "amount", fix: "withdraw less" };
    chain.receipt = { outcomes: [{ ...refused, filled: 0n, resting: 0n, bound }] };
    const { transaction } = chain.executed(Uint8Array.of(1, 2, 3));
    const ran = await line.run("query", "transaction", transaction, "--json");
    const document = JSON.parse(ran.stdout);
    expect(problems("query-transaction", document)).toBe("");
    expect(document.outcomes).toMatchObject([
      { code: "OUTFLOW_CAP_REACHED", bound: { cap: "33", epoch: 472_222, remainder: "30" } },
    ]);
    const forPeople = await line.run("query", "transaction", transaction);
    expect(forPeople.stdout).toContain("(cap 33, epoch 472222, remainder 30)");
  });

  test("errors of every kind keep to the error's schema", async () => {
    const { chain, nodes } = network;
    const place = ["order", "place", ...ORDER, "--side", "buy", "--size", "5", "--price", "100"];
    const check = async (exitCode: number, code: string, args: readonly string[]) => {
      const ran = await line.run(...args, "--json");
      expect(ran).toMatchObject({ exitCode, stderr: "" });
      const document = JSON.parse(ran.stdout);
      expect(problems("error", document)).toBe("");
      expect(document.error).toMatchObject({ code, exitCode });
      const forPeople = await line.run(...args);
      expect(forPeople).toMatchObject({ exitCode, stdout: "" });
      expect(forPeople.stderr).toMatch(new RegExp(`^quorate: ${code}: [^\n]+\n`));
    };
    chain.receipt = { code: "NONCE_USED", field: "nonce", fix: "take another" };
    await check(1, "NONCE_USED", place);
    const refused = { code: "INSUFFICIENT_MARGIN", field: "size", fix: "place less" };
    chain.receipt = { outcomes: [{ ...refused, filled: 0n, resting: 0n }] };
    await check(1, "INSUFFICIENT_MARGIN", place);
    await check(2, "USAGE", ["order", "place"]);
    await check(2, "USAGE", ["dance"]);
    await check(2, "USAGE", []);
    await check(2, "USAGE", ["query", "height", "--colour"]);
    await check(2, "USAGE", ["query", "market"]);
    await check(2, "ARGUMENT_MALFORMED", ["withdraw", "--amount", "1.2345678"]);
    await check(2, "ARGUMENT_MALFORMED", ["query", "account", "abc"]);
    await check(2, "ARGUMENT_MALFORMED", ["query", "height", "--timeout", "0"]);
    await check(2, "MARKET_UNKNOWN", ["query", "market", "GOLD"]);
    await check(2, "FILE_UNREADABLE", ["account", "show", "--key", "nobody.pem"]);
    line.files.set("bad.pem", "not a key");
    await check(2, "KEY_MALFORMED", ["account", "show", "--key", "bad.pem"]);
    await check(1, "TRANSACTION_UNKNOWN", ["query", "transaction", "ab".repeat(32)]);
    for (const node of nodes) {
      node.lies = { state: (honest) => ({ ...honest, value: Uint8Array.of(1) }) };
    }
    await check(4, "STATE_NOT_PROVEN", ["query", "height"]);
    for (const node of nodes) node.lies = { isSilent: true };
    await check(3, "UNREACHABLE", [...place, "--timeout", "200"]);
    line.environment = {};
    await check(2, "OPTION_MISSING", ["query", "height"]);
  });

  test("an answer that is lost can be asked for again without doing anything twice", async () => {
    const { chain, nodes } = network;
    chain.receipt = { outcomes: [{ code: "OK", field: "", fix: "", filled: 0n, resting: 0n }] };
    for (const node of nodes) node.lies = { isSilent: true };
    const lost = await line.run("withdraw", "--amount", "1", "--timeout", "200");
    const nonce = /--nonce (\d+)/.exec(lost.stderr)?.[1];
    if (nonce === undefined) throw new Error(lost.stderr);
    for (const node of nodes) node.lies = {};
    const again = await line.run("withdraw", "--amount", "1", "--nonce", nonce);
    expect(again).toMatchObject({ exitCode: 0 });
    expect(chain.receipts.size).toBe(1);
  });

  test("--help shows examples, environment variables and exit codes", async () => {
    const { exitCode, stdout } = await line.run("--help");
    expect(exitCode).toBe(0);
    for (const text of ["QUORATE_ENDPOINTS", "Exit codes:", "order", "withdraw"]) {
      expect(stdout).toContain(text);
    }
    const place = await line.run("order", "place", "--help");
    expect(place.stdout).toContain("Example:\n  quorate order place");
  });
});
