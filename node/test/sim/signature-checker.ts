import { equalBytes } from "../../src/kernel/bytes.ts";
import { type Epoch, type PublicKey, ZERO_DIGEST } from "../../src/kernel/scalars.ts";
import { type Statement, statementEpoch, statementIndex } from "../../src/kernel/statements.ts";
import { demand } from "./violation.ts";

/** Rounds signed by one key in one epoch, as far as evidence E4 and E5 need them. */
interface Rounds {
  readonly votes: { readonly round: number; readonly qcRound: number }[];
  readonly orderVotes: number[];
  readonly timeouts: { readonly round: number; readonly hqcRound: number }[];
}

export interface SignatureChecker {
  /**
   * Every signature of an honest key passes here, in the order in which it is made, with the bytes
   * under it.
   */
  check(author: PublicKey, statement: Statement, message: Uint8Array): void;
}

/** Heights attested by one key in one epoch: E10 is one beyond the end that it attested. */
interface Attested {
  readonly end: number;
  readonly highest: number;
}

/** No honest key ever makes a pair that is evidence (rules JOURNAL and EVIDENCE, E1 to E8, E10). */
export function createSignatureChecker(): SignatureChecker {
  const signed = new Map<string, Uint8Array>();
  const rounds = new Map<string, Rounds>();

  const attested = new Map<string, Attested>();

  const checkEnd = (author: PublicKey, statement: Statement): void => {
    if (statement.kind !== "attestation") return;
    const { epoch, height, nextSetHash } = statement.result;
    const key = `${author} ${epoch}`;
    const before = attested.get(key) ?? { end: Number.POSITIVE_INFINITY, highest: 0 };
    const end = nextSetHash === ZERO_DIGEST ? before.end : height;
    const highest = Math.max(before.highest, height);
    attested.set(key, { end, highest });
    const message = () => `${author.slice(0, 8)} attests ${highest} after the end ${end}`;
    demand(highest <= end, "E10", message);
  };

  const roundsOf = (author: PublicKey, epoch: Epoch): Rounds => {
    const key = `${author} ${epoch}`;
    const found = rounds.get(key) ?? { votes: [], orderVotes: [], timeouts: [] };
    rounds.set(key, found);
    return found;
  };

  const checkRounds = (author: PublicKey, statement: Statement): void => {
    const name = author.slice(0, 8);
    if (statement.kind === "vote") {
      const { round, qcRound } = statement;
      const known = roundsOf(author, statement.epoch);
      known.votes.push({ round, qcRound });
      const pair = known.timeouts.find((each) => each.round >= round && each.hqcRound < qcRound);
      demand(pair === undefined, "E5", () => `${name} voted ${round} on ${qcRound} and timed out`);
      // Not evidence by itself, but R6: after a timeout of a round there is no vote in it.
      const after = known.timeouts.find((each) => each.round >= round);
      demand(after === undefined, "R6", () => `${name} votes in ${round} after its timeout`);
    }
    if (statement.kind === "order-vote") {
      const { round } = statement;
      const known = roundsOf(author, statement.epoch);
      known.orderVotes.push(round);
      const pair = known.timeouts.find((each) => each.round >= round && each.hqcRound < round);
      demand(pair === undefined, "E4", () => `${name} order-votes ${round} after its timeout`);
    }
    if (statement.kind === "timeout") {
      const { round, hqcRound } = statement;
      const known = roundsOf(author, statement.epoch);
      known.timeouts.push({ round, hqcRound });
      const ordered = known.orderVotes.find((each) => round >= each && hqcRound < each);
      demand(
        ordered === undefined,
        "E4",
        () => `${name} times out ${round} below order ${ordered}`,
      );
      const voted = known.votes.find((each) => round >= each.round && hqcRound < each.qcRound);
      demand(voted === undefined, "E5", () => `${name} times out ${round} with old certificate`);
    }
  };

  return {
    check(author, statement, message) {
      const index = `${author} ${statementEpoch(statement)} ${statement.kind} ${statementIndex(statement)}`;
      const known = signed.get(index);
      const again = known !== undefined && equalBytes(known, message);
      const what = () => `a second ${statement.kind} at ${index.slice(64)}`;
      demand(known === undefined || again, "conflicting signatures", what);
      if (again) return;
      signed.set(index, message);
      checkRounds(author, statement);
      checkEnd(author, statement);
    },
  };
}
