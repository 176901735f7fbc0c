// Every reason of docs/conditions.md is said by the operator in some scene: whole passes of the
// reconciler, and what a person would read afterwards. A reason that no scene yields is dead.

import { toHex } from "@quorate/node/kernel/bytes";
import { ownerRotationSigningBytes } from "@quorate/node/ledger/transaction";
import type { ConfigMap, Node, Pod } from "@quorate/runtime/resources";
import { ApiError } from "@quorate/runtime/transport";
import { describe, expect, test } from "vitest";
import {
  EVENT_REASONS,
  HOLD_REASONS,
  REFUSAL_REASONS,
  STATE_REASONS,
  TRUST_REASONS,
} from "../src/api/v1alpha1/conditions.ts";
import { ANNOTATIONS } from "../src/api/v1alpha1/labels.ts";
import type { ValidatorSetSpec } from "../src/api/v1alpha1/types.ts";
import type { ChainReading, ChainView } from "../src/observe/observation.ts";
import type { SubmitOutcome, VerifiedChain } from "../src/ports.ts";
import { Stage } from "./stage.ts";

const REASONS = [
  ...TRUST_REASONS,
  ...HOLD_REASONS,
  ...REFUSAL_REASONS,
  ...STATE_REASONS,
  ...EVENT_REASONS,
] as const;
type Reason = (typeof REASONS)[number];

/** A stage that remembers all that its people could read. */
class Scene extends Stage {
  readonly said = new Set<string>();

  override async pass(): Promise<void> {
    try {
      await super.pass();
    } catch {
      // A pass that fails says so in the status; the next one comes all the same.
      await this.clock.advance(1_000);
    }
    const { status } = this.cluster.set({ namespace: "ns", name: "s" }) ?? {};
    for (const { reason } of status?.conditions ?? []) this.said.add(reason);
    for (const { reasons } of status?.members ?? []) for (const it of reasons) this.said.add(it);
    if (status !== undefined) this.said.add(status.lastDecision.verdict);
    for (const reason of this.reasons()) this.said.add(reason);
  }

  keyOf(ordinal: number): string {
    return this.nodes.keyAt(addressOf(ordinal), "consensus");
  }

  /** As a person would with kubectl. */
  edit(spec: Partial<ValidatorSetSpec>, metadata: object = {}): void {
    const { set } = this;
    const changed = { ...set, metadata: { ...set.metadata, ...metadata } };
    this.cluster.put({ ...changed, spec: { ...set.spec, ...spec } } as never);
  }

  pod(ordinal: number): Pod {
    const pod = this.cluster.find<Pod>("Pod", `s-${ordinal}`);
    if (pod === undefined) throw new Error(`pod s-${ordinal}`);
    return pod;
  }

  unready(ordinal: number): void {
    const pod = this.pod(ordinal);
    const conditions = [{ type: "Ready", status: "False" }];
    this.cluster.put({ ...pod, status: { ...pod.status, conditions } } as Pod);
  }

  /** A member of whom neither the chain nor a peer has heard for half a minute. */
  async silence(ordinal: number): Promise<void> {
    await this.lose(this.keyOf(ordinal), 30_000);
    this.unready(ordinal);
  }

  /** What is read of the chain from now on. */
  shows(change: (chain: ChainView) => Partial<ChainView> | ChainReading): void {
    const read = this.chain.read.bind(this.chain);
    this.chain.read = async (request): Promise<VerifiedChain> => {
      const verified = await read(request);
      if (verified.reading.kind !== "verified") return verified;
      const { chain } = verified.reading;
      const other = change(chain);
      const reading: ChainReading =
        "kind" in other ? other : { kind: "verified", chain: { ...chain, ...other } };
      return { ...verified, reading };
    };
  }

  /** More lines of every node's /metrics. */
  counts(line: string): void {
    const get = this.get.bind(this);
    this.get = async (url) => {
      const { status, body } = await get(url);
      return { status, body: `${body}\n${line}` };
    };
  }

  prometheus(answer: (url: string) => { status: number; body: string }): void {
    const get = this.get.bind(this);
    this.get = async (url) => (url.startsWith("http://p/") ? answer(url) : get(url));
  }

  answers(kind: string, outcome: SubmitOutcome): void {
    this.chain.answer = (asked) => (asked === kind ? outcome : undefined);
  }

  /** An owner's wish about a member; signed by it where `isSigned`. */
  wish(key: string, options: { readonly isSigned?: boolean; readonly setHash?: string } = {}) {
    this.shows((chain) => {
      const name = `wish-${key.slice(0, 8)}`;
      if (this.cluster.find("ValidatorRotation", name) !== undefined) return {};
      const { setHash = chain.setHash, isSigned = true } = options;
      const rotation = { kind: "owner-rotation", member: key, setHash, nonce: 1 } as const;
      const bytes = ownerRotationSigningBytes(chain.chainId, rotation);
      const signature = isSigned ? toHex(this.owner.sign(bytes)) : "0".repeat(128);
      this.cluster.put({
        apiVersion: "quorate.dev/v1alpha1",
        kind: "ValidatorRotation",
        metadata: { namespace: "ns", name },
        spec: {
          set: "s",
          cause: "Owner",
          member: key,
          setHash,
          ownerSignature: { nonce: 1, signature },
        },
      } as never);
      return {};
    });
  }

  /** Whoever asks for this object gets the error. */
  fails(kind: string, error: Error): void {
    const get = this.cluster.get.bind(this.cluster);
    this.cluster.get = (type, key) => (type.kind === kind ? Promise.reject(error) : get(type, key));
  }

  secret(data: Record<string, string> | undefined): void {
    const secret = this.cluster.find("Secret", "sponsor");
    this.cluster.stored.delete("Secret/ns/sponsor");
    if (data !== undefined) this.cluster.put({ ...secret, data } as never);
  }

  deleted(): void {
    const deletionTimestamp = new Date(this.clock.now()).toISOString();
    this.edit({}, { deletionTimestamp });
  }

  approve(hash: string | undefined): void {
    const rotation = this.rotations.at(-1);
    const annotations = { [ANNOTATIONS.approve]: hash ?? rotation?.status?.planHash };
    this.cluster.put({ ...rotation, metadata: { ...rotation?.metadata, annotations } } as never);
  }
}

const addressOf = (ordinal: number): string => `10.0.0.${ordinal + 1}`;
const PROMETHEUS = { prometheus: { url: "http://p", scrapeIntervalSeconds: 5 } };
const vector = (result: readonly unknown[]) => ({
  status: 200,
  body: JSON.stringify({ status: "success", data: { resultType: "vector", result } }),
});
const unreachable: ChainReading = { kind: "unreachable", message: "nobody answers" };
const refused = (reason: string, code: number) => new ApiError(code, reason, "no");

type Play = (scene: Scene) => Promise<void> | void;
/** What happens to a living set; passes follow. */
type Act = readonly [yields: readonly Reason[], play: Play, spec?: Partial<ValidatorSetSpec>];

/** Scenes of a set that was born. */
const alive: Readonly<Record<string, Act>> = {
  "is born": [
    [
      "NotBorn",
      "Birth",
      "FounderNeeded",
      "GenesisCreated",
      "Applying",
      "SpareNeeded",
      "SpareRegistered",
      "SpareMissing",
      "AllInPlace",
      "UpToDate",
      "SignalsAgree",
      "NothingHeld",
      "NothingLiquidated",
      "NoRotation",
      "Progressing",
      "DomainAboveF",
    ],
    () => undefined,
  ],
  "has a machine for each member": [
    ["DomainsHoldAtMostF"],
    (scene) => {
      for (const ordinal of [0, 1, 2, 3, 4]) {
        const pod = scene.pod(ordinal);
        const spec = { ...pod.spec, nodeName: `m-${ordinal + 1}` };
        scene.cluster.put({ ...pod, spec } as Pod);
      }
    },
  ],
  "has a pod that is not ready": [["MembersNotReady"], (scene) => scene.unready(1)],
  "has a pod that ended": [
    ["PodFailed"],
    (scene) => {
      scene.unready(1);
      const pod = scene.pod(1);
      scene.cluster.put({ ...pod, status: { ...pod.status, phase: "Failed" } } as Pod);
    },
  ],
  "wants another image": [
    ["Upgrading", "Upgraded"],
    (scene) => scene.edit({ image: "quorate/node:next" }),
  ],
  "wants an image that nobody has": [
    ["UpgradeHalted"],
    async (scene) => {
      scene.edit({ image: "quorate/node:absent" });
      await scene.passes(4);
      const state = { waiting: { reason: "ImagePullBackOff" } };
      const node = { name: "node", image: "", imageID: "", ready: false, restartCount: 0, state };
      const containerStatuses = [node];
      const pod = scene.pod(4);
      scene.cluster.put({ ...pod, status: { phase: "Pending", containerStatuses } } as Pod);
    },
  ],
  "liquidates accounts": [
    ["AccountsLiquidated"],
    (scene) => scene.counts('quorate_accounts{stage="liquidating"} 3'),
  ],
  "wants fewer spares": [["ScaledDown"], (scene) => scene.edit({ spares: 0 })],
  "loses a member": [
    ["RotationUnderWay", "RotationSubmitted", "RotationEffective", "RotationReplaced", "Rotated"],
    (scene) => scene.silence(1),
  ],
  "loses a member, and only says so": [
    ["ObserveMode"],
    (scene) => scene.silence(1),
    { mode: "Observe" },
  ],
  "loses a member, and a person is asked": [
    ["AwaitingApproval", "RotationPlanned"],
    (scene) => scene.silence(1),
    { mode: "Approve" },
  ],
  "loses a member, and another plan is approved": [
    ["PlanChanged"],
    async (scene) => {
      await scene.silence(1);
      await scene.passes(2);
      scene.approve("0".repeat(64));
    },
    { mode: "Approve" },
  ],
  "loses a member, and the yes comes too late": [
    ["ApprovalExpired", "RotationExpired"],
    async (scene) => {
      await scene.silence(1);
      await scene.passes(2);
      await scene.clock.advance(600_000);
      scene.approve(undefined);
    },
    { mode: "Approve" },
  ],
  "loses a member, and the chain says no": [
    ["RotationRefused", "BackOff"],
    (scene) => {
      scene.answers("silence-record", { kind: "executed", code: "NOT_SILENT", height: 9 });
      return scene.silence(1);
    },
  ],
  "loses a member, and nobody answers": [
    ["RotationInFlight"],
    (scene) => {
      scene.answers("silence-record", { kind: "unknown", message: "no answer" });
      return scene.silence(1);
    },
  ],
  "loses a member, and somebody writes its rotation at the same moment": [
    ["NotSent"],
    (scene) => {
      const write = scene.cluster.applyStatus.bind(scene.cluster);
      scene.cluster.applyStatus = (type, object) =>
        type.kind === "ValidatorRotation"
          ? Promise.reject(refused("Conflict", 409))
          : write(type, object);
      return scene.silence(1);
    },
  ],
  "loses two members": [
    ["CorrelatedFailure", "FaultBudgetSpent"],
    async (scene) => {
      await scene.silence(1);
      await scene.silence(2);
    },
  ],
  "loses a member right after the chain changed": [
    ["CoolDown"],
    (scene) => {
      scene.shows(() => ({ coolDownMs: 5_000 }));
      return scene.silence(1);
    },
  ],
  "loses a member, and another one afterwards": [
    ["OperatorCoolDown"],
    async (scene) => {
      await scene.silence(1);
      await scene.passes(12);
      await scene.silence(2);
    },
    { healing: healing({ cooldownSeconds: 600 }) },
  ],
  "loses a member with no rotation left for the day": [
    ["DailyBudgetSpent"],
    (scene) => scene.silence(1),
    { healing: healing({ dailyBudget: 0 }) },
  ],
  "has a member that the chain alone does not hear": [
    ["Suspected"],
    (scene) => void scene.chain.silentMs.set(scene.keyOf(1), 12_000),
  ],
  "has a member with conflicting signatures, by its peers' counters": [
    ["NoProof"],
    (scene) => scene.counts(`quorate_member_equivocations_total{member="${scene.keyOf(1)}"} 1`),
  ],
  "has a member with another result": [
    ["NoCause"],
    (scene) => scene.counts(`quorate_member_wrong_roots_total{member="${scene.keyOf(1)}"} 1`),
  ],
  "has a condemned member that its owner wants out": [
    ["AlreadyCondemned"],
    (scene) => {
      scene.chain.condemned.add(scene.keyOf(1));
      scene.wish(scene.keyOf(1));
    },
  ],
  "is asked for a key without a seat": [["NotAMember"], (scene) => scene.wish("ab".repeat(32))],
  "is asked by a signature for another set": [
    ["SetChanged"],
    (scene) => scene.wish(scene.keyOf(1), { setHash: "ab".repeat(32) }),
  ],
  "is asked by somebody else": [
    ["NotTheOwner"],
    (scene) => scene.wish(scene.keyOf(1), { isSigned: false }),
  ],
  "is asked by an owner, and has no spare": [
    ["NoFitSpare"],
    (scene) => scene.wish(scene.keyOf(1)),
    { spares: 0 },
  ],
  "has work on a machine": [
    ["InMaintenance", "MaintenanceBegun", "MaintenanceExpired"],
    (scene) => {
      const until = new Date(scene.clock.now() + 4_000).toISOString();
      scene.edit({ maintenance: [{ member: "s-1", reason: "new disks", until }] });
      return scene.silence(1);
    },
  ],
  "has work on a machine that ends": [
    ["MaintenanceEnded"],
    async (scene) => {
      const until = new Date(scene.clock.now() + 60_000).toISOString();
      scene.edit({ maintenance: [{ member: "s-1", reason: "new disks", until }] });
      await scene.passes(2);
      scene.edit({ maintenance: [] });
    },
  ],
  "has work on machines with more than f": [
    ["MaintenanceAboveF"],
    (scene) => {
      const until = new Date(scene.clock.now() + 60_000).toISOString();
      const both = ["s-1", "s-2"].map((member) => ({ member, reason: "new disks", until }));
      scene.edit({ maintenance: both });
    },
  ],
  "has work in a zone that is not there": [
    ["MaintenanceUnknown"],
    (scene) => {
      const until = new Date(scene.clock.now() + 60_000).toISOString();
      scene.edit({ maintenance: [{ zone: "nowhere", reason: "new disks", until }] });
    },
  ],
  "is paused": [["Paused"], (scene) => scene.edit({ paused: true })],
  "has an operator whose lease was not renewed": [
    ["LeaseStale"],
    (scene) => {
      scene.leaseIsFresh = false;
    },
  ],
  "has a checkpoint that is too old": [
    ["CheckpointExpired"],
    (scene) => scene.shows(() => ({ kind: "checkpoint-expired", ageMs: 9e8 })),
  ],
  "has a chain that nobody reaches": [
    ["ChainUnreachable", "ChainNotVerified"],
    (scene) => scene.shows(() => unreachable),
  ],
  "has a chain that stands still": [
    ["ChainHalted"],
    (scene) => scene.shows(() => ({ sinceProgressMs: 60_000 })),
  ],
  "has two nodes that the operator does not reach": [
    ["Partitioned"],
    (scene) => void [1, 2].map((ordinal) => scene.nodes.silent.add(addressOf(ordinal))),
  ],
  "has three of them": [
    ["TooFewObservers"],
    (scene) => void [1, 2, 3].map((ordinal) => scene.nodes.silent.add(addressOf(ordinal))),
  ],
  "has no node that answers": [
    ["ScrapeFailed", "Blind"],
    (scene) => void [0, 1, 2, 3, 4].map((ordinal) => scene.nodes.silent.add(addressOf(ordinal))),
  ],
  "has nodes with other keys": [
    ["KeyDiffers", "ScrapeEmpty"],
    (scene) => {
      for (const ordinal of [0, 1, 2, 3, 4]) {
        scene.nodes.generation.set(addressOf(ordinal), 1);
        scene.cluster.stored.delete(`Pod/ns/s-${ordinal}`);
      }
    },
  ],
  "has nodes that show no number": [
    ["ScrapeMalformed"],
    (scene) => {
      scene.get = async () => ({ status: 200, body: "quorate_certified_height NaN" });
    },
  ],
  "has peers that hear whom the chain does not": [
    ["ContradictsChain"],
    (scene) => void scene.chain.silentMs.set(scene.keyOf(1), 1_000_000),
  ],
  "has a Prometheus that does not answer": [
    ["PrometheusUnreachable"],
    (scene) => scene.prometheus(() => ({ status: 503, body: "" })),
    PROMETHEUS,
  ],
  "has a Prometheus without its series": [
    ["PrometheusEmpty"],
    (scene) => scene.prometheus(() => vector([])),
    PROMETHEUS,
  ],
  "has a Prometheus with old samples": [
    ["PrometheusStale"],
    (scene) => {
      const metric = { __name__: "quorate_certified_height", observer: scene.keyOf(0) };
      scene.prometheus(() => vector([{ metric, value: [1, "1"] }]));
    },
    PROMETHEUS,
  ],
  "has something else behind the address of Prometheus": [
    ["PrometheusMalformed"],
    (scene) => scene.prometheus(() => ({ status: 200, body: "<html>" })),
    PROMETHEUS,
  ],
  "has a genesis that is gone": [
    ["GenesisMissing"],
    (scene) => void scene.cluster.stored.delete("ConfigMap/ns/s-genesis"),
  ],
  "has a genesis of another chain": [
    ["GenesisMismatch"],
    (scene) => genesis(scene, { "genesis.json": "{}" }),
  ],
  "has a genesis without its file": [["GenesisMalformed"], (scene) => genesis(scene, {})],
  "has a pod that only bears its labels": [
    ["ForeignPod"],
    (scene) => {
      const labels = { "quorate.dev/set": "s", "quorate.dev/member": "s-2" };
      const metadata = { namespace: "ns", name: "job", labels };
      scene.cluster.put({ apiVersion: "v1", kind: "Pod", metadata } as never);
    },
  ],
  "has a volume of somebody else": [
    ["ForeignObject"],
    (scene) => {
      const claim = scene.cluster.find("PersistentVolumeClaim", "s-1-data");
      scene.cluster.put({ ...claim, metadata: { ...claim?.metadata, labels: {} } } as never);
    },
  ],
  "loses a pod with a machine that does not answer": [
    ["MachineNotReady"],
    (scene) => {
      const [machine] = scene.cluster.machines;
      const status = { conditions: [{ type: "Ready", status: "Unknown" }] };
      scene.cluster.machines[0] = { ...machine, status } as Node;
      scene.cluster.stored.delete("Pod/ns/s-1");
    },
  ],
  "loses a pod with a machine that is no more": [
    ["MachineMissing"],
    (scene) => {
      scene.cluster.machines.shift();
      scene.cluster.stored.delete("Pod/ns/s-1");
    },
  ],
  "loses a pod whose key signs on somewhere": [
    ["KeyStillHeard"],
    (scene) => {
      scene.cluster.machines.shift();
      scene.edit({}, { annotations: { [ANNOTATIONS.machinesGone]: "m-1" } });
      scene.cluster.stored.delete("Pod/ns/s-1");
    },
  ],
  "is deleted under Delete": [
    ["AwaitingWord"],
    (scene) => scene.deleted(),
    { deletionPolicy: "Delete" },
  ],
  "is deleted": [["Stopping"], (scene) => scene.deleted()],
  "is deleted, and a budget refuses": [
    ["EvictionRefused"],
    (scene) => {
      scene.deleted();
      scene.cluster.evict = () => Promise.reject(refused("TooManyRequests", 429));
    },
  ],
  "is deleted, and a pod stays": [
    ["StopOverdue"],
    async (scene) => {
      scene.deleted();
      const deletionTimestamp = new Date(scene.clock.now()).toISOString();
      const pod = scene.pod(0);
      scene.cluster.put({ ...pod, metadata: { ...pod.metadata, deletionTimestamp } } as Pod);
      await scene.clock.advance(60_000);
    },
  ],
  "may not be read": [["ApiForbidden"], failing(refused("Forbidden", 403))],
  "the API server refuses": [["ApiRefused"], failing(refused("InternalError", 500))],
  "has a pass with an error of its own": [["PassFailed"], failing(new Error("of its own"))],
};

/** Scenes of a set whose birth, or the making of its spare, does not come to its end. */
const unborn: Readonly<Record<string, Act>> = {
  "has founders of another chain": [
    ["ForeignGenesis"],
    (scene) => {
      const identity = scene.nodes.identity.bind(scene.nodes);
      scene.nodes.identity = async (address) => ({
        ...(await identity(address)),
        genesisHash: "ff".repeat(32),
      });
    },
  ],
  "has a wrong template": [
    ["TemplateInvalid"],
    (scene) => template(scene, { "template.json": "" }),
  ],
  "has no template": [["TemplateMissing"], (scene) => template(scene, {})],
  "has a sponsor's Secret with another key": [
    ["SponsorKeyMismatch"],
    (scene) => scene.secret({ pem: base64(new Stage().sponsor.toPem()) }),
  ],
  "has a sponsor's Secret with no key": [
    ["SponsorSecretInvalid"],
    (scene) => scene.secret({ pem: base64("no key") }),
  ],
  "has no sponsor's Secret": [["SponsorSecretMissing"], (scene) => scene.secret(undefined)],
  "has a spare that its owner did not sign": [
    ["AwaitingEndorsement"],
    () => undefined,
    { requireEndorsement: true },
  ],
  "has a spare that the chain does not take": [
    ["SpareRefused"],
    (scene) => scene.answers("register-spare", { kind: "executed", code: "BOND_SHORT", height: 9 }),
  ],
  "has a spare about which nobody answers": [
    ["SpareUnanswered"],
    (scene) => scene.answers("register-spare", { kind: "unknown", message: "no answer" }),
  ],
};

function healing(more: Partial<ValidatorSetSpec["healing"]>): ValidatorSetSpec["healing"] {
  const signals = ["Chain", "Peers", "Kubernetes"] as const;
  return { signals, intervalSeconds: 1, cooldownSeconds: 0, dailyBudget: 10, ...more };
}

/** Whatever the next passes read of Secrets fails. */
function failing(error: Error): Play {
  return (scene) => {
    scene.fails("Secret", error);
    const secretRef = { name: "prometheus" };
    scene.edit({ prometheus: { ...PROMETHEUS.prometheus, url: "https://p", secretRef } });
  };
}

function genesis({ cluster }: Scene, data: Record<string, string>): void {
  cluster.put({ ...cluster.find<ConfigMap>("ConfigMap", "s-genesis"), data } as ConfigMap);
}

function template({ cluster }: Scene, data: Record<string, string>): void {
  cluster.put({ ...cluster.find<ConfigMap>("ConfigMap", "template"), data } as ConfigMap);
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

describe("every reason of docs/conditions.md is said: a set that", () => {
  test.each(Object.entries(alive))("%s", async (_, [yields, play, spec]) => {
    const scene = new Scene(spec);
    await scene.born();
    await play(scene);
    await scene.passes(8);
    expect([...scene.said]).toEqual(expect.arrayContaining([...yields]));
  });

  test.each(Object.entries(unborn))("%s", async (_, [yields, play, spec]) => {
    const scene = new Scene(spec);
    await play(scene);
    await scene.born();
    expect([...scene.said]).toEqual(expect.arrayContaining([...yields]));
  });

  // A reason without a scene: write one above, or take the reason out of conditions.ts.
  test("and none is without a scene", () => {
    const scenes = [...Object.values(alive), ...Object.values(unborn)];
    const shown = new Set<Reason>(scenes.flatMap(([yields]) => yields));
    expect(REASONS.filter((reason) => !shown.has(reason))).toEqual([]);
  });
});
