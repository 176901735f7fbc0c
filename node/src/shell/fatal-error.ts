/**
 * The process can't go on and must not guess: it ends with one clear line. `code` is stable, `fix`
 * says in one sentence what to do about it.
 */
export class FatalError extends Error {
  override readonly name = "FatalError";
  readonly code: string;
  readonly fix: string;
  constructor(code: string, problem: string, fix: string, options?: ErrorOptions) {
    super(problem, options);
    this.code = code;
    this.fix = fix;
  }
}

/** The address is taken, or is not one of this machine. */
export function listenFailed(address: string, cause: Error): FatalError {
  const fix = "free the address, or change it in the configuration's listen";
  return new FatalError("LISTEN_FAILED", `${address}: ${cause.message}`, fix, { cause });
}

/** Rule VERSION: this binary lacks the version that the chain is at, or is about to be. */
export function protocolUnsupported(lack: {
  readonly height: number;
  readonly needed: number;
  readonly held: readonly number[];
}): FatalError {
  const { height, needed, held } = lack;
  return new FatalError(
    "PROTOCOL_UNSUPPORTED",
    `block ${height} needs protocol version ${needed}, this binary holds ${held.join(" and ")}`,
    `start a binary that holds version ${needed}: the data folder is as it was before that block`,
  );
}

/** Rule SPLIT: a quorum's repair left behind what this node executed; the next start follows it. */
export function repaired(reason: string): FatalError {
  const fix = "start the node again: it follows the repair, which is in its log";
  return new FatalError("REPAIRED", reason, fix);
}
