import { persistentVolumeClaims, pods } from "@quorate/runtime/resources";
import { expect, test } from "vitest";
import { eventually } from "../../network/eventually.ts";
import { VALIDATOR_SETS } from "../../set/running-set.ts";
import { Stage } from "./stage.ts";

/** Its nodes stop at the end: no swap is the point here. */
const SILENCE_MS = 120_000;
const WAIT_MS = 60_000;
const WORD = "quorate.dev/destroy-keys";

test("a set deleted under Delete signs on until a person says that its keys may die", async () => {
  const stage = await Stage.start({ silenceMs: SILENCE_MS, spec: { deletionPolicy: "Delete" } });
  try {
    const { kube, set } = stage;
    const { namespace, name } = set.plan;
    const labelSelector = `quorate.dev/set=${name}`;
    const volumes = async () =>
      (await kube.list(persistentVolumeClaims, { namespace, labelSelector })).map(
        ({ metadata }) => `${metadata.name} ${metadata.deletionTimestamp ?? "stays"}`,
      );
    const say = (word: string) => set.patch({ metadata: { annotations: { [WORD]: word } } });
    const uid = (await set.get())?.metadata.uid ?? "";
    await kube.delete(VALIDATOR_SETS, set.name, { uid });
    const { message } = await set.untilCondition("Held", "True", WAIT_MS, "AwaitingWord");
    expect(message).toContain(`${WORD}=${uid}`);
    expect(message).toContain("4 of them hold seats in chain");
    const before = await volumes();
    await say(name);
    await stage.commits(5);
    expect((await set.condition("Held"))?.reason).toBe("AwaitingWord");
    expect(await volumes()).toEqual(before);
    expect(before.filter((volume) => volume.endsWith(" stays")).length).toBeGreaterThanOrEqual(4);
    await say(uid);
    await eventually(
      async () => {
        const gone = (await set.get()) === undefined;
        const left = await kube.list(pods, { namespace, labelSelector });
        const kept = await volumes();
        return gone && left.length === 0 && kept.length === 0 ? true : undefined;
      },
      { what: "set, pods and volumes are gone", timeoutMs: 90_000, everyMs: 200 },
    );
    stage.passed();
  } finally {
    await stage.stop();
  }
});
