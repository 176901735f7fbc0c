import { expect, test } from "vitest";
import { takeThePlaceOf } from "../network/adversary.ts";
import { registerSpare } from "../network/register-spare.ts";
import { RunningChain } from "../network/running-chain.ts";

test.each([
  [1, "vote"],
  [2, "proposal"],
  [3, "attestation"],
] as const)(
  "honest node %i never hears the equivocator, and two of each %s are punished",
  async (at, mode) => {
    const chain = await RunningChain.start({ spares: 1 });
    try {
      const { network, client, observer } = chain;
      await registerSpare({ network, client, node: network.spares[0]! });
      const [accused] = network.validators;
      const deaf = network.validators[at];
      if (accused === undefined || deaf === undefined) throw new Error("four validators");
      await takeThePlaceOf(network, accused, { mode, deafTo: [deaf.identity.key] });
      const swap = await observer.until(
        () =>
          // Where no spare is fit at that moment the seat is muted first.
          chain.events
            .flatMap((event) => (event.kind === "swap" ? [event.swap] : []))
            .find(({ newcomer }) => newcomer !== undefined),
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
  },
);
