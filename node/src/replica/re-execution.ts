import { resultDigest } from "../kernel/certificates.ts";
import type { AttestedResult, SignatureScheme } from "../kernel/statements.ts";
import { executeBlock } from "../ledger/execute-block.ts";
import type { Protocols } from "../ledger/protocol.ts";
import type { LedgerState } from "../ledger/state.ts";
import type { ExecutableBlock } from "../ledger/types.ts";

/** `executeBlock`, or what stands for it (`ReplicaConfig.execute`). */
export type Execute = typeof executeBlock;
type Executed = ReturnType<Execute>;

const TRUSTING: SignatureScheme = { verify: () => true };

/**
 * Executes a block again after a restart. A third of that time went into checking signatures, and a
 * crashed validator has 3 s to vote again. So the block is first executed as if every signature
 * were good, and that is kept only if it comes to the very result that a quorum certified, state
 * root included; a block that holds a forged signature comes to another one, or to a broken
 * invariant, and is executed in full.
 */
export function executeAgain(
  ledger: LedgerState,
  block: ExecutableBlock,
  options: {
    readonly certified: AttestedResult;
    readonly scheme: SignatureScheme;
    readonly protocols: Protocols;
    readonly execute?: Execute;
  },
): Executed {
  const { scheme, protocols, execute = executeBlock } = options;
  const quick = attempt(() => execute(ledger, block, TRUSTING, protocols));
  if (quick !== undefined && resultDigest(quick.result) === resultDigest(options.certified)) {
    return quick;
  }
  return execute(ledger, block, scheme, protocols);
}

/** Ledger states are immutable: an attempt that fails leaves nothing behind. */
function attempt(execute: () => Executed): Executed | undefined {
  try {
    return execute();
  } catch {
    // Only the full execution, which follows, may say what is wrong with this block.
    return undefined;
  }
}
