import { isIPv4 } from "node:net";
import { isLive, type Pod, type Service } from "./api-types.ts";
import { matchesLabels } from "./selectors.ts";

/**
 * Addresses of one cluster in 127.B.0.0/16: machines 127.B.0.*, services 127.B.16.*, pods
 * 127.B.128.* to 127.B.191.*. An address that was given back is used again last.
 */
export class AddressPlan {
  readonly #block: number;
  readonly #pods = new Pool(128, 192);

  constructor(block: number) {
    this.#block = block;
  }

  /** First three numbers of the services' addresses. */
  get services(): string {
    return `127.${this.#block}.16`;
  }

  machine(index: number): string {
    return `127.${this.#block}.0.${11 + index}`;
  }

  pod(used: ReadonlySet<string>): string {
    return this.#pods.next(this.#block, used);
  }
}

class Pool {
  readonly #from: number;
  readonly #size: number;
  #next = 0;

  constructor(from: number, to: number) {
    this.#from = from;
    this.#size = (to - from) * HOSTS;
  }

  next(block: number, used: ReadonlySet<string>): string {
    for (let step = 0; step < this.#size; step += 1) {
      const index = (this.#next + step) % this.#size;
      const third = this.#from + Math.floor(index / HOSTS);
      const address = `127.${block}.${third}.${1 + (index % HOSTS)}`;
      if (!used.has(address)) {
        this.#next = index + 1;
        return address;
      }
    }
    throw new Error(`all ${this.#size} addresses from 127.${block}.${this.#from}.1 on are in use`);
  }
}

const HOSTS = 254;

export function hasClusterIp(service: Service): boolean {
  return isIPv4(service.spec?.clusterIP ?? "");
}

export function selects(service: Service, pod: Pod): boolean {
  const selector = (service.spec?.selector ?? {}) as Readonly<Record<string, string>>;
  return (
    Object.keys(selector).length > 0 &&
    service.metadata.namespace === pod.metadata.namespace &&
    matchesLabels(selector, pod.metadata.labels)
  );
}

/**
 * The cluster address that a pod may have as its own. Loopback has no address translation, so a
 * service of one pod is that pod: exactly one service with an address selects it, and that service
 * selects no other live pod. `taken` are the addresses of pods that still run.
 */
export function sharedAddress(
  pod: Pod,
  world: {
    readonly services: readonly Service[];
    readonly pods: readonly Pod[];
    readonly taken: ReadonlySet<string>;
  },
): string | undefined {
  const [service, ...others] = world.services.filter(
    (one) => hasClusterIp(one) && selects(one, pod),
  );
  if (service === undefined || others.length > 0) return undefined;
  const { uid } = pod.metadata;
  const rivals = world.pods.some(
    (one) => one.metadata.uid !== uid && isLive(one) && selects(service, one),
  );
  const address = service.spec?.clusterIP;
  return rivals || address === undefined || world.taken.has(address) ? undefined : address;
}
