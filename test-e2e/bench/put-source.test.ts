import { expect, test } from "vitest";
import { scanTransaction } from "../rebuild/transactions.ts";
import { PutSource } from "./put-source.ts";

test("puts are canonical, of the wanted length, all different, over the wanted keys", () => {
  const source = new PutSource({ bytes: 256, keys: 5 });
  const puts = Array.from({ length: 20 }, () => source.next());
  expect(new Set(puts.map((put) => put.length))).toEqual(new Set([256]));
  expect(new Set(puts.map((put) => Buffer.from(put).toString("hex"))).size).toBe(20);
  const scanned = puts.map((put) => scanTransaction(put));
  expect(scanned.every(({ kind }) => kind === "put")).toBe(true);
  const keys = scanned.map((each) => (each.kind === "put" ? each.key : []));
  expect(new Set(keys.map(String)).size).toBe(5);
});
