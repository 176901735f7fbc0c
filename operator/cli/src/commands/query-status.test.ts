import { afterEach, beforeEach, expect, test } from "vitest";
import { startNetwork, type TestNetwork } from "../../../../node/client/test/network.ts";
import { CommandLine } from "../../test/command-line.ts";

let network: TestNetwork;
let line: CommandLine;

beforeEach(async () => {
  network = await startNetwork();
  line = new CommandLine(network);
});

afterEach(() => network.close());

function bytes(filler: number): Buffer {
  return Buffer.alloc(32, filler);
}

const protocol = {
  version: 1n,
  activationVersion: 2n,
  activationHeight: 900n,
  held: [1n, 2n],
  ready: [
    { key: bytes(1), version: 2n },
    { key: bytes(2), version: 1n },
  ],
};
const group = (filler: number, ...members: readonly number[]) => ({
  stateRoot: bytes(filler),
  receiptsRoot: bytes(9),
  members: members.map(bytes),
});
const groups = [group(0xaa, 1, 2), group(0xbb, 3, 4)];
const split = { height: 40n, groups, firstDifference: "account/7" };

test("rule SPLIT, VERSION: query status shows the versions, the readiness, and who attested which root", async () => {
  for (const node of network.nodes) node.lies = { protocol, split };
  const text = await line.run("query", "status");
  expect(text).toMatchObject({ exitCode: 0, stderr: "" });
  expect(text.stdout).toContain("version 1, version 2 from height 900 on; 1 of 2 members");
  expect(text.stdout).toContain("this node holds 1 and 2");
  expect(text.stdout).toContain("height 40: 2 results, none with a quorum");
  expect(text.stdout).toContain("account/7");
  expect(text.stdout).toContain(`state ${"bb".repeat(32)}, receipts 09090909: 03030303, 04040404`);
  const json = await line.run("query", "status", "--json");
  const { set, claimed } = JSON.parse(json.stdout);
  expect(claimed.protocol).toMatchObject({ version: 1, next: { version: 2, height: 900 } });
  expect(claimed.split.groups[0].members).toEqual(["01".repeat(32), "02".repeat(32)]);
  // What a checkpoint names is proven, unlike the rest.
  expect(text.stdout).toContain(`epoch ${set.epoch}, set ${set.setHash}`);
  const proven = await line.run("query", "set", "--json");
  expect(JSON.parse(proven.stdout)).toMatchObject({ epoch: set.epoch, setHash: set.setHash });
});

test("a node that says nothing of versions, or too much of groups, is shown as it is", async () => {
  const silent = await line.run("query", "status", "--json");
  expect(JSON.parse(silent.stdout).claimed).toMatchObject({ protocol: null, split: null });
  expect((await line.run("query", "status")).stdout).not.toContain("none with a quorum");
  const many = Array.from({ length: 129 }, () => group(1));
  for (const node of network.nodes) node.lies = { split: { ...split, groups: many } };
  expect((await line.run("query", "status")).exitCode).not.toBe(0);
});
