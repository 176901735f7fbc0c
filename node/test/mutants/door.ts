import type { Mutant } from "./mutant.ts";

const door = "node/src/shell/door/door.test.ts";
const DOOR = "node/src/shell/door/door.ts";
const LOAD = "node/src/shell/door/load.ts";

export const doorMutants: readonly Mutant[] = [
  {
    name: "door-without-shares",
    rule: "FAIR: one address leaves room for every other one",
    file: DOOR,
    find: "if (guest.count + count > room || guest.bytes + bytes > roomBytes) ",
    replace: "if (guest.count + count < 0) ",
    test: door,
    testName: "one address alone has half of the room",
  },
  {
    name: "door-without-bytes",
    rule: "what waits is bounded in bytes too",
    file: DOOR,
    find: "    this.#bytes += bytes;\n",
    replace: "",
    test: door,
    testName: "bytes are bounded as counts are",
  },
  {
    name: "door-open-to-a-long-wait",
    rule: "a node that is behind refuses early",
    file: LOAD,
    find: "    return clampRetry(waitMs - mostMs / 2);\n",
    replace: "    return undefined;\n",
    test: door,
    testName: "where answers take too long newcomers are told when to come",
  },
  {
    name: "door-open-to-a-standstill",
    rule: "a node from which nothing leaves takes nothing",
    file: LOAD,
    find: "if (now - this.#progressAt > mostMs) ",
    replace: "if (now < 0) ",
    test: door,
    testName: "where nothing leaves at all the door shuts",
  },
  {
    name: "door-shut-by-a-few",
    rule: "a few that are never answered shut no door",
    file: LOAD,
    find: "    if (this.#waiting < BUSY_MIN) this.#progressAt = now;\n    this.#waiting += count;",
    replace: "    this.#waiting += count;",
    test: door,
    testName: "where nothing leaves at all the door shuts; a few that wait for ever never shut it",
  },
  {
    name: "door-refused-for-nothing",
    rule: "whoever sends what the ledger refuses owes for it",
    file: DOOR,
    find: 'if (owedMs > 0) return refusal("refused", owedMs);',
    replace: "",
    test: door,
    testName: "what the ledger refuses is owed by its sender alone",
  },
  {
    name: "door-questions-for-nothing",
    rule: "questions are bounded for each address",
    file: DOOR,
    find: 'if (owedMs > 0) return refusal("queries", owedMs);',
    replace: "",
    test: door,
    testName: "questions cost what they cost",
  },
  {
    name: "door-debts-forgiven",
    rule: "who owes is not forgotten",
    file: DOOR,
    find: "if (count > 0 || calls > 0 || owes) continue;",
    replace: "if (count > 0 || calls > 0) continue;",
    test: door,
    testName: "ten thousand strangers leave no trace",
  },
  {
    name: "submissions-in-one-step",
    rule: "no client's signatures hold up a vote",
    file: "node/src/shell/input-queue.ts",
    find: "const SUBMISSIONS_A_STEP = 32;",
    replace: "const SUBMISSIONS_A_STEP = 32_000;",
    test: "node/src/shell/input-queue.test.ts",
    testName: "what a client sends at once comes in steps",
  },
];
