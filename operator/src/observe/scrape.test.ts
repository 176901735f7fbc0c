import { expect, test } from "vitest";
import type { HttpPort } from "../ports.ts";
import { parseExposition } from "./exposition.ts";
import { hostPort, scrape } from "./scrape.ts";

const TEXT = `# HELP quorate_certified_height Newest certified height.
# TYPE quorate_certified_height gauge
quorate_certified_height 12
quorate_member_silent{member="bb"} 1 1700000000000
quorate_member_last_seen_seconds{member="b\\"\\\\\\nb",x="1",} 2.5e-1
other_metric{le="+Inf"} NaN
`;
const NAMES = new Set([
  "quorate_certified_height",
  "quorate_member_silent",
  "quorate_member_last_seen_seconds",
]);

test("the text format is read with labels, escapes, exponents and timestamps", () => {
  expect(parseExposition(TEXT, NAMES)).toEqual([
    { name: "quorate_certified_height", labels: {}, value: 12 },
    { name: "quorate_member_silent", labels: { member: "bb" }, value: 1 },
    {
      name: "quorate_member_last_seen_seconds",
      labels: { member: 'b"\\\nb', x: "1" },
      value: 0.25,
    },
  ]);
});

test.each(["<html>", "quorate_member_silent{member=bb} 1", "quorate_certified_height twelve"])(
  "%s is no metrics text, and nothing of it is believed",
  (line) => {
    expect(parseExposition(`${TEXT}${line}\n`, NAMES)).toBeUndefined();
  },
);

test("NaN and infinity are read as they are and left out of the view", async () => {
  const body = 'quorate_certified_height NaN\nquorate_member_silent{member="bb"} +Inf\n';
  const http: HttpPort = { get: async () => ({ status: 200, body }) };
  const reading = await scrape(http, [{ ip: "10.0.0.1", observer: "aa" }]);
  if (reading.kind !== "read") throw new Error("blind");
  expect(reading.samples[0]?.certifiedHeight).toBeUndefined();
  expect(reading.samples[0]?.silent.size).toBe(0);
});

test("one pod that answers is a view; none is blindness", async () => {
  const http: HttpPort = {
    get: async (url) => {
      if (url.includes("10.0.0.2")) return { status: 200, body: TEXT };
      throw new Error(`${url}: no answer`);
    },
  };
  const both = [
    { ip: "10.0.0.1", observer: "aa" },
    { ip: "10.0.0.2", observer: "cc" },
  ];
  const some = await scrape(http, both);
  expect(some.kind === "read" && some.samples.map(({ observer }) => observer)).toEqual(["cc"]);
  const none = await scrape(http, both.slice(0, 1));
  expect(none).toMatchObject({ kind: "blind", reason: "ScrapeFailed" });
  expect(await scrape(http, [])).toMatchObject({ kind: "blind", reason: "ScrapeFailed" });
});

test("an IPv6 address is put into brackets", () => {
  expect(hostPort("fd00::1", 7004)).toBe("[fd00::1]:7004");
});
