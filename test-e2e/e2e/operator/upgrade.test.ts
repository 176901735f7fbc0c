import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { eventually } from "../../network/eventually.ts";
import { VALIDATOR_SETS } from "../../set/running-set.ts";
import { Stage } from "./stage.ts";

const NODE = fileURLToPath(new URL("../../../node/src/main.ts", import.meta.url));
const NEXT = "quorate/node:next";
/** Not in the image table: quorate/node has every tag. */
const ABSENT = "quorate/absent:1";
/** A node that makes room for the next one is away for seconds: no swap is the point here. */
const SILENCE_MS = 60_000;
const ROLLED_MS = 180_000;

test("a new image goes from node to node; one that does not come up stops at the first", async () => {
  const stage = await Stage.start({ images: { [NEXT]: NODE }, silenceMs: SILENCE_MS });
  try {
    const { kube, set } = stage;
    await set.until(({ spares }) => (spares === 1 ? true : undefined), "a spare", 60_000);
    const ask = (image: string) =>
      kube.mergePatch(VALIDATOR_SETS, set.name, { spec: { image } } as object);
    /** Image of every member's pod, and whether it is ready; by name. */
    const images = async () => {
      const members = await set.members();
      const pods = await Promise.all(members.map(({ name }) => set.pod(name)));
      return pods.map((pod) => ({
        image: pod?.spec?.containers?.[0]?.image ?? "",
        ready: pod?.status?.conditions?.some(
          ({ type, status }) => type === "Ready" && status === "True",
        ),
      }));
    };
    const all = (image: string) =>
      eventually(
        async () => {
          const seen = await images();
          return seen.every((one) => one.image === image && one.ready) ? true : undefined;
        },
        { what: `all nodes run ${image}`, timeoutMs: ROLLED_MS, everyMs: 500 },
      );
    await ask(NEXT);
    await all(NEXT);
    await stage.commits(3);
    await ask(ABSENT);
    const halted = await set.untilCondition("Stalled", "True", ROLLED_MS);
    expect(halted.reason).toBe("UpgradeHalted");
    await stage.commits(10);
    expect((await images()).filter(({ image }) => image === ABSENT)).toHaveLength(1);
    await ask(NEXT);
    await all(NEXT);
    await set.untilCondition("Stalled", "False", 60_000);
    await stage.commits(3);
    expect(await stage.swaps()).toEqual([]);
    expect(await set.rotations()).toEqual([]);
    stage.passed();
  } finally {
    await stage.stop();
  }
});
