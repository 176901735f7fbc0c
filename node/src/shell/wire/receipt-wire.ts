import type * as ledger from "@quorate/proto/ledger/v1/ledger";
import {
  type CertifiedRun,
  type GetTransactionResponse,
  TransactionState,
} from "@quorate/proto/query/v1/query";
import { defined, unreachable } from "../../kernel/assert.ts";
import { listRangeProof } from "../../kernel/merkle.ts";
import { receiptProof } from "../../ledger/receipt.ts";
import type { TransactionStatus } from "../../replica/queries.ts";
import type { CertifiedReceipt } from "../../replica/types.ts";
import { bufferOf, listProofToWire, resultCertificateToWire } from "./ledger-wire.ts";

export function receiptToWire(certified: CertifiedReceipt): ledger.CertifiedReceipt {
  const { receipt, leaf, proof } = receiptProof(certified.execution, certified.position);
  return {
    height: BigInt(certified.height),
    receipt: bufferOf(leaf),
    proof: listProofToWire(proof),
    certificate: resultCertificateToWire(certified.certificate),
    fix: receipt.fix,
    outcomeFixes: receipt.outcomes.map(({ fix }) => fix),
  };
}

function codeOf({ execution, position }: CertifiedReceipt): string {
  return receiptProof(execution, position).receipt.code;
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
        code: codeOf(status.receipt),
        receipt: receiptToWire(status.receipt),
      };
    default:
      return unreachable(status);
  }
}

interface NumberedReceipt {
  /** Of the transaction in its call. */
  readonly number: number;
  readonly receipt: CertifiedReceipt;
}

/**
 * Receipts in as few proofs as there are gaps between them: lanes stand whole in a block, so that
 * those of one call mostly make one run. Only the first run of a block carries its certificate.
 */
export function certifiedRuns(receipts: readonly NumberedReceipt[]): CertifiedRun[] {
  const sorted = receipts.toSorted((left, right) => {
    const byHeight = left.receipt.height - right.receipt.height;
    return byHeight === 0 ? left.receipt.position - right.receipt.position : byHeight;
  });
  const runs: CertifiedRun[] = [];
  let height: number | undefined;
  for (let from = 0; from < sorted.length; ) {
    const to = endOfRun(sorted, from);
    const run = sorted.slice(from, to);
    runs.push(runToWire(run, sorted[from]?.receipt.height !== height));
    height = sorted[from]?.receipt.height;
    from = to;
  }
  return runs;
}

function endOfRun(sorted: readonly NumberedReceipt[], from: number): number {
  let to = from + 1;
  for (; to < sorted.length; to += 1) {
    const [before, next] = [sorted[to - 1]?.receipt, sorted[to]?.receipt];
    const follows = before?.height === next?.height && next?.position === at(before) + 1;
    if (!follows) break;
  }
  return to;
}

function at(receipt: CertifiedReceipt | undefined): number {
  return receipt?.position ?? 0;
}

function runToWire(run: readonly NumberedReceipt[], isFirst: boolean): CertifiedRun {
  const { execution, certificate, position } = defined(run[0], "a run has receipts").receipt;
  const { tree, receipts } = execution;
  const { first, count, path } = listRangeProof(tree, position, position + run.length);
  return {
    certificate: isFirst ? resultCertificateToWire(certificate) : undefined,
    numbers: run.map(({ number }) => number),
    receipts: tree.leaves.slice(position, position + run.length).map(bufferOf),
    first: BigInt(first),
    count: BigInt(count),
    path: path.map(bufferOf),
    advice: run.flatMap(({ number, receipt }) => {
      const { fix, outcomes } = defined(receipts[receipt.position], "receipt");
      if (fix === "" && outcomes.length === 0) return [];
      return [{ number, fix, outcomeFixes: outcomes.map((outcome) => outcome.fix) }];
    }),
  };
}
