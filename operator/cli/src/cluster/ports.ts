import type { KubeClient } from "@quorate/runtime/kube-client";
import type { ObjectKey } from "@quorate/runtime/objects";

export interface LogOptions {
  readonly follow: boolean;
  /** Newest lines only; all where absent. */
  readonly tail?: number;
  /** Begins each line with its RFC 3339 time and a space. */
  readonly timestamps: boolean;
}

/** One API server, as the user of a kubeconfig. */
export interface Cluster {
  readonly kube: KubeClient;
  /** Of the kubeconfig's context. */
  readonly namespace: string;
  logs(pod: ObjectKey, options: LogOptions, signal: AbortSignal): AsyncIterable<string>;
  close(): void;
}

/** A daemon of operator/local-cluster, in a folder of its own. */
export interface LocalCluster {
  /** Whether a daemon of this folder runs, and where its API is. */
  running(folder: string): { readonly pid: number; readonly kubeconfig: string } | undefined;
  /** Resolves once the API answers. */
  start(folder: string, nodes: number): Promise<{ readonly kubeconfig: string }>;
  /** Asks it to stop all pods and itself; `running` tells when that is done. */
  stop(pid: number): void;
  /** Whether the folder has what a local cluster leaves there; undefined: there is no folder. */
  holdsCluster(folder: string): boolean | undefined;
  /** Removes the folder with the keys in it. */
  remove(folder: string): void;
  /** What an installation consists of: the text of manifests/install.yaml. */
  manifest(): string;
}
