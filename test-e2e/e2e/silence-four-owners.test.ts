import { expect, test } from "vitest";
import { WATCHABLE_SILENCE_MS } from "../network/genesis-file.ts";
import { takeVolumeAway } from "../network/node-folder.ts";
import { registerSpare } from "../network/register-spare.ts";
import { RunningChain } from "../network/running-chain.ts";

const silenceMs = WATCHABLE_SILENCE_MS;

test("silence heals with four owners, by a spare of the seat's own owner", async () => {
  const chain = await RunningChain.start({ validators: 4, spares: 4, owners: 4, silenceMs });
  try {
    const { network, client, observer } = chain;
    for (const node of network.spares) await registerSpare({ network, client, node });
    const gone = network.validators[2]!;
    const ownSpare = network.spares.find(({ owner }) => owner === gone.owner)!;
    await gone.process.remove();
    takeVolumeAway(gone.place);
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
      cause: "silence",
      leaver: gone.identity.key,
      newcomer: ownSpare.identity.key,
    });
    await observer.until(
      () =>
        (observer.lastVote(ownSpare.identity.key)?.epoch ?? 0) >= swap.epoch ? true : undefined,
      "the newcomer's vote",
      30_000,
    );
    const { value: set } = await client.set();
    const keys = set?.members.map(({ key }) => key);
    expect(keys).toHaveLength(4);
    expect(keys).toContain(ownSpare.identity.key);
    expect(keys).not.toContain(gone.identity.key);
    const jailed = chain.events.filter((event) => event.kind === "jailed");
    expect(jailed.map(({ key }) => key)).toEqual([gone.identity.key]);
    chain.passed();
  } finally {
    await chain.stop();
  }
});
