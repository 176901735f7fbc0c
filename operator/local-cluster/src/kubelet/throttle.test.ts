import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readThrottled, WINDOW_BYTES, WINDOW_MS } from "./throttle.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => vi.useRealTimers());

/** Everything that can be read without time going on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

test("one window takes its share, the next one goes on, and the end takes the rest", async () => {
  const chunk = Buffer.alloc(WINDOW_BYTES / 4);
  const stream = new PassThrough({ highWaterMark: 20 * chunk.length });
  let taken = 0;
  const end = readThrottled(stream, ({ length }) => {
    taken += length;
  });
  for (let n = 0; n < 20; n += 1) stream.write(chunk);
  await settle();
  expect(taken).toBe(WINDOW_BYTES);
  vi.advanceTimersByTime(WINDOW_MS);
  await settle();
  expect(taken).toBe(2 * WINDOW_BYTES);
  end();
  await settle();
  expect(taken).toBe(5 * WINDOW_BYTES);
});

test("what is printed at leisure never waits", async () => {
  const stream = new PassThrough();
  let taken = 0;
  readThrottled(stream, ({ length }) => {
    taken += length;
  });
  for (let n = 0; n < 10; n += 1) {
    stream.write(Buffer.alloc(WINDOW_BYTES / 2));
    await settle();
    expect(taken).toBe(((n + 1) * WINDOW_BYTES) / 2);
    vi.advanceTimersByTime(WINDOW_MS);
  }
});
