import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { GENESIS_TIME_MS } from "../../../node/client/test/fake-chain.ts";
import { startNetwork, type TestNetwork } from "../../../node/client/test/network.ts";
import { CommandLine } from "../test/command-line.ts";
import { FakeApi } from "../test/fake-api.ts";
import { ENVIRONMENT_HELP } from "./config.ts";
import { EXIT, EXIT_CODES_HELP } from "./exit-codes.ts";

const text = readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8");
const commands = [...text.matchAll(/^\$ quorate (.+)$/gm)].map(([, words]) => words ?? "");

let network: TestNetwork;

beforeEach(async () => {
  network = await startNetwork();
});

afterEach(() => network.close());

describe("docs/cli.md", () => {
  test.each(commands)("quorate %s runs", async (words) => {
    const { chain } = network;
    chain.receipt = { outcomes: [{ code: "OK", field: "", fix: "", filled: 0n, resting: 5n }] };
    while (chain.height < 9) chain.commit();
    const line = new CommandLine(network, await FakeApi.waiting());
    if (words.startsWith("verify")) {
      line.nowMs = GENESIS_TIME_MS;
      const saved = ["--save", "proof.json", "--next", "header.json"];
      expect(await line.run("verify", "head", ...saved)).toMatchObject({ exitCode: 0 });
    }
    const ran = await line.run(...words.split(" "));
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
  });

  test("it names every variable and every exit code", () => {
    for (const [, name] of ENVIRONMENT_HELP.matchAll(/^ {2}([A-Z_]+) /gm))
      expect(text).toContain(name);
    for (const code of Object.values(EXIT)) expect(text).toContain(`| ${code} |`);
    for (const [, meaning] of EXIT_CODES_HELP.matchAll(/^ {2}\d +(.+)$/gm)) {
      expect(text).toContain(meaning);
    }
  });

  test("the error that it shows is the one that comes", async () => {
    const ran = await new CommandLine(network).run("query", "market", "GOLD");
    expect(text).toContain(ran.stderr);
  });
});
