import type { Epoch, PublicKey, Round } from "../../src/kernel/scalars.ts";
import type { Statement } from "../../src/kernel/statements.ts";
import type { ReplicaState } from "../../src/replica/types.ts";
import { type Disk, holdsBlock } from "./disk.ts";
import { demand } from "./violation.ts";

/** The highest rounds that one key signed in one epoch. */
interface Past {
  vote: Round;
  timeout: Round;
  proposal: Round;
}

/**
 * Rule JOURNAL from outside: what an honest key has signed binds its process after every restart,
 * and what a vote rests on is on the disk when the vote exists.
 */
export class PastChecker {
  readonly #pasts = new Map<string, Past>();
  readonly #lanes = new Map<PublicKey, number>();

  signing(author: PublicKey, statement: Statement, disk: Disk): void {
    if (statement.kind === "batch") {
      const last = this.#lanes.get(author) ?? 0;
      this.#lanes.set(author, Math.max(last, statement.sequence));
      return;
    }
    const { kind } = statement;
    if (kind !== "vote" && kind !== "timeout" && kind !== "proposal") return;
    if (kind === "vote") {
      const what = () => `${author.slice(0, 8)} votes in ${statement.round} for a block it lacks`;
      demand(holdsBlock(disk, statement.blockId), "JOURNAL: a vote's block is durable", what);
    }
    const past = this.#pastOf(author, statement.epoch);
    past[kind] = Math.max(past[kind], statement.round);
  }

  /** A process has read its disk. */
  recovered(author: PublicKey, { consensus }: ReplicaState): void {
    const { set, epoch, lanes } = consensus;
    const { vote, timeout, proposal } = this.#pastOf(author, set.epoch);
    const { lastVotedRound, highestTimeoutRound } = epoch.safety;
    const lane = this.#lanes.get(author) ?? 0;
    this.#demandBound(author, "vote", Math.max(vote, timeout), lastVotedRound);
    this.#demandBound(author, "timeout", timeout, highestTimeoutRound);
    this.#demandBound(author, "proposal", proposal, epoch.proposedRound);
    this.#demandBound(author, "batch", lane, lanes.own.sequence);
  }

  #demandBound(author: PublicKey, kind: string, signed: number, known: number): void {
    const what = () => `${author.slice(0, 8)} signed ${kind} ${signed} and starts at ${known}`;
    demand(known >= signed, "JOURNAL: what was signed outlives the process", what);
  }

  #pastOf(author: PublicKey, epoch: Epoch): Past {
    const name = `${author} ${epoch}`;
    const past = this.#pasts.get(name) ?? { vote: 0, timeout: 0, proposal: 0 };
    this.#pasts.set(name, past);
    return past;
  }
}
