import { describe, expect, test } from "vitest";
import { keyOf, scheme, sign } from "../../test/ledger/test-chain.ts";
import { failingFileSystem } from "../../test/shell/failing-file-system.ts";
import { FaultyDisk } from "../../test/shell/faulty-disk.ts";
import { SimulatedDisk } from "../../test/shell/simulated-disk.ts";
import { SoloReplica } from "../../test/shell/solo-replica.ts";
import { defined } from "../kernel/assert.ts";
import { signingBytes } from "../kernel/statements.ts";
import { type Checkpoint, validatorSet, validatorSetHash } from "../kernel/validator-set.ts";
import { genesisSet } from "../ledger/genesis.ts";
import { PROTOCOLS } from "../ledger/protocol.ts";
import { describeSnapshot, encodeChunk } from "../ledger/snapshot.ts";
import { recoverReplica } from "../replica/state.ts";
import type { ReplicaBase } from "../replica/types.ts";
import { chainBases } from "./disk/chain-files.ts";
import { EpochLog } from "./disk/epoch-log.ts";
import type { FileSystem } from "./disk/file-system.ts";
import { makeJournal } from "./disk/missing-journal.ts";
import type { Log } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { openNodeDisk } from "./node-disk.ts";
import { SnapshotTaker } from "./sync/snapshot-taker.ts";

const folder = "/data";
const EVERY = 5;

function logTo(lines: string[]): Log {
  const note = (message: string) => void lines.push(message);
  return { error: note, warn: note, info: () => undefined, debug: () => undefined };
}

interface OpenWith {
  readonly lines?: string[];
  readonly fetched?: ReplicaBase;
  readonly checkpoint?: Checkpoint;
  readonly author?: string;
}

function open(
  solo: SoloReplica,
  fileSystem: FileSystem,
  { lines = [], fetched, checkpoint, author = solo.state.config.self.key }: OpenWith = {},
) {
  const { genesis, chainId } = solo.state.config;
  return openNodeDisk({
    ...{
      fileSystem,
      folder,
      scheme,
      fetched,
      checkpoint,
      birth: { genesis, chainId },
      author,
    },
    ...{ log: logTo(lines), protocols: PROTOCOLS, now: () => 0 },
  });
}

/** A chain of one validator on a disk: snapshots of every fifth height, the log pruned by them. */
async function lived(disk: SimulatedDisk, height: number) {
  const bases = new Map<number, ReplicaBase>();
  const life: { taker?: SnapshotTaker; disk?: Awaited<ReturnType<typeof open>> } = {};
  const solo = new SoloReplica((effect) => {
    if (effect.kind === "store") life.disk?.store.add(effect.record);
    if (effect.kind === "certified") life.taker?.certified(effect.certificate);
  });
  const { fileSystem } = disk;
  life.disk = await open(solo, fileSystem);
  const { snapshots, store } = life.disk;
  const taker = new SnapshotTaker({
    ...{ snapshots, store, every: EVERY, log: logTo([]), metrics: createMetrics() },
    state: () => solo.state,
    fail: (error) => {
      throw error;
    },
  });
  life.taker = taker;
  for (let at = 1; at <= height; at += 1) {
    solo.certifyTo(at);
    await store.sync();
    if (at % EVERY !== 0) continue;
    while (!snapshots.served.includes(at)) await new Promise((go) => setTimeout(go, 1));
    const base = (await open(solo, fileSystem)).base;
    if (base !== undefined) bases.set(at, base);
  }
  await taker.stop();
  return { solo, bases, store };
}

/** Another disk with the same files. */
async function copyOf(disk: SimulatedDisk): Promise<SimulatedDisk> {
  const copy = new SimulatedDisk();
  for (const name of await disk.fileSystem.list(folder)) {
    copy.overwrite(`${folder}/${name}`, disk.content(`${folder}/${name}`));
  }
  return copy;
}

/** Takes the snapshot of the newest certified height, as far as the disk lets it. */
async function takeOne(solo: SoloReplica, fileSystem: FileSystem): Promise<void> {
  const { snapshots, store } = await open(solo, fileSystem);
  const certificate = defined(solo.state.certified, "a certified state").certificate;
  const failed: unknown[] = [];
  const metrics = createMetrics();
  const taker = new SnapshotTaker({
    ...{ snapshots, store, every: EVERY, log: logTo([]), metrics, state: () => solo.state },
    fail: (error) => failed.push(error),
  });
  taker.certified(certificate);
  const { height: at } = certificate.result;
  const isOver = async (): Promise<boolean> => {
    const { values } = await metrics.snapshotsFailed.get();
    return failed.length > 0 || snapshots.served.includes(at) || (values[0]?.value ?? 0) > 0;
  };
  while (!(await isOver())) await new Promise((go) => setTimeout(go, 1));
  await taker.stop();
}

function spoil(disk: SimulatedDisk, height: number): void {
  const path = `${folder}/snapshot-${height}.snap`;
  const bytes = disk.content(path);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  disk.overwrite(path, bytes);
}

/** Whether a replica comes to a state from what was read. */
function height(solo: SoloReplica, opened: Awaited<ReturnType<typeof open>>): number {
  const { records, signed, base } = opened;
  const state = recoverReplica(solo.state.config, { chain: records, journal: signed, base });
  return state.consensus.epoch.root.height;
}

/** As state sync leaves it, and the start after it. */
async function install(
  solo: SoloReplica,
  fetched: ReplicaBase,
  fileSystem: FileSystem,
): Promise<void> {
  const { certificate, block, ledger } = fetched;
  const manifest = describeSnapshot(ledger, 3_000);
  const before = await open(solo, fileSystem);
  const writer = await before.snapshots.resume(
    { certificate, block, manifest },
    async () => undefined,
  );
  for (const [index, { kind }] of manifest.chunks.entries()) {
    if (kind === "empty") continue;
    await writer.add(index, encodeChunk(ledger, manifest, index));
  }
  await writer.finish();
  await before.store.close();
  await open(solo, fileSystem, { fetched });
}

describe("faults while states change", () => {
  test("power cut before each effect of a snapshot, its ring and the pruning: the next start has a state", async () => {
    const disk = new SimulatedDisk();
    const { solo, store } = await lived(disk, 24);
    solo.certifyTo(25);
    await store.sync();
    const bases = new Set<number | undefined>();
    const counted = failingFileSystem((await copyOf(disk)).fileSystem, Number.POSITIVE_INFINITY);
    await takeOne(solo, counted);
    expect(counted.operations()).toBeGreaterThan(15);
    for (let failsAt = 0; failsAt <= counted.operations(); failsAt += 1) {
      const harmed = await copyOf(disk);
      await takeOne(solo, failingFileSystem(harmed.fileSystem, failsAt)).catch(() => undefined);
      harmed.cutPower(failsAt % 50);
      const opened = await open(solo, harmed.fileSystem);
      const where = `operation ${failsAt}`;
      expect(opened.isLost, where).toBe(false);
      expect(height(solo, opened), where).toBeGreaterThanOrEqual(25);
      bases.add(opened.base?.certificate.result.height);
    }
    expect([...bases]).toEqual([20, 25]);
  }, 60_000);

  test("a full disk costs the snapshot, and leaves nothing of it behind", async () => {
    const disk = new SimulatedDisk();
    const { solo, store } = await lived(disk, 24);
    solo.certifyTo(25);
    await store.sync();
    const effects = new FaultyDisk((await copyOf(disk)).fileSystem);
    await takeOne(solo, effects.fileSystem);
    for (let at = 1; at <= effects.effects; at += 1) {
      const full = await copyOf(disk);
      const { fileSystem } = new FaultyDisk(full.fileSystem, at, "ENOSPC");
      await takeOne(solo, fileSystem).catch(() => undefined);
      const names = await full.fileSystem.list(folder);
      expect(names, `effect ${at}`).not.toContain("snapshot-25.snap.new");
      const opened = await open(solo, full.fileSystem);
      expect(height(solo, opened), `effect ${at}`).toBeGreaterThanOrEqual(25);
    }
  }, 60_000);

  test("power cut before each effect of the installation of a fetched state: the next start has one", async () => {
    const { bases } = await lived(new SimulatedDisk(), 21);
    const fetched = defined(bases.get(20), "state of height 20");
    const disk = new SimulatedDisk();
    const { solo } = await lived(disk, 12);
    const found = new Set<number | undefined>();
    const counted = failingFileSystem((await copyOf(disk)).fileSystem, Number.POSITIVE_INFINITY);
    await install(solo, fetched, counted);
    for (let failsAt = 0; failsAt <= counted.operations(); failsAt += 1) {
      const harmed = await copyOf(disk);
      const fileSystem = failingFileSystem(harmed.fileSystem, failsAt);
      await install(solo, fetched, fileSystem).catch(() => undefined);
      harmed.cutPower(failsAt % 50);
      const opened = await open(solo, harmed.fileSystem);
      const where = `operation ${failsAt}`;
      expect(opened.isLost, where).toBe(false);
      expect(height(solo, opened), where).toBeGreaterThanOrEqual(12);
      found.add(opened.base?.certificate.result.height);
    }
    expect([...found]).toEqual([10, 20]);
  }, 60_000);
});

describe("start from the disk", () => {
  test("a snapshot that is corrupt is passed over by name for the next one, and counts no more", async () => {
    const disk = new SimulatedDisk();
    const { solo } = await lived(disk, 21);
    const { fileSystem } = disk;
    expect((await open(solo, fileSystem)).base?.certificate.result.height).toBe(20);
    for (const [harmed, next] of [
      [20, 15],
      [15, 10],
    ] as const) {
      spoil(disk, harmed);
      const lines: string[] = [];
      const opened = await open(solo, fileSystem, { lines });
      expect(lines).toEqual(["snapshot passed over: it does not verify"]);
      expect(opened.base?.certificate.result.height).toBe(next);
      expect(opened.snapshots.heights).not.toContain(harmed);
      expect(height(solo, opened)).toBeGreaterThanOrEqual(21);
    }
  }, 20_000);

  test("a newcomer that signed its registration and nothing else fetches a state first, as if it had signed nothing", async () => {
    const solo = new SoloReplica();
    const { chainId } = solo.state.config;
    const author = keyOf("spare");
    const safety = { epoch: 1, lastVotedRound: 0, oneChainRound: 0, highestTimeoutRound: 0 };
    const endorsement = { kind: "endorsement", nonce: 1, subject: "ab".repeat(32) } as const;
    const heartbeat = { kind: "heartbeat", epoch: 1, height: 1, stateRoot: chainId } as const;
    for (const [signed, isBare] of [
      [[], true],
      [[endorsement], true],
      [[endorsement, heartbeat], false],
    ] as const) {
      const { fileSystem } = new SimulatedDisk();
      const first = await open(solo, fileSystem, { author });
      for (const statement of signed) {
        const signature = sign(author, signingBytes(chainId, statement));
        const record = { statement, author, signature, safety };
        first.journal.stage(record);
        await first.journal.append([record]);
      }
      await first.journal.close();
      const again = await open(solo, fileSystem, { author });
      expect(again.isBare, signed.map(({ kind }) => kind).join()).toBe(isBare);
      expect(again.signed).toHaveLength(signed.length);
    }
  });

  test("weak subjectivity: a disk of another chain than the checkpoint's ends the start, by name", async () => {
    const disk = new SimulatedDisk();
    const { solo } = await lived(disk, EVERY);
    const set = genesisSet(solo.state.config.genesis);
    const right = { epoch: set.epoch, setHash: validatorSetHash(set) };
    const opened = await open(solo, disk.fileSystem, { checkpoint: right });
    expect(opened.base?.certificate.result.height).toBe(EVERY);
    const wrong = open(solo, disk.fileSystem, {
      checkpoint: { ...right, setHash: "ab".repeat(32) },
    });
    await expect(wrong).rejects.toMatchObject({
      code: "CHECKPOINT_MISMATCH",
      fix: expect.stringContaining("checkpoint"),
    });
    // One of an epoch to come is for peers to prove: the own state is begun with.
    const later = { epoch: 9, setHash: right.setHash };
    const below = await open(solo, disk.fileSystem, { checkpoint: later });
    expect(below.trust.epochs.isBelowCheckpoint).toBe(true);
    expect(below.isBare).toBe(false);
  });

  test("without any snapshot that leads to its pruned log, a node starts and waits for a state", async () => {
    const disk = new SimulatedDisk();
    const { solo, bases } = await lived(disk, 26);
    const { fileSystem } = disk;
    expect(await chainBases({ fileSystem, folder })).toEqual([15, 20, 25]);
    for (const harmed of [15, 20, 25]) spoil(disk, harmed);
    const lines: string[] = [];
    const opened = await open(solo, fileSystem, { lines });
    expect(lines.at(-1)).toBe("no snapshot leads to the chain log: a state is fetched from peers");
    expect(opened).toMatchObject({ isBare: true, isLost: true, base: undefined });
    expect(height(solo, opened)).toBe(0);
    // A state below the newest file of the log: that log does not lead on from it.
    const fetched = defined(bases.get(10), "state of height 10");
    for (let start = 0; start < 2; start += 1) {
      const again = await open(solo, fileSystem, { fetched });
      expect(again).toMatchObject({ isBare: false, isLost: false });
      expect(height(solo, again)).toBe(10);
    }
    expect(await chainBases({ fileSystem, folder })).toEqual([10]);
  }, 20_000);

  test("rule SPLIT: a snapshot above the height of a repair is void, also if it is the oldest", async () => {
    for (const [repaired, base] of [
      [12, 10],
      [7, undefined],
    ] as const) {
      const disk = new SimulatedDisk();
      const { solo } = await lived(disk, 21);
      const { fileSystem } = disk;
      const { certificate } = defined(solo.state.certified, "a certified state");
      const { members } = solo.state.consensus.set;
      const epochs = await EpochLog.open({ fileSystem, folder, salt: new Uint8Array(16) });
      const result = { ...certificate.result, height: repaired };
      await epochs.append({
        certificate: { ...certificate, result },
        nextSet: validatorSet(2, members),
        repair: { version: 1, signatures: [] },
      });
      await epochs.close();
      const opened = await open(solo, fileSystem);
      expect(opened.base?.certificate.result.height).toBe(base);
      expect(opened.isLost).toBe(base === undefined);
      expect(opened.snapshots.heights).toEqual(base === undefined ? [] : [base]);
      // Later starts are the same, and the journal is there.
      const again = await open(solo, fileSystem);
      expect(again.isLost).toBe(opened.isLost);
    }
  }, 20_000);

  test("rule BURN: each file but the journal may be missing: the node starts, and keeps its journal", async () => {
    const whole = new SimulatedDisk();
    const { solo } = await lived(whole, 21);
    const names = (await whole.fileSystem.list(folder)).filter((name) => name !== "journal.log");
    expect(names.length).toBeGreaterThan(5);
    for (let chosen = 0; chosen < 2 ** names.length; chosen += 1) {
      const disk = new SimulatedDisk();
      const kept = names.filter((_, at) => (chosen & (2 ** at)) !== 0);
      for (const name of ["journal.log", ...kept]) {
        disk.overwrite(`${folder}/${name}`, whole.content(`${folder}/${name}`));
      }
      const opened = await open(solo, disk.fileSystem);
      const reached = height(solo, opened);
      expect(reached > 0 || opened.isLost || opened.store.height === 0, kept.join()).toBe(true);
    }
  }, 60_000);

  test("rule JOURNAL: a journal made before the pin has nothing, and is opened as it is", async () => {
    const { fileSystem } = new SimulatedDisk();
    const solo = new SoloReplica();
    const { chainId, self } = solo.state.config;
    const salt = () => new Uint8Array(16);
    await makeJournal({ fileSystem, folder, chainId, author: self.key, salt });
    const opened = await open(solo, fileSystem);
    expect(opened.journal.size).toBe(0);
    expect(opened.isBare).toBe(false);
  });
});
