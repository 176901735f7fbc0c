import type { ResultCertificate } from "@quorate/node/kernel/certificates";
import type { Height } from "@quorate/node/kernel/scalars";
import type { Receipt } from "@quorate/node/ledger/types";
import { ChainRefusalError } from "./errors.ts";

/** A receipt under a certificate that this client verified. */
export interface CertifiedReceipt {
  readonly height: Height;
  readonly receipt: Receipt;
  readonly certificate: ResultCertificate;
}

/** @throws ChainRefusalError where the chain refused the transaction. */
export function accepted(certified: CertifiedReceipt): CertifiedReceipt {
  const { receipt, height } = certified;
  if (receipt.code === "OK") return certified;
  throw new ChainRefusalError(receipt, { height, transaction: receipt.transaction });
}
