export interface Machine {
  readonly name: string;
  readonly zone: string;
  on: boolean;
  /** Runs on without any network. */
  isolated: boolean;
  lostAtMs: number | undefined;
}

/** What outlives a pod: a node's keys and its pinned genesis. */
export interface Volume {
  readonly uid: string;
  readonly key: string;
  readonly networkKey: string;
  pinned: string | undefined;
}

/** A node's process: the one container of a pod. */
export interface NodeProcess {
  readonly podUid: string;
  readonly member: string;
  readonly volume: Volume;
  readonly machine: Machine;
  readonly ip: string;
  readonly advertise: string;
  startedAtMs: number;
  restarts: number;
  runs: boolean;
  pausedUntilMs: number;
  backAtMs: number;
  syncedAtMs: number | undefined;
  mountedAtMs: number;
}
