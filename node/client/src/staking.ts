import type { Digest, MicroUsd, PublicKey } from "@quorate/node/kernel/scalars";
import {
  encodeTransaction,
  exitSigningBytes,
  returnSigningBytes,
  treasuryWithdrawSigningBytes,
} from "@quorate/node/ledger/transaction";
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
