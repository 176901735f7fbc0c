import { encodeFunding } from "@quorate/node/margin/leaves";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startNetwork, type TestNetwork } from "../../../../node/client/test/network.ts";
import { CommandLine } from "../../test/command-line.ts";

let network: TestNetwork;
let line: CommandLine;

beforeEach(async () => {
  network = await startNetwork();
  line = new CommandLine(network);
});

afterEach(() => network.close());

test("query market shows who paid whom, the rate so far, and what is left of the interval", async () => {
  const samples = Array.from({ length: 300 }, () => 250n);
  const funding = { index: -5n, lastRate: -1_500n, interval: 0, sampleSlot: 9, samples };
  network.chain.put("funding/0", encodeFunding(funding));
  const { stdout, exitCode } = await line.run("query", "market", "SPX-PERP");
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/funding +every 28800 s, at most 0\.3 %; the next in 28800 s/);
  expect(stdout).toMatch(/last rate +-0\.15 %, shorts paid longs/);
  expect(stdout).toMatch(/rate so far +0\.025 %, of 300 samples/);
  const { stdout: json } = await line.run("query", "market", "0", "--json");
  expect(JSON.parse(json)).toMatchObject({
    funding: { lastRatePpm: "-1500", ratePpm: "250", samples: 300, nextInMs: 28_800_000 },
  });
});
