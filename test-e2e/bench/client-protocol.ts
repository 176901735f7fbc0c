import type { LoadPlan } from "./load-generator.ts";

/** What the bench asks of the client's process, as messages of node:child_process. */
export type ToClient =
  | {
      readonly kind: "connect";
      readonly genesisFile: string;
      /** host:port of the query listeners. */
      readonly endpoints: readonly string[];
    }
  | {
      readonly kind: "run";
      readonly plan: LoadPlan;
      readonly bytes: number;
      readonly keys: number;
    };

export interface ClientRun {
  readonly offered: number;
  readonly committed: number;
  readonly latencyMs: {
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
    readonly max: number;
  };
  readonly failures: Readonly<Record<string, number>>;
  /** Longest time without a new certificate that the client verified, within the measured span. */
  readonly longestGapMs: number;
  /** Certificates verified within the measured span. */
  readonly certificates: number;
}

export type FromClient =
  | { readonly kind: "connected" }
  /** The measured span begins or ends. */
  | { readonly kind: "edge"; readonly edge: "begin" | "end" }
  | { readonly kind: "result"; readonly run: ClientRun };
