import type { ResultCertificate } from "@quorate/node/kernel/certificates";
import type { Height } from "@quorate/node/kernel/scalars";
import type { Receipt } from "@quorate/node/ledger/types";

/** A receipt under a certificate that this client verified. */
export interface CertifiedReceipt {
  readonly height: Height;
  readonly receipt: Receipt;
  readonly certificate: ResultCertificate;
}
