import type { Digest, MicroUsd, PublicKey } from "@quorate/node/kernel/scalars";
import {
  encodeTransaction,
  exitSigningBytes,
  marketTermsSigningBytes,
  resizeSigningBytes,
  returnSigningBytes,
  treasuryWithdrawSigningBytes,
} from "@quorate/node/ledger/transaction";
import type { ResizeChange, Transaction } from "@quorate/node/ledger/types";
import type { AccountKey } from "./account-key.ts";

/** What every act of an owner needs: `owner` is its key, kept off the cluster. */
export interface OwnerAct {
  readonly chainId: Digest;
  readonly owner: AccountKey;
  /** Free in the owner's window of 1,024; shared by all acts of this owner. */
  readonly nonce: number;
}

/** Takes a spare or a jailed key back for good: its bond unbonds, slashable until it is paid. */
export function exitSpareTransaction(act: OwnerAct & { readonly key: PublicKey }): Uint8Array {
  const fields = { kind: "exit-spare", key: act.key, nonce: act.nonce } as const;
  const signature = act.owner.sign(exitSigningBytes(act.chainId, fields));
  return encodeTransaction({ ...fields, signature });
}

/** Makes a jailed key a spare again, once its term is over (rule RETURN). */
export function returnSpareTransaction(act: OwnerAct & { readonly key: PublicKey }): Uint8Array {
  const fields = { kind: "return-spare", key: act.key, nonce: act.nonce } as const;
  const signature = act.owner.sign(returnSigningBytes(act.chainId, fields));
  return encodeTransaction({ ...fields, signature });
}

/** Moves money of the owner's treasury, rewards among it, to an account. */
export function treasuryWithdrawTransaction(
  act: OwnerAct & { readonly account: PublicKey; readonly amount: MicroUsd },
): Uint8Array {
  const { chainId, owner, account, amount, nonce } = act;
  const parties = { owner: owner.publicKey, account };
  const fields = { kind: "treasury-withdraw", ...parties, amount, nonce } as const;
  const signature = owner.sign(treasuryWithdrawSigningBytes(chainId, fields));
  return encodeTransaction({ ...fields, signature });
}

/** A change of the set by one seat; the set hash says of which set, and so of which epoch. */
export interface Resize {
  readonly setHash: Digest;
  readonly change: ResizeChange;
}

/** One owner's consent. */
export type OwnerSignature = Extract<Transaction, { kind: "resize" }>["signatures"][number];

/** Signs where the owner's key is: nothing but the chain's id has to be known there. */
export function signResize(
  { setHash, change }: Resize,
  { chainId, owner }: Pick<OwnerAct, "chainId" | "owner">,
): OwnerSignature {
  const bytes = resizeSigningBytes(chainId, { kind: "resize", setHash, change });
  return { author: owner.publicKey, signature: owner.sign(bytes) };
}

/** Adds or ends one seat, with the signatures of owners of a quorum; anybody may send it. */
export function resizeTransaction(
  { setHash, change }: Resize,
  signatures: readonly OwnerSignature[],
): Uint8Array {
  return encodeTransaction({ kind: "resize", setHash, change, signatures: byAuthor(signatures) });
}

/** Public keys are lower-case hex: the order of the texts is the chain's. */
function byAuthor(signatures: readonly OwnerSignature[]): readonly OwnerSignature[] {
  return signatures.toSorted((one, two) => (one.author < two.author ? -1 : 1));
}

/** A decision of owners about a market. */
export type MarketDecision = Omit<
  Extract<Transaction, { kind: "market-terms" }>,
  "kind" | "signatures"
>;

/** Signs where the owner's key is, as `signResize`. */
export function signMarketTerms(
  decision: MarketDecision,
  { chainId, owner }: Pick<OwnerAct, "chainId" | "owner">,
): OwnerSignature {
  const bytes = marketTermsSigningBytes(chainId, { ...decision, kind: "market-terms" });
  return { author: owner.publicKey, signature: owner.sign(bytes) };
}

/** Restricts a market, or schedules a change of it, by owners of a quorum; anybody may send it. */
export function marketTermsTransaction(
  decision: MarketDecision,
  signatures: readonly OwnerSignature[],
): Uint8Array {
  return encodeTransaction({ ...decision, kind: "market-terms", signatures: byAuthor(signatures) });
}
