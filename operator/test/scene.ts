// An observation from a few words: a quiet set of which a test changes what it is about.
import { publicKeyOf, signEd25519 } from "@quorate/node/crypto/ed25519";
import { toHex } from "@quorate/node/kernel/bytes";
import { PRODUCTION } from "@quorate/node/kernel/parameters";
import { validatorSet, validatorSetHash } from "@quorate/node/kernel/validator-set";
import { freshLiveness } from "@quorate/node/ledger/state";
import { ownerRotationSigningBytes } from "@quorate/node/ledger/transaction";
import type {
  ValidatorRotation,
  ValidatorRotationStatus,
  ValidatorSet,
  ValidatorSetSpec,
} from "../src/api/v1alpha1/types.ts";
import type {
  ChainReading,
  ChainView,
  MemberView,
  NodeView,
  Observation,
  PeerSample,
  PeersReading,
  PodView,
} from "../src/observe/observation.ts";

export const NOW_MS = 1_800_000_000_000;
export const SILENCE_MS = PRODUCTION.rotation.silenceMs;
const CLOCK_MS = NOW_MS - 500;

export const keyOf = (index: number): string => (0xa0 + index).toString(16).padStart(64, "0");
const ownerSeeds = Array.from({ length: 102 }, (_, index) => new Uint8Array(32).fill(index + 1));
const ownerKeys = ownerSeeds.map((seed) => publicKeyOf(seed));
export const ownerKeyOf = (index: number): string => ownerKeys[index] ?? "";
export const indexOf = (key: string): number => Number.parseInt(key, 16) - 0xa0;

/** One member as a test describes it; the default is alive and well. */
export interface Actor {
  readonly power: bigint;
  /** Milliseconds since the chain's last sign of life. */
  readonly msSilent: number;
  readonly chainSilent: boolean;
  /** Milliseconds since each observer heard it. */
  readonly heardMs: number;
  /** Observers (by index) that say otherwise. */
  readonly heardBy: ReadonlyMap<number, number>;
  readonly isCondemned: boolean;
  readonly muted: boolean;
  readonly pod: "Ready" | "Gone" | "NotReady" | "Crashed" | "Terminating";
  readonly machine: "Ready" | "Down" | "Cordoned";
  readonly zone: string;
  readonly image: string;
  readonly equivocations: number;
  readonly wrongRoots: number;
  /** As an observer: accounts that it sees being liquidated. */
  readonly liquidating: number;
  /** As an observer: its own sample. */
  readonly sample: "Fresh" | "Stale" | "Missing" | "NaN";
  readonly proven: boolean;
}

export const WELL: Actor = {
  power: 1_000_000n,
  msSilent: 300,
  chainSilent: false,
  heardMs: 100,
  heardBy: new Map(),
  isCondemned: false,
  muted: false,
  pod: "Ready",
  machine: "Ready",
  zone: "",
  image: "quorate/node:dev",
  equivocations: 0,
  wrongRoots: 0,
  sample: "Fresh",
  liquidating: 0,
  proven: false,
};

/** Silent by the chain's record and by every peer; its machine is gone. */
export const SILENT: Partial<Actor> = {
  msSilent: SILENCE_MS + 1_000,
  chainSilent: true,
  heardMs: SILENCE_MS + 1_000,
  sample: "Missing",
};

export interface Scene {
  readonly actors: readonly Partial<Actor>[];
  readonly spec: Partial<ValidatorSetSpec>;
  readonly healing: Partial<ValidatorSetSpec["healing"]>;
  readonly rotations: readonly ValidatorRotation[];
  readonly spares: ChainView["spares"];
  readonly chain: Partial<ChainView>;
  readonly reading: ChainReading | undefined;
  readonly prometheus: ((honest: PeersReading) => PeersReading) | undefined;
  readonly scrape: ((honest: PeersReading) => PeersReading) | undefined;
  readonly leaseIsFresh: boolean;
}

export const HEALING: ValidatorSetSpec["healing"] = {
  signals: ["Chain", "Peers", "Kubernetes"],
  intervalSeconds: 5,
  cooldownSeconds: 120,
  dailyBudget: 4,
};

export const SPEC: ValidatorSetSpec = {
  replicas: 4,
  spares: 1,
  faultTolerance: 1,
  mode: "Auto",
  paused: false,
  image: "quorate/node:dev",
  owners: [
    {
      name: "owner-1",
      key: ownerKeyOf(0),
      sponsorKey: ownerKeyOf(100),
      sponsorSecretRef: { name: "sponsor", key: "sponsor.pem" },
      treasury: "10",
    },
  ],
  endorsements: [],
  genesis: { templateRef: { name: "template" }, seatPower: "1000000" },
  prices: {},
  storage: { size: "1Gi" },
  placement: { topologyKey: "topology.kubernetes.io/zone" },
  healing: HEALING,
  trustPeriodHours: 336,
  deletionPolicy: "Retain",
};

export const SPARE = { key: keyOf(50), owner: ownerKeyOf(0), fit: true, endorsed: true };

export const PROMETHEUS = { url: "http://prometheus:9090", scrapeIntervalSeconds: 5 };

export function rotation(
  name: string,
  spec: Partial<ValidatorRotation["spec"]>,
  status?: Partial<ValidatorRotationStatus>,
  annotations: Readonly<Record<string, string>> = {},
): ValidatorRotation {
  const full = status && {
    phase: "Planned" as const,
    initiator: "Operator" as const,
    planHash: "",
    rules: [],
    message: "",
    times: {},
    ...status,
  };
  return {
    apiVersion: "quorate.dev/v1alpha1",
    kind: "ValidatorRotation",
    metadata: { name, namespace: "test", uid: `uid-${name}`, annotations },
    spec: { set: "val", cause: "Silence", member: keyOf(0), setHash: "", ...spec },
    ...(full === undefined ? {} : { status: full }),
  };
}

/** A wish of the owner of every seat of a scene, signed by it or by another. */
export function ownerWish(
  wish: { readonly setHash: string; readonly member?: string; readonly nonce?: number },
  signer = 0,
): Pick<ValidatorRotation["spec"], "cause" | "member" | "setHash" | "ownerSignature"> {
  const { setHash, member = keyOf(0), nonce = 1 } = wish;
  const rotation = { kind: "owner-rotation", member, setHash, nonce } as const;
  const bytes = ownerRotationSigningBytes("c".repeat(64), rotation);
  const signature = toHex(signEd25519(ownerSeeds[signer] ?? new Uint8Array(32), bytes));
  return { cause: "Owner", member, setHash, ownerSignature: { nonce, signature } };
}

export const isoOf = (ms: number): string => new Date(ms).toISOString();

function chainOf(scene: Partial<Scene>, actors: readonly Actor[]): ChainView {
  const set = validatorSet(
    3,
    actors.map(({ power, muted }, index) => ({
      key: keyOf(index),
      networkKey: keyOf(index),
      address: `10.96.0.${index}:7001`,
      owner: ownerKeyOf(0),
      power,
      muted,
    })),
  );
  const liveness = actors.map(({ msSilent, chainSilent, isCondemned }, index) => {
    const sinceMs = CLOCK_MS - msSilent;
    const count = {
      ...freshLiveness(100, sinceMs, 0),
      votingSinceMs: chainSilent ? undefined : sinceMs - 60_000,
    };
    const entry = { count, msSilent, isSilent: chainSilent, isAbsent: false, isCondemned };
    return [keyOf(index), entry] as const;
  });
  return {
    chainId: "c".repeat(64),
    parameters: PRODUCTION,
    height: 10_000,
    timeMs: CLOCK_MS,
    sinceProgressMs: 200,
    set,
    setHash: validatorSetHash(set),
    liveness: new Map(liveness),
    spares: [SPARE],
    known: new Set(actors.map((_, index) => keyOf(index))),
    swaps: [],
    coolDownMs: 0,
    protocol: { version: 1, activation: undefined },
    ...scene.chain,
  };
}

/** The set hash of a scene's chain, for objects that name it. */
export function setHashOf(actors: readonly Partial<Actor>[]): string {
  const whole = actors.map((actor) => ({ ...WELL, ...actor }));
  return chainOf({}, whole).setHash;
}

function samplesOf(actors: readonly Actor[], staleMs: number): readonly PeerSample[] {
  return actors.flatMap(({ sample }, observer) => {
    if (sample === "Missing") return [];
    const others = actors.map((actor, index) => ({ ...actor, index, key: keyOf(index) }));
    const isNan = sample === "NaN";
    const heard = others.map(({ key, heardMs, heardBy }): [string, number] => {
      return [key, heardBy.get(observer) ?? heardMs];
    });
    const numbers = (pick: (actor: Actor) => number) =>
      new Map(others.map((actor): [string, number] => [actor.key, pick(actor)]));
    return [
      {
        observer: keyOf(observer),
        ageMs: sample === "Stale" ? staleMs + 1 : 1_000,
        certifiedHeight: isNan ? undefined : 9_990,
        lastSeenMs: isNan ? new Map() : new Map(heard),
        silent: new Map(others.map(({ key, chainSilent }) => [key, chainSilent])),
        equivocations: numbers(({ equivocations }) => equivocations),
        wrongRoots: numbers(({ wrongRoots }) => wrongRoots),
        invalidProposals: new Map(),
        outliers: new Map(),
        liquidating: actors[observer]?.liquidating ?? 0,
      },
    ];
  });
}

function podOf(actor: Actor, index: number): PodView {
  return {
    name: `val-${index}`,
    member: `val-${index}`,
    uid: `pod-${index}`,
    phase: "Running",
    ready: actor.pod === "Ready" || actor.pod === "Terminating",
    ip: `10.0.0.${index}`,
    node: `machine-${index}`,
    image: actor.image,
    terminating: actor.pod === "Terminating",
    restarts: actor.pod === "Crashed" ? 3 : 0,
    waiting: actor.pod === "Crashed" ? "CrashLoopBackOff" : "",
    labels: {},
    annotations: {},
  };
}

export function memberView(index: number, more: Partial<MemberView> = {}): MemberView {
  return {
    name: `val-${index}`,
    ordinal: index,
    address: `10.96.0.${index}:7001`,
    zone: `zone-${index}`,
    image: "",
    consensusKey: keyOf(index),
    networkKey: keyOf(index),
    retired: false,
    ...more,
  };
}

export function observe(scene: Partial<Scene>): Observation {
  const actors = (scene.actors ?? [{}, {}, {}, {}]).map((actor) => ({ ...WELL, ...actor }));
  const spec: ValidatorSetSpec = {
    ...SPEC,
    ...scene.spec,
    healing: { ...HEALING, ...scene.healing },
  };
  const set: ValidatorSet = {
    apiVersion: "quorate.dev/v1alpha1",
    kind: "ValidatorSet",
    metadata: { name: "val", namespace: "test", uid: "set-uid" },
    spec,
  };
  const chain = { ...chainOf(scene, actors), ...(scene.spares && { spares: scene.spares }) };
  const zoneOf = (index: number) => actors[index]?.zone || `zone-${index}`;
  const nodes = actors.map(({ machine }, index): NodeView => {
    const ready = machine !== "Down";
    const unschedulable = machine === "Cordoned";
    return { name: `machine-${index}`, ready, unschedulable, zone: zoneOf(index) };
  });
  const staleMs = 3 * HEALING.intervalSeconds * 1_000;
  const honest = { kind: "read", samples: samplesOf(actors, staleMs) } as const;
  return {
    nowMs: NOW_MS,
    set,
    rotations: scene.rotations ?? [],
    members: actors.map((_, index) => memberView(index, { zone: zoneOf(index) })),
    pods: actors.flatMap((actor, index) => (actor.pod === "Gone" ? [] : [podOf(actor, index)])),
    nodes,
    genesisHash: "c".repeat(64),
    controlClientKey: "d".repeat(64),
    priceSources: undefined,
    chain: scene.reading ?? { kind: "verified", chain },
    prometheus: spec.prometheus && (scene.prometheus?.(honest) ?? honest),
    scrape: scene.scrape?.(honest) ?? honest,
    proofs: actors.flatMap(({ proven }, index) => {
      const transaction = new Uint8Array([index]);
      return proven ? [{ accused: keyOf(index), evidence: "E2" as const, transaction }] : [];
    }),
    leaseIsFresh: scene.leaseIsFresh ?? true,
  };
}
