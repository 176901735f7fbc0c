import { expect, test } from "vitest";
import { takeThePlaceOf } from "../network/adversary.ts";
import { RunningChain } from "../network/running-chain.ts";

/** Value of a series of that node for that member. */
async function counted(metrics: string, name: string, member: string): Promise<number> {
  const response = await fetch(`http://${metrics}/metrics`);
  const line = (await response.text())
    .split("\n")
    .find((each) => each.startsWith(`${name}{member="${member}"}`));
  return Number(line?.split(" ").at(-1));
}

test("a voter that attests wrong roots is counted by every other, and nothing else happens", async () => {
  const chain = await RunningChain.start();
  try {
    const { network, client } = chain;
    const [accused, ...others] = network.validators;
    if (accused === undefined) throw new Error("four validators");
    await takeThePlaceOf(network, accused, { mode: "wrong-root" });
    const wrongRoots = (member: string) =>
      Promise.all(
        others.map(({ place }) =>
          counted(place.metrics, "quorate_member_wrong_roots_total", member),
        ),
      );
    await expect
      .poll(() => wrongRoots(accused.identity.key), { timeout: 60_000, interval: 500 })
      .toSatisfy((counts: readonly number[]) => counts.every((count) => count >= 3));
    for (const { identity } of others) {
      expect(await wrongRoots(identity.key)).toEqual([0, 0, 0]);
    }
    await chain.height(chain.observer.height + 5);
    expect(await client.evidence()).toEqual([]);
    const changes = chain.events.filter(({ kind }) => kind === "swap" || kind === "slashed");
    expect(changes).toEqual([]);
    for (const { place } of others) {
      expect((await fetch(`http://${place.metrics}/readyz`)).status).toBe(200);
    }
    chain.passed();
  } finally {
    await chain.stop();
  }
});
