import type { PublicKey } from "../kernel/scalars.ts";
import type { SignedStatement } from "../kernel/statements.ts";
import type { QuorumCertificate } from "./types.ts";

export interface TimeoutBallot {
  readonly signed: SignedStatement;
  /** At least as high as the statement's `hqcRound`. */
  readonly qc: QuorumCertificate;
}

/** First statement of each kind by each author in one round; a second one is misconduct. */
export interface Ballots {
  readonly proposals: ReadonlyMap<PublicKey, SignedStatement>;
  readonly votes: ReadonlyMap<PublicKey, SignedStatement>;
  readonly orderVotes: ReadonlyMap<PublicKey, SignedStatement>;
  readonly timeouts: ReadonlyMap<PublicKey, TimeoutBallot>;
}

export const NO_BALLOTS: Ballots = {
  proposals: new Map(),
  votes: new Map(),
  orderVotes: new Map(),
  timeouts: new Map(),
};
