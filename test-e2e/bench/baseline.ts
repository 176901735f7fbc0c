import { generateKeyPairSync, hash, sign, verify } from "node:crypto";
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Histogram } from "./histogram.ts";

/**
 * What this machine does at this moment, beside the runs: figures of different hours and machines
 * compare as ratios to these.
 */
export interface Baseline {
  /** Processor time of one Ed25519 verification, microseconds. */
  readonly verifyUs: number;
  /** Processor time of SHA-256 over 256 bytes, microseconds. */
  readonly sha256Us: number;
  /** Wall time of appending 4 KiB and fdatasync in the folder of the nodes, ms. */
  readonly fsyncMs: { readonly p50: number; readonly p99: number };
}

const FSYNCS = 200;
const ROUNDS = 2_000;

/** Processor time, not wall time: a neighbour that takes the processor does not count. */
function cpuUsOf(rounds: number, work: () => void): number {
  for (let round = 0; round < rounds / 10; round += 1) work();
  const before = process.cpuUsage();
  for (let round = 0; round < rounds; round += 1) work();
  const { user, system } = process.cpuUsage(before);
  return Math.round(((user + system) / rounds) * 100) / 100;
}

export function measureBaseline(folder: string): Baseline {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const message = new Uint8Array(256);
  const signature = sign(null, message, privateKey);
  return {
    verifyUs: cpuUsOf(ROUNDS, () => verify(null, message, publicKey, signature)),
    sha256Us: cpuUsOf(ROUNDS * 20, () => hash("sha256", message, "buffer")),
    fsyncMs: measureFsync(folder),
  };
}

function measureFsync(folder: string): Baseline["fsyncMs"] {
  const path = join(folder, "fsync-baseline");
  const file = openSync(path, "w");
  const times = new Histogram();
  try {
    for (let round = 0; round < FSYNCS; round += 1) {
      writeSync(file, new Uint8Array(4_096));
      const before = performance.now();
      fdatasyncSync(file);
      times.add(performance.now() - before);
    }
  } finally {
    closeSync(file);
    rmSync(path);
  }
  const [p50, p99] = [times.percentile(50), times.percentile(99)];
  return { p50, p99 };
}
