import { describe, expect, test } from "vitest";
import { parseCommandLine, parseConfig, UsageError } from "./config.ts";

const good = {
  dataDir: "/data",
  genesisFile: "/genesis.json",
  listen: {
    peers: "127.0.0.1:7001",
    control: "127.0.0.1:7002",
    query: "127.0.0.1:7003",
    metrics: "127.0.0.1:7004",
  },
  advertise: "127.0.0.1:7001",
  controlClientKey: "ab".repeat(32),
};
const price = {
  market: 0,
  kind: "replay",
  file: "prices.csv",
  startMs: 1,
  tickMs: 500,
  seed: 1,
  noisePpm: 100,
  delayMs: 0,
  outages: [{ fromTick: 3, toTick: 5 }],
};

/** How a configuration refers to a variable. */
const ref = (name: string): string => `\${${name}}`;
const env = { POD_IP: "10.0.0.7", POD_IP6: "fd00::7", EMPTY: "" };

function problem(value: unknown): string {
  try {
    parseConfig(typeof value === "string" ? value : JSON.stringify(value), "node.json", env);
    return "accepted";
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return error.message;
  }
}

describe("configuration", () => {
  test("a checkpoint is an epoch and the hash of its set; anything else is refused by name", () => {
    const checkpoint = { epoch: 3, setHash: "ab".repeat(32) };
    expect(parseConfig(JSON.stringify({ ...good, checkpoint }), "node.json").checkpoint).toEqual(
      checkpoint,
    );
    expect(problem({ ...good, checkpoint: { ...checkpoint, epoch: 0 } })).toContain(
      "checkpoint.epoch",
    );
    expect(problem({ ...good, checkpoint: { ...checkpoint, setHash: "AB" } })).toContain(
      "checkpoint.setHash: write a SHA-256 digest",
    );
  });

  test("a full configuration is read, defaults are filled in, the whole is frozen", () => {
    const config = parseConfig(JSON.stringify({ ...good, prices: [price] }), "node.json");
    expect(config.logLevel).toBe("info");
    expect(config.bootstrap).toEqual([]);
    expect(config.prices).toEqual([price]);
    expect(Object.isFrozen(config.listen)).toBe(true);
    expect(Object.isFrozen(config.prices[0]?.outages)).toBe(true);
  });

  test.each([
    ["is no JSON", "{"],
    ["node.json: dataDir: write a value of type string", { ...good, dataDir: undefined }],
    [
      "node.json: listen.query: write host:port",
      { ...good, listen: { ...good.listen, query: "7003" } },
    ],
    ["node.json: advertise: write host:port", { ...good, advertise: "host:99999" }],
    ["node.json: controlClientKey: write an Ed25519", { ...good, controlClientKey: "AB" }],
    ["node.json: config: unknown field lisen", { ...good, lisen: {} }],
    ["node.json: logLevel: ", { ...good, logLevel: "loud" }],
    [
      "node.json: prices[0].kind: the only price source",
      { ...good, prices: [{ ...price, kind: "http" }] },
    ],
    ["node.json: prices[0].tickMs: ", { ...good, prices: [{ ...price, tickMs: 0 }] }],
    [
      "node.json: prices[0].outages[0].toTick: ",
      { ...good, prices: [{ ...price, outages: [{ fromTick: 4, toTick: 3 }] }] },
    ],
    [
      "node.json: bootstrap[0].networkKey: ",
      { ...good, bootstrap: [{ networkKey: "1", address: "a:1" }] },
    ],
  ])("args: %s", (expected, value) => {
    expect(problem(value)).toContain(expected);
  });

  test.each([
    [`${ref("POD_IP")}:7001`, "10.0.0.7:7001"],
    [`${ref("POD_IP6")}:7001`, "[fd00::7]:7001"],
    [`[${ref("POD_IP6")}]:7001`, "[fd00::7]:7001"],
    ["127.0.0.1:7001", "127.0.0.1:7001"],
  ])("listen takes %s from the environment", (peers, expected) => {
    const text = JSON.stringify({ ...good, listen: { ...good.listen, peers } });
    expect(parseConfig(text, "node.json", env).listen.peers).toBe(expected);
  });

  test.each([
    [`${ref("POD")}:7001`, "listen.peers: the environment variable POD is not set"],
    [`${ref("EMPTY")}:7001`, "listen.peers: the environment variable EMPTY is not set"],
    [ref("POD_IP"), "listen.peers: write host:port"],
    ["$POD_IP:7001", "listen.peers: write host:port"],
  ])("args: listen.peers %s", (peers, expected) => {
    expect(problem({ ...good, listen: { ...good.listen, peers } })).toContain(expected);
  });

  test("only listen refers to the environment", () => {
    expect(problem({ ...good, advertise: `${ref("POD_IP")}:7001` })).toContain(
      "advertise: write host:port",
    );
  });

  test("args: genesisHash is 64 hex characters or absent", () => {
    const genesisHash = "cd".repeat(32);
    expect(parseConfig(JSON.stringify({ ...good, genesisHash }), "a").genesisHash).toBe(
      genesisHash,
    );
    expect(problem({ ...good, genesisHash: "cd" })).toContain("node.json: genesisHash: write the");
  });

  test("every wrong field is named, one line each", () => {
    const lines = problem({ ...good, advertise: "x", controlClientKey: "y" }).split("\n");
    expect(lines).toHaveLength(2);
  });
});

describe("command line", () => {
  test("default", () => {
    expect(parseCommandLine(["--config", "a.json"])).toEqual({ kind: "run", configFile: "a.json" });
    expect(parseCommandLine(["--help"])).toEqual({ kind: "help" });
    expect(parseCommandLine(["--version"])).toEqual({ kind: "version" });
  });

  test.each([
    [[], "--config"],
    [["--konfig", "x"], "--konfig"],
    [["extra", "--config", "x"], 'unexpected argument "extra"'],
  ])("args: %j", (args, expected) => {
    expect(() => parseCommandLine(args)).toThrow(expected);
  });
});
