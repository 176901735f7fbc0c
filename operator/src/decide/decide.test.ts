import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Actor,
  indexOf,
  isoOf,
  keyOf,
  NOW_MS,
  observe,
  ownerKeyOf,
  ownerWish,
  PROMETHEUS,
  rotation,
  type Scene,
  SILENT,
  SPARE,
  setHashOf,
} from "../../test/scene.ts";
import { ANNOTATIONS } from "../api/v1alpha1/labels.ts";
import { detect } from "../detect/detect.ts";
import { approvalHash, planHash } from "./candidate.ts";
import { decide } from "./decide.ts";
import type { Decision } from "./decision.ts";
import { quorumSafety } from "./failure-domains.ts";
import { instantMs } from "./instant.ts";

const runs = { numRuns: 300 };

function judge(scene: Partial<Scene>): Decision {
  const observation = observe(scene);
  return decide(observation, detect(observation));
}

const quiet: readonly Partial<Actor>[] = [SILENT, {}, {}, {}];
const reasons = (scene: Partial<Scene>) => judge(scene).refusals.map(({ reason }) => reason);
const acts = (scene: Partial<Scene>) => judge(scene).plan !== undefined;

/** f of the dumb model: the largest power with 3f < W. */
function fOf(list: readonly bigint[]): bigint {
  return (list.reduce((sum, power) => sum + power, 0n) - 1n) / 3n;
}

function sum(actors: readonly Partial<Actor>[], counts: (actor: Partial<Actor>) => boolean) {
  return actors.reduce((total, each) => (counts(each) ? total + (each.power ?? 0n) : total), 0n);
}

describe("plans", () => {
  test("a silent member of a quiet set is rotated", () => {
    const { plan, refusals } = judge({ actors: quiet });
    expect(plan).toMatchObject({ cause: "Silence", member: keyOf(0), effect: "Swap" });
    expect(refusals).toEqual([]);
  });

  test("nothing is wrong: no plan and no refusal", () => {
    expect(judge({})).toMatchObject({ plan: undefined, proposal: undefined, refusals: [] });
  });

  test("a proof goes before silence, and the plan carries its bytes", () => {
    const { plan } = judge({ actors: [SILENT, {}, { proven: true }, {}] });
    expect(plan).toMatchObject({ cause: "Misconduct", member: keyOf(2) });
    expect(plan?.proof).toEqual(new Uint8Array([2]));
  });

  test("the same knowledge in any order gives the same plan", () => {
    const actor = fc.constantFrom<Partial<Actor>>({}, {}, { proven: true }, SILENT);
    const list = fc.array(actor, { minLength: 4, maxLength: 7 });
    fc.assert(
      fc.property(list, fc.infiniteStream(fc.nat(1_000)), (actors, order) => {
        const observation = observe({ actors });
        const shuffle = <T>(items: readonly T[]): readonly T[] =>
          items
            .map((item) => ({ item, at: order.next().value ?? 0 }))
            .sort((left, right) => left.at - right.at)
            .map(({ item }) => item);
        const shuffled = {
          ...observation,
          members: shuffle(observation.members),
          pods: shuffle(observation.pods),
          nodes: shuffle(observation.nodes),
          proofs: shuffle(observation.proofs),
        };
        const findings = detect(shuffled);
        const mixed = { ...findings, verdicts: shuffle(findings.verdicts) };
        expect(decide(shuffled, mixed).plan).toEqual(decide(observation, findings).plan);
      }),
      runs,
    );
  });

  test("an act has passed every rule: a plan and a refusal exclude each other", () => {
    const actor = fc.record({
      power: fc.bigInt({ min: 1n, max: 2n }),
      chainSilent: fc.boolean(),
      msSilent: fc.constantFrom(300, 11_000, 25_000),
      heardMs: fc.constantFrom(100, 11_000),
      pod: fc.constantFrom<Actor["pod"]>("Ready", "Ready", "Gone", "Terminating"),
      sample: fc.constantFrom<Actor["sample"]>("Fresh", "Fresh", "Missing"),
      proven: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(actor, { minLength: 4, maxLength: 7 }), (actors) => {
        const { plan, refusals, proposal } = judge({ actors });
        if (plan === undefined) return;
        expect(refusals).toEqual([]);
        expect(proposal).toBe(plan);
      }),
      runs,
    );
  });
});

describe("evidence", () => {
  test("rule S6: without a verified proof nobody is condemned", () => {
    fc.assert(
      fc.property(fc.boolean(), fc.nat(3), (proven, equivocations) => {
        const { plan, refusals } = judge({ actors: [{ proven, equivocations }, {}, {}, {}] });
        expect(plan?.cause).toBe(proven ? "Misconduct" : undefined);
        expect(refusals.some(({ rule }) => rule === "S6")).toBe(!proven && equivocations > 0);
      }),
      runs,
    );
  });

  test("rule S7: a suspicion is told and moves nobody", () => {
    fc.assert(
      fc.property(fc.boolean(), fc.boolean(), (chainSilent, unheard) => {
        const accused = {
          chainSilent,
          msSilent: chainSilent ? 11_000 : 300,
          heardMs: unheard ? 11_000 : 100,
        };
        const { plan, refusals } = judge({ actors: [accused, {}, {}, {}] });
        expect(plan !== undefined).toBe(chainSilent && unheard);
        const suspected = refusals.some(({ rule }) => rule === "S7");
        expect(suspected).toBe(chainSilent !== unheard);
      }),
      runs,
    );
  });

  test("rule CAUSE: a wrong root is no cause, and the refusal says whose signature is", () => {
    const [refusal, ...more] = judge({ actors: [{ wrongRoots: 1 }, {}, {}, {}] }).refusals;
    expect(refusal).toMatchObject({ rule: "CAUSE", reason: "NoCause", member: keyOf(0) });
    expect(refusal?.message).toContain("owner may sign");
    expect(more).toEqual([]);
  });

  test("rule CAUSE: an owner's signature rotates under the set that it names, and no other", () => {
    const actors = [{}, {}, {}, {}];
    const ask = (setHash: string) => ({
      actors,
      rotations: [rotation("r", ownerWish({ setHash }))],
    });
    const { ownerSignature } = ownerWish({ setHash: setHashOf(actors) });
    expect(judge(ask(setHashOf(actors))).plan).toMatchObject({ cause: "Owner", ownerSignature });
    expect(reasons(ask("f".repeat(64)))).toEqual(["SetChanged"]);
  });

  test("rule CAUSE: a wish that the seat's owner did not sign is never sent", () => {
    const setHash = setHashOf([{}, {}, {}, {}]);
    const sound = ownerWish({ setHash });
    const bogus = [
      ownerWish({ setHash }, 1),
      { ...ownerWish({ setHash, member: keyOf(1) }), member: keyOf(0) },
      { ...sound, ownerSignature: { nonce: 2, signature: sound.ownerSignature?.signature ?? "" } },
    ];
    for (const wish of bogus) {
      expect(reasons({ rotations: [rotation("r", wish)] })).toEqual(["NotTheOwner"]);
    }
    const rotations = bogus.map((wish, index) => rotation(`r-${index}`, wish));
    expect(judge({ actors: quiet, rotations }).plan).toMatchObject({ cause: "Silence" });
  });

  test("rule RATE: a key that the chain has condemned is not accused again", () => {
    const actors = [{ proven: true, isCondemned: true }, {}, {}, {}];
    expect(reasons({ actors })).toEqual(["AlreadyCondemned"]);
  });
});

describe("the budget", () => {
  const actor: fc.Arbitrary<Partial<Actor>> = fc.record({
    power: fc.bigInt({ min: 1n, max: 3n }),
    pod: fc.constantFrom<Actor["pod"]>("Ready", "Ready", "Ready", "Gone", "Terminating"),
    machine: fc.constantFrom<Actor["machine"]>("Ready", "Ready", "Ready", "Cordoned", "Down"),
  });
  const crowd = fc.array(actor, { minLength: 3, maxLength: 6 });
  const isUp = ({ pod = "Ready", machine = "Ready" }: Partial<Actor>) =>
    pod === "Ready" && machine === "Ready";

  test("rule S1: unreachable, leaving and draining together hold at most f", () => {
    fc.assert(
      fc.property(crowd, fc.bigInt({ min: 1n, max: 3n }), fc.boolean(), (others, power, proven) => {
        const accused = proven ? { proven, power } : { ...SILENT, power };
        const actors = [accused, ...others];
        const { plan, budget, refusals } = judge({ actors });
        const used = sum(actors, (each) => !isUp(each) || each.chainSilent === true);
        const f = fOf(actors.map((each) => each.power ?? 0n));
        expect(budget).toMatchObject({ used: String(used), f: String(f) });
        expect(refusals.some(({ rule }) => rule === "S1")).toBe(!proven && used > f);
        if (!proven && used > f) expect(plan).toBeUndefined();
      }),
      runs,
    );
  });

  test("rule S1: a seat that is on its way out spends the budget", () => {
    const rotations = [rotation("r", { member: keyOf(1) }, { phase: "Submitted" })];
    expect(judge({ actors: quiet, rotations }).budget).toMatchObject({ used: "2000000" });
  });

  test("rule S8: more than f bad at once hold, and the common failure domain is named", () => {
    const bad = fc.array(fc.boolean(), { minLength: 3, maxLength: 6 });
    const zones = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 7, maxLength: 7 });
    fc.assert(
      fc.property(bad, zones, (others, zoneOf) => {
        const actors = [
          { ...SILENT, power: 1n, zone: zoneOf[0] ?? "" },
          ...others.map((gone, index) => {
            const pod = gone ? ("Gone" as const) : ("Ready" as const);
            return { power: 1n, zone: zoneOf[index + 1] ?? "", pod };
          }),
        ];
        const down = actors.filter((each, index) => index === 0 || !isUp(each));
        const isBroad = BigInt(down.length) > fOf(actors.map(() => 1n));
        const said = judge({ actors }).refusals.find(({ rule }) => rule === "S8");
        expect(said !== undefined).toBe(isBroad);
        if (said === undefined) return;
        for (const zone of ["a", "b", "c"]) {
          const held = actors.filter((each) => each.zone === zone).length;
          const hit = down.filter((each) => each.zone === zone).length;
          const isCommon = hit >= 2 && held < actors.length;
          // One pod gone has no machine: its member's zone counts.
          expect(said.message.includes(`share zone ${zone}`)).toBe(isCommon);
        }
      }),
      runs,
    );
  });

  test("rule S8: a property that all members share says nothing", () => {
    const gone = { pod: "NotReady" } as const;
    const [said] = judge({ actors: [SILENT, gone, gone, {}] }).refusals.filter(
      ({ rule }) => rule === "S8",
    );
    expect(said?.message).not.toContain("image");
    const other = { image: "quorate/node:next" };
    const mixed = [SILENT, { ...gone, ...other }, { ...gone, ...other }, {}];
    const [named] = judge({ actors: mixed }).refusals.filter(({ rule }) => rule === "S8");
    expect(named?.message).toContain("2 share image quorate/node:next");
  });

  test("a proof removes even above f, as long as the chain commits", () => {
    const actors = [{ proven: true }, { pod: "NotReady" as const }, SILENT, {}];
    expect(judge({ actors }).plan).toMatchObject({ cause: "Misconduct" });
    const halted = { sinceProgressMs: 60_000 };
    expect(acts({ actors, chain: halted })).toBe(false);
  });

  test("no machine and no zone holds more than f", () => {
    const zones = fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 4, maxLength: 7 });
    fc.assert(
      fc.property(zones, (list) => {
        const observation = observe({ actors: list.map((zone) => ({ zone, power: 1n })) });
        if (observation.chain.kind !== "verified") throw new Error("verified");
        const most = Math.max(...list.map((zone) => list.filter((each) => each === zone).length));
        const { safe } = quorumSafety(observation, observation.chain.chain);
        expect(safe).toBe(BigInt(most) <= fOf(list.map(() => 1n)));
      }),
      runs,
    );
  });
});

describe("holds", () => {
  test("rule S9: blind is no reason to act, whatever was found", () => {
    const lies = fc.constantFrom("Empty", "Blind", "Stale", "None");
    fc.assert(
      fc.property(lies, fc.boolean(), (lie, proven) => {
        const scene: Partial<Scene> = {
          actors: [proven ? { proven } : SILENT, {}, {}, {}],
          spec: { prometheus: PROMETHEUS },
          prometheus: (honest) => {
            if (lie === "None" || honest.kind === "blind") return honest;
            if (lie === "Empty") return { kind: "read", samples: [] };
            if (lie === "Blind") {
              return { kind: "blind", reason: "PrometheusUnreachable", message: "refused" };
            }
            const samples = honest.samples.map((each) => ({ ...each, ageMs: 60_000 }));
            return { kind: "read", samples };
          },
        };
        expect(acts(scene)).toBe(lie === "None");
        expect(judge(scene).refusals.some(({ rule }) => rule === "S9")).toBe(lie !== "None");
      }),
      runs,
    );
  });

  test("rule S9: both metric paths lie alike and the chain disagrees: no act", () => {
    const actors = [{ heardMs: 60_000 }, {}, {}, {}];
    expect(judge({ actors, spec: { prometheus: PROMETHEUS } })).toMatchObject({
      plan: undefined,
      refusals: [{ rule: "S9", reason: "ContradictsChain" }, { rule: "S7" }],
    });
  });

  test("rule S10: an operator that sees less than a quorum, or whose lease is late, holds", () => {
    const sight = fc.array(fc.tuple(fc.bigInt({ min: 1n, max: 3n }), fc.boolean()), {
      minLength: 3,
      maxLength: 6,
    });
    fc.assert(
      fc.property(sight, fc.boolean(), (list, leaseIsFresh) => {
        const others = list.map(([power, seen]) => {
          return { power, sample: seen ? ("Fresh" as const) : ("Missing" as const) };
        });
        const actors = [{ ...SILENT, power: 1n }, ...others];
        const seen = sum(actors, ({ sample }) => sample === "Fresh");
        const total = sum(actors, () => true);
        const said = judge({ actors, leaseIsFresh }).refusals.filter(({ rule }) => rule === "S10");
        const expected = [
          ...(leaseIsFresh ? [] : ["LeaseStale"]),
          ...(3n * seen > 2n * total ? [] : ["Partitioned"]),
        ];
        expect(said.map(({ reason }) => reason)).toEqual(expected);
        if (expected.length > 0) expect(acts({ actors, leaseIsFresh })).toBe(false);
      }),
      runs,
    );
  });

  test("rule S11: a halted chain is not rotated; the fewest members to restart are named", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 30_000 }), fc.boolean(), (sinceProgressMs, proven) => {
        const actors = [proven ? { proven } : SILENT, {}, {}, {}];
        const halted = sinceProgressMs > 10_000;
        expect(acts({ actors, chain: { sinceProgressMs } })).toBe(!halted);
        const said = reasons({ actors, chain: { sinceProgressMs } });
        expect(said.includes("ChainHalted")).toBe(halted);
      }),
      runs,
    );
    const gone = { sample: "Missing", machine: "Down" } as const;
    const halted = judge({ actors: [gone, gone, {}, {}], chain: { sinceProgressMs: 20_000 } });
    const said = halted.refusals.find(({ rule }) => rule === "S11");
    expect(said?.message).toContain("restart at least 1 of val-0");
    expect(said?.message).toContain("val-1");
  });

  test("rule VERIFIED-READ: an old checkpoint or no verified state holds everything", () => {
    const expired = { kind: "checkpoint-expired", ageMs: 400 * 3_600_000 } as const;
    const [said] = judge({ actors: quiet, reading: expired }).refusals;
    expect(said).toMatchObject({ rule: "VERIFIED-READ", reason: "CheckpointExpired" });
    expect(said?.message).toContain("spec.checkpoint");
    const away = { kind: "unreachable", message: "nobody answers" } as const;
    expect(reasons({ actors: quiet, reading: away })).toContain("ChainUnreachable");
    expect(acts({ actors: quiet, reading: away })).toBe(false);
  });

  test("paused and Observe act on nothing, and Observe says what it would do", () => {
    expect(reasons({ actors: quiet, spec: { paused: true } })).toContain("Paused");
    const seen = judge({ actors: quiet, spec: { mode: "Observe" } });
    expect(seen).toMatchObject({ plan: undefined, refusals: [{ reason: "ObserveMode" }] });
    expect(seen.proposal).toMatchObject({ cause: "Silence", member: keyOf(0) });
  });
});

describe("one at a time", () => {
  test("rule SWAP: while one rotation is in flight nothing else begins", () => {
    const phases = fc.constantFrom(
      ...(["Planned", "Submitted", "Effective", "Replaced", "Expired"] as const),
    );
    fc.assert(
      fc.property(phases, fc.boolean(), (phase, proven) => {
        const rotations = [rotation("r", { member: keyOf(3) }, { phase })];
        const actors = [proven ? { proven } : SILENT, {}, {}, {}];
        expect(acts({ actors, rotations })).toBe(phase !== "Submitted");
      }),
      runs,
    );
  });

  test("rule SWAP: without a fit spare silence mutes, a proof slashes, an owner waits", () => {
    const spares = [{ ...SPARE, fit: false }];
    expect(judge({ actors: quiet, spares }).plan).toMatchObject({ effect: "Mute" });
    const proven = [{ proven: true }, {}, {}, {}];
    expect(judge({ actors: proven, spares }).plan).toMatchObject({ effect: "Slash" });
    const muted = [{ ...SILENT, muted: true }, {}, {}, {}];
    expect(reasons({ actors: muted, spares })).toEqual(["NoFitSpare"]);
    const second = [SILENT, { muted: true }, {}, {}];
    expect(reasons({ actors: second, spares })).toEqual(["NoFitSpare"]);
    const asked = rotation("r", ownerWish({ setHash: setHashOf([{}, {}, {}, {}]) }));
    const foreign = [{ ...SPARE, owner: ownerKeyOf(9) }];
    expect(reasons({ rotations: [asked], spares: foreign })).toEqual(["NoFitSpare"]);
  });

  test("rule SWAP: a condemned key whose swap the chain holds back blocks nobody else", () => {
    const wait = rotation("r", { cause: "Misconduct", member: keyOf(3) }, { phase: "Submitted" });
    const ask = (isCondemned: boolean) => {
      const actors = [SILENT, {}, {}, { isCondemned }, {}, {}, {}];
      return reasons({ actors, rotations: [wait] });
    };
    expect(ask(true)).toEqual([]);
    expect(ask(false)).toEqual(["RotationInFlight"]);
  });

  test("rule RATE: silence waits for the chain's cool-down, a proof does not", () => {
    fc.assert(
      fc.property(fc.nat(20_000), fc.boolean(), (coolDownMs, proven) => {
        const actors = [proven ? { proven } : SILENT, {}, {}, {}];
        expect(acts({ actors, chain: { coolDownMs } })).toBe(proven || coolDownMs === 0);
      }),
      { ...runs, examples: [[0, false]] },
    );
  });
});

describe("rule S15: the operator's own restraint", () => {
  const submitted = (agoMs: number, initiator: "Operator" | "Chain" | "Person" = "Operator") => {
    const times = { Submitted: isoOf(NOW_MS - agoMs) };
    const status = { phase: "Replaced" as const, initiator, times };
    return rotation(`r-${agoMs}`, { member: keyOf(40) }, status);
  };

  test("rule S15: a cool-down lies between two acts; proofs are exempt", () => {
    const who = fc.constantFrom("Operator" as const, "Chain" as const);
    fc.assert(
      fc.property(fc.nat(300_000), who, fc.boolean(), (agoMs, initiator, proven) => {
        const actors = [proven ? { proven } : SILENT, {}, {}, {}];
        const rotations = [submitted(agoMs, initiator)];
        const free = proven || initiator === "Chain" || agoMs >= 120_000;
        expect(acts({ actors, rotations })).toBe(free);
      }),
      runs,
    );
  });

  test("rule S15: so many acts in 24 h, the next one waits for a person", () => {
    const ages = fc.array(fc.integer({ min: 200_000, max: 100_000_000 }), { maxLength: 8 });
    fc.assert(
      fc.property(ages, fc.nat(5), (list, dailyBudget) => {
        const rotations = list.map((agoMs) => submitted(agoMs));
        const today = list.filter((agoMs) => agoMs < 86_400_000).length;
        const scene = { actors: quiet, rotations, healing: { dailyBudget } };
        expect(acts(scene)).toBe(today < dailyBudget);
        expect(reasons(scene).includes("DailyBudgetSpent")).toBe(today >= dailyBudget);
      }),
      runs,
    );
  });

  test("rule S15: each refused rotation of a member doubles the wait, up to an hour", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.nat(4_000_000), (failures, agoMs) => {
        const rotations = Array.from({ length: failures }, (_, index) => {
          const times = { Refused: isoOf(NOW_MS - agoMs - index) };
          return rotation(`r-${index}`, { member: keyOf(0) }, { phase: "Refused", times });
        });
        const waitMs = Math.min(3_600_000, 120_000 * 2 ** (failures - 1));
        expect(acts({ actors: quiet, rotations })).toBe(agoMs >= waitMs);
      }),
      runs,
    );
  });

  test("rule S15: what others asked for, or for another cause, delays no healing", () => {
    const bogus = [1, 2, 3, 4, 5, 6].map((nonce) => {
      const wish = ownerWish({ setHash: "f".repeat(64), nonce }, 1);
      const times = { Refused: isoOf(NOW_MS - 1_000) };
      return rotation(`evil-${nonce}`, wish, { phase: "Refused", initiator: "Person", times });
    });
    expect(acts({ actors: quiet, rotations: bogus })).toBe(true);
    const times = { Refused: isoOf(NOW_MS - 1_000) };
    const own = rotation("r", { cause: "Misconduct" }, { phase: "Refused", times });
    expect(acts({ actors: quiet, rotations: [own] })).toBe(true);
    const told = rotation("r", {}, { phase: "Refused", initiator: "Chain", times });
    expect(acts({ actors: quiet, rotations: [told] })).toBe(true);
  });

  test("rule S15: a proof spends no budget and backs off no longer than the resend spacing", () => {
    const actors = [{ proven: true }, {}, {}, {}];
    const rotations = [1, 2, 3, 4, 5].map((agoMs) => submitted(agoMs * 1_000_000));
    expect(acts({ actors, rotations, healing: { dailyBudget: 0 } })).toBe(true);
    const refusedAgo = (agoMs: number) =>
      [0, 1, 2, 3, 4].map((index) => {
        const times = { Refused: isoOf(NOW_MS - agoMs - index) };
        return rotation(`r-${index}`, { cause: "Misconduct" }, { phase: "Refused", times });
      });
    expect(reasons({ actors, rotations: refusedAgo(9_999) })).toEqual(["BackOff"]);
    expect(acts({ actors, rotations: refusedAgo(10_000) })).toBe(true);
  });

  test("instants are read as Date reads them", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_102_444_800_000 }), (ms) => {
        expect(instantMs(isoOf(ms))).toBe(ms);
      }),
      runs,
    );
    expect(instantMs("2026-11-22 18:00:00")).toBeUndefined();
    expect(instantMs(undefined)).toBeUndefined();
  });
});

describe("approval", () => {
  const actors = quiet;
  const what = { cause: "Silence", member: keyOf(0), setHash: setHashOf(actors) } as const;
  const plan = planHash({ ...what, effect: "Swap" });
  const hash = approvalHash(plan, "uid-r");
  const planned = (named: string | undefined, leftMs: number | undefined, inStatus = hash) => {
    const annotations = named === undefined ? {} : { [ANNOTATIONS.approve]: named };
    const expires = leftMs === undefined ? {} : { expiresAt: isoOf(NOW_MS + leftMs) };
    const status = { phase: "Planned" as const, planHash: inStatus, ...expires };
    return rotation("r", { setHash: setHashOf(actors) }, status, annotations);
  };
  const approve = { mode: "Approve" } as const;

  test("rule APPROVE: an approval binds the plan, its set and ten minutes", () => {
    const named = fc.constantFrom(hash, "f".repeat(64), undefined);
    const left = fc.option(fc.integer({ min: -600_000, max: 600_000 }), { nil: undefined });
    const recorded = fc.constantFrom(hash, "e".repeat(64));
    fc.assert(
      fc.property(named, left, recorded, (name, leftMs, inStatus) => {
        const rotations = [planned(name, leftMs, inStatus)];
        const approved = name === hash && inStatus === hash && (leftMs ?? 0) > 0;
        const decision = judge({ actors, rotations, spec: approve });
        expect(decision.plan !== undefined).toBe(approved);
        expect(decision.proposal?.hash).toBe(plan);
      }),
      runs,
    );
  });

  test("rule APPROVE: all rules are asked again at the act", () => {
    const rotations = [planned(hash, 60_000)];
    expect(acts({ actors, rotations, spec: approve })).toBe(true);
    expect(acts({ actors, rotations, spec: approve, chain: { coolDownMs: 1 } })).toBe(false);
    expect(acts({ actors, rotations, spec: approve, leaseIsFresh: false })).toBe(false);
  });

  test("rule APPROVE: another set is another plan", () => {
    const other = [SILENT, {}, {}, {}, {}];
    const rotations = [planned(hash, 60_000)];
    expect(reasons({ actors: other, rotations, spec: approve })).toEqual(["PlanChanged"]);
  });

  test("rule APPROVE: the yes to a mute is no yes to a swap", () => {
    const mute = approvalHash(planHash({ ...what, effect: "Mute" }), "uid-r");
    const rotations = [planned(mute, 60_000, mute)];
    expect(judge({ actors, rotations, spec: approve, spares: [] }).plan).toMatchObject({
      effect: "Mute",
    });
    expect(reasons({ actors, rotations, spec: approve })).toEqual(["PlanChanged"]);
  });

  test("rule APPROVE: the plan of another incident has another hash", () => {
    const old = approvalHash(plan, "uid-of-the-object-before");
    expect(reasons({ actors, rotations: [planned(old, 60_000, old)], spec: approve })).toEqual([
      "PlanChanged",
    ]);
  });

  test("a plan waits for its person, and the refusal says how to approve it", () => {
    const rotations = [planned(undefined, 60_000)];
    const { plan: act, refusals } = judge({ actors, rotations, spec: approve });
    expect(act).toBeUndefined();
    expect(refusals[0]).toMatchObject({ reason: "AwaitingApproval", member: keyOf(0) });
    expect(refusals[0]?.message).toContain(`${ANNOTATIONS.approve}=${hash}`);
    expect(indexOf(refusals[0]?.member ?? "")).toBe(0);
  });
});
