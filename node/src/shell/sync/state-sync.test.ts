import { describe, expect, test } from "vitest";
import { scheme, sign } from "../../../test/ledger/test-chain.ts";
import { SimulatedDisk } from "../../../test/shell/simulated-disk.ts";
import { SoloReplica } from "../../../test/shell/solo-replica.ts";
import { defined } from "../../kernel/assert.ts";
import type { EpochProof } from "../../kernel/certificates.ts";
import { signingBytes } from "../../kernel/statements.ts";
import {
  type Checkpoint,
  type ValidatorSet,
  validatorSet,
  validatorSetHash,
} from "../../kernel/validator-set.ts";
import { genesisSet } from "../../ledger/genesis.ts";
import { PROTOCOLS, type Protocols } from "../../ledger/protocol.ts";
import { describeSnapshot, encodeChunk } from "../../ledger/snapshot.ts";
import type { SnapshotManifest } from "../../ledger/snapshot-manifest.ts";
import { executedBlock } from "../../replica/queries.ts";
import { recoverReplica } from "../../replica/state.ts";
import { encodeSnapshotHead, type SnapshotHead, SnapshotStore } from "../disk/snapshot-store.ts";
import type { Log } from "../log.ts";
import { ChunkPlan } from "./chunk-plan.ts";
import { loadBase, type SnapshotTrust, verifyHead } from "./snapshot-load.ts";
import { StateSync } from "./state-sync.ts";
import { needsState } from "./sync-driver.ts";
import type { SnapshotPeer } from "./sync-ports.ts";
import { TrustedEpochs } from "./trusted-epochs.ts";

const HEIGHT = 7;

/** A chain of one validator, and its snapshot in chunks that are small. */
function source() {
  const solo = new SoloReplica();
  solo.certifyTo(HEIGHT);
  const { state } = solo;
  const certificate = defined(state.certified, "certified").certificate;
  const { height } = certificate.result;
  const ledger = defined(state.ledgers.get(height), "ledger");
  const manifest = describeSnapshot(ledger, 300);
  const block = defined(executedBlock(state, height), "block").block;
  const head: SnapshotHead = { certificate, block, manifest };
  return { state, ledger, head, height };
}

type Source = ReturnType<typeof source>;

function peer(from: Source, key: string, changes: Partial<SnapshotPeer> = {}): SnapshotPeer {
  const { ledger, head, height } = from;
  return {
    key,
    offer: async () => ({ proofs: [], heights: [height], lowest: 1 }),
    head: async () => encodeSnapshotHead(head),
    chunk: async (_, index) => encodeChunk(ledger, head.manifest, index),
    ...changes,
  };
}

interface Told {
  readonly lies: [string, string][];
  readonly lines: string[];
}

function logTo({ lines }: Told): Log {
  const note = (message: string) => void lines.push(message);
  return { error: note, warn: note, info: note, debug: note };
}

function trustOf({ state }: Source, checkpoint?: Checkpoint): SnapshotTrust {
  const { genesis, chainId } = state.config;
  const known = { chainId, scheme, genesisSet: genesisSet(genesis), checkpoint };
  const epochs = new TrustedEpochs(known, []);
  return { genesis, chainId, scheme, epochs, protocols: PROTOCOLS };
}

async function openSnapshots(disk: SimulatedDisk): Promise<SnapshotStore> {
  const salt = () => new Uint8Array(16).fill(5);
  return SnapshotStore.open({ fileSystem: disk.fileSystem, folder: "/data", salt });
}

interface SyncWith {
  readonly disk?: SimulatedDisk;
  readonly signal?: AbortSignal;
  readonly told?: Told;
  readonly held?: Protocols;
  readonly checkpoint?: Checkpoint;
}

async function syncer(
  from: Source,
  peers: readonly SnapshotPeer[],
  {
    disk = new SimulatedDisk(),
    signal = new AbortController().signal,
    told = { lies: [], lines: [] },
    held = PROTOCOLS,
    checkpoint,
  }: SyncWith = {},
) {
  const snapshots = await openSnapshots(disk);
  const trust = { ...trustOf(from, checkpoint), protocols: held };
  const kept: EpochProof[] = [];
  const sync = new StateSync({
    trust,
    snapshots,
    peers: () => peers,
    keepProof: async (proof) => void kept.push(proof),
    log: logTo(told),
    progress: () => undefined,
    lied: (key, code) => told.lies.push([key, code]),
    pause: () => new Promise((resolve) => setImmediate(resolve)),
    signal,
  });
  return { sync, told, snapshots, disk, epochs: trust.epochs, kept };
}

async function syncFrom(from: Source, peers: readonly SnapshotPeer[], options: SyncWith = {}) {
  const { sync, ...rest } = await syncer(from, peers, options);
  return { base: await sync.fetch(0), ...rest };
}

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
  return copy;
}

describe("state sync", () => {
  test("rule FIT: the state of a certified height comes from several peers, and a replica starts there", async () => {
    const from = source();
    expect(from.head.manifest.chunks.length).toBeGreaterThan(3);
    const { base, told } = await syncFrom(from, [peer(from, "a"), peer(from, "b")]);
    expect(base?.ledger.stateRoot).toBe(from.ledger.stateRoot);
    expect(told.lies).toEqual([]);
    const recovered = recoverReplica(from.state.config, { journal: [], chain: [], base });
    expect(recovered.executedHeight).toBe(from.height);
    expect(recovered.consensus.epoch.root.id).toBe(from.head.block.id);
    expect(recovered.consensus.epoch.root.view.lanes).toEqual(
      from.state.consensus.chain.ordered.ordering.view.lanes,
    );
  });

  test("a peer with corrupt chunks is asked for nothing more, and the state comes from the others", async () => {
    const from = source();
    let asked = 0;
    const liar = peer(from, "liar", {
      chunk: async (_, index) => {
        asked += 1;
        return flipped(encodeChunk(from.ledger, from.head.manifest, index));
      },
    });
    const silent = peer(from, "silent", { offer: () => Promise.reject(new Error("gone")) });
    const { base, told } = await syncFrom(from, [liar, silent, peer(from, "honest")]);
    expect(base?.ledger.stateRoot).toBe(from.ledger.stateRoot);
    expect(told.lies.map(([key]) => key)).toEqual(["liar"]);
    expect(asked).toBeLessThanOrEqual(4);
  });

  test("a peer that was behind at first is asked as soon as it has the snapshot too", async () => {
    const from = source();
    let offers = 0;
    let isAsked: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      isAsked = resolve;
    });
    const late = peer(from, "late", {
      offer: async () => {
        offers += 1;
        return { proofs: [], heights: offers === 1 ? [] : [from.height], lowest: 1 };
      },
      chunk: async (_, index) => {
        isAsked();
        return flipped(encodeChunk(from.ledger, from.head.manifest, index));
      },
    });
    const slow = peer(from, "slow", {
      chunk: async (_, index) => {
        await asked;
        return encodeChunk(from.ledger, from.head.manifest, index);
      },
    });
    const { base, told } = await syncFrom(from, [slow, late]);
    expect(base?.ledger.stateRoot).toBe(from.ledger.stateRoot);
    expect(told.lies).toEqual([["late", "CHUNK_CORRUPT"]]);
  });

  test("a manifest that only its hashes are bound of lies about lengths: its source is dropped, not the others", async () => {
    const from = source();
    const chunks = from.head.manifest.chunks.map((chunk) => {
      return chunk.kind !== "empty" ? { ...chunk, bytes: chunk.bytes + 1 } : chunk;
    });
    const manifest: SnapshotManifest = { ...from.head.manifest, chunks };
    const liar = peer(from, "liar", {
      head: async () => encodeSnapshotHead({ ...from.head, manifest }),
      chunk: () => Promise.reject(new Error("busy")),
    });
    const { base, told, disk } = await syncFrom(from, [liar, peer(from, "b"), peer(from, "c")]);
    expect(told.lies.map(([key]) => key)).toEqual(["liar"]);
    expect(base?.ledger.stateRoot).toBe(from.ledger.stateRoot);
    // Nor does the lie stay on the disk, under the name of a snapshot that verifies.
    const own = await openSnapshots(disk);
    expect((await loadBase(own, trustOf(from), logTo(told)))?.certificate).toEqual(
      from.head.certificate,
    );
    expect(own.head(from.height)?.manifest).toEqual(from.head.manifest);
  }, 20_000);

  test("rule EPOCH: a snapshot of an epoch's end is nothing without the proof of the next set", async () => {
    const from = source();
    const { certificate } = from.head;
    const ends = { ...certificate.result, nextSetHash: "77".repeat(32) };
    const head = { ...from.head, certificate: { ...certificate, result: ends } };
    const refused = verifyHead(trustOf(from), head);
    expect(refused.ok ? "" : refused.error.code).toBe("EPOCH_UNPROVEN");
    const ahead = peer(from, "ahead", { head: async () => encodeSnapshotHead(head) });
    const { base, told } = await syncFrom(from, [ahead]);
    expect(base).toBeUndefined();
    expect(told.lies).toEqual([]);
  });

  test("rule VERSION: a certified state that this binary does not hold names the version, and blames nobody", async () => {
    const from = source();
    const [one] = PROTOCOLS;
    const other = [{ ...defined(one, "a version"), version: 99 }];
    const told: Told = { lies: [], lines: [] };
    const disk = new SimulatedDisk();
    const fetched = syncFrom(from, [peer(from, "a"), peer(from, "b")], { disk, told, held: other });
    await expect(fetched).rejects.toMatchObject({ code: "PROTOCOL_UNSUPPORTED" });
    expect(told.lies).toEqual([]);
    // And so does a start from an own snapshot: an older one is not taken in its place.
    await syncFrom(from, [peer(from, "a")], { disk });
    const trust = { ...trustOf(from), protocols: other };
    const started = loadBase(await openSnapshots(disk), trust, logTo(told));
    await expect(started).rejects.toMatchObject({ code: "PROTOCOL_UNSUPPORTED" });
    expect((await openSnapshots(disk)).heights).toEqual([from.height]);
  });

  test("a peer that offers and does not give holds nobody up", async () => {
    const from = source();
    let asked = 0;
    const heights = Array.from({ length: 10_000 }, (_, at) => 1_000 + at);
    const empty = peer(from, "empty", {
      offer: async () => ({ proofs: [], heights, lowest: 1 }),
      head: () => {
        asked += 1;
        return Promise.reject(new Error("deadline"));
      },
    });
    const { base } = await syncFrom(from, [empty, peer(from, "honest")]);
    expect(base?.ledger.stateRoot).toBe(from.ledger.stateRoot);
    expect(asked).toBeLessThanOrEqual(3);
    const { sync } = await syncer(from, [empty]);
    await sync.fetch(0);
    // Alone, it counts for nothing once, and is asked again later.
    expect((await sync.survey()).newest).toBeUndefined();
    expect((await sync.survey()).newest).toBe(10_999);
  });

  test("a node that stands still takes a state, whatever one peer says of the history that it has", () => {
    const of = (lowest: number) => ({ proofs: [], heights: [500], lowest });
    const from = source();
    const offers = new Map(
      [peer(from, "honest"), peer(from, "liar")].map((each, at) => {
        return [each, of(at === 0 ? 401 : 1)] as const;
      }),
    );
    const survey = { offers, newest: 500 };
    expect(needsState(survey, 100, 10_000)).toBe(false);
    expect(needsState(survey, 100, 30_000)).toBe(true);
    expect(needsState({ offers: new Map([...offers].slice(0, 1)), newest: 500 }, 100, 0)).toBe(
      true,
    );
    expect(needsState(survey, 500, 30_000)).toBe(false);
  });

  test("nothing is believed without the quorum's certificate", async () => {
    const from = source();
    const { certificate } = from.head;
    const unsigned = { ...certificate, signatures: [] };
    const moved = { ...certificate, result: { ...certificate.result, height: 99 } };
    for (const each of [unsigned, moved]) {
      const forged = peer(from, "forger", {
        head: async () => encodeSnapshotHead({ ...from.head, certificate: each }),
      });
      const { base, told } = await syncFrom(from, [forged]);
      expect(base).toBeUndefined();
      expect(told.lies.map(([key]) => key)).toEqual(["forger"]);
    }
  });

  test("after a crash verified chunks are not fetched again, and what is torn is", async () => {
    const from = source();
    const disk = new SimulatedDisk();
    const controller = new AbortController();
    let served = 0;
    const stops = peer(from, "a", {
      chunk: async (_, index) => {
        served += 1;
        if (served > 3) controller.abort();
        return encodeChunk(from.ledger, from.head.manifest, index);
      },
    });
    const first = await syncFrom(from, [stops], { disk, signal: controller.signal });
    expect(first.base).toBeUndefined();
    const asked = new Set<number>();
    const again = peer(from, "a", {
      chunk: async (_, index) => {
        asked.add(index);
        return encodeChunk(from.ledger, from.head.manifest, index);
      },
    });
    const second = await syncFrom(from, [again], { disk });
    expect(second.base?.ledger.stateRoot).toBe(from.ledger.stateRoot);
    const all = from.head.manifest.chunks.filter(({ kind }) => kind !== "empty").length;
    expect(asked.size).toBeLessThan(all);
    // And it is one of this node's own snapshots now.
    const told: Told = { lies: [], lines: [] };
    const own = await openSnapshots(disk);
    expect(own.heights).toEqual([from.height]);
    const base = await loadBase(own, trustOf(from), logTo(told));
    expect(base?.ledger.stateRoot).toBe(from.ledger.stateRoot);
    expect(own.served).toEqual([from.height]);
  });

  test("a chunk is written as it was when it was added, whatever its memory is used for next", async () => {
    const { ledger, head, height } = source();
    const { manifest } = head;
    const snapshots = await openSnapshots(new SimulatedDisk());
    const writer = await snapshots.create(head);
    const scratch = new Uint8Array(Math.max(...manifest.chunks.map(({ bytes }) => bytes)));
    for (const [index] of manifest.chunks.entries()) {
      await writer.add(index, encodeChunk(ledger, manifest, index, scratch));
      scratch.fill(0);
    }
    await writer.finish();
    for (const [index] of manifest.chunks.entries()) {
      expect(await snapshots.chunk(height, index)).toEqual(encodeChunk(ledger, manifest, index));
    }
  });

  test("an own snapshot that is corrupt or torn is passed over by name", async () => {
    const from = source();
    for (const harm of ["flip", "tear"] as const) {
      const { disk } = await syncFrom(from, [peer(from, "a")]);
      const path = `/data/snapshot-${from.height}.snap`;
      const bytes = disk.content(path);
      const middle = Math.floor(bytes.length / 2);
      bytes[middle] = (bytes[middle] ?? 0) ^ 1;
      disk.overwrite(path, harm === "flip" ? bytes : disk.content(path).slice(0, middle));
      const told: Told = { lies: [], lines: [] };
      const base = await loadBase(await openSnapshots(disk), trustOf(from), logTo(told));
      expect(base).toBeUndefined();
      expect(told.lines).toEqual(["snapshot passed over: it does not verify"]);
    }
  });
});

describe("weak subjectivity", () => {
  /** What a set that is long gone, and whose keys were sold, can sign: everything of its epoch. */
  function ended(from: Source, epoch: number, height: number, next: ValidatorSet): EpochProof {
    const { chainId, genesis } = from.state.config;
    const { result: before } = from.head.certificate;
    const nextSetHash = validatorSetHash(next);
    const result = { ...before, epoch, height, nextSetHash };
    const bytes = signingBytes(chainId, { kind: "attestation", result });
    const author = defined(genesisSet(genesis).members[0], "the member").key;
    const certificate = { result, signatures: [{ author, signature: sign(author, bytes) }] };
    return { certificate, nextSet: next };
  }

  /** Sets of one key each share all of it with the one before; they differ in an address. */
  function nextSet(from: Source, epoch: number, address: string): ValidatorSet {
    const { members } = genesisSet(from.state.config.genesis);
    return validatorSet(
      epoch,
      members.map((member) => ({ ...member, address })),
    );
  }

  /** The chain that is true, in epoch 3, and one that the keys of epoch 1 go on with. */
  function twoChains() {
    const from = source();
    const honest = [2, 3].map((epoch) => nextSet(from, epoch, `10.0.0.${epoch}:1`));
    const [second, third] = [defined(honest[0], "2"), defined(honest[1], "3")];
    const proofs = [ended(from, 1, 3, second), ended(from, 2, 5, third)];
    const checkpoint = { epoch: 3, setHash: validatorSetHash(third) };
    const forged = [nextSet(from, 2, "10.6.6.2:1"), nextSet(from, 3, "10.6.6.3:1")];
    const lies = forged.map((set, at) => ended(from, at + 1, from.height + 10 * at + 1, set));
    return { from, proofs, lies, checkpoint };
  }

  const proving = (proofs: readonly EpochProof[], heights: readonly number[]) => ({
    offer: async (from: number) => ({
      proofs: proofs.filter((proof) => proof.nextSet.epoch > from).slice(0, 1),
      ...{ heights, lowest: 1 },
    }),
  });

  test("weak subjectivity: keys of a set long gone lead an isolated newcomer away without a checkpoint", async () => {
    const { from, lies } = twoChains();
    for (const proofs of [[], lies]) {
      const { base, told } = await syncFrom(from, [
        peer(from, "old keys", proving(proofs, [from.height])),
      ]);
      expect(base?.certificate).toEqual(from.head.certificate);
      expect(told.lies).toEqual([]);
    }
  });

  test("weak subjectivity: with a checkpoint they lead nobody away, whether they go on or make sets of their own", async () => {
    const { from, lies, checkpoint } = twoChains();
    const onward = peer(from, "onward", proving([], [from.height]));
    const forger = peer(from, "forger", proving(lies, [from.height]));
    const { base, told, epochs } = await syncFrom(from, [onward, forger], { checkpoint });
    expect(base).toBeUndefined();
    expect(epochs.proofs).toEqual([]);
    expect(told.lies).toEqual([["forger", "CHECKPOINT_MISMATCH"]]);
    // Nor where a state of the epoch before the checkpoint's would be near enough.
    const near = { ...checkpoint, epoch: 2 };
    expect((await syncFrom(from, [onward], { checkpoint: near })).base).toBeUndefined();
  });

  test("weak subjectivity: one honest peer proves the way, whatever others proved before it", async () => {
    const { from, proofs, lies, checkpoint } = twoChains();
    const stuck = peer(from, "stuck", proving(lies.slice(0, 1), [from.height]));
    const honest = peer(from, "honest", proving(proofs, []));
    const { base, told, epochs, kept } = await syncFrom(from, [stuck, honest], { checkpoint });
    expect(epochs.proofs).toEqual(proofs);
    expect(kept.map(({ nextSet: { epoch } }) => epoch)).toEqual([2, 3]);
    expect(epochs.isBelowCheckpoint).toBe(false);
    // The state of the old keys is of a height that is not of their epoch any more.
    expect(base).toBeUndefined();
    expect(told.lies).toEqual([["stuck", "HEIGHT_OF_ANOTHER_EPOCH"]]);
  });

  test("weak subjectivity: a true state of long before the checkpoint is not begun with, and is no lie", async () => {
    const from = source();
    const sets = [2, 3].map((epoch) => nextSet(from, epoch, `10.0.0.${epoch}:1`));
    const [second, third] = [defined(sets[0], "2"), defined(sets[1], "3")];
    const proofs = [ended(from, 1, from.height + 4, second), ended(from, 2, 90, third)];
    const checkpoint = { epoch: 3, setHash: validatorSetHash(third) };
    const honest = peer(from, "honest", proving(proofs, [from.height]));
    const { sync, told } = await syncer(from, [honest], { checkpoint });
    expect(await sync.fetch(0)).toBeUndefined();
    expect(told.lies).toEqual([]);
    // It is not offered a second time: a newcomer takes blocks where there is no state.
    expect((await sync.survey()).newest).toBeUndefined();
    // The set just before shares more than two thirds with the checkpoint's.
    const near = { epoch: 2, setHash: validatorSetHash(second) };
    const { base } = await syncFrom(from, [honest], { checkpoint: near });
    expect(base?.ledger.stateRoot).toBe(from.ledger.stateRoot);
  });
});

describe("chunk plan", () => {
  test("each chunk is asked of one peer; a dropped peer's are asked of others; the last ones twice", () => {
    const plan = new ChunkPlan([0, 1, 2, 3, 4]);
    expect([1, 2, 3, 4, 5].map(() => plan.next("a"))).toEqual([0, 1, 2, 3, undefined]);
    expect(plan.next("b")).toBe(4);
    // Nothing is left: a slow one is asked of a second peer.
    expect(plan.next("b")).toBe(0);
    plan.drop("a");
    expect(plan.next("a")).toBeUndefined();
    expect(plan.got(0)).toBe(true);
    expect(plan.got(0)).toBe(false);
    plan.got(4);
    const rest = [plan.next("b"), plan.next("b"), plan.next("b")];
    expect(rest.toSorted()).toEqual([1, 2, 3]);
    for (const index of [1, 2, 3]) plan.got(index);
    expect(plan.missing).toBe(0);
  });
});
