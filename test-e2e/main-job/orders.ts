import type { AccountKey } from "@quorate/client/account-key";
import { Bundle } from "@quorate/client/bundle";
import type { CertifiedReceipt } from "@quorate/client/certified-receipt";
import type { QuorateClient } from "@quorate/client/client";
import { ChainRefusalError, ClosedError, QuorateError } from "@quorate/client/errors";
import { clockNonces } from "@quorate/client/nonces";
import { Latencies } from "./latencies.ts";

/** Signs and sends bundles, and measures each until its certificate was verified. */
export class Orders {
  readonly #client: QuorateClient;
  readonly #nonces = clockNonces();
  readonly latencies = new Latencies();
  /** Codes of what was refused or not answered, with how often. */
  readonly failures = new Map<string, number>();
  #bundles = 0;

  constructor(client: QuorateClient) {
    this.#client = client;
  }

  get bundles(): number {
    return this.#bundles;
  }

  bundle(account: AccountKey): Bundle {
    const { chainId, genesis } = this.#client;
    const actionsMax = genesis.parameters.margin.bundleActionsMax;
    return new Bundle({ chainId, account, nonces: this.#nonces, actionsMax });
  }

  /** Undefined where the chain refused or nobody answered in time: both are counted by code. */
  async send(bundle: Bundle): Promise<CertifiedReceipt | undefined> {
    const { bytes } = bundle.sign();
    const startMs = performance.now();
    try {
      const certified = await this.#client.submit(bytes);
      this.latencies.add(performance.now() - startMs);
      this.#bundles += 1;
      return certified;
    } catch (error) {
      // The job ends while orders are on their way.
      if (error instanceof ClosedError) return undefined;
      if (!(error instanceof QuorateError)) throw error;
      if (error instanceof ChainRefusalError) this.latencies.add(performance.now() - startMs);
      this.failures.set(error.code, (this.failures.get(error.code) ?? 0) + 1);
      return undefined;
    }
  }
}
