import {
  type EpochProof,
  resultDigest,
  verifyResultCertificate,
} from "../../src/kernel/certificates.ts";
import { verifyListProof } from "../../src/kernel/merkle.ts";
import type { Digest, Epoch, Height, PublicKey } from "../../src/kernel/scalars.ts";
import type { SignatureScheme, SignedStatement, Statement } from "../../src/kernel/statements.ts";
import { type ValidatorSet, validatorSetHash } from "../../src/kernel/validator-set.ts";
import { genesisSet } from "../../src/ledger/genesis.ts";
import { receiptProof } from "../../src/ledger/receipt.ts";
import type { LedgerState } from "../../src/ledger/state.ts";
import type { LedgerEvent, SwapRecord } from "../../src/ledger/types.ts";
import type { CertifiedReceipt, ReplicaEffect } from "../../src/replica/types.ts";
import type { Birth } from "./birth.ts";
import { ClockChecker } from "./clock-checker.ts";
import type { SentResize } from "./resizes.ts";
import { SessionChecker } from "./session-checker.ts";
import { createSetChecker } from "./set-checker.ts";
import { demand } from "./violation.ts";

type Executed = Extract<ReplicaEffect, { kind: "executed" }>["execution"];
type Certified = Extract<ReplicaEffect, { kind: "certified" }>["certificate"];

export interface RunChecker {
  /** Highest height that any honest node has executed. */
  readonly height: Height;
  readonly certifiedHeight: Height;
  readonly swaps: readonly SwapRecord[];
  readonly slashed: ReadonlyMap<PublicKey, Height>;
  readonly epoch: Epoch;
  /** The set of that epoch. */
  readonly set: ValidatorSet;
  /** Counts the chain's clock, for all who judge by it. */
  readonly clock: ClockChecker;
  readonly sessions: SessionChecker;
  /** The set of an epoch that an honest node has executed the beginning of. */
  setOf(epoch: Epoch): ValidatorSet | undefined;
  /** An honest node executed a block: the first time is the chain, every other must equal it. */
  executed(name: string, execution: Executed): void;
  certified(name: string, certificate: Certified): void;
  /**
   * An honest node went on into an epoch that a repair opened: what the epoch before did above the
   * repaired result is void (rule SPLIT).
   */
  repaired(name: string, proof: EpochProof): void;
  /** True where a ledger holds what became void: it has not followed the repair yet. */
  isVoid(ledger: Pick<LedgerState, "height" | "voids">): boolean;
  /** Owners are about to send it, however signed. */
  resizeSent(transaction: Digest, sent: SentResize): void;
  answered(transaction: Digest, receipt: CertifiedReceipt): void;
  evidence(name: string, first: SignedStatement, second: SignedStatement): void;
  /** Every heartbeat that an honest key signs. */
  heartbeat(author: PublicKey, statement: Statement): void;
  /** At the end of a run: nothing that was acknowledged is lost. */
  finish(): void;
  /** An honest node counts a fault of this member in a metric that the operator reads. */
  counted(name: string, member: PublicKey, fault: string): void;
}

interface Options {
  readonly birth: Birth;
  readonly scheme: SignatureScheme;
  readonly isHonest: (key: PublicKey) => boolean;
  /** Whether silence of this node is no wonder now: it is gone, was down or cut off lately. */
  readonly mayBeSilent: (key: PublicKey) => boolean;
  /** Whether a spare was registered with its owner's signature. */
  readonly isEndorsed: (key: PublicKey) => boolean;
  /** True time, Unix ms. */
  readonly now: () => number;
}

/** No honest clock of a run is further off (`Plan.skewMs` and the faults that move clocks). */
const SKEW_MS_MAX = 150;

/** What must hold over all honest nodes of a run, checked at every effect. */
export function createRunChecker(options: Options): RunChecker {
  const { birth, scheme, isHonest, mayBeSilent } = options;
  const results = new Map<Height, Executed["result"]>();
  const sets = new Map<Epoch, ValidatorSet>([[1, genesisSet(birth.genesis)]]);
  const receipts = new Map<Digest, CertifiedReceipt>();
  let swaps: SwapRecord[] = [];
  const slashed = new Map<PublicKey, Height>();
  const clock = new ClockChecker(birth);
  const sessions = new SessionChecker(birth);
  const resizes = new Map<Digest, SentResize>();
  const setChecker = createSetChecker({ ...options, clock, resizes });
  let height = 0;
  const executedOnce = new Map<Digest, Height>();
  /** By abandoned epoch: the repaired result, and the set that went on from it. */
  const repairs = new Map<Epoch, { readonly height: Height; readonly digest: string }>();
  let blockTimeMs = birth.genesis.genesisTimeMs;
  let certifiedHeight = 0;
  let epoch = 1;

  const checkTime = ({ timestampMs }: Executed["result"]) => {
    const { clockAheadMsMax } = birth.genesis.parameters.consensus;
    const aheadMs = timestampMs - options.now();
    const what = () => `block ${height} is ${aheadMs} ms ahead, ${timestampMs - blockTimeMs} on`;
    demand(aheadMs <= clockAheadMsMax + SKEW_MS_MAX, "block time", what);
    demand(timestampMs > blockTimeMs, "block time", what);
    blockTimeMs = timestampMs;
  };

  const checkReceipts = ({ receipts: made }: Executed) => {
    for (const { code, transaction } of made) {
      if (code !== "OK") continue;
      const what = () => `${transaction.slice(0, 8)} again at ${height}`;
      demand(!executedOnce.has(transaction), "every transaction is executed once", what);
      executedOnce.set(transaction, height);
    }
  };

  const checkSwap = (swap: SwapRecord) => {
    swaps.push(swap);
    const { leaver } = swap;
    if (leaver === undefined) return;
    const what = () => `${leaver.slice(0, 8)} left by ${swap.cause}`;
    if (swap.cause === "misconduct") {
      demand(!isHonest(leaver), "no honest member is evicted", what);
    } else if (swap.cause === "silence" || swap.cause === "mute") {
      demand(mayBeSilent(leaver), "no live member is evicted", what);
    }
  };

  const checkEvents = (events: readonly LedgerEvent[]) => {
    const records = events.flatMap((event) => (event.kind === "swap" ? [event.swap] : []));
    for (const swap of records) checkSwap(swap);
    for (const event of events) {
      if (event.kind === "slashed") {
        slashed.set(event.key, height);
        const what = () => `${event.key.slice(0, 8)} was slashed for ${event.evidence}`;
        demand(!isHonest(event.key), "no honest member is slashed", what);
      }
      // Silence jails who is swapped; everybody else is jailed for double reports (E9).
      if (event.kind === "jailed" && !records.some(({ leaver }) => leaver === event.key)) {
        const what = () => `${event.key.slice(0, 8)} was jailed for its reports`;
        demand(!isHonest(event.key), "no honest member is jailed", what);
      }
    }
    return records;
  };

  /** The first execution of a height on any node. */
  const extend = (execution: Executed) => {
    const { result, nextSet } = execution;
    height = result.height;
    results.set(height, result);
    checkTime(result);
    checkReceipts(execution);
    sessions.executed(execution);
    clock.executed(result);
    setChecker.executed(height, execution);
    const records = checkEvents(execution.events);
    const isQuiet = nextSet === undefined;
    demand(
      isQuiet === (records.length === 0),
      "hand-over",
      () => `swap without a set at ${height}`,
    );
    if (nextSet === undefined) return;
    demand(nextSet.epoch === epoch + 1, "hand-over", () => `epoch ${nextSet.epoch} after ${epoch}`);
    const hash = validatorSetHash(nextSet);
    demand(result.nextSetHash === hash, "hand-over", () => `set hash at ${result.height}`);
    const before = setNow();
    setChecker.changed({ execution, swaps: records, before, next: nextSet });
    epoch = nextSet.epoch;
    sets.set(epoch, nextSet);
  };

  /** The chain ends at that height again, and goes on with that set. */
  const cutTo = (place: string, result: Executed["result"], nextSet: ValidatorSet) => {
    const { height: at } = result;
    const kept = () => `${place}, and ${certifiedHeight} is certified`;
    demand(certifiedHeight <= at, "SPLIT: nothing certified becomes void", kept);
    const known = results.get(at);
    const isOurs = known !== undefined && resultDigest(known) === resultDigest(result);
    demand(isOurs, "SPLIT: a repair goes on from the chain", () => place);
    const before = sets.get(nextSet.epoch - 1);
    const isSameSet =
      before !== undefined &&
      validatorSetHash({ ...before, epoch: nextSet.epoch }) === validatorSetHash(nextSet);
    demand(isSameSet, "SPLIT: a repair keeps the set", () => place);
    for (const old of [...results.keys()]) if (old > at) results.delete(old);
    for (const [id, old] of executedOnce) if (old > at) executedOnce.delete(id);
    for (const [key, old] of slashed) if (old > at) slashed.delete(key);
    swaps = swaps.filter((swap) => swap.height <= at);
    clock.cut(result);
    setChecker.cut(at);
    sessions.cut(at);
    height = at;
    blockTimeMs = result.timestampMs;
    epoch = nextSet.epoch;
    sets.set(epoch, nextSet);
  };

  const setNow = () => sets.get(epoch) as ValidatorSet;

  /** What a client was told is what honest nodes executed there. */
  const checkAnswer = ({ certificate }: CertifiedReceipt) => {
    const known = results.get(certificate.result.height);
    if (known === undefined) return;
    const same = resultDigest(known) === resultDigest(certificate.result);
    demand(same, "no acknowledged transaction is lost", () => `height ${known.height} differs`);
  };

  return {
    get height() {
      return height;
    },
    get certifiedHeight() {
      return certifiedHeight;
    },
    get epoch() {
      return epoch;
    },
    get set() {
      return setNow();
    },
    clock,
    sessions,
    setOf: (of) => sets.get(of),
    resizeSent: (transaction, sent) => void resizes.set(transaction, sent),
    get swaps() {
      return swaps;
    },
    slashed,
    executed(name, execution) {
      const { result } = execution;
      // Who has not heard of the repair yet.
      if (result.height > (repairs.get(result.epoch)?.height ?? result.height)) return;
      const known = results.get(result.height);
      if (known === undefined) {
        const what = () => `${name} executes ${result.height} after ${height}`;
        demand(result.height === height + 1, "agreement", what);
        extend(execution);
        return;
      }
      const place = `${name} at ${result.height}`;
      demand(known.blockId === result.blockId, "agreement", () => `${place}: another block`);
      demand(known.stateRoot === result.stateRoot, "agreement", () => `${place}: another state`);
      const rest = known.receiptsRoot === result.receiptsRoot && known.epoch === result.epoch;
      demand(rest, "agreement", () => `${place}: other receipts`);
      demand(known.nextSetHash === result.nextSetHash, "hand-over", () => `${place}: another set`);
    },
    certified(name, certificate) {
      const { result } = certificate;
      certifiedHeight = Math.max(certifiedHeight, result.height);
      const known = results.get(result.height);
      const equal = known?.stateRoot === result.stateRoot && known.blockId === result.blockId;
      demand(equal, "certified roots", () => `${name} at ${result.height}: not what was executed`);
      const whole = resultDigest(known ?? result) === resultDigest(result);
      demand(whole, "certified roots", () => `${name} at ${result.height}: another result`);
    },
    repaired(name, { certificate, nextSet }) {
      const abandoned = nextSet.epoch - 1;
      const { result } = certificate;
      const digest = `${resultDigest(result)} ${validatorSetHash(nextSet)}`;
      const before = repairs.get(abandoned);
      const place = `${name} repairs epoch ${abandoned} at ${result.height}`;
      demand((before?.digest ?? digest) === digest, "SPLIT: one repair of an epoch", () => place);
      if (before !== undefined) return;
      repairs.set(abandoned, { height: result.height, digest });
      cutTo(place, result, nextSet);
    },
    isVoid({ height: at, voids }) {
      for (const [abandoned, repair] of repairs) {
        if (at > repair.height && !voids.has(String(abandoned))) return true;
      }
      return false;
    },
    answered(transaction, receipt) {
      const { certificate, execution, position } = receipt;
      const { receipt: outcome, leaf, proof } = receiptProof(execution, position);
      const set = sets.get(certificate.result.epoch) as ValidatorSet;
      const valid = verifyResultCertificate(scheme, birth.chainId, set, certificate);
      demand(valid.ok, "client", () => `certificate at ${receipt.height} does not verify`);
      const bound = verifyListProof(certificate.result.receiptsRoot, leaf, proof);
      demand(bound, "client", () => `receipt at ${receipt.height} is not in its root`);
      checkAnswer(receipt);
      // A refusal settles nothing: the same bytes may come again (rule CAUSE).
      if (outcome.code !== "OK") return;
      const first = receipts.get(transaction);
      receipts.set(transaction, first ?? receipt);
      const same = first === undefined || first.height === receipt.height;
      demand(same, "client", () => `${transaction.slice(0, 8)} has two receipts`);
    },
    evidence(name, first) {
      const what = () => `${name} holds evidence of ${first.author.slice(0, 8)}`;
      demand(!isHonest(first.author), "no evidence of honest keys", what);
    },
    heartbeat: (author, statement) => setChecker.heartbeat(author, statement),
    finish() {
      for (const receipt of receipts.values()) {
        const { height: at } = receipt;
        const what = () => `a receipt of height ${at}, and nobody got there`;
        demand(at <= height, "no acknowledged transaction is lost", what);
        checkAnswer(receipt);
      }
    },
    counted(name, member, fault) {
      const what = () => `${name} counts ${fault} of ${member.slice(0, 8)}`;
      demand(!isHonest(member), "no fault of honest keys is counted", what);
    },
  };
}
