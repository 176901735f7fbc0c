import { minimum } from "../kernel/fixed-point.ts";
import type { Digest, MicroUsd, PublicKey } from "../kernel/scalars.ts";
import type { MarginEvent } from "../margin/types.ts";
import type { LedgerState, Owner } from "./state.ts";
import { exitSigningBytes, treasuryWithdrawSigningBytes } from "./transaction.ts";
import type { Transaction } from "./types.ts";
import { startUnbonding } from "./unbonding.ts";
import {
  burnNonce,
  change,
  checkNonce,
  type Verdict,
  type Work,
  withEntry,
  withoutEntry,
} from "./work.ts";

type Kind<K extends Transaction["kind"]> = Extract<Transaction, { kind: K }>;

/** What the lowest seat needs as a bond. */
export function leastBond({ seats }: LedgerState): MicroUsd {
  return [...seats.values()].map(({ power }) => power).reduce(minimum);
}

/** A spare's owner takes it back; its bond unbonds, as slashable as any (also from jail). */
export function applyExit(work: Work, exit: Kind<"exit-spare">, id: Digest): Verdict {
  const { spares, jailed, chainId } = work.state;
  const spare = spares.get(exit.key);
  const candidate = spare ?? jailed.get(exit.key);
  if (candidate === undefined) {
    const fix = "only a spare or a jailed key exits: a seated one is rotated by its owner first";
    return { code: "NOT_A_SPARE", field: "key", fix };
  }
  const scope = `owner/${candidate.owner}`;
  const used = checkNonce(work, scope, exit.nonce, id);
  if (used !== undefined) return used;
  if (!work.scheme.verify(candidate.owner, exitSigningBytes(chainId, exit), exit.signature)) {
    const fix = "sign exitSigningBytes with the key of the spare's owner";
    return { code: "NOT_THE_OWNER", field: "signature", fix };
  }
  burnNonce(work, scope, exit.nonce, id);
  change(work, {
    spares: withoutEntry(spares, exit.key),
    jailed: withoutEntry(jailed, exit.key),
  });
  startUnbonding(work, { ...candidate, power: jailed.get(exit.key)?.power ?? 0n });
  return undefined;
}

/**
 * Money of an owner goes to an account, whose withdrawals rule ORDER shuts as all others. Only the
 * owner's key does that: the sponsor key places bonds and no more (SPONSOR).
 */
export function applyTreasuryWithdraw(
  work: Work,
  request: Kind<"treasury-withdraw">,
  id: Digest,
): Verdict {
  const { owners, chainId, staked } = work.state;
  const owner = owners.get(request.owner);
  if (owner === undefined) {
    return { code: "UNKNOWN_OWNER", field: "owner", fix: "no owner of this chain has that key" };
  }
  const { account, amount, nonce } = request;
  if (amount < 1n) {
    return { code: "AMOUNT_INVALID", field: "amount", fix: "take 1 micro-USD or more" };
  }
  if (amount > owner.treasury) {
    const fix = `the owner's treasury holds ${owner.treasury}: take at most that`;
    return { code: "TREASURY_SHORT", field: "amount", fix };
  }
  const scope = `owner/${owner.key}`;
  const used = checkNonce(work, scope, nonce, id);
  if (used !== undefined) return used;
  const message = treasuryWithdrawSigningBytes(chainId, request);
  if (!work.scheme.verify(owner.key, message, request.signature)) {
    const fix = "sign treasuryWithdrawSigningBytes with the owner's key";
    return { code: "NOT_THE_OWNER", field: "signature", fix };
  }
  burnNonce(work, scope, nonce, id);
  const poorer = { ...owner, treasury: owner.treasury - amount };
  change(work, {
    owners: withEntry(work.state.owners, owner.key, poorer),
    staked: staked - amount,
  });
  work.deposits.push({ account, amount });
  return undefined;
}

/**
 * Whether the stakes of a bundle have somewhere to go: to an owner, or, where candidates are open,
 * to the account itself, which becomes one if it brings the fee and the least bond at once.
 */
export function checkStakes(
  state: LedgerState,
  { account, actions }: Pick<Kind<"bundle">, "account" | "actions">,
): Verdict {
  for (const [index, action] of actions.entries()) {
    if (action.kind !== "stake" || state.owners.has(action.owner)) continue;
    const refusal = checkOpening(state, account, action, `actions[${index}]`);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function checkOpening(
  state: LedgerState,
  account: PublicKey,
  { owner, amount }: { readonly owner: PublicKey; readonly amount: MicroUsd },
  field: string,
): Verdict {
  if (state.genesis.candidates !== "open" || owner !== account) {
    const fix =
      state.genesis.candidates === "open"
        ? "name an owner of this chain, or the account itself, to become one"
        : "only owners named in the genesis are candidates on this chain";
    return { code: "UNKNOWN_OWNER", field: `${field}.owner`, fix };
  }
  const least = state.genesis.parameters.rotation.registrationFee + leastBond(state);
  if (amount >= least) return undefined;
  const fix = `stake ${least} or more at once: the fee of an owner and the least bond`;
  return { code: "STAKE_TOO_SMALL", field: `${field}.amount`, fix };
}

/** Takes a fee into the pot that rewards come from: what stays on the chain for ever costs one. */
export function chargeFee(work: Work, owner: Owner): Owner {
  const { registrationFee } = work.state.genesis.parameters.rotation;
  change(work, { rewardPot: work.state.rewardPot + registrationFee });
  return { ...owner, treasury: owner.treasury - registrationFee };
}

/** Books what the margin engine let go to owners. */
export function creditStakes(work: Work, events: readonly MarginEvent[]): void {
  for (const event of events) {
    if (event.kind !== "staked") continue;
    const { owner: key, amount } = event;
    const known = work.state.owners.get(key);
    // A stranger answers for itself: one key is owner and sponsor.
    const owner = known ?? { key, sponsorKey: key, treasury: 0n, sponsored: 0n };
    const richer = { ...owner, treasury: owner.treasury + amount };
    const paid = known === undefined ? chargeFee(work, richer) : richer;
    const { owners, staked } = work.state;
    change(work, { owners: withEntry(owners, key, paid), staked: staked + amount });
  }
}
