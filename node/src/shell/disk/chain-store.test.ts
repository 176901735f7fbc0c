import { describe, expect, test } from "vitest";
import { failingFileSystem } from "../../../test/shell/failing-file-system.ts";
import { SimulatedDisk } from "../../../test/shell/simulated-disk.ts";
import { encodeBatch, encodeBlock, openBatch, openBlock } from "../../consensus/codec.ts";
import type { ChainRecord, CommitProof, SignedBatch, SignedBlock } from "../../consensus/types.ts";
import type { ResultCertificate } from "../../kernel/certificates.ts";
import { ZERO_DIGEST } from "../../kernel/scalars.ts";
import { chainBases } from "./chain-files.ts";
import { ChainStore } from "./chain-store.ts";

const author = "11".repeat(32);
const signature = new Uint8Array(64).fill(7);

function batchOf(sequence: number): SignedBatch {
  const transactions = [new Uint8Array(20).fill(sequence)];
  const bytes = encodeBatch({ author, sequence, previous: ZERO_DIGEST, transactions });
  return openBatch(bytes, signature);
}

function blockOn(parent: string, height: number, epoch: number, batch: SignedBatch): SignedBlock {
  const qc = { epoch, round: height - 1, blockId: parent, qcRound: 0, signatures: [] };
  const { sequence } = batch.batch;
  const bytes = encodeBlock({
    epoch,
    round: height,
    height,
    proposer: author,
    timestampMs: height,
    qc,
    tc: undefined,
    cut: [{ author, sequence, digest: batch.digest }],
    signsOfLife: [],
  });
  return openBlock(bytes, signature);
}

function certificateOf(block: SignedBlock): ResultCertificate {
  const { epoch, height, timestampMs } = block.block;
  const roots = { stateRoot: ZERO_DIGEST, receiptsRoot: ZERO_DIGEST, nextSetHash: ZERO_DIGEST };
  return { result: { epoch, height, blockId: block.id, timestampMs, ...roots }, signatures: [] };
}

function orderProof({ id, block }: SignedBlock): CommitProof {
  const { epoch, round } = block;
  return { kind: "order", certificate: { epoch, round, blockId: id, signatures: [] } };
}

/** Five blocks: three of epoch 1, proven at 2 and 3, then two of epoch 2, proven at 5. */
function chain() {
  const blocks: SignedBlock[] = [];
  const records: ChainRecord[] = [];
  for (let height = 1; height <= 5; height += 1) {
    const batch = batchOf(height);
    const parent = height === 4 ? "ee".repeat(32) : (blocks.at(-1)?.id ?? "dd".repeat(32));
    const block = blockOn(parent, height, height <= 3 ? 1 : 2, batch);
    blocks.push(block);
    records.push({ kind: "batch", batch }, { kind: "block", block });
    if (height === 2 || height === 5) {
      records.push({ kind: "committed", height, proof: orderProof(block) });
    }
    if (height === 3) {
      const certificate = certificateOf(block);
      records.push({ kind: "committed", height, proof: { kind: "attested", certificate } });
      records.push({ kind: "certified", certificate });
      const proof = { certificate, nextSet: { epoch: 2, members: [] } };
      records.push({ kind: "epoch", proof });
    }
  }
  return { blocks, records };
}

async function openStore(disk: SimulatedDisk) {
  const salt = () => new Uint8Array(16).fill(3);
  return ChainStore.open({ fileSystem: disk.fileSystem, folder: "/data", salt });
}

describe("chain log", () => {
  test("rule JOURNAL: what was synced comes back in order after a power cut, the rest is gone", async () => {
    const disk = new SimulatedDisk();
    const { store } = await openStore(disk);
    const { records } = chain();
    for (const record of records.slice(0, 6)) store.add(record);
    await store.sync();
    for (const record of records.slice(6)) store.add(record);
    disk.cutPower(10);
    const again = await openStore(disk);
    expect(again.records).toEqual(records.slice(0, 6));
    expect(again.store.height).toBe(2);
  });

  test("rule JOURNAL: a sync waits for the one in flight, also with nothing of its own", async () => {
    const disk = new SimulatedDisk();
    const { store } = await openStore(disk);
    const { records } = chain();
    store.add(records[0] as ChainRecord);
    disk.operations.length = 0;
    const lazy = store.sync();
    await store.sync();
    const kinds = disk.operations.map((operation) => operation.split(" ")[0]);
    expect(kinds).toEqual(["append", "sync"]);
    await lazy;
  });

  test("rule JOURNAL: after a sync that failed every later one fails, also with nothing to add", async () => {
    const disk = new SimulatedDisk();
    const { store } = await openStore(disk);
    const { records } = chain();
    store.add(records[0] as ChainRecord);
    disk.failSyncs(1);
    const failed = expect(store.sync()).rejects.toThrow("EIO");
    await expect(store.sync()).rejects.toThrow("EIO");
    await failed;
    await expect(store.sync()).rejects.toThrow("EIO");
  });

  test("segments hold one epoch up to a proven height, with the proof of its end", async () => {
    const { store } = await openStore(new SimulatedDisk());
    const { blocks, records } = chain();
    for (const record of records) store.add(record);
    await store.sync();
    const first = await store.segment(2);
    expect(first?.blocks.map(({ block }) => block.height)).toEqual([2, 3]);
    expect(first?.batches).toHaveLength(2);
    expect(first?.proof.kind).toBe("attested");
    expect(first?.epochProof?.nextSet.epoch).toBe(2);
    const second = await store.segment(4);
    expect(second?.blocks).toEqual(blocks.slice(3));
    expect(second?.epochProof).toBeUndefined();
    expect(await store.segment(6)).toBeUndefined();
  });

  test("blocks come with their batches and certificate, from the first start and after a restart", async () => {
    const disk = new SimulatedDisk();
    const { store } = await openStore(disk);
    const { blocks, records } = chain();
    for (const record of records) store.add(record);
    await store.sync();
    const restarted = await openStore(disk);
    for (const opened of [store, restarted.store]) {
      const third = await opened.block(3);
      expect(third?.block).toEqual(blocks[2]);
      expect(third?.batches).toEqual([batchOf(3)]);
      expect(third?.certificate).toEqual(certificateOf(blocks[2] as SignedBlock));
      expect((await opened.block(2))?.certificate).toBeUndefined();
      expect(await opened.block(6)).toBeUndefined();
    }
  });

  test("rule EPOCH: void blocks above the epoch's end are served to nobody, their heights anew", async () => {
    const disk = new SimulatedDisk();
    const { store } = await openStore(disk);
    const { blocks, records } = chain();
    const third = blocks[2] as SignedBlock;
    const voidBatch = batchOf(9);
    const voidBlock = blockOn(third.id, 4, 1, voidBatch);
    const isEnd = (record: ChainRecord) => record.kind === "committed" && record.height === 3;
    const end = records.findIndex(isEnd);
    // The commit of height 3 is proven by that of the void block above it only.
    records.splice(
      end,
      1,
      { kind: "batch", batch: voidBatch },
      { kind: "block", block: voidBlock },
      { kind: "committed", height: 4, proof: orderProof(voidBlock) },
    );
    for (const record of records) store.add(record);
    await store.sync();
    const restarted = await openStore(disk);
    for (const opened of [store, restarted.store]) {
      expect(opened.height).toBe(5);
      expect((await opened.block(4))?.block).toEqual(blocks[3]);
      const segment = await opened.segment(3);
      expect(segment?.blocks).toEqual([third]);
      expect(segment?.proof.kind).toBe("attested");
      expect(segment?.epochProof?.nextSet.epoch).toBe(2);
    }
  });
});

const place = { folder: "/data", salt: () => new Uint8Array(16).fill(3) };

/** The chain above with more of epoch 2: a batch that no block has ordered is open all the time. */
function longChain() {
  const { blocks, records } = chain();
  const open = batchOf(50);
  records.splice(2, 0, { kind: "batch", batch: open });
  return { blocks, records, open };
}

describe("files of the chain log", () => {
  test("a new file takes over what is open, and a node starts from either", async () => {
    const disk = new SimulatedDisk();
    const { fileSystem } = disk;
    const { store } = await ChainStore.open({ fileSystem, ...place });
    const { blocks, records, open } = longChain();
    for (const record of records) store.add(record);
    expect(await store.rotate(4)).toBe(true);
    expect(await store.rotate(4)).toBe(false);
    expect(await store.rotate(9)).toBe(false);
    const heights = (each: readonly ChainRecord[]) =>
      each.flatMap((record) => (record.kind === "block" ? [record.block.block.height] : []));
    const fromFour = await ChainStore.open({ fileSystem, ...place }, { base: 4 });
    expect(heights(fromFour.records)).toEqual([5]);
    const batches = fromFour.records.flatMap((each) => (each.kind === "batch" ? each.batch : []));
    expect(batches).toEqual([open, batchOf(5)]);
    expect(fromFour.store.height).toBe(5);
    expect(fromFour.store.lowest).toBe(5);
    expect(await fromFour.store.block(3)).toBeUndefined();
    await fromFour.store.indexOlder(async () => undefined);
    expect(fromFour.store.lowest).toBe(1);
    for (const opened of [store, fromFour.store]) {
      for (const block of blocks) {
        const { height } = block.block;
        expect((await opened.block(height))?.block).toEqual(block);
      }
      expect((await opened.segment(2))?.blocks).toEqual(blocks.slice(1, 3));
    }
    expect(heights((await ChainStore.open({ fileSystem, ...place })).records)).toEqual([
      1, 2, 3, 4, 5, 5,
    ]);
  });

  test("pruning removes files below a snapshot; ends of epochs stay for ever", async () => {
    const disk = new SimulatedDisk();
    const { fileSystem } = disk;
    const { store } = await ChainStore.open({ fileSystem, ...place });
    for (const record of chain().records) store.add(record);
    await store.rotate(5);
    expect(await store.prune(4)).toBe(0);
    expect(await store.prune(5)).toBe(1);
    expect(store.lowest).toBe(6);
    expect(await store.block(5)).toBeUndefined();
    expect(await chainBases({ fileSystem, folder: "/data" })).toEqual([5]);
    const again = await ChainStore.open({ fileSystem, ...place }, { base: 5 });
    expect(again.store.epochProofs.map(({ nextSet }) => nextSet.epoch)).toEqual([2]);
    expect(again.store.height).toBe(5);
  });

  test("a snapshot from elsewhere begins a file of its own", async () => {
    const { fileSystem } = new SimulatedDisk();
    const { store } = await ChainStore.open({ fileSystem, ...place });
    for (const record of chain().records) store.add(record);
    await store.sync();
    const far = await ChainStore.open({ fileSystem, ...place }, { base: 90 });
    expect(far.store.height).toBe(90);
    expect(far.store.lowest).toBe(1);
    await far.store.prune(90);
    expect(far.store.lowest).toBe(91);
  });

  test("rule JOURNAL: power cuts at every operation of rotation and pruning lose nothing synced", async () => {
    const { blocks, records } = longChain();
    for (let failsAt = 0; ; failsAt += 1) {
      const disk = new SimulatedDisk();
      const fileSystem = failingFileSystem(disk.fileSystem, failsAt);
      let synced = 0;
      const life = async (): Promise<void> => {
        const { store } = await ChainStore.open({ fileSystem, ...place });
        for (const record of records) store.add(record);
        await store.sync();
        synced = 5;
        await store.rotate(4);
        await store.prune(4);
        const batch = batchOf(6);
        const sixth = blockOn(blocks[4]?.id ?? "", 6, 2, batch);
        store.add({ kind: "batch", batch });
        store.add({ kind: "block", block: sixth });
        store.add({ kind: "committed", height: 6, proof: orderProof(sixth) });
        await store.sync();
        synced = 6;
      };
      const ended = await life().then(
        () => true,
        () => false,
      );
      disk.cutPower(failsAt % 40);
      const bases = await chainBases({ fileSystem: disk.fileSystem, folder: "/data" });
      const options = { fileSystem: disk.fileSystem, ...place };
      const again = await ChainStore.open(options, { base: bases[0] ?? 0 });
      expect(again.store.height, `operation ${failsAt}`).toBeGreaterThanOrEqual(synced);
      if (synced >= 5) {
        expect((await again.store.block(5))?.batches, `operation ${failsAt}`).toEqual([batchOf(5)]);
        expect(again.store.epochProofs).toHaveLength(1);
      }
      if (ended) break;
    }
  });
});
