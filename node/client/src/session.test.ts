import { ed25519 } from "@quorate/node/crypto/ed25519";
import {
  decodeTransaction,
  revokeSessionSigningBytes,
  sessionBundleSigningBytes,
  sessionSigningBytes,
} from "@quorate/node/ledger/transaction";
import { expect, test } from "vitest";
import { AccountKey } from "./account-key.ts";
import { Bundle } from "./bundle.ts";
import { countingNonces } from "./nonces.ts";
import { revokeSessionTransaction, sessionTransaction } from "./session.ts";

const chainId = "ab".repeat(32);

test("a session is opened by the account, used and revoked by its own key", () => {
  const [account, key] = [AccountKey.generate(), AccountKey.generate()];
  const bounds = { markets: [0], orderLotsMax: 5n, orderNotionalMax: 0n };
  const opened = sessionTransaction({
    ...{ chainId, account, nonces: countingNonces(3), key: key.publicKey, expiresMs: 9_000 },
    scope: { place: true, cancel: false, ...bounds },
  });
  const open = decodeTransaction(opened.bytes);
  if (!open.ok || open.value.kind !== "session") throw new Error("kind");
  const session = { account: account.publicKey, id: opened.id };
  const bundle = new Bundle({
    ...{ chainId, account: key, nonces: countingNonces(0), actionsMax: 4, session },
  });
  const used = decodeTransaction(bundle.cancel({ market: 0, clientId: 1 }).sign().bytes);
  if (!used.ok || used.value.kind !== "session-bundle") throw new Error("kind");
  expect(used.value).toMatchObject({ account: account.publicKey, session: opened.id, nonce: 0 });
  const ended = decodeTransaction(
    revokeSessionTransaction({ chainId, ...session, session: opened.id, signer: key }),
  );
  if (!ended.ok || ended.value.kind !== "revoke-session") throw new Error("kind");
  expect(ended.value.by).toBe("session");
  const isSigned = [
    [account, sessionSigningBytes(chainId, open.value), open.value.signature],
    [key, sessionBundleSigningBytes(chainId, used.value), used.value.signature],
    [key, revokeSessionSigningBytes(chainId, ended.value), ended.value.signature],
  ] as const;
  for (const [by, message, signature] of isSigned) {
    expect(ed25519.verify(by.publicKey, message, signature)).toBe(true);
  }
});
