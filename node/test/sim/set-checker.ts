import type { Digest, Height, Millis, PublicKey } from "../../src/kernel/scalars.ts";
import type { Statement } from "../../src/kernel/statements.ts";
import { faultyPowerMax } from "../../src/kernel/threshold.ts";
import { totalPower, type ValidatorSet, validatorSetHash } from "../../src/kernel/validator-set.ts";
import type { SwapRecord } from "../../src/ledger/types.ts";
import type { ReplicaEffect } from "../../src/replica/types.ts";
import type { Birth } from "./birth.ts";
import type { ClockChecker } from "./clock-checker.ts";
import type { SentResize } from "./resizes.ts";
import { demand } from "./violation.ts";

type Executed = Extract<ReplicaEffect, { kind: "executed" }>["execution"];

/** One block that ended an epoch, with the set before and after it. */
export interface SetChange {
  readonly execution: Executed;
  readonly swaps: readonly SwapRecord[];
  readonly before: ValidatorSet;
  readonly next: ValidatorSet;
}

export interface SetChecker {
  /** A heartbeat that an honest key signed: what FIT rests on. */
  heartbeat(author: PublicKey, statement: Statement): void;
  executed(height: Height, execution: Executed): void;
  changed(change: SetChange): void;
  /** The heights above are void (rule SPLIT). */
  cut(height: Height): void;
}

interface Options {
  readonly birth: Birth;
  /** Has seen each block before this checker does. */
  readonly clock: ClockChecker;
  readonly isHonest: (key: PublicKey) => boolean;
  /** Whether the spare came with its owner's signature. */
  readonly isEndorsed: (key: PublicKey) => boolean;
  readonly resizes: ReadonlyMap<Digest, SentResize>;
}

interface Newcomer {
  /** On the chain's clock. */
  readonly seatedMs: Millis;
  readonly height: Height;
  readonly endorsed: boolean;
}

const short = (key: PublicKey) => key.slice(0, 8);

/** Rules EPOCH, SWAP, RATE and FIT, counted anew from what the chain did. */
export function createSetChecker(options: Options): SetChecker {
  const { birth, clock, isHonest, isEndorsed, resizes } = options;
  const { rotation } = birth.genesis.parameters;
  const newcomers = new Map<PublicKey, Newcomer>();
  const beats = new Map<PublicKey, { readonly height: Height; readonly stateRoot: string }[]>();
  const blocks = new Map<Height, { readonly stateRoot: string; readonly clockMs: Millis }>();
  /** Block time as every clock of the chain counts it. */
  let { clockMs } = clock;
  let silenceSwaps: { readonly height: Height; readonly clockMs: Millis }[] = [];

  const checkOverlap = ({ before, next }: SetChange) => {
    const shared = before.members.reduce((sum, { key, power }) => {
      const stays = next.members.find((member) => member.key === key)?.power ?? 0n;
      return sum + (stays < power ? stays : power);
    }, 0n);
    const enough = shared * 3n > totalPower(before) * 2n && shared * 3n > totalPower(next) * 2n;
    demand(enough, "rule EPOCH: overlap", () => `epoch ${next.epoch} shares ${shared}`);
  };

  /** Nothing but a resize changes how many sit, and with what power. */
  const checkConstant = ({ before, next, swaps }: SetChange) => {
    if (swaps.some(({ cause }) => cause === "grow" || cause === "shrink")) return;
    const same = before.members.length === next.members.length;
    demand(same && totalPower(before) === totalPower(next), "rule SWAP: n constant", () => {
      return `epoch ${next.epoch} has ${next.members.length} seats with ${totalPower(next)}`;
    });
  };

  /** One seat more or less, as owners with a quorum of the set before really signed it. */
  const checkResize = (swap: SwapRecord, change: SetChange) => {
    const { before, next, execution } = change;
    const sent = resizes.get(swap.proof);
    demand(sent !== undefined, "rule SWAP: owners resize", () => `by ${short(swap.proof)}`);
    if (sent === undefined) return;
    const signing = before.members.filter(({ owner }) => sent.signers.includes(owner));
    const power = signing.reduce((sum, member) => sum + member.power, 0n);
    demand(power * 3n > totalPower(before) * 2n, "rule SWAP: a quorum of owners resizes", () => {
      return `${swap.cause} by ${power} of ${totalPower(before)}`;
    });
    const isOfSet = sent.setHash === validatorSetHash(before);
    demand(isOfSet, "rule SWAP: a resize is of one set", () => `epoch ${next.epoch}`);
    const { key } = sent.change;
    const from = sent.change.kind === "grow" ? next : before;
    const changed = from.members.filter((member) => member.key === key);
    const rest = (set: ValidatorSet) =>
      set.members
        .filter((member) => member.key !== key)
        .map((member) => `${member.key}/${member.owner}/${member.power}/${member.muted}`)
        .sort()
        .join();
    const one = Math.abs(next.members.length - before.members.length) === 1;
    const exact = one && changed.length === 1 && rest(before) === rest(next);
    demand(exact && swap.cause === sent.change.kind, "rule SWAP: one seat", () => short(key));
    const great = next.members.find((member) => member.power * 3n >= totalPower(next));
    demand(great === undefined, "rule SEAT: below a third", () => short(great?.key ?? ""));
    if (sent.change.kind === "shrink") {
      newcomers.delete(key);
      return;
    }
    const asSigned = changed[0]?.power === sent.change.power;
    demand(asSigned, "rule SWAP: exact power", () => short(key));
    const { height } = execution.result;
    newcomers.set(key, { seatedMs: clockMs, height, endorsed: true });
    checkFit(key, change);
  };

  const checkMuted = ({ next }: SetChange) => {
    const muted = next.members.reduce((sum, each) => (each.muted ? sum + each.power : sum), 0n);
    const most = faultyPowerMax(totalPower(next));
    demand(muted <= most, "rule SWAP: at most f muted", () => `epoch ${next.epoch}: ${muted}`);
  };

  const checkRate = ({ next }: SetChange) => {
    const held = next.members.reduce((sum, { key, power }) => {
      const newcomer = newcomers.get(key);
      if (newcomer === undefined || newcomer.endorsed) return sum;
      return clockMs - newcomer.seatedMs < rotation.newcomerSpanMs ? sum + power : sum;
    }, 0n);
    const most = faultyPowerMax(totalPower(next));
    demand(held <= most, "rule RATE: unendorsed newcomers", () => {
      return `they hold ${held} of at most ${most} in epoch ${next.epoch}`;
    });
  };

  const checkCoolDown = ({ swaps, execution }: SetChange) => {
    if (!swaps.some(({ cause }) => cause === "silence")) return;
    const spanMs = clockMs - (silenceSwaps.at(-1)?.clockMs ?? Number.NEGATIVE_INFINITY);
    const coolMs = rotation.coolDownWindows * rotation.silenceMs;
    demand(spanMs >= coolMs, "rule RATE: cool-down", () => `${spanMs} ms after the last`);
    silenceSwaps.push({ height: execution.result.height, clockMs });
  };

  /** FIT: an honest newcomer attested a root of this chain, a short while ago. */
  const checkFit = (newcomer: PublicKey, { execution }: SetChange) => {
    if (!isHonest(newcomer)) return;
    const { height } = execution.result;
    const isRecent = (beats.get(newcomer) ?? []).some((beat) => {
      const block = blocks.get(beat.height);
      if (block === undefined || block.stateRoot !== beat.stateRoot) return false;
      const isNew = clockMs - block.clockMs <= rotation.fitMs;
      return height - beat.height <= rotation.fitBlocks || isNew;
    });
    demand(isRecent, "rule FIT", () => `${short(newcomer)} attested nothing of late`);
  };

  const checkAge = ({ newcomer, newcomerRegisteredAt: height }: SwapRecord) => {
    const registeredMs = blocks.get(height)?.clockMs;
    if (registeredMs === undefined) return;
    const ageMs = clockMs - registeredMs;
    demand(ageMs >= rotation.newcomerAgeMsMin, "rule RATE: minimum age", () => {
      return `${short(newcomer ?? "")} came unendorsed after ${ageMs} ms`;
    });
  };

  const checkSwap = (swap: SwapRecord, change: SetChange) => {
    const { newcomer, leaver, cause, power } = swap;
    const { before, next, execution } = change;
    demand(swap.epoch === next.epoch, "rule RATE: one at a time", () => `epoch ${swap.epoch}`);
    if (cause === "grow" || cause === "shrink") {
      checkResize(swap, change);
      return;
    }
    if (newcomer === undefined || leaver === undefined) return;
    const old = before.members.find(({ key }) => key === leaver);
    const fresh = next.members.find(({ key }) => key === newcomer);
    const exact = old !== undefined && fresh !== undefined && old.power === fresh.power;
    demand(exact && fresh.power === power, "rule SWAP: exact power", () => short(newcomer));
    const stays = next.members.some(({ key }) => key === leaver);
    demand(!stays, "rule SWAP: one out, one in", () => `${short(leaver)} still sits`);
    const isOwn = old?.owner === fresh?.owner;
    const endorsed = isOwn && (cause === "owner" || isEndorsed(newcomer));
    demand(cause !== "owner" || isOwn, "rule PICK", () => `${short(newcomer)} is another owner's`);
    if (!endorsed) checkAge(swap);
    const { height } = execution.result;
    const former = newcomers.get(leaver);
    // Whoever came in unendorsed, and exchanges its own key, is the newcomer that it was.
    const isSame = endorsed && former?.endorsed === false;
    newcomers.set(newcomer, isSame ? former : { seatedMs: clockMs, height, endorsed });
    checkFit(newcomer, change);
  };

  return {
    heartbeat(author, statement) {
      if (statement.kind !== "heartbeat") return;
      const list = beats.get(author) ?? [];
      list.push({ height: statement.height, stateRoot: statement.stateRoot });
      beats.set(author, list.slice(-64));
    },
    executed(height, { result }) {
      clockMs = clock.clockMs;
      blocks.set(height, { stateRoot: result.stateRoot, clockMs });
    },
    cut(height) {
      clockMs = clock.clockMs;
      silenceSwaps = silenceSwaps.filter((swap) => swap.height <= height);
      for (const [key, newcomer] of newcomers) if (newcomer.height > height) newcomers.delete(key);
    },
    changed(change) {
      checkOverlap(change);
      checkConstant(change);
      const one = change.swaps.length === 1;
      demand(one, "rule RATE: one at a time", () => `${change.swaps.length} in one block`);
      for (const swap of change.swaps) checkSwap(swap, change);
      checkCoolDown(change);
      checkMuted(change);
      checkRate(change);
    },
  };
}
