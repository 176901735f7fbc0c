import { describe, expect, test } from "vitest";
import { keyOf, testGenesis } from "../../test/ledger/test-chain.ts";
import { PRODUCTION } from "../kernel/parameters.ts";
import {
  encodeGenesis,
  genesisHash,
  genesisSet,
  genesisTotal,
  genesisWarnings,
  parseGenesis,
} from "./genesis.ts";
import type { Genesis } from "./genesis-file.ts";

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));

/** The genesis as JSON with one value replaced, at a path like "seats.0.power". */
function edited(path: string, value: unknown, genesis = testGenesis()): Uint8Array {
  const json = JSON.parse(Buffer.from(encodeGenesis(genesis)).toString("ascii"));
  const names = path.split(".");
  const last = names.pop() ?? "";
  const parent = names.reduce((node, name) => node[name], json);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return bytes(JSON.stringify(json));
}

function refusal(file: Uint8Array): string {
  const parsed = parseGenesis(file);
  if (parsed.ok) return "OK";
  expect(parsed.error.fix.length).toBeGreaterThan(5);
  return `${parsed.error.code} ${parsed.error.field}`;
}

const production = (): Genesis => ({ ...testGenesis({ dev: false }), parameters: PRODUCTION });

describe("rule GENESIS", () => {
  test("rule GENESIS: what is encoded is parsed back; the hash binds every byte", () => {
    const genesis = testGenesis();
    const file = encodeGenesis(genesis);
    expect(parseGenesis(file)).toEqual({ ok: true, value: genesis });
    expect(genesisHash(file)).toMatch(/^[0-9a-f]{64}$/);
    expect(genesisHash(Uint8Array.from([...file, 0x20]))).not.toBe(genesisHash(file));
    expect(genesisSet(genesis).members.map(({ key }) => key)).toEqual(
      genesis.seats.map(({ key }) => key).toSorted(),
    );
    expect(genesisTotal(genesis)).toBe(1_000n + 400n + 1_000_000n + 5_000n);
  });

  test("rule GENESIS: omitted parameters are the production ones", () => {
    const parsed = parseGenesis(edited("parameters", undefined, production()));
    expect(parsed.ok && parsed.value.parameters).toEqual(PRODUCTION);
    const some = parseGenesis(
      edited("parameters", { rotation: { silenceBlocks: 50 } }, production()),
    );
    expect(some.ok && some.value.parameters.rotation).toEqual({
      ...PRODUCTION.rotation,
      silenceBlocks: 50,
    });
  });

  test("rule GENESIS: each wrong field is named with its fix", () => {
    const seat = "GENESIS_INVALID seats[0]";
    const faults: readonly (readonly [string, unknown, string])[] = [
      ["name", "", "GENESIS_INVALID name"],
      ["dev", "yes", "GENESIS_INVALID dev"],
      ["genesisTimeMs", -1, "GENESIS_INVALID genesisTimeMs"],
      ["genesisTimeMs", "1", "GENESIS_INVALID genesisTimeMs"],
      ["surprise", 1, "GENESIS_INVALID surprise"],
      ["rewardPot", "-1", "GENESIS_INVALID rewardPot"],
      ["candidates", "all", "GENESIS_INVALID candidates"],
      ["owners", {}, "GENESIS_INVALID owners"],
      ["owners.0.treasury", 5, "GENESIS_INVALID owners[0].treasury"],
      ["owners.0.treasury", "-5", "GENESIS_INVALID owners[0].treasury"],
      ["owners.0.treasury", "05", "GENESIS_INVALID owners[0].treasury"],
      ["owners.0.key", "AB".repeat(32), "GENESIS_INVALID owners[0].key"],
      ["custodians.1", keyOf("custodian x"), "GENESIS_KEY_TWICE custodians[1]"],
      ["seats.0.address", "here", `${seat}.address`],
      ["seats.0.address", "host:70000", `${seat}.address`],
      ["seats.0.power", "0", `${seat}.power`],
      ["seats.0.surprise", "0", `${seat}.surprise`],
      ["seats.0.power", "1e3", `${seat}.power`],
      ["seats.0.owner", keyOf("stranger"), "GENESIS_OWNER seats[0].owner"],
      ["seats.1.key", keyOf("seat0"), "GENESIS_KEY_TWICE seats[1].key"],
      ["seats.1.networkKey", keyOf("seat0"), "GENESIS_KEY_TWICE seats[1].networkKey"],
      ["seats.3.power", "150", "GENESIS_SEAT_POWER seats[3].power"],
      ["seats", [], "GENESIS_TOO_FEW_SEATS seats"],
      [
        "parameters.rotation.unbondingMs",
        60_000,
        "GENESIS_INVALID parameters.rotation.unbondingMs",
      ],
      ["parameters.rotation.slashPpm", "1000001", "GENESIS_INVALID parameters.rotation.slashPpm"],
      ["parameters.rotation.silenceMs", 0, "GENESIS_INVALID parameters.rotation.silenceMs"],
      [
        "parameters.rotation.absenceEveryMs",
        1,
        "GENESIS_INVALID parameters.rotation.absenceEveryMs",
      ],
      ["parameters.rotation.silence", 1, "GENESIS_INVALID parameters.rotation.silence"],
      [
        "parameters.consensus.roundTimeoutMsMin",
        9_000,
        "GENESIS_INVALID parameters.consensus.roundTimeoutMsMin",
      ],
      ["margin.markets.0.id", 1, "GENESIS_INVALID margin.markets[0].id"],
      [
        "margin.markets.0.maintenanceMarginPpm",
        "40000",
        "GENESIS_INVALID margin.markets[0].maintenanceMarginPpm",
      ],
      ["margin.markets.0.orderLotsMax", "0", "GENESIS_INVALID margin.markets[0].orderLotsMax"],
      ["margin.accounts.0.balance", null, "GENESIS_INVALID margin.accounts[0].balance"],
      ["margin.insuranceFund", "9".repeat(25), "GENESIS_INVALID margin.insuranceFund"],
    ];
    for (const [path, value, expected] of faults)
      expect(refusal(edited(path, value))).toBe(expected);
    expect(refusal(bytes("{"))).toBe("GENESIS_INVALID file");
    expect(refusal(bytes("[]"))).toBe("GENESIS_INVALID ");
    expect(refusal(Uint8Array.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]))).toBe("GENESIS_INVALID file");
  });

  test("more sessions than a leaf may hold are refused", () => {
    const field = "parameters.margin.sessionsMax";
    expect(refusal(edited(field, 64))).toBe("OK");
    expect(refusal(edited(field, 65))).toBe(`GENESIS_INVALID ${field}`);
  });

  test("rule CAPS: no genesis lets caps fall faster, or counts more than all of the bonds", () => {
    const fall = "parameters.margin.capFallPpm";
    expect(refusal(edited(fall, "100000"))).toBe("OK");
    expect(refusal(edited(fall, "100001"))).toBe(`GENESIS_INVALID ${fall}`);
    for (const name of ["bondHaircutPpm", "outflowSharePpm"]) {
      const field = `parameters.margin.${name}`;
      expect(refusal(edited(field, "1000000"))).toBe("OK");
      expect(refusal(edited(field, "1000001"))).toBe(`GENESIS_INVALID ${field}`);
    }
    // The minimum of a day is no minimum of a week.
    const day = "parameters.margin.outflowWindowMs";
    expect(refusal(edited(day, 86_400_001, production()))).toBe(`GENESIS_TIME_LONG ${day}`);
    expect(refusal(edited(day, 86_399_999, production()))).toBe(`GENESIS_TIME_SHORT ${day}`);
  });

  test("rule CAPS: a market's limits have defaults, and dev alone leaves its open interest uncapped", () => {
    const move = "margin.markets.0.corruptMovePpm";
    const limit = "margin.markets.0.positionLotsMax";
    const omitted = [move, limit].map((path) => parseGenesis(edited(path, undefined)));
    const [first, second] = omitted.map((parsed) => parsed.ok && parsed.value.margin.markets[0]);
    expect(first).toMatchObject({ corruptMovePpm: 300_000n });
    expect(second).toMatchObject({ positionLotsMax: 1_000_000_000n });
    expect(refusal(edited(move, "0"))).toBe("OK");
    const field = "margin.markets[0].corruptMovePpm";
    expect(refusal(edited(move, "0", production()))).toBe(`GENESIS_UNCAPPED ${field}`);
    expect(refusal(edited(move, "1000001"))).toBe(`GENESIS_INVALID ${field}`);
    expect(refusal(edited(limit, "0"))).toBe("GENESIS_INVALID margin.markets[0].positionLotsMax");
  });

  test("funding has defaults, can be off, and no production chain pays by a few moments", () => {
    const path = (name: string): string => `margin.markets.0.${name}`;
    const field = (name: string): string => `margin.markets[0].${name}`;
    const names = [
      "fundingIntervalMs",
      "fundingSampleMs",
      "fundingCapPpm",
      "fundingImpactNotional",
    ];
    const [interval = "", sample = "", cap = "", notional = ""] = names;
    const markets = names.map((name) => {
      const parsed = parseGenesis(edited(path(name), undefined));
      return parsed.ok && parsed.value.margin.markets[0];
    });
    expect(markets).toMatchObject([
      { fundingIntervalMs: 28_800_000n },
      { fundingSampleMs: 60_000n },
      { fundingCapPpm: 3_000n },
      { fundingImpactNotional: 10_000_000_000n },
    ]);
    const at = (name: string, value: string, genesis = production()): string =>
      refusal(edited(path(name), value, genesis));
    const dev = { ...production(), dev: true };
    expect(at(interval, "0")).toBe("OK");
    expect(at(interval, "3600000")).toBe("OK");
    expect(at(interval, "3540000")).toBe(`GENESIS_TIME_SHORT ${field(interval)}`);
    expect(at(interval, "3540000", dev)).toBe("OK");
    expect(at(interval, "1577880000000000", dev)).toBe(`GENESIS_INVALID ${field(interval)}`);
    expect(at(sample, "0")).toBe(`GENESIS_INVALID ${field(sample)}`);
    expect(at(sample, "70000", dev)).toBe(`GENESIS_INVALID ${field(sample)}`);
    expect(at(sample, "28125", dev)).toBe("OK");
    expect(at(sample, "28000", dev)).toBe(`GENESIS_INVALID ${field(sample)}`);
    expect(at(sample, "1920000")).toBe("OK");
    expect(at(sample, "2057142")).toBe(`GENESIS_INVALID ${field(sample)}`);
    expect(at(sample, "2400000")).toBe(`GENESIS_INVALID ${field(sample)}`);
    expect(at(sample, "2400000", dev)).toBe("OK");
    expect(at(cap, "20000")).toBe("OK");
    expect(at(cap, "20001")).toBe(`GENESIS_INVALID ${field(cap)}`);
    expect(at(notional, "0")).toBe(`GENESIS_INVALID ${field(notional)}`);
  });

  test("rule GENESIS: dev alone may shorten times", () => {
    const short = "parameters.rotation.silenceMs";
    expect(refusal(edited(short, 9_999, production()))).toBe(`GENESIS_TIME_SHORT ${short}`);
    const windows = "parameters.rotation.coolDownWindows";
    expect(refusal(edited(windows, 1, production()))).toBe(`GENESIS_TIME_SHORT ${windows}`);
    const deadline = "parameters.margin.callDeadlineMs";
    expect(refusal(edited(deadline, 1_000, production()))).toBe(`GENESIS_TIME_SHORT ${deadline}`);
    expect(refusal(edited(short, 10_001, production()))).toBe("OK");
    expect(refusal(edited(short, 9_999, { ...production(), dev: true }))).toBe("OK");
  });

  test("rule GENESIS: dev alone stretches what credits time or keeps old words fresh", () => {
    const most: readonly (readonly [string, number])[] = [
      ["rotation.blockTimeCreditMsMax", 1_000],
      ["consensus.clockAheadMsMax", 500],
      ["rotation.fitMs", 5_000],
      ["rotation.fitBlocks", 20],
      ["margin.oracleReportMsMax", 5_000],
    ];
    for (const [name, value] of most) {
      const field = `parameters.${name}`;
      expect(refusal(edited(field, value, production()))).toBe("OK");
      expect(refusal(edited(field, value + 1, production()))).toBe(`GENESIS_TIME_LONG ${field}`);
      expect(refusal(edited(field, value + 1, { ...production(), dev: true }))).toBe("OK");
    }
  });

  test("rule SEAT: a seat has less than a third; an owner too, where there are four", () => {
    const three = testGenesis({ owners: ["a", "a", "b", "c"] });
    expect(refusal(encodeGenesis(three))).toBe("OK");
    expect(genesisWarnings(three)[0]).toMatch(/^3 owner/);
    const four = testGenesis({ owners: ["a", "a", "b", "c", "d"] });
    expect(refusal(encodeGenesis(four))).toBe("GENESIS_OWNER_POWER owners[0]");
    const fair = testGenesis({ owners: ["a", "b", "c", "d"] });
    expect(refusal(encodeGenesis(fair))).toBe("OK");
    expect(genesisWarnings({ ...fair, dev: false })).toEqual([]);
    const third = testGenesis({ powers: [100n, 50n, 100n, 50n] });
    expect(refusal(encodeGenesis(third))).toBe("GENESIS_SEAT_POWER seats[0].power");
  });
});
