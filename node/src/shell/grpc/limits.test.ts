import { describe, expect, test } from "vitest";
import { Outbox, type Outgoing } from "./outbox.ts";
import { TokenBucket } from "./token-bucket.ts";

describe("token bucket", () => {
  test("a burst is free, then the rate holds, and debt is paid before the next", () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 2 }, 0);
    expect([bucket.take(1, 0), bucket.take(1, 0), bucket.take(1, 0)]).toEqual([0, 0, 100]);
    expect(bucket.take(1, 100)).toBe(100);
    expect(bucket.take(1, 1_000)).toBe(0);
  });

  test("a clock that runs backwards gives nothing away", () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 1 }, 1_000);
    expect(bucket.take(1, 1_000)).toBe(0);
    expect(bucket.take(1, 0)).toBe(100);
  });
});

describe("outbox of a slow subscriber", () => {
  function world(messagesMax: number) {
    const written: string[] = [];
    const outbox = new Outbox({ messagesMax, bytesMax: 1_000 });
    let writable = false;
    const push = (name: string, kind: Outgoing["kind"], bytes = 10): void => {
      const write = (): boolean => {
        written.push(name);
        return writable;
      };
      outbox.push({ kind, bytes, write });
    };
    const open = (): void => {
      writable = true;
      outbox.drained();
    };
    return { outbox, push, open, written };
  }

  test("batches go before votes, the oldest first", () => {
    const { outbox, push, open, written } = world(3);
    push("first", "statement");
    push("vote 1", "statement");
    push("batch 1", "batch");
    push("vote 2", "statement");
    push("batch 2", "batch");
    push("vote 3", "statement");
    open();
    expect(written).toEqual(["first", "vote 1", "vote 2", "vote 3"]);
    expect(outbox.dropped).toBe(2);
  });

  test("votes are bounded too, and bytes count", () => {
    const { outbox, push, open, written } = world(2);
    push("first", "statement");
    for (const name of ["a", "b", "c"]) push(name, "statement");
    push("large", "proposal", 995);
    open();
    expect(written).toEqual(["first", "large"]);
    expect(outbox.length).toBe(0);
  });
});
