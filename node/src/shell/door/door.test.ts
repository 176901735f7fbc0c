import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_DOOR, Door, type DoorLimits, guestOf } from "./door.ts";

const limits = (changes: Partial<DoorLimits>): DoorLimits => ({ ...DEFAULT_DOOR, ...changes });
const one = { count: 1, bytes: 100 };

describe("the clients' door", () => {
  test("one address alone has half of the room, and leaves room for every other one", () => {
    const door = new Door(limits({ waitingMax: 1_000 }));
    const fill = (address: string): number => {
      let count = 0;
      while (door.enter(address, one, 0) === undefined) count += 1;
      return count;
    };
    expect(fill("10.0.0.1")).toBe(500);
    expect(fill("10.0.0.2")).toBe(250);
    expect(fill("10.0.0.3")).toBe(125);
    expect(door.enter("10.0.0.1", one, 0)).toMatchObject({ reason: "share", code: "OVERLOADED" });
  });

  test("bytes are bounded as counts are, for all and for each", () => {
    const door = new Door(limits({ waitingBytesMax: 1_000 }));
    expect(door.enter("a", { count: 1, bytes: 1_001 }, 0)?.reason).toBe("bytes");
    expect(door.enter("a", { count: 1, bytes: 500 }, 0)).toBeUndefined();
    expect(door.enter("a", { count: 1, bytes: 100 }, 0)?.reason).toBe("share");
    expect(door.enter("b", { count: 1, bytes: 200 }, 0)).toBeUndefined();
    door.left("a", { count: 1, bytes: 500 }, 0);
    expect(door.enter("a", { count: 1, bytes: 300 }, 0)).toBeUndefined();
  });

  test("where answers take too long newcomers are told when to come, and are let in again", () => {
    const door = new Door(limits({ waitMsMax: 1_000 }));
    expect(door.enter("a", { count: 2_000, bytes: 1 }, 0)).toBeUndefined();
    // A burst into an idle node: nothing is measured, nobody is refused.
    expect(door.enter("b", one, 10)).toBeUndefined();
    // 200 a second: 2,000 take ten seconds.
    let now = 0;
    let waiting = 2_001;
    for (; now < 2_000; now += 100) {
      door.answered("a", { count: 20, bytes: 0, latencyMs: now }, now);
      waiting -= 20;
    }
    const refused = door.enter("b", one, now);
    expect(refused).toMatchObject({ reason: "wait", code: "OVERLOADED" });
    const hint = refused?.retryAfterMs ?? 0;
    expect(hint).toBeGreaterThan(1_000);
    expect(hint).toBeLessThanOrEqual(5_000);
    while (waiting > 150) {
      now += 100;
      door.answered("a", { count: 20, bytes: 0, latencyMs: 5_000 }, now);
      waiting -= 20;
    }
    expect(door.enter("b", one, now)).toBeUndefined();
  });

  test("where nothing leaves at all the door shuts; a few that wait for ever never shut it", () => {
    const door = new Door(limits({ waitMsMax: 1_000 }));
    expect(door.enter("a", { count: 100, bytes: 1 }, 0)).toBeUndefined();
    expect(door.enter("a", one, 1_000)).toBeUndefined();
    expect(door.enter("a", one, 1_001)).toMatchObject({ reason: "wait", retryAfterMs: 5_000 });
    const quiet = new Door(limits({ waitMsMax: 1_000 }));
    expect(quiet.enter("a", { count: 10, bytes: 1 }, 0)).toBeUndefined();
    expect(quiet.enter("a", { count: 100, bytes: 1 }, 1_000_000)).toBeUndefined();
    expect(quiet.enter("a", one, 1_000_500)).toBeUndefined();
  });

  test("what the ledger refuses is owed by its sender alone", () => {
    const door = new Door(limits({ refusedPerSecond: 10 }));
    door.refusedByLedger("a", 30, 0);
    expect(door.enter("a", one, 0)).toMatchObject({
      reason: "refused",
      code: "TOO_MANY_REFUSED",
      retryAfterMs: 1_000,
    });
    expect(door.enter("b", one, 0)).toBeUndefined();
    expect(door.enter("a", one, 1_000)).toBeUndefined();
  });

  test("questions cost what they cost, and are paid by time", () => {
    const door = new Door(limits({ queriesPerSecond: 10 }));
    expect(door.ask("a", 25, 0)).toBeUndefined();
    expect(door.ask("a", 1, 0)).toMatchObject({ reason: "queries", retryAfterMs: 500 });
    expect(door.ask("b", 1, 0)).toBeUndefined();
    expect(door.ask("a", 1, 500)).toBeUndefined();
  });

  test("open calls of one address are bounded; one that ends makes room", () => {
    const door = new Door(limits({ openCallsMax: 2 }));
    expect([door.call("a", 0), door.call("a", 0)]).toEqual([undefined, undefined]);
    expect(door.call("a", 0)?.code).toBe("TOO_MANY_CALLS");
    expect(door.call("b", 0)).toBeUndefined();
    door.hangUp("a");
    expect(door.call("a", 0)).toBeUndefined();
  });

  test("ten thousand strangers leave no trace; who owes or waits is not forgotten", () => {
    const door = new Door(limits({ refusedPerSecond: 1, waitingMax: 10 }));
    door.refusedByLedger("debtor", 1_000, 0);
    expect(door.enter("guest", one, 0)).toBeUndefined();
    for (let index = 0; index < 10_000; index += 1) door.ask(`stranger ${index}`, 1, 0);
    expect(door.enter("debtor", one, 0)?.reason).toBe("refused");
    door.left("guest", one, 0);
    expect(door.waiting).toBe(0);
  });
});

test("property: the door's books agree with a list of who waits", () => {
  const step = fc.record({
    address: fc.constantFrom("a", "b", "c"),
    count: fc.integer({ min: 1, max: 40 }),
    bytes: fc.integer({ min: 1, max: 400 }),
    leaves: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const door = new Door(limits({ waitingMax: 63, waitingBytesMax: 900 }));
      const here: { address: string; count: number; bytes: number }[] = [];
      const sum = (of: "count" | "bytes", address?: string): number =>
        here
          .filter((each) => address === undefined || each.address === address)
          .reduce((total, each) => total + each[of], 0);
      for (const { address, count, bytes, leaves } of steps) {
        const [first] = here;
        if (leaves && first !== undefined) {
          here.shift();
          door.left(first.address, first, 0);
          continue;
        }
        const room = 63 - sum("count");
        const roomBytes = 900 - sum("bytes");
        const isWelcome =
          sum("count", address) + count <= room && sum("bytes", address) + bytes <= roomBytes;
        expect(door.enter(address, { count, bytes }, 0) === undefined).toBe(isWelcome);
        if (isWelcome) here.push({ address, count, bytes });
        expect(door.waiting).toBe(sum("count"));
      }
    }),
  );
});

test("who counts as one address", () => {
  expect(guestOf("10.1.2.3:4000")).toBe("10.1.2.3");
  expect(guestOf("[::ffff:10.1.2.3]:4000")).toBe("10.1.2.3");
  expect(guestOf("[2001:db8:0:7::1]:4000")).toBe("2001:db8:0:7::/64");
  expect(guestOf("[2001:0db8:0:7:1:2:3:4]:4000")).toBe("2001:db8:0:7::/64");
  expect(guestOf("[::1]:4000")).toBe("0:0:0:0::/64");
});
