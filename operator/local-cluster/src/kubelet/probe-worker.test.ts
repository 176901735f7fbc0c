import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Probe } from "../controllers/api-types.ts";
import { PidFile } from "../supervisor/pid-file.ts";
import { Machine } from "./machine.ts";
import { ProbeWorker } from "./probe-worker.ts";

let ok: boolean;
let asked: number;
let turns: string[];
let failures: number;
let machine: Machine;
let worker: ProbeWorker;

function fail(error: unknown): never {
  throw error;
}

function start(probe: Probe, eager = false): void {
  worker = new ProbeWorker({
    machine,
    probe,
    eager,
    ask: () => {
      asked += 1;
      return Promise.resolve({ ok, message: "refused" });
    },
    onFailure: () => {
      failures += 1;
    },
    onTurn: (state) => turns.push(state),
  });
  worker.start();
}

beforeEach(() => {
  vi.useFakeTimers();
  [ok, asked, turns, failures] = [true, 0, [], 0];
  const folder = mkdtempSync(join(tmpdir(), "quorate-probe-"));
  machine = new Machine("local-1", new PidFile(join(folder, "pids.json")), fail);
});
afterEach(() => {
  worker.stop();
  vi.useRealTimers();
});

describe("probe", () => {
  test("waits for its initial delay, then asks once a period", async () => {
    start({ initialDelaySeconds: 5, periodSeconds: 10 });
    await vi.advanceTimersByTimeAsync(4_999);
    expect(asked).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked).toBe(1);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(asked).toBe(3);
  });

  test("fails only after failureThreshold failures in a row", async () => {
    start({ periodSeconds: 1, failureThreshold: 3 });
    await vi.advanceTimersByTimeAsync(1_000);
    ok = false;
    await vi.advanceTimersByTimeAsync(2_000);
    expect([worker.state, failures]).toEqual(["success", 2]);
    ok = true;
    await vi.advanceTimersByTimeAsync(1_000);
    ok = false;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(worker.state).toBe("success");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(turns).toEqual(["success", "failure"]);
  });

  test("successThreshold successes in a row bring it back", async () => {
    ok = false;
    start({ periodSeconds: 1, failureThreshold: 1, successThreshold: 2 });
    await vi.advanceTimersByTimeAsync(1_000);
    ok = true;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(worker.state).toBe("failure");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(worker.state).toBe("success");
  });

  test("an eager one finds readiness within the first period and counts no early failure", async () => {
    ok = false;
    start({ periodSeconds: 10, failureThreshold: 1 }, true);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toBeGreaterThan(3);
    expect([failures, worker.state]).toEqual([0, "unknown"]);
    ok = true;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(turns).toEqual(["success"]);
    const before = asked;
    await vi.advanceTimersByTimeAsync(7_000);
    expect(asked).toBe(before);
  });

  test("a paused machine asks nothing until it is resumed", async () => {
    start({ periodSeconds: 1 });
    await vi.advanceTimersByTimeAsync(1_000);
    machine.pause();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(1);
    machine.resume();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toBe(3);
  });
});
