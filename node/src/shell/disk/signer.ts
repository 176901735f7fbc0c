import type { JournalRecord, SafetyData } from "../../consensus/safety-data.ts";
import type { Digest, PublicKey, Signature } from "../../kernel/scalars.ts";
import { type SignedStatement, type Statement, signingBytes } from "../../kernel/statements.ts";
import type { Journal } from "./journal.ts";

export interface SignRequest {
  readonly statement: Statement;
  readonly safety: SafetyData;
}

export interface SignerOptions {
  readonly journal: Journal;
  readonly chainId: Digest;
  readonly author: PublicKey;
  /** Raw Ed25519 over the message, by the consensus key. */
  readonly sign: (message: Uint8Array) => Signature;
}

export interface Signatures {
  readonly signed: readonly SignedStatement[];
  /** Another digest stands under the index, or nobody knows any more which one: not signed. */
  readonly refused: readonly Statement[];
}

/**
 * The one place where the consensus key signs statements (rule JOURNAL). A group of requests costs
 * one fsync; no signature leaves before it, none is made twice under one index.
 */
export class Signer {
  readonly #options: SignerOptions;
  constructor(options: SignerOptions) {
    this.#options = options;
  }

  /** In the order of the requests; throws FatalError DISK_FAILED, and then nothing was signed. */
  async sign(requests: readonly SignRequest[]): Promise<Signatures> {
    const { journal, author } = this.#options;
    const signed: SignedStatement[] = [];
    const refused: Statement[] = [];
    const fresh: JournalRecord[] = [];
    for (const { statement, safety } of requests) {
      if (journal.burnt !== undefined) {
        refused.push(statement);
        continue;
      }
      const stored = journal.find(statement);
      if (stored?.same === false || journal.isBelowFloor(statement)) {
        refused.push(statement);
      } else if (stored !== undefined) {
        signed.push({ statement, author, signature: stored.signature });
      } else {
        const record = { statement, author, signature: this.#make(statement), safety };
        journal.stage(record);
        fresh.push(record);
        signed.push({ statement, author, signature: record.signature });
      }
    }
    // Also without a fresh one: a stored signature may belong to a group that is not yet synced.
    await journal.append(fresh);
    return { signed, refused };
  }

  #make(statement: Statement): Signature {
    return this.#options.sign(signingBytes(this.#options.chainId, statement));
  }
}
