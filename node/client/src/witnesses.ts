import { type AttackEvidence, attackEvidence } from "@quorate/light-client/attack";
import { type ResultCertificate, resultDigest } from "@quorate/node/kernel/certificates";
import { isNodeError } from "./errors.ts";
import type { CallLimits, QueryNode } from "./query-node.ts";
import type { Trust } from "./trust.ts";

/** What one more node says of a certified height. */
export interface WitnessVerdict {
  readonly endpoint: string;
  /** `silent`: it has no certificate of that height, or gave no answer that can be verified. */
  readonly verdict: "agrees" | "differs" | "silent";
  /** Why a silent one is. */
  readonly reason: string;
}

export interface Testimony {
  readonly witnesses: readonly WitnessVerdict[];
  /** Two quorums that contradict each other: more than f members lied, and these are they. */
  readonly attack: AttackEvidence | undefined;
}

/**
 * Compares a verified certificate with what every other node can show for its height (detection of
 * attacks on light clients: Braithwaite et al., arXiv 2010.07031, section 5). One that differs and
 * verifies is an attack, whoever of the two was right.
 */
export async function askWitnesses(
  trust: Trust,
  nodes: readonly QueryNode[],
  certificate: ResultCertificate,
  limits: CallLimits,
): Promise<Testimony> {
  const { height } = certificate.result;
  const witnesses: WitnessVerdict[] = [];
  for (const node of nodes) {
    const { endpoint } = node.name;
    try {
      const { certificate: shown } = await node.receipts(height, limits);
      if (shown.result.height === height) {
        witnesses.push({ endpoint, ...(await judge(trust, node, shown, certificate, limits)) });
      } else {
        const reason = `it answered with height ${shown.result.height}`;
        witnesses.push({ endpoint, verdict: "silent", reason });
      }
    } catch (error) {
      if (!isNodeError(error)) throw error;
      witnesses.push({ endpoint, verdict: "silent", reason: error.message });
    }
  }
  const { conflict } = trust.light;
  const set = conflict && trust.light.setOf(conflict.first.result.epoch);
  const attack =
    conflict === undefined || set === undefined
      ? undefined
      : attackEvidence(trust.light.chainId, set, conflict);
  return { witnesses, attack };
}

async function judge(
  trust: Trust,
  node: QueryNode,
  shown: ResultCertificate,
  certificate: ResultCertificate,
  limits: CallLimits,
): Promise<Pick<WitnessVerdict, "verdict" | "reason">> {
  const isSame = resultDigest(shown.result) === resultDigest(certificate.result);
  try {
    await trust.accept(node, shown, limits);
    return isSame ? { verdict: "agrees", reason: "" } : { verdict: "silent", reason: "not shown" };
  } catch (error) {
    if (!isNodeError(error)) throw error;
    // Beyond the end of an epoch anybody may claim what no quorum signed.
    const isStale = error.code === "STALE_EPOCH" && trust.light.conflict !== undefined;
    const isAttack = error.code === "CHAIN_FORKED" || isStale;
    if (isAttack) return { verdict: "differs", reason: error.message };
    return { verdict: "silent", reason: error.message };
  }
}
