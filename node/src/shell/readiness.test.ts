import { expect, test } from "vitest";
import { type Condition, notReady, notSigning } from "./readiness.ts";

const fine: Condition = { halted: undefined, guard: { kind: "signing" }, height: 30, claimed: 50 };

test.each([
  ["in sync and allowed to sign", {}, undefined, undefined],
  [
    "halted by a root that is not the quorum's, whatever else is true",
    { halted: "height 7: own state root aa, a quorum's bb", claimed: 999 },
    "halted: height 7: own state root aa, a quorum's bb",
    "height 7: own state root aa, a quorum's bb",
  ],
  ["burnt", { guard: { kind: "burnt", reason: "why" } }, "burnt: why", "why"],
  [
    "more than 20 blocks behind: not ready, and it signs",
    { claimed: 51 },
    "catching up: at height 30, peers are at 51",
    undefined,
  ],
] as const)("%s", (_, change, ready, signing) => {
  expect(notReady({ ...fine, ...change })).toBe(ready);
  expect(notSigning({ ...fine, ...change })).toBe(signing);
});
