import type { SwapRecord } from "@quorate/node/ledger/types";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  keyOf,
  memberView,
  observe,
  ownerKeyOf,
  rotation,
  type Scene,
  SILENT,
  SPARE,
  SPEC,
} from "../../test/scene.ts";
import type { MemberView, NodeView, Observation, PodView } from "../observe/observation.ts";
import { build } from "./build.ts";
import { chooseZone, type Placed } from "./placement.ts";

const runs = { numRuns: 300 };
const zones: readonly NodeView[] = [1, 2, 3, 4, 5].map((index) => {
  return { name: `m${index}`, ready: true, unschedulable: false, zone: `zone-${index}` };
});

const spareKey = SPARE.key;
const spareAt = (ordinal: number, more: Partial<MemberView> = {}) =>
  memberView(ordinal, { consensusKey: spareKey, networkKey: spareKey, ...more });

/** Four voters, and the members and chain spares that a test adds. */
function living(
  more: readonly MemberView[],
  scene: Partial<Scene> = {},
  change: Partial<Observation> = {},
): Observation {
  const observation = observe(scene);
  return { ...observation, nodes: zones, members: [...observation.members, ...more], ...change };
}

const swapOf = (leaver: string, newcomer: string): SwapRecord => {
  return {
    epoch: 2,
    height: 1,
    cause: "owner",
    leaver,
    newcomer,
    proof: "",
    newcomerRegisteredAt: 0,
    power: 1n,
  };
};

const unborn: Partial<Observation> = {
  chain: { kind: "unborn" },
  genesisHash: undefined,
  members: [],
  pods: [],
};

describe("birth", () => {
  test("founders come first, one a zone, and nothing but their Services", () => {
    const desired = build({ ...observe({}), ...unborn, nodes: zones });
    expect(desired.newMembers.map(({ name, zone, reason }) => [name, zone, reason])).toEqual([
      ["val-0", "zone-1", "FounderNeeded"],
      ["val-1", "zone-2", "FounderNeeded"],
      ["val-2", "zone-3", "FounderNeeded"],
      ["val-3", "zone-4", "FounderNeeded"],
    ]);
    expect(desired.services.map(({ metadata }) => metadata.name)).toHaveLength(4);
    expect([desired.pods, desired.claims, desired.configMaps]).toEqual([[], [], []]);
    expect(desired.nextOrdinal).toBe(4);
  });

  test("a birth that was cut off goes on where it was", () => {
    const members = [memberView(0), memberView(2)].map((member) => {
      return { ...member, consensusKey: undefined, networkKey: undefined };
    });
    const desired = build({ ...observe({}), ...unborn, nodes: zones, members });
    expect(desired.newMembers.map(({ name }) => name)).toEqual(["val-1", "val-3"]);
    expect(desired.pods.map(({ metadata }) => metadata.name)).toEqual(["val-0", "val-2"]);
  });

  test("rule GENESIS: founders name no genesis, whoever comes later names the one chain", () => {
    const desired = build(living([spareAt(4)]));
    const hashes = desired.configMaps.map(({ data }) => {
      const parsed: unknown = JSON.parse(data["node.json"] ?? "");
      return (parsed as { genesisHash?: string }).genesisHash;
    });
    expect(hashes).toEqual([undefined, undefined, undefined, undefined, "c".repeat(64)]);
  });

  test("weak subjectivity: every node is given the checkpoint that a person wrote, and none otherwise", () => {
    const checkpointOf = (spec: object) => {
      return build(living([spareAt(4)], { spec })).configMaps.map(({ data }) => {
        const parsed: unknown = JSON.parse(data["node.json"] ?? "");
        return (parsed as { checkpoint?: unknown }).checkpoint;
      });
    };
    const checkpoint = { epoch: 7, setHash: "d".repeat(64) };
    expect(checkpointOf({ checkpoint })).toEqual(Array.from({ length: 5 }, () => checkpoint));
    expect(new Set(checkpointOf({}))).toEqual(new Set([undefined]));
  });

  test("no spare is made before there is a chain whose hash it could name", () => {
    const desired = build({ ...observe({ spec: { spares: 3 } }), ...unborn, nodes: zones });
    expect(desired.newMembers.map(({ reason }) => reason)).not.toContain("SpareNeeded");
  });
});

describe("spares", () => {
  test("as many as spec.spares, each with an ordinal that nobody ever had", () => {
    fc.assert(
      fc.property(fc.nat(4), fc.nat(4), fc.integer({ min: 0, max: 20 }), (wanted, there, next) => {
        const members = Array.from({ length: there }, (_, index) =>
          memberView(4 + index, { consensusKey: undefined }),
        );
        const observation = living(members, { spec: { spares: wanted } });
        const status = { nextOrdinal: next } as NonNullable<Observation["set"]["status"]>;
        const desired = build({ ...observation, set: { ...observation.set, status } });
        expect(desired.newMembers).toHaveLength(Math.max(0, wanted - there));
        const first = Math.max(next, 4 + there);
        for (const [index, made] of desired.newMembers.entries()) {
          expect(made).toMatchObject({ ordinal: first + index, reason: "SpareNeeded" });
        }
        const retired = desired.services.filter(
          ({ metadata }) => metadata.annotations?.["quorate.dev/retired"] === "true",
        );
        expect(retired).toHaveLength(Math.max(0, there - wanted));
      }),
      runs,
    );
  });

  test("a new spare belongs to an owner with the fewest, so that each seat has one of its own", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.uniqueArray(fc.integer({ min: 4, max: 20 }), { maxLength: 5 }),
        fc.integer({ min: 1, max: 8 }),
        (count, there, wanted) => {
          const owners = Array.from({ length: count }, (_, index) => {
            const [owner] = SPEC.owners;
            if (owner === undefined) throw new Error("an owner");
            return { ...owner, name: `owner-${index}`, key: ownerKeyOf(index) };
          });
          const members = there.map((ordinal) => memberView(ordinal, { consensusKey: undefined }));
          const spares = there.length + wanted;
          const desired = build(living(members, { spec: { owners, spares } }));
          const held = Array.from({ length: count }, (_, owner) => {
            return there.filter((ordinal) => ordinal % count === owner).length;
          });
          expect(desired.newMembers).toHaveLength(wanted);
          for (const { ordinal } of desired.newMembers) {
            expect(there).not.toContain(ordinal);
            expect(held[ordinal % count]).toBe(Math.min(...held));
            held[ordinal % count] = (held[ordinal % count] ?? 0) + 1;
          }
        },
      ),
      runs,
    );
  });

  test("a leaver is replaced: its seat's newcomer is a voter, and a new spare is made", () => {
    const [, second, third, fourth] = observe({}).members;
    const left = memberView(9, { consensusKey: keyOf(60) });
    const observation = living([], {}, {});
    if (observation.chain.kind !== "verified") throw new Error("verified");
    const swaps = [swapOf(keyOf(60), keyOf(0))];
    const chain = { kind: "verified", chain: { ...observation.chain.chain, swaps } } as const;
    const members = [memberView(0), second, third, fourth, left].filter(
      (each) => each !== undefined,
    );
    const desired = build({ ...observation, chain, members });
    expect(desired.newMembers).toMatchObject([{ name: "val-10", reason: "SpareNeeded" }]);
    expect(desired.pods.map(({ metadata }) => metadata.name)).not.toContain("val-9");
    expect(desired.claims.map(({ metadata }) => metadata.name)).not.toContain("val-9-data");
  });

  test("scale-down takes the newest, never one that ever sat, and scaling up brings it back", () => {
    const members = [spareAt(4), spareAt(5, { consensusKey: keyOf(51) })];
    const spares = [SPARE, { ...SPARE, key: keyOf(51) }];
    const marks = (observation: Observation) =>
      build(observation).services.map(
        ({ metadata }) => metadata.annotations?.["quorate.dev/retired"] === "true",
      );
    const none = [false, false, false, false];
    expect(marks(living(members, { spares }))).toEqual([...none, false, true]);
    const swap = swapOf(keyOf(51), keyOf(1));
    expect(marks(living(members, { spares, chain: { swaps: [swap] } }))).toEqual([
      ...none,
      true,
      false,
    ]);
    const retired = [spareAt(4), spareAt(5, { consensusKey: keyOf(51), retired: true })];
    expect(marks(living(retired, { spares, spec: { spares: 2 } }))).toEqual([
      ...none,
      false,
      false,
    ]);
    expect(build(living(retired, { spares, spec: { spares: 2 } })).newMembers).toEqual([]);
  });

  test("while the chain is out of sight nobody is made and nobody goes", () => {
    const away = { kind: "unreachable", message: "" } as const;
    const desired = build(living([spareAt(4)], { spec: { spares: 3 } }, { chain: away }));
    expect([desired.newMembers, desired.removals]).toEqual([[], []]);
    expect(desired.pods).toHaveLength(5);
  });
});

describe("removals", () => {
  test("rule STOLEN: no pod of a seated key is deleted, whatever state it is in", () => {
    const phase = fc.constantFrom("Pending", "Running", "Succeeded", "Failed", "Unknown");
    fc.assert(
      fc.property(
        fc.array(phase, { minLength: 5, maxLength: 5 }),
        fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
        fc.nat(2),
        (phases, retired, spares) => {
          const base = living([spareAt(4)], { spec: { spares } });
          const [pod] = base.pods;
          if (pod === undefined) throw new Error("a pod");
          const members = base.members.map((each, at) => ({
            ...each,
            retired: retired[at] === true,
          }));
          const pods = members.map(({ name }, at) => {
            return { ...pod, name, member: name, uid: `u${at}`, phase: phases[at] ?? "Unknown" };
          });
          const { removals } = build({ ...base, members, pods });
          for (const { name, how } of removals) if (name !== "val-4") expect(how).toBe("Evict");
          const ended = phases
            .slice(0, 4)
            .filter((each) => each === "Failed" || each === "Succeeded");
          expect(removals.filter(({ how }) => how === "Evict")).toHaveLength(ended.length);
        },
      ),
      runs,
    );
  });

  test("a leaver's pod goes only when its swap is effective, and its volume stays", () => {
    const observation = living([]);
    const { removals } = build(observation);
    expect(removals).toEqual([]);
    if (observation.chain.kind !== "verified") throw new Error("verified");
    const { set } = observation.chain.chain;
    const members = set.members.map((member) =>
      member.key === keyOf(0) ? { ...member, key: spareKey } : member,
    );
    const changed = { ...observation.chain.chain, set: { ...set, members } };
    const unproven = build({ ...observation, chain: { kind: "verified", chain: changed } });
    expect(unproven.removals).toEqual([]);
    expect(unproven.pods.map(({ metadata }) => metadata.name)).toContain("val-0");
    const chain = { ...changed, swaps: [swapOf(keyOf(0), spareKey)] };
    const after = build({ ...observation, chain: { kind: "verified", chain } });
    expect(after.removals).toMatchObject([
      { name: "val-0", uid: "pod-0", how: "Delete", reason: "Rotated" },
    ]);
    expect(after.services.map(({ metadata }) => metadata.name)).toContain("val-0");
    const left = { ...changed, left: new Set([keyOf(0), keyOf(1)]) };
    const told = build({ ...observation, chain: { kind: "verified", chain: left } });
    expect(told.removals.map(({ name }) => name)).toEqual(["val-0"]);
  });
});

describe("rule STOLEN: before a swap is proven and over", () => {
  const leaver = memberView(4, { consensusKey: keyOf(60) });
  const leaverPod = (labels: Record<string, string>) => {
    const base = living([leaver]);
    const [pod] = base.pods;
    if (pod === undefined) throw new Error("a pod");
    return [...base.pods, { ...pod, name: "val-4", member: "val-4", uid: "u4", labels }];
  };
  const swaps = [swapOf(keyOf(60), keyOf(1))];

  test("a pod that is labelled voter is evicted, never deleted", () => {
    const pods = leaverPod({ "quorate.dev/voter": "true" });
    expect(build(living([leaver], { chain: { swaps } }, { pods })).removals).toMatchObject([
      { name: "val-4", how: "Evict", reason: "Rotated" },
    ]);
  });

  test("the label voter stays for the life of a pod, also where its key is a spare again", () => {
    const pods = leaverPod({ "quorate.dev/voter": "true" });
    const votes = (observation: Observation) =>
      build(observation).pods.find(({ metadata }) => metadata.name === "val-4")?.metadata.labels?.[
        "quorate.dev/voter"
      ];
    const back = { spares: [{ ...SPARE, key: keyOf(60) }] };
    expect(votes(living([leaver], back, { pods }))).toBe("true");
    expect(votes(living([leaver], back, { pods: leaverPod({}) }))).toBe("false");
  });

  test("a pod of another name is nobody's, whatever its labels say", () => {
    const pods = leaverPod({}).map((pod) => (pod.uid === "u4" ? { ...pod, name: "job" } : pod));
    expect(build(living([leaver], { chain: { swaps } }, { pods })).removals).toEqual([]);
  });

  test("nothing is scaled down and nothing goes while a swap is under way or due", () => {
    const pods = leaverPod({});
    const submitted = rotation("r", { member: keyOf(1) }, { phase: "Submitted" });
    const busy: Partial<Scene>[] = [
      { rotations: [submitted] },
      { actors: [{ isCondemned: true }, {}, {}, {}] },
    ];
    for (const scene of busy) {
      expect(build(living([leaver], { ...scene, chain: { swaps } }, { pods })).removals).toEqual(
        [],
      );
      const spares = build(living([spareAt(5)], { ...scene, spec: { spares: 0 } })).services;
      expect(
        spares.map(({ metadata }) => metadata.annotations?.["quorate.dev/retired"]),
      ).not.toContain("true");
    }
  });
});

describe("rule JOURNAL: no second signer of one key", () => {
  const OFF = "quorate.dev/machines-gone";

  /** Member 0 has lost its pod; its last one ran on `node`. */
  function lost(
    node: string,
    actor: NonNullable<Scene["actors"]>[number],
    change: (observation: Observation) => Observation = (same) => same,
  ) {
    const observation = observe({ actors: [{ pod: "Gone", ...actor }, {}, {}, {}] });
    const members = [{ name: "val-0", node }];
    const status = { members } as unknown as NonNullable<Observation["set"]["status"]>;
    const desired = build(change({ ...observation, set: { ...observation.set, status } }));
    const isMade = desired.pods.some(({ metadata }) => metadata.name === "val-0");
    expect(isMade).toBe(desired.withheld.length === 0);
    return isMade || desired.withheld.map(({ reason }) => reason).join();
  }
  const withNodes =
    (map: (node: NodeView) => readonly NodeView[]) =>
    (observation: Observation): Observation => {
      return { ...observation, nodes: observation.nodes.flatMap(map) };
    };
  const isFirst = ({ name }: NodeView) => name === "machine-0";

  test("a pod that is gone from a machine that answers is made again at once", () => {
    expect(lost("machine-0", {})).toBe(true);
  });

  test("a machine that does not answer may still run it, until a person says that it is off", () => {
    expect(lost("machine-0", { ...SILENT, machine: "Down" })).toBe("MachineNotReady");
    const taint = withNodes((node) => [{ ...node, outOfService: isFirst(node) }]);
    expect(lost("machine-0", { ...SILENT, machine: "Down" }, taint)).toBe(true);
    expect(lost("machine-0", { machine: "Down" }, taint)).toBe("KeyStillHeard");
  });

  test("a Node that was deleted says nothing of its machine", () => {
    const gone = withNodes((node) => (isFirst(node) ? [] : [node]));
    expect(lost("machine-0", SILENT, gone)).toBe("MachineMissing");
    const said = (observation: Observation): Observation => {
      const { set } = gone(observation);
      const metadata = { ...set.metadata, annotations: { [OFF]: "other, machine-0" } };
      return { ...gone(observation), set: { ...set, metadata } };
    };
    expect(lost("machine-0", SILENT, said)).toBe(true);
    expect(lost("machine-0", {}, said)).toBe("KeyStillHeard");
  });

  test("where nobody remembers the machine, a key that the chain or a peer heard waits", () => {
    expect(lost("", {})).toBe("KeyStillHeard");
    expect(lost("", SILENT)).toBe(true);
    expect(lost("", { ...SILENT, heardBy: new Map([[2, 100]]) })).toBe("KeyStillHeard");
    expect(lost("", { ...SILENT, msSilent: 100 })).toBe("KeyStillHeard");
    const away = { kind: "unreachable", message: "" } as const;
    const blind = (observation: Observation): Observation => ({ ...observation, chain: away });
    expect(lost("", {}, blind)).toBe("KeyStillHeard");
    expect(lost("", SILENT, blind)).toBe(true);
  });
});

describe("placement", () => {
  test("voters spread over the zones as evenly as the open zones allow", () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
        fc.nat(8),
        (open, count) => {
          const nodes = zones.map((node, index) => ({ ...node, ready: open[index] === true }));
          const placed: Placed[] = [];
          for (let index = 0; index < count; index += 1) {
            placed.push({ zone: chooseZone(nodes, placed), votes: true, doubtful: false });
          }
          const openZones = nodes.filter(({ ready }) => ready).map(({ zone }) => zone);
          const loads = openZones.map((zone) => placed.filter((each) => each.zone === zone).length);
          if (openZones.length === 0) expect(placed.every(({ zone }) => zone === "")).toBe(true);
          else expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
        },
      ),
      runs,
    );
  });

  test("a zone whose machine may be gone comes last, however empty it is", () => {
    const gone = { zone: "zone-1", votes: false, doubtful: true };
    const busy = ["zone-2", "zone-3", "zone-4", "zone-5"].map((zone) => {
      return { zone, votes: true, doubtful: false };
    });
    expect(chooseZone(zones, [gone, ...busy])).toBe("zone-2");
    expect(chooseZone(zones.slice(0, 1), [gone])).toBe("zone-1");
  });

  test("a new spare goes where no voter is, if there is such a zone", () => {
    const desired = build(living([]));
    expect(desired.newMembers).toMatchObject([{ name: "val-4", zone: "zone-4" }]);
  });
});

test("the objects of one member", () => {
  const desired = build(living([], { spec: { spares: 0 } }));
  const [service, config, claim, pod] = [
    desired.services[1],
    desired.configMaps[1],
    desired.claims[1],
    desired.pods[1],
  ];
  expect({ service, config, claim, pod }).toMatchSnapshot();
});

test("prices go by ordinal, else by default; while nobody knows them no node is made", () => {
  const spec = { prices: { sourcesRef: { name: "prices" } } };
  const withSources = living(
    [],
    { spec },
    { priceSources: { default: [{ a: 1 }], "2": [{ b: 2 }] } },
  );
  const seen = build(withSources).configMaps.map(({ data }) => {
    const parsed: unknown = JSON.parse(data["node.json"] ?? "");
    return (parsed as { prices: unknown }).prices;
  });
  expect(seen).toEqual([[{ a: 1 }], [{ a: 1 }], [{ b: 2 }], [{ a: 1 }]]);
  expect(build(living([], { spec })).configMaps).toEqual([]);
  expect(ownerKeyOf(0)).toHaveLength(64);
});

describe("rule S1: the disruption budget", () => {
  const stays = (observation: Observation, disruptable: number) =>
    build(observation, disruptable).budget?.spec["minAvailable"];

  test("rule S1: whichever pods become ready or unready after it was written, at most those that may go", () => {
    const pod = fc.constantFrom("Ready" as const, "NotReady" as const);
    const seats = fc.array(fc.tuple(pod, pod), { minLength: 4, maxLength: 10 });
    fc.assert(
      fc.property(seats, fc.nat(4), (list, disruptable) => {
        const n = list.length;
        const faultTolerance = Math.floor((n - 1) / 3);
        const actors = list.map(([before]) => ({ pod: before }));
        const observation = observe({ actors, spec: { replicas: n, faultTolerance } });
        const minAvailable = stays(observation, disruptable) as number;
        expect(minAvailable).toBeGreaterThanOrEqual(n - faultTolerance);
        const ready = list.filter(([, after]) => after === "Ready").length;
        // What the API server then allows, beside those that are not ready.
        const allowed = Math.max(0, ready - minAvailable);
        expect(allowed).toBeLessThanOrEqual(Math.max(0, disruptable - (n - ready)));
        if (disruptable <= faultTolerance) {
          expect(allowed).toBe(Math.max(0, disruptable - (n - ready)));
        }
      }),
      runs,
    );
  });

  test("rule S1: a newcomer's pod is counted before it is labelled, a leaver's as long as it runs", () => {
    const observation = observe({ actors: [{}, {}, {}, {}, {}] });
    const marked = (change: (index: number) => Partial<PodView>) =>
      observation.pods.map((each, index) => ({ ...each, ...change(index) }));
    const label = (votes: string) => ({ "quorate.dev/voter": votes });
    expect(stays(observation, 1)).toBe(4);
    const unlabelled = marked((at) => ({ labels: label(at === 4 ? "false" : "true") }));
    expect(stays({ ...observation, pods: unlabelled }, 1)).toBe(4);
    const { chain } = observation;
    if (chain.kind !== "verified") throw new Error("the scene's chain is verified");
    const members = chain.chain.set.members.slice(1);
    const swaps = [swapOf(keyOf(0), keyOf(4))];
    const after = { ...chain.chain, swaps, set: { ...chain.chain.set, members } };
    const left = { ...observation, chain: { ...chain, chain: after } };
    expect(stays({ ...left, pods: marked(() => ({ labels: label("true") })) }, 1)).toBe(4);
    const going = marked((at) => ({ labels: label("true"), terminating: at === 0 }));
    expect(stays({ ...left, pods: going }, 1)).toBe(3);
    const ended = marked((at) => ({
      labels: label("true"),
      ...(at === 0 ? { phase: "Failed" as const, ready: false } : {}),
    }));
    expect(stays({ ...left, pods: ended }, 1)).toBe(3);
  });

  test("of two leavers the one that is not ready goes first: its eviction needs no room", () => {
    const observation = observe({ actors: [{}, {}, {}, {}, {}, {}] });
    const { chain } = observation;
    if (chain.kind !== "verified") throw new Error("the scene's chain is verified");
    const members = chain.chain.set.members.slice(2);
    const swaps = [swapOf(keyOf(0), keyOf(4)), swapOf(keyOf(1), keyOf(5))];
    const after = { ...chain.chain, swaps, set: { ...chain.chain.set, members } };
    const pods = observation.pods.map((pod, at) => ({
      ...pod,
      ready: at !== 1,
      labels: { "quorate.dev/voter": "true" },
    }));
    const left = { ...observation, pods, chain: { ...chain, chain: after } };
    expect(build(left, 1).removals.map(({ name }) => name)).toEqual(["val-1", "val-0"]);
  });

  test("rule MANY: of a set that joined, the seats that a person counted on stay, else those it holds", () => {
    const joined = (seats: number, share: number) => {
      const joins = { endpoints: ["10.0.0.1:7002"], seats, disruptable: share };
      return stays(observe({ spec: { genesisHash: "c".repeat(64), joins } }), share);
    };
    expect(joined(0, 0)).toBe(4);
    expect(joined(0, 1)).toBe(3);
    expect(joined(6, 1)).toBe(5);
    expect(joined(1, 4)).toBe(0);
  });

  test("before the chain is born there is none", () => {
    expect(build({ ...observe({}), ...unborn }, 1).budget).toBeUndefined();
  });
});
