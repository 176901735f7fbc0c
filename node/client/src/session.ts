import type { Digest, Millis, PublicKey } from "@quorate/node/kernel/scalars";
import {
  encodeTransaction,
  revokeSessionSigningBytes,
  sessionSigningBytes,
  transactionId,
} from "@quorate/node/ledger/transaction";
import type { SessionScope } from "@quorate/node/ledger/types";
import type { AccountKey } from "./account-key.ts";
import type { SignedBundle } from "./bundle.ts";
import type { NonceSource } from "./nonces.ts";

/**
 * Lets `key` sign for the account until `expiresMs` of block time. The transaction's id names the
 * session: give it to `Bundle` as `session`, and the session's key as its `account`.
 */
export function sessionTransaction(options: {
  readonly chainId: Digest;
  readonly account: AccountKey;
  readonly nonces: NonceSource;
  readonly key: PublicKey;
  readonly expiresMs: Millis;
  readonly scope: SessionScope;
}): SignedBundle {
  const { chainId, account, nonces, key, expiresMs, scope } = options;
  const nonce = nonces.next();
  const terms = { nonce, key, expiresMs, scope };
  const fields = { kind: "session", account: account.publicKey, ...terms } as const;
  const signature = account.sign(sessionSigningBytes(chainId, fields));
  const bytes = encodeTransaction({ ...fields, signature });
  return { bytes, id: transactionId(bytes), nonce };
}

/** Ends a session, signed by the account's key or by the session's own. */
export function revokeSessionTransaction(options: {
  readonly chainId: Digest;
  readonly account: PublicKey;
  readonly session: Digest;
  readonly signer: AccountKey;
}): Uint8Array {
  const { chainId, account, session, signer } = options;
  const by = signer.publicKey === account ? "account" : "session";
  const fields = { kind: "revoke-session", account, session, by } as const;
  const signature = signer.sign(revokeSessionSigningBytes(chainId, fields));
  return encodeTransaction({ ...fields, signature });
}
