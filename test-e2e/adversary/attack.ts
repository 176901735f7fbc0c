import { type Block, blockBytes, idOf } from "../stranger/blocks.ts";
import { sha256 } from "../stranger/bytes.ts";
import type { KeyPair } from "../stranger/keys.ts";
import { key, text, u64 } from "../stranger/layout.ts";
import type { ValidatorSet } from "../stranger/sets.ts";
import { type Result, type Signed, type Statement, signedBytes } from "../stranger/statements.ts";
import type { News, Opening } from "./follower.ts";
import { type Body, signedToWire } from "./wire.ts";

export type Mode = "votes" | "proposals" | "attestations" | "wrong-root";
/** The modes that sign two of what an honest key signs one of. */
export const EQUIVOCATIONS: readonly Mode[] = ["votes", "proposals", "attestations"];
export const MODES: readonly Mode[] = [...EQUIVOCATIONS, "wrong-root"];

/** The validator whose place this is may have attested the heights of the last moments itself. */
const FOREIGN_HEIGHTS = 20;

/**
 * Two statements of which an honest key signs one only. Without `second` there is no pair: the vote
 * or proposal is honest, the attestation is of a wrong root.
 */
export interface Act {
  readonly kind: "vote" | "proposal" | "attestation";
  readonly epoch: number;
  /** Round, or height of the attestation. */
  readonly place: number;
  /** Digest that the statement is about: block id or state root. */
  readonly first: { readonly about: string; readonly body: Body };
  readonly second: { readonly about: string; readonly body: Body } | undefined;
}

/**
 * Makes pairs of conflicting statements out of what the network does. In what its modes do not name
 * it behaves: it votes once a round and proposes one empty block where it leads, so that it is
 * caught by its misconduct and not for its silence.
 */
export class Attack {
  readonly #chainId: string;
  readonly #consensus: KeyPair;
  readonly #modes: ReadonlySet<Mode>;
  #voted = "0/0";
  #proposed = "0/0";
  #attestedHeight = 0;

  constructor(chainId: string, consensus: KeyPair, modes: ReadonlySet<Mode>) {
    this.#chainId = chainId;
    this.#consensus = consensus;
    this.#modes = modes;
  }

  /** What to send on this news, if anything. */
  answer(news: News, set: ValidatorSet): Act | undefined {
    if (!set.members.some((member) => member.key === this.#consensus.publicKey)) return undefined;
    switch (news.kind) {
      case "proposal":
        return this.#vote(news.block, news.id);
      case "opening":
        return this.#propose(news.opening, set);
      case "result":
        return this.#attest(news.result, set);
      default:
        return undefined;
    }
  }

  #sign<S extends Statement>(statement: S): Signed<S> {
    const signature = this.#consensus.sign(signedBytes(this.#chainId, statement));
    return { statement, author: this.#consensus.publicKey, signature };
  }

  /** One vote for the proposal, one for a block that nobody has. */
  #vote({ epoch, round, qc }: Block, blockId: string): Act | undefined {
    const place = `${epoch}/${round}`;
    if (isOlder(place, this.#voted)) return undefined;
    this.#voted = place;
    const vote = (about: string): { about: string; body: Body } => {
      const statement = { kind: "vote", epoch, round, blockId: about, qcRound: qc.round } as const;
      return { about, body: signedToWire(this.#sign(statement)) };
    };
    const second = this.#modes.has("votes") ? vote(this.#invented(epoch, round)) : undefined;
    return { kind: "vote", epoch, place: round, first: vote(blockId), second };
  }

  #invented(epoch: number, round: number): string {
    return sha256(text("a block that nobody has"), u64(epoch), u64(round));
  }

  /** Two empty blocks on one parent, one millisecond apart. */
  #propose({ round, parent, qc, tc }: Opening, set: ValidatorSet): Act | undefined {
    const { epoch } = set;
    const place = `${epoch}/${round}`;
    if (this.#leader(set, round) !== this.#consensus.publicKey) return undefined;
    if (isOlder(place, this.#proposed)) return undefined;
    this.#proposed = place;
    const now = Math.max(Date.now(), parent.timestampMs + 1);
    const propose = (timestampMs: number): { about: string; body: Body } => {
      const bytes = blockBytes({
        epoch,
        round,
        height: parent.height + 1,
        proposer: this.#consensus.publicKey,
        timestampMs,
        qc,
        tc,
        cut: [],
        signsOfLife: [],
      });
      const about = idOf(bytes);
      const { signature } = this.#sign({ kind: "proposal", epoch, round, blockId: about });
      const value = { block: Buffer.from(bytes), signature: Buffer.from(signature) };
      return { about, body: { $case: "proposal", value } };
    };
    const second = this.#modes.has("proposals") ? propose(now + 1) : undefined;
    return { kind: "proposal", epoch, place: round, first: propose(now), second };
  }

  /** The epoch's order of leaders; that failed ones are passed over does not matter here. */
  #leader({ epoch, members }: ValidatorSet, round: number): string | undefined {
    const ranks = members.map((member) => ({
      key: member.key,
      rank: sha256(
        text("quorate/v1/leader-order"),
        key(this.#chainId),
        u64(epoch),
        key(member.key),
      ),
    }));
    ranks.sort((left, right) => (left.rank < right.rank ? -1 : 1));
    return ranks[round % ranks.length]?.key;
  }

  /** The result that an honest peer attests, and one with another state root; or that one alone. */
  #attest(result: Result, set: ValidatorSet): Act | undefined {
    const { epoch, height, stateRoot } = result;
    const isPair = this.#modes.has("attestations");
    if (!isPair && !this.#modes.has("wrong-root")) return undefined;
    // A single wrong root must not become a pair with what the key signed before.
    if (!isPair && this.#attestedHeight === 0) this.#attestedHeight = height + FOREIGN_HEIGHTS;
    if (epoch !== set.epoch || height <= this.#attestedHeight) return undefined;
    this.#attestedHeight = height;
    const attest = (about: string): { about: string; body: Body } => {
      const statement = { kind: "attestation", result: { ...result, stateRoot: about } } as const;
      return { about, body: signedToWire(this.#sign(statement)) };
    };
    const wrong = attest(sha256(text("a state that nobody has"), key(stateRoot)));
    const act = { kind: "attestation", epoch, place: height } as const;
    if (!isPair) return { ...act, first: wrong, second: undefined };
    return { ...act, first: attest(stateRoot), second: wrong };
  }
}

/** Whether the place, as "epoch/round", is not after the last one. */
function isOlder(place: string, last: string): boolean {
  const [epoch = 0, round = 0] = place.split("/").map(Number);
  const [lastEpoch = 0, lastRound = 0] = last.split("/").map(Number);
  return epoch < lastEpoch || (epoch === lastEpoch && round <= lastRound);
}
