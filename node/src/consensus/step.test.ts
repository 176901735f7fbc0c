import { expect, test } from "vitest";
import { Network } from "../../test/consensus/network.ts";
import { disagreement, height, textsOf } from "../../test/consensus/observations.ts";
import { setOf } from "../../test/consensus/stub-keys.ts";

const FOUR = { a: 1n, b: 1n, c: 1n, d: 1n };

function four(): Network {
  return new Network({ set: setOf(1, FOUR), names: Object.keys(FOUR) });
}

test("R5: four nodes order, execute and certify transactions", () => {
  const network = four();
  network.start();
  network.submit("a", "one");
  network.submit("b", "two");
  network.run(3_000);
  expect(disagreement(network)).toBeUndefined();
  for (const node of network.nodes.values()) {
    expect(textsOf(node).toSorted()).toEqual(["one", "two"]);
    expect(height(node)).toBeGreaterThan(8);
    expect(node.certified.length).toBeGreaterThan(8);
    expect(node.halts).toEqual([]);
    expect(node.misconduct).toEqual([]);
  }
});
