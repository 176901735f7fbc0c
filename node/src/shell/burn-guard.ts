import type { PeerBody } from "../consensus/types.ts";
import type { Digest, PublicKey } from "../kernel/scalars.ts";
import {
  type SignatureScheme,
  type SignedStatement,
  statementEpoch,
  statementIndex,
  verifyStatement,
} from "../kernel/statements.ts";
import { quorumPower } from "../kernel/threshold.ts";
import { powerOf, totalPower, type ValidatorSet } from "../kernel/validator-set.ts";
import type { Journal } from "./disk/journal.ts";
import { authoredStatement, statementsBy } from "./own-statements.ts";

export interface BurnGuardOptions {
  readonly journal: Pick<Journal, "find" | "burnt" | "isBelowFloor">;
  readonly chainId: Digest;
  readonly self: PublicKey;
  readonly scheme: SignatureScheme;
}

export type SigningState =
  | { readonly kind: "listening" }
  | { readonly kind: "signing" }
  | { readonly kind: "burnt"; readonly reason: string };

/** What a peer's message says of the own key. */
export type Inspection =
  | { readonly kind: "clean" | "forged" }
  | { readonly kind: "burnt"; readonly reason: string };

const CLEAN: Inspection = { kind: "clean" };

/**
 * Rule BURN: a valid signature of this key that its journal lacks burns the key. The outside mark
 * of the operator comes later, so every start listens until peers that with itself hold W-f have
 * sent what they last saw of the key.
 */
export class BurnGuard {
  readonly #options: BurnGuardOptions;
  readonly #answered = new Set<PublicKey>();
  #state: SigningState;

  constructor(options: BurnGuardOptions) {
    this.#options = options;
    const { burnt } = options.journal;
    this.#state = burnt === undefined ? { kind: "listening" } : { kind: "burnt", reason: burnt };
  }

  get state(): SigningState {
    return this.#state;
  }

  /** The peer with this network key has sent all it last saw of us; W-f of these open the guard. */
  answered(networkKey: PublicKey, set: ValidatorSet): void {
    this.#answered.add(networkKey);
    this.recheck(set);
  }

  /**
   * To be called when the set changes, too: who counts is decided by the newest set that is known.
   */
  recheck(set: ValidatorSet): void {
    if (this.#state.kind !== "listening") return;
    const { self } = this.#options;
    const heard = set.members.filter(({ networkKey }) => this.#answered.has(networkKey));
    const power = powerOf(set, [self, ...heard.map(({ key }) => key)]);
    if (power >= quorumPower(totalPower(set))) this.#state = { kind: "signing" };
  }

  /**
   * Looks for this node's own signatures in what a peer sent. Where the key is burnt by it, the
   * caller makes that durable. A signature that does not verify is a peer's lie, no proof: no
   * honest node passes one on, so the whole message is forged, and it costs one verification
   * however many of them it holds.
   */
  inspect(body: PeerBody): Inspection {
    if (this.#state.kind === "burnt") return CLEAN;
    const { self, chainId, scheme, journal } = this.#options;
    for (const signed of statementsBy(self, body)) {
      const stored = journal.find(signed.statement);
      if (stored?.same === true) continue;
      // Left behind: the index was reached, and what stood there nobody can compare.
      if (journal.isBelowFloor(signed.statement)) continue;
      if (!verifyStatement(scheme, chainId, signed)) return { kind: "forged" };
      const reason = reasonOf(signed, stored !== undefined);
      this.#state = { kind: "burnt", reason };
      return this.#state;
    }
    return CLEAN;
  }
}

function reasonOf({ statement }: SignedStatement, isConflict: boolean): string {
  const place = `${statement.kind} of epoch ${statementEpoch(statement)}`;
  const index = statementIndex(statement);
  return isConflict
    ? `the journal holds another ${place} at index ${index} than a peer has seen`
    : `the journal lacks the ${place} at index ${index} that a peer has seen`;
}

/**
 * The newest statement of each kind that each author itself sent, for the echo to an author that
 * starts again. Only what came over the author's own connection counts, so that nobody can cover it
 * up; the author verifies its own signatures.
 */
export class LastSeen {
  readonly #byAuthor = new Map<PublicKey, Map<string, SignedStatement>>();

  note(sender: PublicKey, body: PeerBody): void {
    const signed = authoredStatement(body);
    if (signed?.author !== sender) return;
    const kinds = this.#byAuthor.get(signed.author) ?? new Map<string, SignedStatement>();
    const newest = kinds.get(signed.statement.kind);
    if (newest !== undefined && !isNewer(signed, newest)) return;
    kinds.set(signed.statement.kind, signed);
    this.#byAuthor.set(signed.author, kinds);
  }

  by(author: PublicKey): readonly SignedStatement[] {
    return [...(this.#byAuthor.get(author)?.values() ?? [])];
  }

  /** Authors that are no peers any more are forgotten: the map stays as large as the set. */
  keep(authors: ReadonlySet<PublicKey>): void {
    for (const author of [...this.#byAuthor.keys()]) {
      if (!authors.has(author)) this.#byAuthor.delete(author);
    }
  }
}

function isNewer(left: SignedStatement, right: SignedStatement): boolean {
  const epochs = statementEpoch(left.statement) - statementEpoch(right.statement);
  return epochs === 0
    ? statementIndex(left.statement) > statementIndex(right.statement)
    : epochs > 0;
}
