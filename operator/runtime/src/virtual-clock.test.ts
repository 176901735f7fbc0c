import { expect, test } from "vitest";
import { VirtualClock } from "./virtual-clock.ts";

test("sleepers wake in order of time, then of their sleep; what follows comes first", async () => {
  const clock = new VirtualClock(1_000);
  const woken: string[] = [];
  const sleep = async (name: string, ms: number) => {
    await clock.sleep(ms);
    woken.push(`${name} at ${clock.monotonic()}`);
  };
  void sleep("late", 20);
  void sleep("first", 10).then(() => sleep("nested", 5));
  void sleep("second", 10);
  await clock.advance(20);
  expect(woken).toEqual(["first at 10", "second at 10", "nested at 15", "late at 20"]);
  expect(clock.now()).toBe(1_020);
});

test("an aborted sleep rejects with the reason and leaves nothing behind", async () => {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const slept = expect(clock.sleep(10, stop.signal)).rejects.toThrow("stopping");
  stop.abort(new Error("stopping"));
  await slept;
  expect(clock.sleeping()).toBe(0);
  expect(clock.nextWakeMs()).toBeUndefined();
});
