import type { Millis } from "../kernel/scalars.ts";
import type { Protocols } from "../ledger/protocol.ts";
import type { ReplicaBase } from "../replica/types.ts";
import type { Birth } from "./birth.ts";
import type { Config } from "./config.ts";
import type { FileSystem } from "./disk/file-system.ts";
import type { Identity } from "./grpc/pinned-tls.ts";
import type { NodeKeys } from "./key-file.ts";
import type { Log } from "./log.ts";
import type { NodeMetrics } from "./metrics.ts";
import type { Tracing } from "./tracing.ts";

export interface NodeOptions {
  readonly config: Config;
  readonly birth: Birth;
  readonly keys: NodeKeys;
  readonly identity: Identity;
  readonly fileSystem: FileSystem;
  readonly log: Log;
  readonly metrics: NodeMetrics;
  readonly tracing: Tracing;
  readonly version: string;
  /** Versions of the state machine in this binary (rule VERSION). */
  readonly protocols: Protocols;
  readonly now: () => Millis;
  /** The process has to end; called once or more. */
  readonly fail: (error: unknown) => void;
  /** A state that was fetched in this life of the process. */
  readonly base: ReplicaBase | undefined;
  /** This node is to be stopped and started again, from that state or from its disk. */
  readonly restart: (base: ReplicaBase | undefined) => void;
}
