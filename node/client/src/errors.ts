import type { Refusal } from "@quorate/node/kernel/result";
import type { Digest, Height, Millis, PublicKey } from "@quorate/node/kernel/scalars";

/** Every error of the client says what was wrong where, and what to do about it. */
export abstract class QuorateError extends Error {
  /** Stable, UPPER_SNAKE_CASE. */
  readonly code: string;
  /** The offending input, or the part of a node's answer that did not hold. */
  readonly field: string;
  readonly fix: string;

  constructor(refusal: Refusal, options?: ErrorOptions) {
    super(`${refusal.code}: ${refusal.field}: ${refusal.fix}`, options);
    this.code = refusal.code;
    this.field = refusal.field;
    this.fix = refusal.fix;
  }
}

/** The caller's own input is wrong; nothing was sent. */
export class InputError extends QuorateError {
  override readonly name = "InputError";
}

/** Where an answer came from: the address asked, and the network key that answered, if known. */
export interface NodeName {
  readonly endpoint: string;
  readonly networkKey: PublicKey | undefined;
}

/** A node said what it did not prove. The node is named, and is asked last from then on. */
export class ProofError extends QuorateError {
  override readonly name = "ProofError";
  readonly node: NodeName;

  constructor(refusal: Refusal, node: NodeName, options?: ErrorOptions) {
    super(refusal, options);
    this.node = node;
    const key = node.networkKey === undefined ? "" : ` (network key ${node.networkKey})`;
    this.message = `${this.message}; said by ${node.endpoint}${key}`;
  }
}

/** No answer from one node: not reachable, too slow, overloaded, or behind. */
export class NodeUnavailableError extends QuorateError {
  override readonly name = "NodeUnavailableError";
  readonly node: NodeName;
  /** When the node said that another try is worth it. */
  readonly retryAfterMs: Millis | undefined;

  constructor(
    refusal: Refusal,
    node: NodeName,
    options: ErrorOptions & { readonly retryAfterMs?: Millis | undefined } = {},
  ) {
    super(refusal, options);
    this.node = node;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/**
 * A node refused at its door, before ordering. That is what one node says: the client asks the
 * others before it believes it.
 */
export class DoorRefusalError extends QuorateError {
  override readonly name = "DoorRefusalError";
  readonly node: NodeName;

  constructor(refusal: Refusal, node: NodeName, options?: ErrorOptions) {
    super(refusal, options);
    this.node = node;
  }
}

export type NodeError = ProofError | NodeUnavailableError | DoorRefusalError;

/** Every endpoint was asked, at least one refused, none accepted. */
export class RefusedError extends QuorateError {
  override readonly name = "RefusedError";
  readonly refusedBy: readonly NodeName[];
  /** False: a node gave no answer, so what was sent to it may still be executed. */
  readonly isUnanimous: boolean;

  constructor(refusals: readonly [DoorRefusalError, ...DoorRefusalError[]], isUnanimous: boolean) {
    super(refusals[0], { cause: refusals[0] });
    this.refusedBy = refusals.map(({ node }) => node);
    this.isUnanimous = isUnanimous;
  }
}

/** The chain executed the transaction and refused it; the certificate proves it. */
export class ChainRefusalError extends QuorateError {
  override readonly name = "ChainRefusalError";
  readonly height: Height;
  readonly transaction: Digest;

  constructor(refusal: Refusal, where: { readonly height: Height; readonly transaction: Digest }) {
    super(refusal);
    this.height = where.height;
    this.transaction = where.transaction;
  }
}

/** Nobody answered in time. What was sent may still be executed: send the same bytes again. */
export class UnreachableError extends QuorateError {
  override readonly name = "UnreachableError";
  readonly attempts: readonly NodeError[];

  constructor(refusal: Refusal, attempts: readonly NodeError[]) {
    super(refusal, { cause: attempts.at(-1) });
    this.attempts = attempts;
  }
}

/** The client was closed while, or before, the call ran. */
export class ClosedError extends QuorateError {
  override readonly name = "ClosedError";

  constructor(options?: ErrorOptions) {
    super({ code: "CLIENT_CLOSED", field: "client", fix: "connect again" }, options);
  }
}

export function isNodeError(error: unknown): error is NodeError {
  return (
    error instanceof ProofError ||
    error instanceof NodeUnavailableError ||
    error instanceof DoorRefusalError
  );
}

export function closedBy(cause: unknown): ClosedError {
  return new ClosedError({ cause });
}
