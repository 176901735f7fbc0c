import type { GenesisFile } from "../stranger/genesis.ts";
import type { Verify } from "../stranger/keys.ts";
import { powerOf, quorum, setHash, type ValidatorSet } from "../stranger/sets.ts";
import type { Bonds } from "./bonds.ts";
import { mayDecide } from "./market-decisions.ts";
import type { Act, World } from "./model/world.ts";
import type { Nonces } from "./nonces.ts";
import type { Swaps } from "./swaps.ts";
import { type Kind, signingBytes } from "./transactions.ts";

/** The block in which owners decide. */
interface Deciding {
  readonly set: ValidatorSet;
  readonly world: World;
  readonly acts: Act[];
  readonly timestampMs: number;
}

/** What an owner signs: rotation, return and exit of its keys, and its treasury. */
export class OwnerRequests {
  readonly #chainId: string;
  readonly #isDev: boolean;
  readonly #verify: Verify;
  readonly #nonces: Nonces;
  readonly #bonds: Bonds;
  readonly #swaps: Swaps;

  constructor(of: {
    genesis: GenesisFile;
    verify: Verify;
    nonces: Nonces;
    bonds: Bonds;
    swaps: Swaps;
  }) {
    this.#chainId = of.genesis.chainId;
    this.#isDev = of.genesis.dev;
    this.#verify = of.verify;
    this.#nonces = of.nonces;
    this.#bonds = of.bonds;
    this.#swaps = of.swaps;
  }

  rotate(rotation: Kind<"owner-rotation">, set: ValidatorSet, id: string): boolean {
    const { member, nonce, signature } = rotation;
    const bond = this.#bonds.bonds.get(member);
    if (rotation.setHash !== setHash(set) || bond?.place !== "seat") return false;
    const scope = `owner/${bond.owner}`;
    if (this.#swaps.isCondemned(member) || !this.#nonces.isFree(scope, nonce)) return false;
    const message = signingBytes(this.#chainId, rotation);
    if (!this.#verify(bond.owner, message, signature)) return false;
    // The signature is spent, also where no spare was fit or another swap came first.
    this.#nonces.use(scope, nonce);
    return this.#swaps.swap(member, "owner", id);
  }

  /** Signed by owners of a quorum of the power; whether it was safe, the chain's record tells. */
  resize(resize: Kind<"resize">, set: ValidatorSet, id: string): boolean {
    if (resize.setHash !== setHash(set) || !this.#isQuorum(resize, set)) return false;
    return this.#swaps.resize(resize.change, id);
  }

  /** A decision about a market joins the `acts` of the block. */
  decide(terms: Kind<"market-terms">, { set, world, acts, timestampMs }: Deciding): boolean {
    const market = world.markets[terms.market];
    if (market === undefined || timestampMs >= terms.untilMs) return false;
    const isTaken = acts.some((act) => act.market === terms.market);
    if (isTaken || !mayDecide(market, terms.act, this.#isDev)) return false;
    const scope = `terms/${terms.market}`;
    if (!this.#nonces.isFree(scope, terms.nonce) || !this.#isQuorum(terms, set)) return false;
    this.#nonces.use(scope, terms.nonce);
    acts.push(terms.act);
    return true;
  }

  /** Signed by owners of a quorum of the power, sorted, nobody else among them. */
  #isQuorum(signed: Kind<"resize" | "market-terms">, set: ValidatorSet): boolean {
    const authors = signed.signatures.map(({ author }) => author);
    const isSorted = authors.every((author, at) => at === 0 || (authors[at - 1] ?? "") < author);
    const seats = set.members.filter(({ owner }) => authors.includes(owner));
    const owned = authors.every((author) => seats.some(({ owner }) => owner === author));
    const power = powerOf(set, new Set(seats.map(({ key }) => key)));
    if (!isSorted || !owned || power < quorum(set)) return false;
    const message = signingBytes(this.#chainId, signed);
    return signed.signatures.every(({ author, signature }) =>
      this.#verify(author, message, signature),
    );
  }

  approve(approval: Kind<"approve-swap">): boolean {
    const { member, signer, signature } = approval;
    const message = signingBytes(this.#chainId, approval);
    this.#swaps.approve(member, signer, () => this.#verify(signer, message, signature));
    return true;
  }

  return(back: Kind<"return-spare">, clockMs: number): boolean {
    const bond = this.#bonds.bonds.get(back.key);
    if (bond?.place !== "jailed" || clockMs < bond.untilMs) return false;
    const scope = `owner/${bond.owner}`;
    if (!this.#nonces.isFree(scope, back.nonce)) return false;
    const message = signingBytes(this.#chainId, back);
    if (!this.#verify(bond.owner, message, back.signature)) return false;
    if (!this.#bonds.hasRoom(bond.owner, bond.amount, true)) return false;
    this.#bonds.makeRoom(bond.owner, clockMs);
    bond.place = "spare";
    bond.power = 0n;
    bond.endorsed = true;
    bond.reportOffence = [0, -1];
    bond.reportsJailedUntilMs = 0;
    this.#nonces.use(scope, back.nonce);
    this.#swaps.swapCondemned();
    return true;
  }

  exit(exit: Kind<"exit-spare">, clockMs: number): boolean {
    const bond = this.#bonds.bonds.get(exit.key);
    if (bond?.place !== "spare" && bond?.place !== "jailed") return false;
    const scope = `owner/${bond.owner}`;
    if (!this.#nonces.isFree(scope, exit.nonce)) return false;
    const message = signingBytes(this.#chainId, exit);
    if (!this.#verify(bond.owner, message, exit.signature)) return false;
    this.#nonces.use(scope, exit.nonce);
    this.#bonds.unbond(bond, clockMs);
    return true;
  }

  /** The owner's money goes; the deposit to the account is the ledger's. */
  takeFromTreasury(request: Kind<"treasury-withdraw">): boolean {
    const owner = this.#bonds.owner(request.owner);
    const { amount: money, nonce } = request;
    if (owner === undefined || money < 1n || money > owner.money) return false;
    const scope = `owner/${owner.key}`;
    if (!this.#nonces.isFree(scope, nonce)) return false;
    const message = signingBytes(this.#chainId, request);
    if (!this.#verify(owner.key, message, request.signature)) return false;
    this.#nonces.use(scope, nonce);
    owner.money -= money;
    return true;
  }
}
