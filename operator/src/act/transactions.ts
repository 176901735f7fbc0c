import { fromHex } from "@quorate/node/kernel/bytes";
import { encodeTransaction } from "@quorate/node/ledger/transaction";
import type { RotationPlan } from "../decide/decision.ts";

/** The plan lacks what its cause needs: a mistake of this program, never of the outside. */
export class PlanIncompleteError extends Error {
  override readonly name = "PlanIncompleteError";
}

/**
 * The transaction of a plan. It names nobody who comes in, and no key of the operator signs it
 * (rules CAUSE, PICK): a stranger could send the same bytes.
 */
export function transactionOf(plan: RotationPlan): Uint8Array {
  const { cause, member, setHash, proof, ownerSignature } = plan;
  switch (cause) {
    case "Silence":
      return encodeTransaction({ kind: "silence-record", member, setHash });
    case "Misconduct":
      if (proof === undefined) throw new PlanIncompleteError("misconduct without a proof");
      return proof;
    case "Owner": {
      if (ownerSignature === undefined) throw new PlanIncompleteError("an owner's unsigned wish");
      const { nonce } = ownerSignature;
      const signature = fromHex(ownerSignature.signature);
      return encodeTransaction({ kind: "owner-rotation", member, setHash, nonce, signature });
    }
  }
}
