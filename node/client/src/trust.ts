import type { LightClient } from "@quorate/light-client/light-client";
import type { ResultCertificate } from "@quorate/node/kernel/certificates";
import type { Refusal, Result } from "@quorate/node/kernel/result";
import type { Epoch } from "@quorate/node/kernel/scalars";
import { ProofError } from "./errors.ts";
import type { CallLimits, QueryNode } from "./query-node.ts";

/** Throws what a proof lacks as an error that names the node. */
export function demand(result: Result<void, Refusal>, node: QueryNode): void {
  if (!result.ok) throw new ProofError(result.error, node.name);
}

/** The light client together with the nodes that tell it of new sets. */
export class Trust {
  readonly light: LightClient;
  readonly #onNewSet: () => void;

  constructor(light: LightClient, onNewSet: () => void) {
    this.light = light;
    this.#onNewSet = onNewSet;
  }

  /**
   * Verifies a certificate that `node` gave; where its epoch is newer than what is known, the same
   * node proves the way there. Throws ProofError, or what the call to the node throws.
   */
  async accept(node: QueryNode, certificate: ResultCertificate, limits: CallLimits): Promise<void> {
    const { epoch } = certificate.result;
    if (epoch > this.light.set.epoch) await this.follow(node, epoch, limits);
    demand(this.light.acceptCertificate(certificate), node);
  }

  /** Follows the proofs of `node` until the set of `epoch` is known, or they end. */
  async follow(node: QueryNode, epoch: Epoch, limits: CallLimits): Promise<void> {
    while (this.light.set.epoch < epoch) {
      const before = this.light.set.epoch;
      for (const proof of await node.epochProofs(before, limits)) {
        demand(this.light.acceptEpochProof(proof), node);
      }
      if (this.light.set.epoch === before) return;
      this.#onNewSet();
    }
  }
}
