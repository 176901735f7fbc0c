import type { GenesisFile } from "../stranger/genesis.ts";
import { type Verify, verifies } from "../stranger/keys.ts";
import { setHash, type ValidatorSet } from "../stranger/sets.ts";
import { isSignedBy, type Signed, type Statement } from "../stranger/statements.ts";
import { type Bond, Bonds } from "./bonds.ts";
import { epochOf, indexOf, isInvalidVote, offence } from "./evidence.ts";
import { executeBlock, total } from "./model/block.ts";
import { type Act, createWorld, findAccount, type Report, type World } from "./model/world.ts";
import { Nonces } from "./nonces.ts";
import { OwnerRequests } from "./owner-requests.ts";
import { amount, count, marginRules } from "./parameters.ts";
import { type PayingBlock, Rewards } from "./rewards.ts";
import { Sessions } from "./sessions.ts";
import { type Cause, Swaps } from "./swaps.ts";
import {
  idOf,
  type Kind,
  registrationDigest,
  registrationSigningBytes,
  scanTransaction,
  signingBytes,
  type Transaction,
} from "./transactions.ts";

/** A committed block: its transactions in the order of their execution. */
export interface CommittedBlock extends PayingBlock {
  readonly epoch: number;
  readonly timestampMs: number;
  readonly transactions: readonly Uint8Array[];
  /** The verified set that follows, and why, if this block ends the epoch. */
  readonly next: { readonly set: ValidatorSet; readonly cause: Cause } | undefined;
}

/** Everything that moves money, from genesis on: node/spec/ledger.md, then node/spec/margin.md. */
export class Ledger {
  readonly #genesis: GenesisFile;
  readonly #verify: Verify;
  readonly #nonces = new Nonces();
  readonly #swaps: Swaps;
  readonly #rewards: Rewards;
  readonly #ownerRequests: OwnerRequests;
  readonly #sessions: Sessions;
  readonly #epochEnds = new Map<number, { readonly atMs: number; readonly height: number }>();
  readonly world: World;
  readonly bonds: Bonds;
  readonly counts = new Map<string, number>();
  set: ValidatorSet;
  height = 0;
  timestampMs: number;
  #clockMs: number;
  #creditMs = 0;
  #depositWindow: { fromMs: number; amount: bigint };
  #born: bigint;
  #reports: Report[] = [];
  #deposits: { account: string; amount: bigint }[] = [];
  acts: Act[] = [];
  #bundles: { account: string; actions: Kind<"bundle">["actions"] }[] = [];

  constructor(genesis: GenesisFile, verify: Verify = verifies) {
    this.#genesis = genesis;
    this.#verify = verify;
    this.bonds = new Bonds(genesis);
    this.#swaps = new Swaps(genesis, this.bonds);
    this.#rewards = new Rewards(genesis, this.bonds);
    this.#sessions = new Sessions(genesis, verify, this.#nonces);
    this.#ownerRequests = new OwnerRequests({
      genesis,
      verify,
      nonces: this.#nonces,
      bonds: this.bonds,
      swaps: this.#swaps,
    });
    this.set = genesis.firstSet;
    this.timestampMs = genesis.genesisTimeMs;
    this.#clockMs = genesis.genesisTimeMs;
    this.#depositWindow = { fromMs: genesis.genesisTimeMs, amount: 0n };
    this.world = createWorld({
      rules: marginRules(genesis),
      markets: genesis.markets,
      accounts: genesis.accounts,
      insuranceFund: genesis.insuranceFund,
    });
    this.#born = this.bonds.total() + total(this.world);
  }

  execute(block: CommittedBlock): void {
    this.#advance(block);
    this.#rewards.pay(block, this.set, this.#clockMs);
    this.bonds.release(this.#clockMs);
    this.#swaps.startBlock(this.set, block.next, this.#clockMs);
    this.#reports = [];
    this.#deposits = [];
    this.acts = [];
    this.#bundles = [];
    for (const bytes of block.transactions) this.#apply(bytes);
    this.#runMargin(block);
    this.#endEpoch(block.next?.set);
  }

  #isSigned(signed: Signed): boolean {
    return isSignedBy(this.#genesis.chainId, signed, this.#verify);
  }

  #advance({ epoch, height, timestampMs }: CommittedBlock): void {
    if (height !== this.height + 1) throw new Error(`block ${height} after ${this.height}`);
    if (epoch !== this.set.epoch) {
      throw new Error(`block ${height} is of epoch ${epoch}, the set is of ${this.set.epoch}`);
    }
    const span = timestampMs - this.timestampMs;
    if (span <= 0) throw new Error(`block ${height} is not later than its parent`);
    this.height = height;
    this.timestampMs = timestampMs;
    this.#creditMs = Math.min(span, count(this.#genesis, "blockTimeCreditMsMax"));
    this.#clockMs += this.#creditMs;
  }

  /** Whether the block at this time pays rewards: then its events have to be read. */
  isPayday(timestampMs: number): boolean {
    const span = Math.min(
      timestampMs - this.timestampMs,
      count(this.#genesis, "blockTimeCreditMsMax"),
    );
    return this.#rewards.isPayday(this.#clockMs + span);
  }

  /** A transaction that some rule refuses changes nothing. */
  #apply(bytes: Uint8Array): void {
    let transaction: Transaction;
    try {
      transaction = scanTransaction(bytes);
    } catch {
      this.#count("undecodable");
      return;
    }
    const isTaken = this.#applyDecoded(transaction, idOf(bytes));
    this.#count(isTaken ? transaction.kind : `${transaction.kind} refused`);
  }

  #count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  #applyDecoded(transaction: Transaction, id: string): boolean {
    switch (transaction.kind) {
      case "bundle":
        return this.#admitBundle(transaction);
      case "session":
        if (!this.#isKnown(transaction.account)) return false;
        return this.#sessions.open(transaction, id, this.timestampMs);
      case "session-bundle":
        return this.#sessions.admit(transaction, this.timestampMs, this.#bundles);
      case "revoke-session":
        return this.#sessions.revoke(transaction);
      case "oracle-report":
        return this.#admitReport(transaction.report);
      case "faucet":
        return this.#genesis.dev && this.#deposit(transaction, `faucet/${transaction.account}`);
      case "custodian-deposit":
        return this.#custodianDeposit(transaction);
      case "put":
        // Moves no money, whatever the chain says to it.
        return false;
      case "register-spare":
        return this.#register(transaction);
      case "misconduct-proof":
        return this.#judge(transaction);
      case "invalid-vote-proof":
        return this.#judgeVote(transaction);
      case "silence-record": {
        const { member, setHash: named } = transaction;
        if (named !== setHash(this.set)) return false;
        return this.#swaps.swap(member, "silence", id);
      }
      case "owner-rotation":
        return this.#ownerRequests.rotate(transaction, this.set, id);
      case "resize":
        return this.#ownerRequests.resize(transaction, this.set, id);
      case "market-terms":
        return this.#ownerRequests.decide(transaction, this);
      case "return-spare":
        return this.#ownerRequests.return(transaction, this.#clockMs);
      case "exit-spare":
        return this.#ownerRequests.exit(transaction, this.#clockMs);
      case "treasury-withdraw":
        if (!this.#ownerRequests.takeFromTreasury(transaction)) return false;
        this.#deposits.push({ account: transaction.account, amount: transaction.amount });
        return true;
      case "approve-swap":
        return this.#ownerRequests.approve(transaction);
      case "absence":
      case "readiness":
        return true;
    }
  }

  #isKnown(account: string): boolean {
    const isNew = this.#deposits.some((deposit) => deposit.account === account);
    return isNew || findAccount(this.world, account) !== undefined;
  }

  #admitBundle(bundle: Kind<"bundle">): boolean {
    const { account, actions, nonce, signature } = bundle;
    if (actions.length < 1 || actions.length > count(this.#genesis, "bundleActionsMax"))
      return false;
    if (!this.#isKnown(account)) return false;
    const strays = actions.some(
      (action) => action.kind === "stake" && !this.bonds.mayStake(this.set, account, action),
    );
    if (strays) return false;
    const scope = `bundle/${account}`;
    if (!this.#nonces.isFree(scope, nonce)) return false;
    if (!this.#verify(account, signingBytes(this.#genesis.chainId, bundle), signature))
      return false;
    this.#nonces.use(scope, nonce);
    this.#bundles.push({ account, actions });
    return true;
  }

  #admitReport(report: Signed): boolean {
    const { statement, author } = report;
    if (statement.kind !== "oracle-report" || statement.epoch !== this.set.epoch) return false;
    const { market, slot, price } = statement;
    if (!this.set.members.some(({ key }) => key === author)) return false;
    if (market >= this.#genesis.markets.length || price < 1n || this.#isAhead(slot)) return false;
    const seat = this.bonds.bonds.get(author);
    // A key that left its seat in this block keeps its jail to the end of the block.
    const isJailed = seat !== undefined && seat.reportsJailedUntilMs > this.#clockMs;
    const known = this.world.markets[market]?.newest.find((newest) => newest.author === author);
    const earlier = this.#reports.filter((one) => one.author === author && one.market === market);
    if (Math.max(known?.slot ?? -1, ...earlier.map((one) => one.slot)) >= slot) return false;
    if (isJailed || !this.#isSigned(report)) return false;
    this.#reports.push({ author, market, slot, price });
    return true;
  }

  #deposit(
    { account, amount: money, nonce }: { account: string; amount: bigint; nonce: number },
    scope: string,
  ): boolean {
    if (money < 1n || money > amount(this.#genesis, "depositWindowMax")) return false;
    if (!this.#nonces.isFree(scope, nonce)) return false;
    this.#nonces.use(scope, nonce);
    this.#deposits.push({ account, amount: money });
    this.#born += money;
    return true;
  }

  #custodianDeposit(transaction: Kind<"custodian-deposit">): boolean {
    const { custodians, chainId } = this.#genesis;
    const { signatures } = transaction;
    const authors = signatures.map(({ author }) => author);
    const isSorted = authors.every((author, at) => at === 0 || (authors[at - 1] ?? "") < author);
    const isQuorum = authors.length >= Math.floor((2 * custodians.length) / 3) + 1;
    const message = signingBytes(chainId, transaction);
    const isSigned = signatures.every(
      ({ author, signature }) =>
        custodians.includes(author) && this.#verify(author, message, signature),
    );
    if (!isSorted || !isQuorum || !isSigned || custodians.length === 0) return false;
    const isOver =
      this.#clockMs - this.#depositWindow.fromMs >= count(this.#genesis, "depositWindowMs");
    const window = isOver ? { fromMs: this.#clockMs, amount: 0n } : this.#depositWindow;
    const filled = window.amount + transaction.amount;
    if (filled > amount(this.#genesis, "depositWindowMax")) return false;
    if (!this.#deposit(transaction, "deposit")) return false;
    this.#depositWindow = { ...window, amount: filled };
    return true;
  }

  #register(transaction: Kind<"register-spare">): boolean {
    const { registration, possession, ownerSignature } = transaction;
    const { chainId } = this.#genesis;
    const isEndorsed = ownerSignature !== undefined;
    if (!this.bonds.mayRegister(this.set, registration, isEndorsed)) return false;
    const { statement, author } = possession;
    const isPossession =
      statement.kind === "endorsement" &&
      author === registration.key &&
      statement.subject === registrationDigest(chainId, registration) &&
      this.#isSigned(possession);
    const owner = this.bonds.owner(registration.owner);
    if (!isPossession || owner === undefined) return false;
    const isSigned = (
      role: "network" | "sponsor" | "owner",
      key: string,
      by: Uint8Array,
    ): boolean => this.#verify(key, registrationSigningBytes(chainId, role, registration), by);
    if (!isSigned("network", registration.networkKey, transaction.networkSignature)) return false;
    if (!isSigned("sponsor", owner.sponsorKey, transaction.sponsorSignature)) return false;
    if (ownerSignature !== undefined && !isSigned("owner", owner.key, ownerSignature)) return false;
    this.bonds.register(registration, isEndorsed, this.#clockMs);
    return true;
  }

  #judge({ chainId, first, second }: Kind<"misconduct-proof">): boolean {
    if (chainId !== this.#genesis.chainId) return false;
    const kind = offence(chainId, first, second);
    const bond = this.bonds.bonds.get(first.author);
    if (kind === undefined || bond === undefined) return false;
    if (this.#swaps.tombstones.has(bond.key) || !this.#isInTime(first.statement)) {
      return false;
    }
    if (!this.#isSigned(first) || !this.#isSigned(second)) return false;
    // E10: the first result is of the block that ended its epoch.
    const end = this.#epochEnds.get(epochOf(first.statement))?.height;
    if (kind === "E10" && end !== indexOf(first.statement)) return false;
    if (kind === "E9") {
      const [epoch, index] = [epochOf(first.statement), indexOf(first.statement)];
      const [lastEpoch, lastIndex] = bond.reportOffence;
      const isNewer = epoch > lastEpoch || (epoch === lastEpoch && index > lastIndex);
      if (bond.place !== "seat" || !isNewer) return false;
      bond.reportOffence = [epoch, index];
      bond.reportsJailedUntilMs = this.#clockMs + count(this.#genesis, "jailMs");
      return true;
    }
    this.#condemn(bond);
    return true;
  }

  /** E6: one vote, and the block whose rounds forbade it. */
  #judgeVote({ chainId, vote, block }: Kind<"invalid-vote-proof">): boolean {
    const bond = this.bonds.bonds.get(vote.author);
    if (chainId !== this.#genesis.chainId || vote.statement.kind !== "vote") return false;
    if (!isInvalidVote(vote.statement, block)) return false;
    if (bond === undefined || this.#swaps.tombstones.has(bond.key)) return false;
    if (!this.#isInTime(vote.statement) || !this.#isSigned(vote)) return false;
    this.#condemn(bond);
    return true;
  }

  #condemn(bond: Bond): void {
    this.#swaps.tombstones.add(bond.key);
    const isSeated = bond.place === "seat";
    const total = this.set.members.reduce((sum, { power }) => sum + power, 0n);
    this.bonds.condemn(bond, this.#clockMs, total);
    if (isSeated) this.#swaps.condemn(bond.key);
  }

  /** Of the past, and not too long ago; batches and endorsements have no epoch. */
  #isInTime(statement: Statement): boolean {
    const epoch = epochOf(statement);
    if (epoch > this.set.epoch) return false;
    if (statement.kind === "oracle-report" && this.#isAhead(statement.slot)) return false;
    if (statement.kind === "batch" || statement.kind === "endorsement") return true;
    if (epoch === this.set.epoch) return true;
    const endedMs = this.#epochEnds.get(epoch)?.atMs ?? Number.NEGATIVE_INFINITY;
    return this.#clockMs - endedMs <= count(this.#genesis, "evidenceMsMax");
  }

  /** A slot that begins more than one slot after block time. */
  #isAhead(slot: number): boolean {
    const slotMs = count(this.#genesis, "oracleSlotMs");
    return this.#genesis.genesisTimeMs + slot * slotMs > this.timestampMs + slotMs;
  }

  #runMargin({ timestampMs }: CommittedBlock): void {
    const { events } = executeBlock(this.world, {
      timestampMs,
      clockMs: this.#clockMs,
      creditMs: this.#creditMs,
      costOfCorruption: this.bonds.costOfCorruption(),
      members: this.set.members,
      reports: this.#reports,
      deposits: this.#deposits,
      acts: this.acts,
      bundles: this.#bundles,
    });
    for (const event of events) {
      this.#count(event.kind);
      if (event.kind === "staked") {
        this.bonds.stake(event["owner"] as string, event["amount"] as bigint);
      }
      if (event.kind === "withdrawal") this.#born -= event["amount"] as bigint;
    }
  }

  #endEpoch(nextSet: ValidatorSet | undefined): void {
    if (nextSet === undefined) return;
    if (!this.#swaps.isOver) throw new Error(`nothing caused the set of epoch ${nextSet.epoch}`);
    for (const { key, networkKey, owner, address } of nextSet.members) {
      const bond = this.bonds.bonds.get(key);
      const isSame =
        bond?.place === "seat" &&
        bond.networkKey === networkKey &&
        bond.owner === owner &&
        bond.address === address;
      if (!isSame) throw new Error(`epoch ${nextSet.epoch}: the seat of ${key} has no such bond`);
    }
    this.#epochEnds.set(this.set.epoch, { atMs: this.#clockMs, height: this.height });
    this.set = nextSet;
  }

  /**
   * All money there is, and what genesis, deposits and withdrawals leave: equal, or value was lost.
   */
  totals(): { readonly held: bigint; readonly due: bigint } {
    return { held: this.bonds.total() + total(this.world), due: this.#born };
  }
}
