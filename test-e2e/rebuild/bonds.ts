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
  /** 0 at genesis. */
  registeredAt: number;
  /** Jailed: end of the term. Unbonding: when it is paid back. */
  untilMs: number;
  /** Unbonding: what goes back to the sponsor's limit. */
  sponsored: bigint;
  /** Newest punished double report as [epoch, index], and until when its reports do not count. */
  reportOffence: readonly [number, number];
  reportsJailedUntilMs: number;
}

interface Treasury extends Owner {
  money: bigint;
  sponsored: bigint;
}

/** Treasuries, bonds and the slashed pot: node/spec/ledger.md. */
export class Bonds {
  readonly #genesis: GenesisFile;
  readonly owners: readonly Treasury[];
  readonly bonds = new Map<string, Bond>();
  readonly knownKeys = new Set<string>();
  slashedPot = 0n;

  constructor(genesis: GenesisFile) {
    this.#genesis = genesis;
    this.owners = genesis.owners.map((owner) => ({
      ...owner,
      money: owner.treasury,
      sponsored: 0n,
    }));
    for (const { key, owner, networkKey, address, power } of genesis.firstSet.members) {
      this.#add({ key, owner, networkKey, address, bond: power }, "seat", 0);
    }
  }

  #add(registration: Registration, place: Place, registeredAt: number): void {
    const { bond, ...who } = registration;
    this.knownKeys.add(who.key);
    this.bonds.set(who.key, {
      ...who,
      place,
      amount: bond,
      registeredAt,
      untilMs: 0,
      sponsored: 0n,
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
  mayRegister(set: ValidatorSet, registration: Registration): boolean {
    const { key, networkKey, address, bond } = registration;
    const owner = this.owner(registration.owner);
    if (owner === undefined || this.knownKeys.has(key) || networkKey === key) return false;
    const present = [...this.in("seat"), ...this.in("spare"), ...this.in("jailed")];
    if (present.some((other) => other.networkKey === networkKey)) return false;
    if (!isAddress(address) || this.in("spare").length >= 128) return false;
    const [first = 0n, ...powers] = set.members.map(({ power }) => power);
    const least = min(first, ...powers);
    const limit = amount(this.#genesis, "sponsorBondMax");
    return bond >= least && owner.sponsored + bond <= limit && bond <= owner.money;
  }

  register(registration: Registration, height: number): void {
    const owner = this.owner(registration.owner);
    if (owner === undefined) throw new Error(`no owner ${registration.owner}`);
    owner.money -= registration.bond;
    owner.sponsored += registration.bond;
    this.#add(registration, "spare", height);
  }

  /** Takes the slashed share from wherever the bond is. Spares and jailed keys begin to unbond. */
  slash(bond: Bond, clockMs: number): void {
    const share = ceil(bond.amount * amount(this.#genesis, "slashPpm"), PPM);
    bond.amount -= share;
    this.slashedPot += share;
    if (bond.place === "spare" || bond.place === "jailed") this.unbond(bond, clockMs);
  }

  jail(bond: Bond, clockMs: number): void {
    bond.place = "jailed";
    bond.untilMs = clockMs + count(this.#genesis, "jailMs");
  }

  unbond(bond: Bond, clockMs: number): void {
    bond.place = "unbonding";
    bond.untilMs = clockMs + count(this.#genesis, "unbondingMs");
    bond.sponsored = bond.registeredAt === 0 ? 0n : bond.amount;
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
    return this.owners.reduce((total, { money }) => total + money, bonds + this.slashedPot);
  }
}

function isAddress(text: string): boolean {
  const found = /^([0-9A-Za-z.-]+|\[[0-9a-fA-F:.]+\]):([1-9][0-9]{0,4})$/.exec(text);
  return found !== null && text.length <= 255 && Number(found[2]) <= 65_535;
}
