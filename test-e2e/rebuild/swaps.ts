import type { GenesisFile } from "../stranger/genesis.ts";
import { powerOf, quorum, type ValidatorSet } from "../stranger/sets.ts";
import type { Bonds } from "./bonds.ts";
import { count } from "./parameters.ts";

/** A condemned key that still sits (rule RATE). */
interface Condemned {
  readonly sinceMs: number;
  readonly needsApproval: boolean;
  readonly approvals: Set<string>;
}

/** Why the set changes, and by which transaction: the chain's own record. */
export interface Cause {
  readonly cause: "silence" | "misconduct" | "owner" | "mute" | "unmute" | "grow" | "shrink";
  readonly proof: string;
}

interface Swap extends Cause {
  /** Undefined where a seat was added. */
  readonly leaver: string | undefined;
  /** Undefined where a seat ended. */
  readonly newcomer: string | undefined;
  /** Of the newcomer in the next set. */
  readonly power: bigint;
}

/**
 * Who leaves and who enters is taken from the verified sets; when in the block, and what becomes of
 * the bonds, follows from the cause: node/spec/ledger.md, Swaps.
 */
export class Swaps {
  readonly #genesis: GenesisFile;
  readonly #bonds: Bonds;
  readonly #condemned = new Map<string, Condemned>();
  readonly tombstones = new Set<string>();
  #lastMisconductMs: number | undefined;
  #set: ValidatorSet;
  #due: Swap | undefined;
  #clockMs = 0;

  constructor(genesis: GenesisFile, bonds: Bonds) {
    this.#genesis = genesis;
    this.#bonds = bonds;
    this.#set = genesis.firstSet;
  }

  /** `next` is what follows if this block ends the epoch. */
  startBlock(
    set: ValidatorSet,
    next: { readonly set: ValidatorSet; readonly cause: Cause } | undefined,
    clockMs: number,
  ): void {
    this.#set = set;
    this.#clockMs = clockMs;
    this.#due = next === undefined ? undefined : difference(set, next.set, next.cause);
    this.swapCondemned();
  }

  get isOver(): boolean {
    return this.#due === undefined;
  }

  isCondemned(key: string): boolean {
    return this.#condemned.has(key);
  }

  #isDue(leaver: string): boolean {
    const newcomer = this.#bonds.bonds.get(this.#due?.newcomer ?? "");
    return this.#due?.leaver === leaver && newcomer?.place === "spare";
  }

  /**
   * Performs the swap if it is this member's and due by this cause. A silence record or a rotation
   * must also be the transaction that the chain recorded: whether a member was silent is not judged
   * here. Returns whether it was.
   */
  swap(leaver: string, cause: "silence" | "misconduct" | "owner", proof?: string): boolean {
    if (this.#due?.cause !== cause || !this.#isDue(leaver)) return false;
    if (cause !== "misconduct" && this.#due.proof !== proof) return false;
    const keys = [leaver, this.#due.newcomer ?? ""];
    const [out, into] = keys.map((key) => this.#bonds.bonds.get(key));
    if (out?.place !== "seat" || into === undefined) {
      throw new Error(`the set changes from ${leaver} to ${this.#due.newcomer} without bonds`);
    }
    into.place = "seat";
    into.power = out.power;
    const comesBack = cause === "silence" && !this.tombstones.has(leaver);
    if (comesBack) this.#bonds.jail(out, this.#clockMs);
    else this.#bonds.unbond(out, this.#clockMs);
    this.#condemned.delete(leaver);
    this.#due = undefined;
    return true;
  }

  /** Performs the growth or the shrinking that the chain recorded for this transaction. */
  resize(change: { isGrowth: boolean; key: string; power: bigint }, proof: string): boolean {
    const due = this.#due;
    if (due?.cause !== (change.isGrowth ? "grow" : "shrink") || due.proof !== proof) return false;
    const bond = this.#bonds.bonds.get(change.key);
    const isNamed = (change.isGrowth ? due.newcomer : due.leaver) === change.key;
    if (!isNamed || bond?.place !== (change.isGrowth ? "spare" : "seat")) {
      throw new Error(`epoch change by ${proof}: ${change.key} is not what comes or goes`);
    }
    if (change.isGrowth) {
      if (due.power !== change.power) throw new Error(`${change.key} has power ${due.power}`);
      bond.place = "seat";
      bond.power = change.power;
    } else {
      this.#bonds.unbond(bond, this.#clockMs);
      this.#condemned.delete(change.key);
    }
    this.#due = undefined;
    return true;
  }

  condemn(key: string): void {
    const now = this.#clockMs;
    const last = this.#lastMisconductMs;
    const needsApproval = last !== undefined && now - last < 2 * count(this.#genesis, "silenceMs");
    this.#condemned.set(key, { sinceMs: now, needsApproval, approvals: new Set() });
    this.#lastMisconductMs = now;
    this.swapCondemned();
  }

  #mayGo(key: string, { needsApproval, approvals, sinceMs }: Condemned): boolean {
    if (!needsApproval) return true;
    const owner = this.#bonds.bonds.get(key)?.owner;
    if (owner !== undefined && approvals.has(owner)) return true;
    const approving = this.#set.members.filter((member) => approvals.has(member.owner));
    const power = powerOf(this.#set, new Set(approving.map((member) => member.key)));
    if (power >= quorum(this.#set)) return true;
    return this.#clockMs - sinceMs >= count(this.#genesis, "secondMisconductWaitMs");
  }

  /** `signed`: the signer's signature, checked only where it can count. */
  approve(member: string, signer: string, signed: () => boolean): void {
    const entry = this.#condemned.get(member);
    if (entry === undefined || this.#mayGo(member, entry)) return;
    if (!this.#set.members.some(({ owner }) => owner === signer) || !signed()) return;
    entry.approvals.add(signer);
    this.swapCondemned();
  }

  swapCondemned(): void {
    // In order of condemnation; those of one block by key, the one that needs no approval first.
    const inOrder = [...this.#condemned].sort(
      ([one, first], [two, second]) =>
        first.sinceMs - second.sinceMs ||
        Number(first.needsApproval) - Number(second.needsApproval) ||
        (one < two ? -1 : 1),
    );
    for (const [key, entry] of inOrder) {
      if (this.#mayGo(key, entry)) this.swap(key, "misconduct");
    }
  }
}

/** The one key that leaves and the one that enters; undefined where only muting changed. */
function difference(set: ValidatorSet, next: ValidatorSet, cause: Cause): Swap | undefined {
  const missing = (from: ValidatorSet, other: ValidatorSet): string[] =>
    from.members.map(({ key }) => key).filter((key) => !other.members.some((m) => m.key === key));
  const [leavers, newcomers] = [missing(set, next), missing(next, set)];
  const [out, into] = [cause.cause === "grow" ? 0 : 1, cause.cause === "shrink" ? 0 : 1];
  const isSame = leavers.length === 0 && newcomers.length === 0;
  const isOne = leavers.length === out && newcomers.length === into;
  if (!isOne && !(isSame && out === into)) {
    throw new Error(`epoch ${next.epoch}: ${leavers.length} leave and ${newcomers.length} enter`);
  }
  const [leaver, newcomer] = [leavers[0], newcomers[0]];
  if (isSame) return undefined;
  const power = next.members.find(({ key }) => key === newcomer)?.power ?? 0n;
  return { ...cause, leaver, newcomer, power };
}
