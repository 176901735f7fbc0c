import type { KubeObject, ObjectMeta } from "@quorate/runtime/objects";
import type { Rollout } from "./rollout.ts";

export interface Labelled extends KubeObject {
  readonly metadata: ObjectMeta & { readonly namespace: string };
}

export interface Service extends Labelled {
  readonly kind: "Service";
  readonly spec: Readonly<Record<string, unknown>>;
}

export interface ConfigMap extends Labelled {
  readonly kind: "ConfigMap";
  readonly data: Readonly<Record<string, string>>;
}

export interface Claim extends Labelled {
  readonly kind: "PersistentVolumeClaim";
  readonly spec: Readonly<Record<string, unknown>>;
}

export interface Pod extends Labelled {
  readonly kind: "Pod";
  readonly spec: Readonly<Record<string, unknown>>;
}

export interface DisruptionBudget extends Labelled {
  readonly kind: "PodDisruptionBudget";
  readonly spec: Readonly<Record<string, unknown>>;
}

/** A member that this pass brings into being; its Service is among `services`. */
export interface NewMember {
  readonly name: string;
  readonly ordinal: number;
  readonly zone: string;
  /** CamelCase: FounderNeeded, SpareNeeded. */
  readonly reason: "FounderNeeded" | "SpareNeeded";
  readonly message: string;
}

/** A pod that should not run any more; never forced, its volume stays. */
export interface PodRemoval {
  readonly namespace: string;
  readonly name: string;
  /** Precondition of the deletion: another pod of the name is another decision. */
  readonly uid: string;
  /** Pods labelled voter are evicted, never deleted (rule STOLEN). */
  readonly how: "Delete" | "Evict";
  readonly reason: "Rotated" | "ScaledDown" | "PodFailed" | "Upgraded";
  readonly message: string;
}

/** A member whose node may still sign elsewhere: no second one is started beside it. */
export interface WithheldPod {
  readonly member: string;
  readonly reason: "MachineNotReady" | "MachineMissing" | "KeyStillHeard";
  /** What is known, and what a person can do. */
  readonly message: string;
}

/** What should exist. What is not named here is left alone, except the pods in `removals`. */
export interface Desired {
  /** Undefined before the chain is born: nobody votes yet. */
  readonly budget: DisruptionBudget | undefined;
  /** One a member, the new ones included: the Service is a member's record and comes first. */
  readonly services: readonly Service[];
  readonly configMaps: readonly ConfigMap[];
  readonly claims: readonly Claim[];
  readonly pods: readonly Pod[];
  /** Members without a pod that get none in this pass. */
  readonly withheld: readonly WithheldPod[];
  readonly newMembers: readonly NewMember[];
  /** How far the roll-out of `spec.image` has come; undefined where it is done. */
  readonly rollout: Rollout["state"];
  /** Most urgent first; a pass does the first one only. */
  readonly removals: readonly PodRemoval[];
  /** Next ordinal after this pass; never falls. */
  readonly nextOrdinal: number;
}
