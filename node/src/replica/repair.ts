import { assert } from "../kernel/assert.ts";
import type { EpochProof } from "../kernel/certificates.ts";
import { repairLedger } from "../ledger/repair.ts";
import { change, type Work } from "./work.ts";

/** The core went on from a repaired result: so does the ledger, which stands at that height. */
export function followRepair(work: Work, { certificate, nextSet, repair }: EpochProof): void {
  if (repair === undefined) return;
  const { ledger, config } = work.state;
  const { height } = certificate.result;
  assert(ledger.height === height, `a repair at ${height}, the ledger is at ${ledger.height}`);
  const subject = { epoch: nextSet.epoch - 1, version: repair.version };
  change(work, { ledger: repairLedger(ledger, subject, config.protocols) });
}
