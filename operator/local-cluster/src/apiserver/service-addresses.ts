import { ApiStatus } from "./api-status.ts";
import type { ServiceAddresses } from "./builtin-rules.ts";
import type { Core } from "./core.ts";
import { textAt } from "./objects.ts";

const LAST = 254;

/** ClusterIPs of one range of 254 addresses, taken from what the stored services hold. */
export class ServiceAddressPool implements ServiceAddresses {
  readonly #core: Core;
  readonly #prefix: string;
  #next = 1;

  constructor(core: Core, prefix: string) {
    this.#core = core;
    this.#prefix = prefix;
  }

  allocate(asked: string | undefined): string {
    const used = new Set(
      this.#core.store.list("services").map((service) => textAt(service, "spec", "clusterIP")),
    );
    if (asked !== undefined) {
      if (!asked.startsWith(`${this.#prefix}.`)) {
        throw this.#refused(asked, "the provided network does not match the current range");
      }
      if (used.has(asked)) throw this.#refused(asked, "provided IP is already allocated");
      return asked;
    }
    // Goes round, so that an address that was just given back is not given out at once.
    for (let tried = 0; tried < LAST; tried++) {
      const address = `${this.#prefix}.${this.#next}`;
      this.#next = (this.#next % LAST) + 1;
      if (!used.has(address)) return address;
    }
    throw new ApiStatus({
      code: 500,
      reason: "InternalError",
      message: `Internal error occurred: failed to allocate a serviceIP: range is full`,
    });
  }

  #refused(address: string, why: string): ApiStatus {
    const field = "spec.clusterIPs";
    const message = `Invalid value: ["${address}"]: failed to allocate IP ${address}: ${why}`;
    return new ApiStatus({
      code: 422,
      reason: "Invalid",
      message: `Service "" is invalid: ${field}: ${message}`,
      details: { kind: "Service" },
      causes: [{ reason: "FieldValueInvalid", message, field }],
    });
  }
}
