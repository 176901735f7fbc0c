import { defined } from "../kernel/assert.ts";
import type { MicroUsd, PublicKey } from "../kernel/scalars.ts";
import { verifyStatement } from "../kernel/statements.ts";
import { checkOpenRoom, isGenesisOwner, makeOpenRoom } from "./candidates.ts";
import { isAddress } from "./genesis-reader.ts";
import type { LedgerState, Owner, Spare } from "./state.ts";
import { registrationDigest, registrationSigningBytes } from "./transaction.ts";
import { chargeFee, leastBond } from "./treasury.ts";
import type { SpareRegistration, Transaction } from "./types.ts";
import { startUnbonding } from "./unbonding.ts";
import { change, type Verdict, type Work, withEntry, withoutEntry } from "./work.ts";

type Registering = Extract<Transaction, { kind: "register-spare" }>;

/** Heartbeats of spares ride in blocks, so their number is bounded. */
export const SPARES_MAX = 128;
/** Spares of one owner, however few owners share `SPARES_MAX`. */
export const OWNER_SPARES_MAX = 16;

/** SPONSOR: the owner's even share of all spares: no sponsor key takes the places of others. */
export function ownerSparesMax({ genesis }: LedgerState): number {
  const share = Math.floor(SPARES_MAX / genesis.owners.length);
  return Math.max(1, Math.min(OWNER_SPARES_MAX, share));
}

/** The owner's spares, oldest first. */
function sparesOf({ spares }: LedgerState, owner: PublicKey): readonly Spare[] {
  const own = [...spares.values()].filter((spare) => spare.owner === owner);
  return own.toSorted((left, right) => left.order - right.order);
}

/** What comes into the list of spares, newly or back from jail. */
interface Comer {
  readonly owner: PublicKey;
  readonly bond: MicroUsd;
  readonly isEndorsed: boolean;
}

/**
 * Whether the owner may have one more spare; an endorsed one may displace an unendorsed one.
 * Strangers share places of their own.
 */
export function checkRoom(state: LedgerState, { owner, bond, isEndorsed }: Comer): Verdict {
  if (!isGenesisOwner(state, owner)) return checkOpenRoom(state, bond);
  const own = sparesOf(state, owner);
  const most = ownerSparesMax(state);
  if (own.length < most || (isEndorsed && own.some(({ endorsed }) => !endorsed))) return undefined;
  const fix = isEndorsed
    ? `the owner has ${most} endorsed spares, as many as it may: wait until one is seated`
    : `the owner has ${most} spares, as many as it may: let its key endorse this one`;
  return { code: "SPARES_FULL", field: "registration", fix };
}

/** At the cap the owner's oldest unendorsed spare goes: its bond begins to unbond (SPONSOR). */
export function makeRoom(work: Work, owner: PublicKey): void {
  if (!isGenesisOwner(work.state, owner)) {
    makeOpenRoom(work);
    return;
  }
  const own = sparesOf(work.state, owner);
  if (own.length < ownerSparesMax(work.state)) return;
  const oldest = defined(
    own.find(({ endorsed }) => !endorsed),
    "an unendorsed spare of a full owner",
  );
  change(work, { spares: withoutEntry(work.state.spares, oldest.key) });
  startUnbonding(work, { ...oldest, power: 0n });
}

/**
 * SPONSOR: the spare's own keys sign, the owner's sponsor key pays the bond out of the owner's
 * treasury within its limit, and the owner's signature, if there, endorses it.
 */
export function applyRegistration(work: Work, transaction: Registering): Verdict {
  const { state } = work;
  const { registration } = transaction;
  const owner = state.owners.get(registration.owner);
  if (owner === undefined) {
    const fix =
      state.genesis.candidates === "open"
        ? "become an owner first: stake the fee and the least bond from an account"
        : "only owners named in the genesis are candidates";
    return { code: "UNKNOWN_OWNER", field: "registration.owner", fix };
  }
  const refusal =
    checkKeys(state, registration) ??
    checkRoom(state, {
      owner: owner.key,
      bond: registration.bond,
      isEndorsed: transaction.ownerSignature !== undefined,
    }) ??
    checkMoney(state, owner, registration.bond) ??
    checkSignatures(work, transaction, owner);
  if (refusal !== undefined) return refusal;
  admit(work, owner, transaction);
  return undefined;
}

function checkKeys(state: LedgerState, { key, networkKey, address }: SpareRegistration): Verdict {
  if (state.tombstones.has(key)) {
    const fix = "it was condemned for misconduct, for ever: make a new key";
    return { code: "KEY_TOMBSTONED", field: "registration.key", fix };
  }
  if (state.knownKeys.has(key)) {
    const fix = "a consensus key is registered once: make a new key, or return a jailed one";
    return { code: "KEY_KNOWN", field: "registration.key", fix };
  }
  const present = [...state.seats.values(), ...state.spares.values(), ...state.jailed.values()];
  if (networkKey === key || present.some((other) => other.networkKey === networkKey)) {
    const fix = "peers pin network keys: make a new one for each candidate";
    return { code: "NETWORK_KEY_KNOWN", field: "registration.networkKey", fix };
  }
  if (!isAddress(address)) {
    const fix = 'write host:port, like "127.0.0.1:7000"';
    return { code: "ADDRESS_INVALID", field: "registration.address", fix };
  }
  return undefined;
}

/** A key stays on the chain for ever; of strangers that costs a fee, against spam. */
function feeOf(state: LedgerState, { key }: Owner): MicroUsd {
  return isGenesisOwner(state, key) ? 0n : state.genesis.parameters.rotation.registrationFee;
}

function checkMoney(state: LedgerState, owner: Owner, bond: MicroUsd): Verdict {
  const field = "registration.bond";
  const least = leastBond(state);
  if (bond < least) {
    const fix = `bond at least ${least}: a newcomer's bond covers the leaver's power`;
    return { code: "BOND_TOO_SMALL", field, fix };
  }
  const { sponsorBondMax } = state.genesis.parameters.rotation;
  if (owner.sponsored + bond > sponsorBondMax) {
    const fix = `this sponsor key has placed ${owner.sponsored} of at most ${sponsorBondMax}`;
    return { code: "SPONSOR_LIMIT", field, fix };
  }
  const fee = feeOf(state, owner);
  if (bond + fee > owner.treasury) {
    const fix = `the owner's treasury holds ${owner.treasury}, the fee is ${fee}: bond less`;
    return { code: "TREASURY_SHORT", field, fix };
  }
  return undefined;
}

function checkSignatures(work: Work, transaction: Registering, owner: Owner): Verdict {
  const { chainId } = work.state;
  const { registration, possession } = transaction;
  const { statement, author } = possession;
  const isPossession =
    statement.kind === "endorsement" &&
    author === registration.key &&
    statement.subject === registrationDigest(chainId, registration) &&
    verifyStatement(work.scheme, chainId, possession);
  if (!isPossession) {
    const fix = "the spare's consensus key endorses the registration digest of this chain";
    return { code: "BAD_POSSESSION", field: "possession", fix };
  }
  const signed = (role: "network" | "sponsor" | "owner", key: string, by: Uint8Array): boolean =>
    work.scheme.verify(key, registrationSigningBytes(chainId, role, registration), by);
  if (!signed("network", registration.networkKey, transaction.networkSignature)) {
    const fix = "the network key signs registrationSigningBytes of role network";
    return { code: "BAD_NETWORK_SIGNATURE", field: "networkSignature", fix };
  }
  if (!signed("sponsor", owner.sponsorKey, transaction.sponsorSignature)) {
    const fix = "only the owner's sponsor key places a bond: sign role sponsor with it";
    return { code: "NOT_THE_SPONSOR", field: "sponsorSignature", fix };
  }
  const { ownerSignature } = transaction;
  if (ownerSignature !== undefined && !signed("owner", owner.key, ownerSignature)) {
    const fix = "only the owner's key endorses: sign role owner with it, or leave it out";
    return { code: "NOT_THE_OWNER", field: "ownerSignature", fix };
  }
  return undefined;
}

function admit(work: Work, known: Owner, { registration, ownerSignature }: Registering): void {
  const owner = isGenesisOwner(work.state, known.key) ? known : chargeFee(work, known);
  makeRoom(work, owner.key);
  const { state } = work;
  const { key, bond } = registration;
  const spare: Spare = {
    ...registration,
    registeredAt: state.height,
    sponsored: bond,
    order: state.registrations + 1,
    registeredMs: state.clockMs,
    endorsed: ownerSignature !== undefined,
    attested: 0,
  };
  const paid: Owner = {
    ...owner,
    treasury: owner.treasury - bond,
    sponsored: owner.sponsored + bond,
  };
  change(work, {
    spares: withEntry(state.spares, key, spare),
    owners: withEntry(state.owners, owner.key, paid),
    knownKeys: withEntry(state.knownKeys, key, state.height),
    registrations: spare.order,
  });
  work.events.push({ kind: "spare-registered", key, owner: owner.key });
}
