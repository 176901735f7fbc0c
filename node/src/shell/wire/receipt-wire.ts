import type * as ledger from "@quorate/proto/ledger/v1/ledger";
import { type GetTransactionResponse, TransactionState } from "@quorate/proto/query/v1/query";
import { unreachable } from "../../kernel/assert.ts";
import type { TransactionStatus } from "../../replica/queries.ts";
import type { CertifiedReceipt } from "../../replica/types.ts";
import { bufferOf, listProofToWire, resultCertificateToWire } from "./ledger-wire.ts";

export function receiptToWire(receipt: CertifiedReceipt): ledger.CertifiedReceipt {
  return {
    height: BigInt(receipt.height),
    receipt: bufferOf(receipt.leaf),
    proof: listProofToWire(receipt.proof),
    certificate: resultCertificateToWire(receipt.certificate),
    fix: receipt.receipt.fix,
    outcomeFixes: receipt.receipt.outcomes.map(({ fix }) => fix),
  };
}

const NOWHERE = { height: 0n, code: "", receipt: undefined };

export function transactionStateToWire(status: TransactionStatus): GetTransactionResponse {
  switch (status.kind) {
    case "unknown":
      return { ...NOWHERE, state: TransactionState.TRANSACTION_STATE_UNKNOWN };
    case "queued":
      return { ...NOWHERE, state: TransactionState.TRANSACTION_STATE_QUEUED };
    case "executed":
      return {
        state: TransactionState.TRANSACTION_STATE_EXECUTED,
        height: BigInt(status.height),
        code: status.code ?? "",
        receipt: undefined,
      };
    case "certified":
      return {
        state: TransactionState.TRANSACTION_STATE_CERTIFIED,
        height: BigInt(status.receipt.height),
        code: status.receipt.receipt.code,
        receipt: receiptToWire(status.receipt),
      };
    default:
      return unreachable(status);
  }
}
