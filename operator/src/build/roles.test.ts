import type { SwapRecord } from "@quorate/node/ledger/types";
import { expect, test } from "vitest";
import { memberView, observe, SPARE } from "../../test/scene.ts";
import { seatSwaps } from "../act/follow.ts";
import { untoldSwaps } from "../act/rotation-objects.ts";
import type { Observation } from "../observe/observation.ts";
import { build } from "./build.ts";
import { roleOf } from "./roles.ts";

/** The set as owners left it: with the spare's seat or without, and what the chain recorded. */
function after(seated: boolean, swaps: readonly SwapRecord[]): Observation {
  const member = memberView(4, { consensusKey: SPARE.key, networkKey: SPARE.key });
  const base = observe({ spares: swaps.length === 0 ? [SPARE] : [] });
  const { chain } = base;
  if (chain.kind !== "verified") throw new Error("the scene's chain is verified");
  const { set } = chain.chain;
  const [first] = set.members;
  if (first === undefined) throw new Error("a set");
  const seat = { ...first, key: SPARE.key, networkKey: SPARE.key };
  const members = seated ? [...set.members, seat] : set.members;
  const epoch = set.epoch + swaps.length;
  const view = { ...chain.chain, swaps, set: { epoch, members } };
  return { ...base, members: [...base.members, member], chain: { ...chain, chain: view } };
}

const record = { height: 9, proof: "ab".repeat(32), newcomerRegisteredAt: 1, power: 1n };
const grown: SwapRecord = {
  ...{ ...record, epoch: 2, cause: "grow", leaver: undefined },
  newcomer: SPARE.key,
};
const shrunk: SwapRecord = {
  ...{ ...record, epoch: 3, cause: "shrink", newcomer: undefined },
  leaver: SPARE.key,
};

test("rule SWAP: 4 to 5 to 4 by owners: roles follow the chain, and nobody is told as rotated", () => {
  const steps = [after(false, []), after(true, [grown]), after(false, [grown, shrunk])];
  const roles = steps.map((step) => step.members.map((member) => roleOf(step, member)));
  const voters = ["Voter", "Voter", "Voter", "Voter"];
  expect(roles).toEqual([
    [...voters, "Spare"],
    [...voters, "Voter"],
    [...voters, "Left"],
  ]);
  const stays = steps.map((step) => build(step, 1).budget?.spec["minAvailable"]);
  expect(stays).toEqual([3, 4, 3]);
  for (const step of steps) {
    if (step.chain.kind !== "verified") throw new Error("verified");
    expect(seatSwaps(step.chain.chain)).toEqual([]);
    const status = { chain: { epoch: 1, setHash: "" } };
    const set = Object.assign({}, step.set, { status });
    expect(untoldSwaps({ ...step, set }, step.chain.chain, [])).toEqual([]);
  }
});
