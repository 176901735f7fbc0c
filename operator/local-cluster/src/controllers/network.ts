import type { StoreClient } from "../apiserver/store-client.ts";
import type { PodAddresses } from "../kubelet/pod-worker.ts";
import { type AddressPlan, sharedAddress } from "./address-plan.ts";
import { hasEnded, PODS, type Pod, SERVICES, type Service } from "./api-types.ts";

/** Gives pods their addresses; the API server gives services theirs. */
export class ClusterNetwork implements PodAddresses {
  readonly #plan: AddressPlan;
  /** By the pod's uid; an address is held until nothing of its pod runs. */
  readonly #held = new Map<string, string>();
  #store: StoreClient | undefined;
  #onTaken: (address: string) => void = () => undefined;

  constructor(plan: AddressPlan) {
    this.#plan = plan;
  }

  /** What pods had before a restart of the cluster is theirs until they are gone. */
  attach(store: StoreClient): void {
    this.#store = store;
    for (const { metadata, status } of store.list(PODS)) {
      if (status?.podIP !== undefined) this.#held.set(metadata.uid ?? "", status.podIP);
    }
  }

  /** Who listens at a service's address must leave it before the pod's program binds it. */
  onTaken(listener: (address: string) => void): void {
    this.#onTaken = listener;
  }

  acquire(pod: Pod): string {
    const uid = pod.metadata.uid ?? "";
    const before = this.#held.get(uid);
    if (before !== undefined) return before;
    const taken = new Set(this.#held.values());
    const shared = sharedAddress(pod, {
      services: this.#services(),
      pods: this.#pods(),
      taken,
    });
    const address = shared ?? this.#plan.pod(taken);
    this.#held.set(uid, address);
    this.#onTaken(address);
    return address;
  }

  release(uid: string): void {
    this.#held.delete(uid);
  }

  /** Some running pod listens at this address by itself. */
  isPodAddress(address: string): boolean {
    return this.#pods().some(
      (pod) => !hasEnded(pod) && this.#held.get(pod.metadata.uid ?? "") === address,
    );
  }

  #services(): readonly Service[] {
    return this.#store?.list(SERVICES) ?? [];
  }

  #pods(): readonly Pod[] {
    return this.#store?.list(PODS) ?? [];
  }
}
