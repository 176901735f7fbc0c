import type { GenesisFile, Owner } from "../stranger/genesis.ts";
import type { ValidatorSet } from "../stranger/sets.ts";
import { ceil, min, PPM } from "./model/arithmetic.ts";
import { amount, count } from "./parameters.ts";
import type { Registration } from "./transactions.ts";

/** Where a key's bond is; a key's bond is in one place at a time. */
export type Place = "seat" | "spare" | "jailed" | "unbonding";

export interface Bond {
  readonly key: string;
  readonly owner: string;
  readonly networkKey: string;
  readonly address: string;
  place: Place;
  amount: bigint;
  /** Of its seat, or of the seat that it left; 0 for a spare. */
  power: bigint;
  /** Its owner signed for it as a spare. */
  endorsed: boolean;
  /** Jailed: end of the term. Unbonding: when it is paid back. */
  untilMs: number;
  /** The sponsor's part: goes back to its limit with the bond. 0 at genesis. */
  sponsored: bigint;
  /** Newest punished double report as [epoch, index], and until when its reports do not count. */
  reportOffence: readonly [number, number];
  reportsJailedUntilMs: number;
}

interface Treasury extends Owner {
  money: bigint;
  sponsored: bigint;
}

/** A condemned key: what it had at stake then, and what it lost so far. */
interface Offender {
  readonly sinceMs: number;
  readonly bond: bigint;
  readonly power: bigint;
  lost: bigint;
}

/** Treasuries, bonds and the slashed pot: node/spec/ledger.md. */
export class Bonds {
  readonly #genesis: GenesisFile;
  readonly owners: Treasury[];
  readonly bonds = new Map<string, Bond>();
  readonly knownKeys = new Set<string>();
  readonly #offenders = new Map<string, Offender>();
  slashedPot = 0n;
  /** Genesis and strangers' fees, less rewards. */
  rewardPot: bigint;

  constructor(genesis: GenesisFile) {
    this.#genesis = genesis;
    this.rewardPot = genesis.rewardPot;
    this.owners = genesis.owners.map((owner) => ({
      ...owner,
      money: owner.treasury,
      sponsored: 0n,
    }));
    for (const { key, owner, networkKey, address, power } of genesis.firstSet.members) {
      this.#add({ key, owner, networkKey, address, bond: power }, "seat", true);
    }
  }

  #add(registration: Registration, place: Place, endorsed: boolean): void {
    const { bond, ...who } = registration;
    this.knownKeys.add(who.key);
    this.bonds.set(who.key, {
      ...who,
      place,
      amount: bond,
      power: place === "seat" ? bond : 0n,
      endorsed,
      untilMs: 0,
      sponsored: place === "seat" ? 0n : bond,
      reportOffence: [0, -1],
      reportsJailedUntilMs: 0,
    });
  }

  owner(key: string): Treasury | undefined {
    return this.owners.find((owner) => owner.key === key);
  }

  in(place: Place): Bond[] {
    return [...this.bonds.values()].filter((bond) => bond.place === place);
  }

  /** Rule SPONSOR, the money part; the signatures were checked before. */
  mayRegister(set: ValidatorSet, registration: Registration, endorsed: boolean): boolean {
    const { key, networkKey, address, bond } = registration;
    const owner = this.owner(registration.owner);
    if (owner === undefined || this.knownKeys.has(key) || networkKey === key) return false;
    const present = [...this.in("seat"), ...this.in("spare"), ...this.in("jailed")];
    if (present.some((other) => other.networkKey === networkKey)) return false;
    if (!isAddress(address) || !this.hasRoom(owner.key, bond, endorsed)) return false;
    const limit = amount(this.#genesis, "sponsorBondMax");
    const cost = bond + (this.#isStranger(owner.key) ? this.#fee() : 0n);
    return bond >= leastPower(set) && owner.sponsored + bond <= limit && cost <= owner.money;
  }

  #isStranger(owner: string): boolean {
    return this.#genesis.owners.every(({ key }) => key !== owner);
  }

  #fee(): bigint {
    return amount(this.#genesis, "registrationFee");
  }

  #charge(owner: Treasury): void {
    owner.money -= this.#fee();
    this.rewardPot += this.#fee();
  }

  /** Money that an account sends: a new owner pays the fee of its entry. */
  stake(key: string, money: bigint): void {
    let owner = this.owner(key);
    if (owner === undefined) {
      owner = { key, sponsorKey: key, treasury: 0n, money: 0n, sponsored: 0n };
      this.owners.push(owner);
      this.#charge(owner);
    }
    owner.money += money;
  }

  /** May this bundle's stake go where it wants to? */
  mayStake(set: ValidatorSet, account: string, stake: { owner: string; amount: bigint }): boolean {
    if (this.owner(stake.owner) !== undefined) return true;
    if (!this.#genesis.isOpen || stake.owner !== account) return false;
    return stake.amount >= this.#fee() + leastPower(set);
  }

  /** Strangers' spares; the one that a higher bond displaces stands first. */
  #strangers(): Bond[] {
    const found = this.in("spare").filter(({ owner }) => this.#isStranger(owner));
    // Equal bonds: the newest goes first. Bonds stand in order of registration.
    return found.reverse().sort((one, two) => Number(one.amount - two.amount));
  }

  #sparesOf(owner: string): Bond[] {
    return this.in("spare").filter((bond) => bond.owner === owner);
  }

  /** An owner's share of 128 spares, 1 to 16. */
  #isFull(owner: string): boolean {
    const share = Math.floor(128 / this.#genesis.owners.length);
    return this.#sparesOf(owner).length >= Math.max(1, Math.min(16, share));
  }

  /** One more spare: below the owner's cap, or endorsed in place of one that is not. */
  hasRoom(owner: string, bond: bigint, endorsed: boolean): boolean {
    if (this.#isStranger(owner)) {
      const present = this.#strangers();
      const lowest = present[0]?.amount ?? bond;
      return present.length < count(this.#genesis, "candidatesMax") || lowest < bond;
    }
    if (!this.#isFull(owner)) return true;
    return endorsed && this.#sparesOf(owner).some((bond) => !bond.endorsed);
  }

  /**
   * Displaces the oldest unendorsed spare of a full owner: bonds stand in order of registration.
   */
  makeRoom(owner: string, clockMs: number): void {
    if (this.#isStranger(owner)) {
      const [lowest] = this.#strangers();
      const isFull = this.#strangers().length >= count(this.#genesis, "candidatesMax");
      if (isFull && lowest !== undefined) this.unbond(lowest, clockMs);
      return;
    }
    if (!this.#isFull(owner)) return;
    const oldest = this.#sparesOf(owner).find((bond) => !bond.endorsed);
    if (oldest !== undefined) this.unbond(oldest, clockMs);
  }

  register(registration: Registration, endorsed: boolean, clockMs: number): void {
    this.makeRoom(registration.owner, clockMs);
    const owner = this.owner(registration.owner);
    if (owner === undefined) throw new Error(`no owner ${registration.owner}`);
    if (this.#isStranger(owner.key)) this.#charge(owner);
    owner.money -= registration.bond;
    owner.sponsored += registration.bond;
    this.#add(registration, "spare", endorsed);
  }

  /** Condemns the key; raises what all that were condemned within the window lose. */
  condemn({ key, amount: bond, power, place }: Bond, clockMs: number, total: bigint): void {
    const own = this.bonds.get(key);
    if (own !== undefined && (place === "spare" || place === "jailed")) this.unbond(own, clockMs);
    this.#offenders.set(key, { sinceMs: clockMs, bond, power, lost: 0n });
    const window = count(this.#genesis, "slashCorrelationMs");
    const recent = [...this.#offenders].filter(([, { sinceMs }]) => clockMs - sinceMs < window);
    const together = recent.reduce((sum, [, offender]) => sum + offender.power, 0n);
    for (const [name, offender] of recent) {
      const held = this.bonds.get(name);
      if (held === undefined) continue;
      const due = this.#due(offender, together, total);
      const taken = min(held.amount, due > offender.lost ? due - offender.lost : 0n);
      offender.lost += taken;
      held.amount -= taken;
      held.sponsored = min(held.sponsored, held.amount);
      this.slashedPot += taken;
    }
  }

  #due({ bond, power }: Pick<Offender, "bond" | "power">, together: bigint, total: bigint): bigint {
    const alone = amount(this.#genesis, "slashPpm");
    if (together === power) return ceil(bond * alone, PPM);
    const more = amount(this.#genesis, "slashCorrelationMultiplier") * together * PPM;
    return min(bond, ceil(bond * (alone * total + more), PPM * total));
  }

  /** Rule CAPS: the least that f+1 of the power lose together, the cheapest first. */
  costOfCorruption(): bigint {
    const seats = this.in("seat");
    const total = seats.reduce((sum, { power }) => sum + power, 0n);
    const together = total - (2n * total) / 3n;
    const priced = seats
      .map(({ amount: bond, power }) => ({
        power,
        loss: this.#due({ bond, power }, together, total),
      }))
      .sort((one, two) => Number(one.loss * two.power - two.loss * one.power));
    let [cost, missing] = [0n, together];
    for (const { power, loss } of priced) {
      const part = min(power, missing);
      cost += (loss * part) / power;
      missing -= part;
    }
    return cost;
  }

  jail(bond: Bond, clockMs: number): void {
    bond.place = "jailed";
    bond.untilMs = clockMs + count(this.#genesis, "jailMs");
  }

  unbond(bond: Bond, clockMs: number): void {
    bond.place = "unbonding";
    bond.untilMs = clockMs + count(this.#genesis, "unbondingMs");
  }

  /** Bonds whose time is over go back to their owners' treasuries. */
  release(clockMs: number): void {
    for (const bond of this.in("unbonding")) {
      if (bond.untilMs > clockMs) continue;
      const owner = this.owner(bond.owner);
      if (owner === undefined) throw new Error(`no owner ${bond.owner}`);
      owner.money += bond.amount;
      owner.sponsored -= bond.sponsored;
      this.bonds.delete(bond.key);
    }
  }

  total(): bigint {
    const bonds = [...this.bonds.values()].reduce((total, bond) => total + bond.amount, 0n);
    return this.owners.reduce(
      (total, { money }) => total + money,
      bonds + this.slashedPot + this.rewardPot,
    );
  }
}

function leastPower({ members }: ValidatorSet): bigint {
  const [first = 0n, ...powers] = members.map(({ power }) => power);
  return min(first, ...powers);
}

function isAddress(text: string): boolean {
  const found = /^([0-9A-Za-z.-]+|\[[0-9a-fA-F:.]+\]):([1-9][0-9]{0,4})$/.exec(text);
  return found !== null && text.length <= 255 && Number(found[2]) <= 65_535;
}
