export const GROUP = "quorate.dev";
export const API_VERSION = "quorate.dev/v1alpha1";
/** The one field manager of the operator. */
export const FIELD_MANAGER = "quorate-operator";

/** On every object of a set. */
export const LABELS = {
  set: "quorate.dev/set",
  /** Name of the member: `<set>-<ordinal>`. */
  member: "quorate.dev/member",
  /** `true` while the pod's key sits in the set. */
  voter: "quorate.dev/voter",
  managedBy: "app.kubernetes.io/managed-by",
} as const;

export const ANNOTATIONS = {
  /** On a member's Service, once its identity was verified. */
  consensusKey: "quorate.dev/consensus-key",
  networkKey: "quorate.dev/network-key",
  /** On a member's Service: the failure domain that it was given at its creation, for ever. */
  zone: "quorate.dev/zone",
  /**
   * On a member's Service: image of its next pod; `spec.image` once its turn has come. On a pod:
   * the image that was asked for at its creation.
   */
  image: "quorate.dev/image",
  /** On a member's Service: `true` after a scale-down; its node does not run any more. */
  retired: "quorate.dev/retired",
  /** On pods: makes a kubelet look at its optional mounts at once. */
  genesisHash: "quorate.dev/genesis-hash",
  /** On a ValidatorRotation: the plan hash that a person approves. */
  approve: "quorate.dev/approve",
  /**
   * On a ValidatorSet: names of machines, with commas, that a person knows to be switched off for
   * good though Kubernetes has no Node of theirs any more.
   */
  machinesGone: "quorate.dev/machines-gone",
  /** On a ValidatorSet: its own uid, by which a person says that its keys may die with it. */
  destroyKeys: "quorate.dev/destroy-keys",
  /** On a ValidatorSet: fault programs of tests may touch it. */
  allowFaults: "quorate.dev/allow-faults",
} as const;

export const FINALIZER = "quorate.dev/orderly-exit";

/** Ports of a node's pod and service. */
export const PORTS = { peers: 7001, query: 7002, control: 7003, metrics: 7004 } as const;

/** Container paths, relative to the working directory `/quorate` (see docs: no absolute mounts). */
export const PATHS = {
  config: "config/node.json",
  data: "data",
  genesis: "genesis/genesis.json",
  prices: "prices",
} as const;
