import { expect, test } from "vitest";
import { WATCHABLE_SILENCE_MS } from "../network/genesis-file.ts";
import { RunningChain } from "../network/running-chain.ts";

const silenceMs = WATCHABLE_SILENCE_MS;
/** Away for longer than the window and the one after which members act by themselves. */
const AWAY_MS = 13_000;

test("rule SILENCE: a member that is asked to stop says so and is missed by nobody; one that crashes is", async () => {
  const chain = await RunningChain.start({
    silenceMs,
    restart: { backOffMsMin: AWAY_MS, backOffMsMax: AWAY_MS, stableMs: 600_000 },
    amend: (genesis) => {
      const { parameters } = genesis;
      const rotation = { ...parameters.rotation, absenceMsMax: 60_000, absenceEveryMs: 120_000 };
      return { ...genesis, parameters: { ...parameters, rotation } };
    },
  });
  const { network, observer } = chain;
  const backAfter = (key: string, sinceMs: number) => () => {
    const last = observer.lastVote(key);
    return last !== undefined && last.votedForMs > sinceMs + AWAY_MS / 2 ? last : undefined;
  };
  /** A mute is a swap without newcomer. */
  const losses = () => chain.events.flatMap((event) => (event.kind === "swap" ? [event.swap] : []));
  try {
    const [polite, rude] = network.validators;
    const stoppedMs = Date.now();
    process.kill(polite!.process.pid!, "SIGTERM");
    await observer.until(
      backAfter(polite!.identity.key, stoppedMs),
      "a vote of the one that was asked to stop",
      AWAY_MS + 30_000,
    );
    expect(losses()).toEqual([]);
    await rude!.process.crash();
    const missed = await observer.until(
      () => losses().at(0),
      "the one that crashed is missed",
      AWAY_MS + 30_000,
    );
    expect(missed).toMatchObject({ cause: "mute", leaver: rude!.identity.key });
    chain.passed();
  } finally {
    await chain.stop();
  }
});
