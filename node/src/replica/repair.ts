import { assert } from "../kernel/assert.ts";
import type { EpochProof } from "../kernel/certificates.ts";
import { endorsesRepair } from "../kernel/repair.ts";
import type { Statement } from "../kernel/statements.ts";
import { refuseVersion, repairLedger } from "../ledger/repair.ts";
import { change, type Work } from "./work.ts";

/**
 * Why the ledger could not follow the repair that the core is about to endorse. It is asked before
 * the signature: a key endorses one repair of an epoch, and this must not be that one.
 */
export function refuseEndorsement({ state }: Work, statement: Statement): string | undefined {
  const { ledger, config, consensus } = state;
  const { repair } = config;
  if (repair === undefined || !endorsesRepair(statement, consensus.set.epoch)) return undefined;
  return refuseVersion(ledger, repair.version);
}

/** The core went on from a repaired result: so does the ledger, which stands at that height. */
export function followRepair(work: Work, { certificate, nextSet, repair }: EpochProof): void {
  if (repair === undefined) return;
  const { ledger, config } = work.state;
  const { height } = certificate.result;
  assert(ledger.height === height, `a repair at ${height}, the ledger is at ${ledger.height}`);
  const subject = { epoch: nextSet.epoch - 1, version: repair.version };
  change(work, { ledger: repairLedger(ledger, subject, config.protocols) });
}
