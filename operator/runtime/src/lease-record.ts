import type { Clock } from "./clock.ts";
import type { KubeClient } from "./kube-client.ts";
import { microTime } from "./micro-time.ts";
import type { ObjectKey } from "./objects.ts";
import { type Lease, leases } from "./resources.ts";
import { ApiError } from "./transport.ts";

export interface LeaseRecordOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly identity: string;
  readonly lease: ObjectKey;
  readonly leaseDurationMs: number;
}

function isRefusal(error: unknown, ...statuses: readonly number[]): boolean {
  return error instanceof ApiError && statuses.includes(error.status);
}

/** One Lease as this process sees and writes it. Each write is a compare and set. */
export class LeaseRecord {
  readonly #options: LeaseRecordOptions;
  /** The newest lease seen and when it was first seen so, by this process's monotonic clock. */
  #seen: { readonly version: string; readonly at: number } | undefined;
  #held: Lease | undefined;

  constructor(options: LeaseRecordOptions) {
    this.#options = options;
  }

  /** The transitions of the new term; undefined while somebody else holds the lease. */
  async acquire(): Promise<number | undefined> {
    const { client, lease, identity } = this.#options;
    const live = await client.get(leases, lease);
    if (live === undefined) return await this.#create();
    const holder = live.spec?.holderIdentity ?? "";
    if (holder !== "" && holder !== identity && !this.#ranOut(live)) return undefined;
    const transitions = (live.spec?.leaseTransitions ?? 0) + 1;
    return await this.#take(live, transitions);
  }

  /** False: the lease is somebody else's or gone. Throws where nobody knows. */
  async renew(): Promise<boolean> {
    const { client, lease, identity } = this.#options;
    const held = this.#held;
    if (held === undefined) return false;
    try {
      this.#keep(held, await client.replace(leases, this.#renewed(held)));
      return true;
    } catch (error) {
      if (isRefusal(error, 404)) return false;
      if (!isRefusal(error, 409)) throw error;
    }
    const live = await client.get(leases, lease);
    const mine =
      live !== undefined &&
      live.metadata.uid === held.metadata.uid &&
      live.spec?.holderIdentity === identity &&
      live.spec.leaseTransitions === held.spec?.leaseTransitions;
    if (!mine) return false;
    // Somebody else wrote a label, or an earlier renewal came through without its answer.
    this.#keep(held, await client.replace(leases, this.#renewed(live)));
    return true;
  }

  /** An answer of a term that is over must not stand in for the lease of the next. */
  #keep(before: Lease, after: Lease): void {
    if (this.#held === before) this.#held = after;
  }

  /** Gives the lease back: the next one need not wait. */
  async release(): Promise<void> {
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) return;
    const now = microTime(this.#options.clock.now());
    // The API refuses an empty holder: it is left out.
    const { holderIdentity: _, ...spec } = held.spec ?? {};
    await this.#options.client.replace(leases, {
      ...held,
      spec: { ...spec, leaseDurationSeconds: 1, renewTime: now, acquireTime: now },
    });
  }

  async #create(): Promise<number | undefined> {
    const { client, lease } = this.#options;
    const now = microTime(this.#options.clock.now());
    try {
      this.#held = await client.create(leases, {
        apiVersion: leases.apiVersion,
        kind: leases.kind,
        metadata: lease,
        spec: { ...this.#claim(now), acquireTime: now, leaseTransitions: 1 },
      });
      return 1;
    } catch (error) {
      if (isRefusal(error, 409)) return undefined;
      throw error;
    }
  }

  async #take(live: Lease, transitions: number): Promise<number | undefined> {
    const now = microTime(this.#options.clock.now());
    const spec = {
      ...live.spec,
      ...this.#claim(now),
      acquireTime: now,
      leaseTransitions: transitions,
    };
    try {
      this.#held = await this.#options.client.replace(leases, { ...live, spec });
      return transitions;
    } catch (error) {
      if (isRefusal(error, 404, 409)) return undefined;
      throw error;
    }
  }

  /**
   * The lease stood unchanged for its whole duration, by the clock of this process: what times the
   * holder wrote says nothing, its clock may be wrong.
   */
  #ranOut(live: Lease): boolean {
    const now = this.#options.clock.monotonic();
    const version = `${live.metadata.uid}/${live.metadata.resourceVersion}`;
    if (this.#seen?.version !== version) {
      this.#seen = { version, at: now };
      return false;
    }
    const theirsMs = (live.spec?.leaseDurationSeconds ?? 0) * 1_000;
    return now - this.#seen.at >= Math.max(this.#options.leaseDurationMs, theirsMs);
  }

  #renewed(lease: Lease): Lease {
    const now = microTime(this.#options.clock.now());
    return { ...lease, spec: { ...lease.spec, ...this.#claim(now) } };
  }

  #claim(now: string) {
    return {
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: Math.ceil(this.#options.leaseDurationMs / 1_000),
      renewTime: now,
    };
  }
}
