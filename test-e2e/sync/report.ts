import type { LargeState } from "./volumes.ts";

/** ms from the newcomer's process start to the end of each stage. */
export interface Stages {
  /** Its registration is certified: peers know it from here on. */
  readonly registered: number;
  /** A certified manifest is here and verified. */
  readonly manifest: number;
  /** Every chunk is here and verified. */
  readonly chunks: number;
  /** The state is built and on the disk. */
  readonly loaded: number;
  /** The replica runs on it. */
  readonly started: number;
  /** A certified state, verified by the client, counts its first attestation (rule FIT). */
  readonly fit: number;
}

export interface ValidatorFigures {
  readonly name: string;
  readonly residentMiB: number;
  readonly residentMiBMax: number;
  readonly cpuMs: number;
  readonly loadSeconds: number;
  readonly snapshotSeconds: number;
  readonly slowestSliceMs: number;
}

export interface SyncReport {
  readonly mib: number;
  readonly seed: number;
  readonly corruptPeers: number;
  readonly state: LargeState;
  readonly snapshot: {
    readonly height: number;
    readonly chunks: number;
    readonly bytes: number;
  };
  readonly newcomer: {
    readonly stagesMs: Stages;
    readonly cpuMs: number;
    readonly residentMiB: number;
    readonly residentMiBMax: number;
  };
  readonly validators: readonly ValidatorFigures[];
  /** Validators that the newcomer found lying, by name. */
  readonly named: readonly string[];
  /** Certified while the run lasted. */
  readonly blocks: number;
  /** Longest time between two certificates that the client verified. */
  readonly gapMs: number;
  readonly acknowledged: number;
  readonly machine: {
    readonly processors: number;
    /** One minute's average at the end. */
    readonly load: number;
    /** Processor time of everything else while the newcomer synced, percent of one processor. */
    readonly othersPercent: number;
  };
  readonly violations: readonly string[];
}
