import { resultDigest, verifyEpochProof } from "../kernel/certificates.ts";
import type { Digest, Epoch, Height, Power, Round } from "../kernel/scalars.ts";
import type { AttestedResult, SignatureScheme, Statement } from "../kernel/statements.ts";
import { faultyPower, hasHonest, powerOf, type ValidatorSet } from "../kernel/validator-set.ts";
import { committedChain, type EpochLog, epochOfRecord, readEpochLog } from "./log-reader.ts";
import { type Charge, MisconductSearch } from "./misconduct-search.ts";
import type { ChainRecord } from "./types.ts";

export interface Trust {
  readonly chainId: Digest;
  readonly scheme: SignatureScheme;
  readonly genesisSet: ValidatorSet;
}

export interface Conflict {
  /**
   * `commits`: two blocks at one height; `results`: two certified results of one height;
   * `beyond-end`: a result certified by the epoch's set above the height where the epoch ended.
   */
  readonly kind: "commits" | "results" | "beyond-end";
  readonly epoch: Epoch;
  /** Where the epoch ended, in the last case. */
  readonly height: Height;
  /** Block ids, or digests of the results. */
  readonly left: Digest;
  readonly right: Digest;
}

export interface Finding {
  readonly conflict: Conflict;
  /** One for each culprit, in order of their keys. */
  readonly charges: readonly Charge[];
  /** The culprits' power together, and the least that a fork needs: f+1. */
  readonly power: Power;
  readonly needed: Power;
  /** Whether the culprits named hold at least f+1. */
  readonly isComplete: boolean;
  /** What else to read where they do not. */
  readonly missing: string | undefined;
}

/**
 * Who is to blame for two chain logs of different nodes that cannot both be right: at least f+1 of
 * the power, each with a proof that the ledger takes, and nobody who followed the rules.
 *
 * Why that is always possible (forensic support as in Sheng, Wang, Nayak, Kannan, Viswanath, "BFT
 * Protocol Forensics", CCS 2021, for the HotStuff family; here with two-chain commits and order
 * votes). Let b, of round r, be the proven commit of the lower round, and X the block of the lowest
 * round >= r on the other branch; X's parent is certified in a round p < r.
 * - X is of round r: two quorums voted in r (E2), or order-voted (E3).
 * - X is of a later round: it does not follow its parent, so it carries the timeouts of a quorum in
 *   round X-1 >= r, all naming certificates of p or lower; otherwise a quorum voted for X against
 *   R2 (E6). Quorums intersect in f+1: who order-voted b in r gave such a timeout (E4), who voted
 *   in r+1 on b's certificate (E5), or X is of round r+1 as well and two quorums voted there (E2).
 * All of these statements are in the two logs, because a log holds what a commit rests on. Two
 * certified results of one height are E7 by intersection. So it is enough to search both logs for
 * what one key never signs; no trace of the messages is needed.
 */
export function judgeLogs(
  trust: Trust,
  left: readonly ChainRecord[],
  right: readonly ChainRecord[],
): readonly Finding[] {
  for (const { set, end } of commonEpochs(trust, left, right)) {
    const logs = [readEpochLog(left, set.epoch), readEpochLog(right, set.epoch)] as const;
    const { epoch } = set;
    const conflicts = [
      conflictOfCommits(logs, epoch),
      conflictOfResults(logs, epoch),
      end && conflictBeyondEnd(logs, end),
    ];
    const found = conflicts.filter((conflict) => conflict !== undefined);
    // What follows a fork is no common history: its epochs mean different sets on each side.
    const height = end?.height;
    if (found.length > 0) return found.map((each) => find(trust, set, logs, each, height));
  }
  return [];
}

interface CommonEpoch {
  readonly set: ValidatorSet;
  /** The certified result that ended it; undefined while it goes on, and where it was abandoned. */
  readonly end: AttestedResult | undefined;
}

/** The epochs that both logs know, as far as their hand-overs are the same. */
function commonEpochs(
  trust: Trust,
  left: readonly ChainRecord[],
  right: readonly ChainRecord[],
): readonly CommonEpoch[] {
  const epochs: CommonEpoch[] = [];
  const proofs = [left, right].map((records) => {
    return new Map(
      records.flatMap((record) => {
        return record.kind === "epoch" ? [[epochOfRecord(record), record.proof] as const] : [];
      }),
    );
  });
  for (let set = trust.genesisSet; ; ) {
    const proof = proofs.map((each) => each.get(set.epoch)).find((each) => each !== undefined);
    const isProven =
      proof !== undefined && verifyEpochProof(trust.scheme, trust.chainId, set, proof).ok;
    const end = isProven && proof.repair === undefined ? proof.certificate.result : undefined;
    epochs.push({ set, end });
    if (!isProven) return epochs;
    set = proof.nextSet;
  }
}

type Logs = readonly [EpochLog, EpochLog];

function lowest(
  left: ReadonlyMap<Height, Digest>,
  right: ReadonlyMap<Height, Digest>,
): Omit<Conflict, "kind" | "epoch"> | undefined {
  const heights = Array.from(left.keys()).toSorted((one, other) => one - other);
  for (const height of heights) {
    const [mine, theirs] = [left.get(height), right.get(height)];
    if (mine === undefined || theirs === undefined || mine === theirs) continue;
    return { height, left: mine, right: theirs };
  }
  return undefined;
}

function conflictOfCommits([left, right]: Logs, epoch: Epoch): Conflict | undefined {
  const at = lowest(committedChain(left), committedChain(right));
  return at && { kind: "commits", epoch, ...at };
}

function conflictOfResults([left, right]: Logs, epoch: Epoch): Conflict | undefined {
  const digests = ({ certificates }: EpochLog) => {
    return new Map(
      Array.from(certificates, ([height, { result }]) => [height, resultDigest(result)]),
    );
  };
  const at = lowest(digests(left), digests(right));
  return at && { kind: "results", epoch, ...at };
}

/** A quorum of the epoch's set went on after its end: for whoever missed the hand-over. */
function conflictBeyondEnd(logs: Logs, end: AttestedResult): Conflict | undefined {
  const { epoch, height } = end;
  const beyond = logs
    .flatMap(({ certificates }) => Array.from(certificates.values(), ({ result }) => result))
    .find((result) => result.height > height);
  if (beyond === undefined) return undefined;
  const [left, right] = [resultDigest(end), resultDigest(beyond)];
  return { kind: "beyond-end", epoch, height, left, right };
}

function find(
  trust: Trust,
  set: ValidatorSet,
  logs: Logs,
  conflict: Conflict,
  end: Height | undefined,
): Finding {
  const { chainId, scheme } = trust;
  const search = new MisconductSearch({ chainId, scheme, epoch: set.epoch, end });
  const since = commonRound(logs, conflict.height);
  for (const { blocks, statements } of logs) {
    for (const block of blocks.values()) search.addBlock(block);
    for (const signed of statements) {
      if (mayMatter(signed.statement, since, conflict.height)) search.add(signed);
    }
  }
  const members = new Set(set.members.map(({ key }) => key));
  const charges = search.finish().filter(({ culprit }) => members.has(culprit));
  const culprits = charges.map(({ culprit }) => culprit);
  const isComplete = hasHonest(set, culprits);
  return {
    conflict,
    charges,
    power: powerOf(set, culprits),
    needed: faultyPower(set) + 1n,
    isComplete,
    missing: isComplete ? undefined : missingOf(logs, conflict),
  };
}

/** Round of the newest block below this height that both logs committed; 0 if there is none. */
function commonRound([left, right]: Logs, height: Height): Round {
  const theirs = committedChain(right);
  const shared = Array.from(committedChain(left), ([at, id]) => {
    return at < height && theirs.get(at) === id ? (left.blocks.get(id)?.block.round ?? 0) : 0;
  });
  return shared.reduce((highest, round) => Math.max(highest, round), 0);
}

/** Statements from before the fork prove nothing about it; each costs a signature to verify. */
function mayMatter(statement: Statement, since: Round, height: Height): boolean {
  if (statement.kind === "attestation") return statement.result.height >= height;
  return "round" in statement && statement.round > since;
}

/** A log that was fetched has no votes: members that committed live have them. */
function missingOf(logs: Logs, { kind, height }: Conflict): string {
  if (kind !== "commits")
    return `the certificates of height ${height}: one of them does not verify`;
  const named = (["left", "right"] as const).filter((_, side) => {
    return !logs[side as 0 | 1].commits.some(({ block, proof }) => {
      return proof.kind !== "attested" && block.block.height >= height;
    });
  });
  const which = named.length === 0 ? "both logs" : `the ${named.join(" and the ")} log`;
  return `certificates of votes at height ${height} or above: in place of ${which}, read one of a member that committed live`;
}
