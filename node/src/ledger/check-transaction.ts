import { ok, type Refusal, type Result, refuse } from "../kernel/result.ts";
import type { Digest } from "../kernel/scalars.ts";
import type { SignatureScheme } from "../kernel/statements.ts";
import {
  activateProtocol,
  findProtocol,
  PROTOCOLS,
  type Protocols,
  versionAt,
} from "./protocol.ts";
import type { LedgerState } from "./state.ts";
import { decodeTransaction, transactionId } from "./transaction.ts";
import { openWork } from "./work.ts";

/**
 * Whether the ledger would admit the transaction on top of this state; its id if so. Applies the
 * very rules of execution to a copy (states are immutable), so that admission and execution can't
 * disagree about one state, by the version of the next block. The block that carries it may still
 * refuse it: the state goes on. The margin engine is not run: actions are judged in the block.
 */
export function checkTransaction(
  state: LedgerState,
  bytes: Uint8Array,
  scheme: SignatureScheme,
  protocols: Protocols = PROTOCOLS,
): Result<Digest, Refusal> {
  const id = transactionId(bytes);
  const decoded = decodeTransaction(bytes);
  if (!decoded.ok) return decoded;
  const height = state.height + 1;
  const version = versionAt(state, height);
  if (findProtocol(protocols, version) === undefined) {
    const fix = `block ${height} is of version ${version}: ask a node whose binary holds it`;
    return refuse("PROTOCOL_UNSUPPORTED", "version", fix);
  }
  const work = openWork(state, scheme);
  const protocol = activateProtocol(work, protocols, height);
  const refusal = protocol.apply(work, decoded.value, { id, position: 0 });
  return refusal === undefined ? ok(id) : { ok: false, error: refusal };
}
