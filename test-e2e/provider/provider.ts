/** Where the end-to-end tests run; a test never asks which one it is. */
export interface ClusterProvider {
  readonly name: "local" | "kind" | "existing";
  /**
   * By Helm, with the defaults of the chart but for the place; not given: from
   * manifests/install.yaml.
   */
  installOperator?(place?: OperatorPlace): Promise<void>;
  /** Administrator's access, as `kubectl --kubeconfig` takes it. */
  readonly kubeconfigFile: string;
  /** Pulls the plug of a Kubernetes node: what ran there is gone without a word. */
  machineOff(node: string): Promise<void>;
  machineOn(node: string): Promise<void>;
  /** Freezes everything on a node (its processes stop and know nothing of it). */
  machinePause(node: string): Promise<void>;
  machineResume(node: string): Promise<void>;
  /** SIGKILL to the pod's processes, as a crash would: its kubelet restarts it. */
  podKill(pod: PodName): Promise<void>;
  podPause(pod: PodName): Promise<void>;
  podResume(pod: PodName): Promise<void>;
  /** host:port under which a client outside the cluster reaches the query listener of a member. */
  queryEndpoint(member: PodName): Promise<string>;
  /** Folder with the files of the member's volume; only where it can be reached from here. */
  volumeFolder?(pod: PodName): Promise<string>;
  /** Logs, events and objects for whoever looks into a failure. */
  collect(folder: string): Promise<void>;
  /** Leaves nothing of what this run made. */
  stop(): Promise<void>;
}

/** One operator of several in a cluster. */
export interface OperatorPlace {
  readonly namespace: string;
  /** It looks after the sets of this namespace alone. */
  readonly watched: string;
}

export interface PodName {
  readonly namespace: string;
  readonly name: string;
}
