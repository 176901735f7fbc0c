import { expect, test } from "vitest";
import { SimulatedDisk } from "../../../test/shell/simulated-disk.ts";
import { type EpochProof, writeEpochProof } from "../../kernel/certificates.ts";
import { Writer } from "../../kernel/codec.ts";
import { validatorSet } from "../../kernel/validator-set.ts";
import { EpochLog } from "./epoch-log.ts";
import { writeNewLog } from "./record-log.ts";

const zeros = "00".repeat(32);
const salt = new Uint8Array(16).fill(3);

/** The end of the epoch before `epoch`; what it says is not looked at here. */
function proofTo(epoch: number): EpochProof {
  const member = {
    key: "11".repeat(32),
    owner: zeros,
    networkKey: zeros,
    address: "",
    power: 1n,
    muted: false,
  };
  const result = {
    ...{ epoch: epoch - 1, height: epoch * 10, blockId: zeros, timestampMs: 1 },
    ...{ stateRoot: zeros, receiptsRoot: zeros, nextSetHash: zeros },
  };
  const nextSet = validatorSet(epoch, [member]);
  return { certificate: { result, signatures: [] }, nextSet };
}

function bytesOf(proof: EpochProof): Uint8Array {
  const writer = new Writer();
  writeEpochProof(writer, proof);
  return writer.finish();
}

function open({ fileSystem }: SimulatedDisk): Promise<EpochLog> {
  return EpochLog.open({ fileSystem, folder: "/data", salt });
}

const epochsOf = ({ proofs }: EpochLog) => proofs.map(({ nextSet }) => nextSet.epoch);

test("rule EPOCH: what state sync and the chain bring at once is kept once, in its place", async () => {
  const disk = new SimulatedDisk();
  const log = await open(disk);
  const two = proofTo(2);
  await Promise.all([log.append(two), log.append(two), log.append(proofTo(3)), log.append(two)]);
  expect(epochsOf(log)).toEqual([2, 3]);
  const again = await open(disk);
  expect(epochsOf(again)).toEqual([2, 3]);
  expect(again.of(2)?.nextSet.epoch).toBe(3);
  await expect(again.append(proofTo(5))).rejects.toThrow("follows");
  expect(epochsOf(again)).toEqual([2, 3]);
});

test("rule EPOCH: a gap in the ends of epochs is refused by file and byte, a repetition is not", async () => {
  const disk = new SimulatedDisk();
  const location = { ...disk, folder: "/data", name: "epochs.log", salt };
  await writeNewLog(location, [2, 3, 3, 4].map(proofTo).map(bytesOf));
  expect(epochsOf(await open(disk))).toEqual([2, 3, 4]);
  await writeNewLog(location, [2, 4].map(proofTo).map(bytesOf));
  const error = await open(disk).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "LOG_CORRUPT" });
  expect(String(error)).toMatch(/epochs\.log is corrupt at byte \d+/);
});
