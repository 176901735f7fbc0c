import { expect, test } from "vitest";
import { FaultyDisk } from "../../test/shell/faulty-disk.ts";
import { SimulatedDisk } from "../../test/shell/simulated-disk.ts";
import { SoloReplica } from "../../test/shell/solo-replica.ts";
import type { ReplicaState } from "../replica/types.ts";
import { dropOwnState, isRebuildWanted } from "./disk/divergence.ts";
import type { FileSystem } from "./disk/file-system.ts";
import type { Log } from "./log.ts";
import { rebuild } from "./rebuild.ts";

const folder = "/data";
const silent = () => undefined;
const log: Log = { error: silent, warn: silent, info: silent, debug: silent };
const OWN_FILES = ["chain.log", "chain-20.log", "snapshot-20.snap", "snapshot-25.part"];
const KEPT_FILES = ["journal.log", "epochs.log", "genesis.hash", "keys.json"];

async function asked(state: ReplicaState, genesisHash: string, fileSystem: FileSystem) {
  let restarts = 0;
  const restart = () => {
    restarts += 1;
  };
  const salt = () => new Uint8Array(16);
  const place = { fileSystem, folder, salt, log, now: () => 7, restart };
  const result = await rebuild(state, genesisHash, place);
  return { code: result.ok ? "ok" : result.error.code, restarts, result };
}

/** The same state as a node sees it whose key has no seat. */
function unseated({ config, ...state }: ReplicaState): ReplicaState {
  const self = { ...config.self, key: "99".repeat(32) };
  return { ...state, config: { ...config, self } };
}

test("rule LISTENERS: the control client has a node rebuilt that has no seat, and no other", async () => {
  const solo = new SoloReplica();
  solo.certifyTo(3);
  const { state } = solo;
  const { chainId } = state.config;
  const { fileSystem } = new SimulatedDisk();
  expect(await asked(state, chainId, fileSystem)).toMatchObject({ code: "MEMBER", restarts: 0 });
  const spare = unseated(state);
  const foreign = await asked(spare, "ab".repeat(32), fileSystem);
  expect(foreign).toMatchObject({ code: "FOREIGN_CHAIN", restarts: 0 });
  expect(await isRebuildWanted({ fileSystem, folder })).toBe(false);
  // One that is about to sit is refused as well.
  const { epoch, set } = state.consensus;
  const [seat] = set.members;
  if (seat === undefined) throw new Error("a member");
  const nextSet = { ...set, members: [{ ...seat, key: spare.config.self.key }] };
  const result = state.certified?.certificate.result;
  if (result === undefined) throw new Error("a result");
  const handOver = { result, nextSet };
  const soon = { ...spare, consensus: { ...state.consensus, epoch: { ...epoch, handOver } } };
  expect((await asked(soon, chainId, fileSystem)).code).toBe("MEMBER");
  const done = await asked(spare, chainId, fileSystem);
  expect(done).toMatchObject({ code: "ok", restarts: 1, result: { value: state.executedHeight } });
  expect(await isRebuildWanted({ fileSystem, folder })).toBe(true);
});

test("a rebuild that the power ends at any effect begins again, and keeps journal and ends of epochs", async () => {
  const solo = new SoloReplica();
  solo.certifyTo(1);
  const state = unseated(solo.state);
  for (let at = 1; ; at += 1) {
    const disk = new SimulatedDisk();
    for (const name of [...OWN_FILES, ...KEPT_FILES]) {
      disk.overwrite(`${folder}/${name}`, Uint8Array.of(1));
    }
    const { fileSystem } = new FaultyDisk(disk.fileSystem, at, "EIO");
    const answer = await asked(state, state.config.chainId, fileSystem).catch(() => undefined);
    const place = { fileSystem, folder };
    if (await isRebuildWanted(place)) await dropOwnState(place, 9).catch(() => undefined);
    disk.cutPower();
    const next = { fileSystem: disk.fileSystem, folder };
    const isWanted = await isRebuildWanted(next);
    if (isWanted) await dropOwnState(next, 9);
    disk.cutPower();
    const names = await disk.fileSystem.list(folder);
    expect(names, `effect ${at}`).toEqual(expect.arrayContaining(KEPT_FILES));
    const left = OWN_FILES.filter((name) => names.includes(name));
    // Nothing done, or done to the end.
    expect([[], OWN_FILES], `effect ${at}`).toContainEqual(left);
    if (answer?.code === "ok") expect(left).toEqual([]);
    expect(await isRebuildWanted(next)).toBe(false);
    if (at > 16) break;
  }
});
