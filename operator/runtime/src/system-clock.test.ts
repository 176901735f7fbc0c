import { afterEach, expect, test, vi } from "vitest";
import { systemClock } from "./system-clock.ts";

afterEach(() => vi.useRealTimers());

test("a sleep ends with the reason of its signal, before or during", async () => {
  const stop = new AbortController();
  const slept = systemClock.sleep(60_000, stop.signal);
  stop.abort(new Error("stopping"));
  await expect(slept).rejects.toThrow("stopping");
  await expect(systemClock.sleep(60_000, stop.signal)).rejects.toThrow("stopping");
});

test("a sleep longer than a timer of Node can hold does not end at once", async () => {
  vi.useFakeTimers();
  let awake = false;
  const ms = 2 ** 31 + 1_000;
  void systemClock.sleep(ms).then(() => {
    awake = true;
  });
  await vi.advanceTimersByTimeAsync(ms - 1);
  expect(awake).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(awake).toBe(true);
});
