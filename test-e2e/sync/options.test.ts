import { expect, test } from "vitest";
import { InputProblem } from "../command-line/input-problem.ts";
import { parseSyncOptions } from "./options.ts";

test("sync options: one corrupt peer and 64 MiB unless told", () => {
  expect(parseSyncOptions([])).toMatchObject({ mib: 64, corruptPeers: 1, limitSeconds: undefined });
});

test("sync options: the issue's run", () => {
  const options = parseSyncOptions(["--mib", "1024", "--corrupt-peers", "1", "--limit-s", "60"]);
  expect(options).toMatchObject({ mib: 1_024, corruptPeers: 1, limitSeconds: 60 });
});

test("sync options: without an honest peer there is nothing to sync from", () => {
  expect(() => parseSyncOptions(["--corrupt-peers", "4"])).toThrow(InputProblem);
  expect(() => parseSyncOptions(["--mib", "0"])).toThrow(InputProblem);
  expect(() => parseSyncOptions(["--what"])).toThrow(InputProblem);
});

test("sync options: help", () => {
  expect(parseSyncOptions(["--help"])).toBeUndefined();
});
