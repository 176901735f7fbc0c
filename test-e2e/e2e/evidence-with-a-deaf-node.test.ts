import { expect, test } from "vitest";
import { takeThePlaceOf } from "../network/adversary.ts";
import { registerSpare } from "../network/register-spare.ts";
import { RunningChain } from "../network/running-chain.ts";

test("an equivocator is swapped although one honest node never hears it", async () => {
  const chain = await RunningChain.start({ spares: 1 });
  try {
    const { network, client, observer } = chain;
    await registerSpare({ network, client, node: network.spares[0]! });
    const [accused, deaf] = network.validators;
    if (accused === undefined || deaf === undefined) throw new Error("four validators");
    await takeThePlaceOf(network, accused, { mode: "vote", deafTo: [deaf.identity.key] });
    const swap = await observer.until(
      () => chain.events.flatMap((event) => (event.kind === "swap" ? [event.swap] : [])).at(0),
      "the swap",
      60_000,
    );
    expect(swap).toMatchObject({
      cause: "misconduct",
      leaver: accused.identity.key,
      newcomer: network.spares[0]!.identity.key,
    });
    const slashed = chain.events.filter((event) => event.kind === "slashed");
    expect(slashed.map(({ key }) => key)).toContain(accused.identity.key);
    chain.passed();
  } finally {
    await chain.stop();
  }
});
