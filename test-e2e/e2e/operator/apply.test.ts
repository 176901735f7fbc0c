import { expect, test } from "vitest";
import { Stage } from "./stage.ts";

test("an applied ValidatorSet is born, finalises, and says so", async () => {
  const stage = await Stage.start();
  try {
    const status = await stage.set.status();
    expect(status.voters).toBe(4);
    expect(status.birth.phase).toBe("Alive");
    expect(status.genesisHash).toBe(stage.client.chainId);
    expect(await stage.set.condition("QuorumSafe")).toMatchObject({ status: "True" });
    expect(await stage.set.condition("SignalsTrusted")).toMatchObject({ status: "True" });
    expect(await stage.set.condition("Held")).toMatchObject({ status: "False" });
    const voters = status.members.filter(({ role }) => role === "Voter");
    const set = await stage.client.set();
    expect(voters.map(({ consensusKey }) => consensusKey).toSorted()).toEqual(
      set.value?.members.map(({ key }) => key).toSorted(),
    );
    expect(new Set(voters.map(({ zone }) => zone)).size).toBe(4);
    await stage.set.until(
      ({ spares }) => (spares === 1 ? true : undefined),
      "a registered spare in sync",
      60_000,
    );
    await stage.commits();
    stage.passed();
  } finally {
    await stage.stop();
  }
});
