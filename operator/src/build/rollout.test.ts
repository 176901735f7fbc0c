import type { Pod } from "@quorate/runtime/resources";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memberView, observe, SPARE } from "../../test/scene.ts";
import { podView } from "../observe/cluster-view.ts";
import type { MemberView, Observation, PodView } from "../observe/observation.ts";
import { build } from "./build.ts";

const OLD = "node:old";
const NEW = "node:new";

/** One node as the world has it: the image of its pod, and whether it came up. */
interface World {
  readonly image: string;
  readonly up: boolean;
  readonly recorded: string;
}

/** Four voters and, as the last, a spare. */
function seen(wanted: string, nodes: readonly World[], more: Partial<Observation> = {}) {
  const voters = nodes.length - 1;
  const actors = Array.from({ length: voters }, () => ({}));
  const observation = observe({ actors, spec: { image: wanted, replicas: voters } });
  const base = observation.pods[0];
  if (base === undefined) throw new Error("the scene has pods");
  const members: readonly MemberView[] = nodes.map(({ recorded }, at) => {
    const key = at === voters ? { consensusKey: SPARE.key, networkKey: SPARE.key } : {};
    return memberView(at, { image: recorded, ...key });
  });
  const pods: readonly PodView[] = nodes.map(({ image, up }, at) => ({
    ...base,
    name: `val-${at}`,
    member: `val-${at}`,
    uid: `pod-${at}`,
    image,
    ready: up,
    waiting: up ? "" : "ImagePullBackOff",
    labels: { "quorate.dev/voter": String(at < voters) },
  }));
  const { chain } = observation;
  if (chain.kind !== "verified") throw new Error("the scene's chain is verified");
  const spares = [{ ...SPARE, fit: nodes[voters]?.up === true }];
  return {
    ...observation,
    members,
    pods,
    chain: { ...chain, chain: { ...chain.chain, spares } },
    ...more,
  };
}

interface Passed {
  readonly nodes: readonly World[];
  readonly touched: number | undefined;
  readonly state: ReturnType<typeof build>["rollout"];
}

/** One pass: records are written, and at most one pod goes and comes with its recorded image. */
function pass(
  wanted: string,
  nodes: readonly World[],
  comesUp: (image: string, at: number) => boolean,
  disruptable = 1,
): Passed {
  const desired = build(seen(wanted, nodes), disruptable);
  const recorded = desired.services.map(
    ({ metadata }) => metadata.annotations?.["quorate.dev/image"],
  );
  const [removal] = desired.removals;
  const touched = removal === undefined ? undefined : Number(removal.name.slice("val-".length));
  const after = nodes.map((node, at) => {
    const now = { ...node, recorded: recorded[at] ?? "" };
    if (at !== touched) return now;
    return { ...now, image: now.recorded, up: comesUp(now.recorded, at) };
  });
  return { nodes: after, touched, state: desired.rollout };
}

const well = (image: string): World => ({ image, up: true, recorded: image });
const four = (image: string) => Array.from({ length: 5 }, () => well(image));

describe("the roll-out of an image", () => {
  test("spares go first, then voters one by one, until all run it", () => {
    let nodes: readonly World[] = four(OLD);
    const order: number[] = [];
    for (let count = 0; count < 8; count += 1) {
      const { touched, ...next } = pass(NEW, nodes, () => true);
      nodes = next.nodes;
      if (touched !== undefined) order.push(touched);
    }
    expect(order).toEqual([4, 0, 1, 2, 3]);
    expect(nodes).toEqual(four(NEW));
    expect(build(seen(NEW, nodes), 1).rollout).toBeUndefined();
  });

  test("rule S1: a bad image stops at the first node, and putting the old one back brings it back", () => {
    let nodes: readonly World[] = four(OLD);
    const touched = new Set<number>();
    let state: Passed["state"];
    for (let count = 0; count < 8; count += 1) {
      const next = pass(NEW, nodes, (image) => image === OLD);
      nodes = next.nodes;
      state = next.state;
      if (next.touched !== undefined) touched.add(next.touched);
    }
    expect([...touched]).toEqual([4]);
    expect(state).toMatchObject({ reason: "UpgradeHalted" });
    const back = pass(OLD, nodes, () => true);
    expect(back.touched).toBe(4);
    expect(back.nodes).toEqual(four(OLD));
  });

  test("rule S1: no pod goes while no seat can be missed, a spare's neither", () => {
    const nodes = four(OLD);
    expect(pass(NEW, nodes, () => true, 0).touched).toBeUndefined();
    const later = nodes.map((node, at) => (at === 4 ? well(NEW) : node));
    expect(pass(NEW, later, () => true, 0).touched).toBeUndefined();
    const oneDown = later.map((node, at) => (at === 2 ? { ...node, up: false } : node));
    // It is down anyway, and its own image keeps it there.
    expect(pass(NEW, oneDown, () => true, 1).touched).toBe(2);
    const away = oneDown.map((node, at) => (at === 2 ? { ...node, recorded: NEW } : node));
    expect(pass(NEW, away, () => false, 1).touched).toBe(2);
  });

  test("a spare stays while a seat is missing: it may be needed", () => {
    const nodes = four(OLD).map((node, at) => (at === 2 ? { ...node, up: false } : node));
    const observation = seen(NEW, nodes);
    const pods = observation.pods.map((pod) => ({ ...pod, waiting: "" }));
    expect(build({ ...observation, pods }, 1).removals).toEqual([]);
    const rotation = {
      metadata: { name: "one", namespace: "test" },
      spec: { set: "val", cause: "Silence", member: "a".repeat(64) },
      status: { phase: "Submitted" },
    } as unknown as Observation["rotations"][number];
    expect(build(seen(NEW, four(OLD), { rotations: [rotation] }), 1).removals).toEqual([]);
  });

  test("a node that is lost meanwhile comes back with the image that it had", () => {
    const nodes = four(OLD).map((node, at) => (at === 4 ? { ...well(NEW), up: false } : node));
    const observation = seen(NEW, nodes);
    const pods = observation.pods.filter(({ name }) => name !== "val-1");
    const { services } = build({ ...observation, pods }, 1);
    const record = services.find(({ metadata }) => metadata.name === "val-1");
    expect(record?.metadata.annotations?.["quorate.dev/image"]).toBe(OLD);
  });

  test("rule S1: at most one voter is away for the roll-out, whatever comes up and whatever is asked", () => {
    const step = fc.record({ wanted: fc.constantFrom(OLD, NEW, "node:bad"), fails: fc.nat(4) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        let nodes: readonly World[] = four(OLD);
        for (const { wanted, fails } of steps) {
          const before = nodes.slice(0, 4).filter(({ up }) => !up).length;
          const next = pass(wanted, nodes, (image, at) => image !== "node:bad" && at !== fails);
          nodes = next.nodes;
          const after = nodes.slice(0, 4).filter(({ up }) => !up).length;
          expect(after).toBeLessThanOrEqual(Math.max(1, before));
        }
      }),
      { numRuns: 300 },
    );
  });

  test("a pod that still runs the old image is not called new by its metadata", () => {
    const nodes = four(OLD).map((node, at) => (at === 4 ? { ...node, recorded: NEW } : node));
    const pod = build(seen(NEW, nodes), 1).pods.find(({ metadata }) => metadata.name === "val-4");
    expect(pod?.metadata.annotations?.["quorate.dev/image"]).toBe(OLD);
  });

  test("an image that an admission webhook rewrote is no reason for another turn", () => {
    const observation = seen(NEW, four(NEW));
    const made = build(observation, 1).pods.find(({ metadata }) => metadata.name === "val-1");
    if (made === undefined) throw new Error("val-1 gets a pod");
    const containers = [{ name: "node", image: `mirror/${NEW}` }];
    const rewritten: Pod = { ...made, spec: { containers } };
    const live = podView(rewritten);
    expect(live.image).toBe(NEW);
    // Whatever else is written to it, this stays.
    const others = observation.pods.filter(({ name }) => name !== "val-1");
    const again = build({ ...observation, pods: [...others, live] }, 1);
    const kept = again.pods.find(({ metadata }) => metadata.name === "val-1");
    expect(kept?.metadata.annotations?.["quorate.dev/image"]).toBe(NEW);
    // One that an older operator made says nothing: its own field counts.
    const old = podView({ ...rewritten, metadata: { ...made.metadata, annotations: {} } });
    expect(old.image).toBe(`mirror/${NEW}`);
  });

  test("rule S1: a voter that runs though it is not Ready goes only if it can be missed", () => {
    const nodes = four(OLD).map((node, at) => (at === 4 ? well(NEW) : node));
    const observation = seen(NEW, nodes);
    const pods = observation.pods.map((pod) =>
      pod.name === "val-0" ? { ...pod, ready: false, waiting: "" } : pod,
    );
    expect(build({ ...observation, pods }, 0).removals).toEqual([]);
    expect(build({ ...observation, pods }, 1).removals).toMatchObject([{ name: "val-0" }]);
  });

  test("rule S1: a seat that is announced as away is missed already", () => {
    const observation = seen(
      NEW,
      four(OLD).map((node, at) => (at === 4 ? well(NEW) : node)),
    );
    const removals = (member: string) => {
      const until = new Date(observation.nowMs + 60_000).toISOString();
      const maintenance = [{ member, reason: "new disks", until }];
      const { set } = observation;
      const announced = { ...set, spec: { ...set.spec, maintenance } };
      return build({ ...observation, set: announced }, 1).removals.map(({ name }) => name);
    };
    expect(removals("val-2")).toEqual([]);
    expect(removals("val-0")).toEqual(["val-0"]);
    expect(build(observation, 1).removals).toMatchObject([{ name: "val-0" }]);
  });

  test("a new member gets the new image only once a node has come up with it", () => {
    const nodes = four(OLD).map((node, at) => (at === 4 ? { ...well(NEW), up: false } : node));
    const imageOfNew = (observation: Observation): string | undefined => {
      const spec = { ...observation.set.spec, spares: 2 };
      const { services } = build({ ...observation, set: { ...observation.set, spec } }, 1);
      const made = services.find(({ metadata }) => metadata.name === "val-5");
      return made?.metadata.annotations?.["quorate.dev/image"];
    };
    expect(imageOfNew(seen(NEW, nodes))).toBe(OLD);
    const proven = nodes.map((node, at) => (at === 4 ? well(NEW) : node));
    expect(imageOfNew(seen(NEW, proven))).toBe(NEW);
  });

  test("a wrong image at birth is put right before there is a chain", () => {
    const nodes = four("node:typo").map((node) => ({ ...node, up: false }));
    const unborn = { chain: { kind: "unborn" as const }, genesisHash: undefined };
    const { removals } = build(seen(NEW, nodes, unborn), 0);
    expect(removals.filter(({ reason }) => reason === "Upgraded")).toHaveLength(1);
  });
});
