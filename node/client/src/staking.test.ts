import { ed25519 } from "@quorate/node/crypto/ed25519";
import {
  decodeTransaction,
  exitSigningBytes,
  resizeSigningBytes,
  returnSigningBytes,
  treasuryWithdrawSigningBytes,
} from "@quorate/node/ledger/transaction";
import { describe, expect, test } from "vitest";
import { AccountKey } from "./account-key.ts";
import { Bundle } from "./bundle.ts";
import { countingNonces } from "./nonces.ts";
import {
  exitSpareTransaction,
  resizeTransaction,
  returnSpareTransaction,
  signResize,
  treasuryWithdrawTransaction,
} from "./staking.ts";

const chainId = "ab".repeat(32);
const key = "cd".repeat(32);
const owner = AccountKey.generate();
const act = { chainId, owner, nonce: 7 };

function decoded(bytes: Uint8Array) {
  const transaction = decodeTransaction(bytes);
  if (!transaction.ok) throw new Error(transaction.error.fix);
  return transaction.value;
}

describe("an owner's acts", () => {
  test("exit and return are signed by the owner for this chain", () => {
    const exit = decoded(exitSpareTransaction({ ...act, key }));
    const back = decoded(returnSpareTransaction({ ...act, key }));
    if (exit.kind !== "exit-spare" || back.kind !== "return-spare") throw new Error("kinds");
    expect([exit.key, exit.nonce, back.key, back.nonce]).toEqual([key, 7, key, 7]);
    const by = (message: Uint8Array, signature: Uint8Array) =>
      ed25519.verify(owner.publicKey, message, signature);
    expect(by(exitSigningBytes(chainId, exit), exit.signature)).toBe(true);
    expect(by(returnSigningBytes(chainId, back), back.signature)).toBe(true);
    // Neither signature stands for the other, nor for another chain.
    expect(by(returnSigningBytes(chainId, back), exit.signature)).toBe(false);
    expect(by(exitSigningBytes(key, exit), exit.signature)).toBe(false);
  });

  test("owners consent to one change of one set on one chain, each alone, in any order", () => {
    const other = AccountKey.fromSeed("ab".repeat(32));
    const resize = { setHash: key, change: { kind: "grow", key, power: 9n } } as const;
    const signed = [owner, other].map((each) => signResize(resize, { chainId, owner: each }));
    const bytes = resizeTransaction(resize, signed);
    expect(resizeTransaction(resize, signed.toReversed())).toEqual(bytes);
    const sent = decoded(bytes);
    if (sent.kind !== "resize") throw new Error("kind");
    expect(sent).toMatchObject(resize);
    for (const { author, signature } of sent.signatures) {
      expect(ed25519.verify(author, resizeSigningBytes(chainId, sent), signature)).toBe(true);
      expect(ed25519.verify(author, resizeSigningBytes(key, sent), signature)).toBe(false);
    }
  });

  test("money of the treasury goes to the account that the owner signed", () => {
    const bytes = treasuryWithdrawTransaction({ ...act, account: key, amount: 5n });
    const taken = decoded(bytes);
    if (taken.kind !== "treasury-withdraw") throw new Error("kind");
    expect(taken).toMatchObject({ owner: owner.publicKey, account: key, amount: 5n, nonce: 7 });
    const message = treasuryWithdrawSigningBytes(chainId, taken);
    expect(ed25519.verify(owner.publicKey, message, taken.signature)).toBe(true);
  });

  test("a stake names an owner and an amount, and is refused before anything is sent", () => {
    const bundle = () =>
      new Bundle({ chainId, account: owner, nonces: countingNonces(1), actionsMax: 2 });
    const signed = decoded(bundle().stake({ owner: key, amount: 9n }).sign().bytes);
    expect(signed).toMatchObject({ actions: [{ kind: "stake", owner: key, amount: 9n }] });
    expect(() => bundle().stake({ owner: "me", amount: 9n })).toThrow(
      expect.objectContaining({ code: "OWNER_MALFORMED", field: "actions[0].owner" }),
    );
    expect(() => bundle().stake({ owner: key, amount: 0n })).toThrow(
      expect.objectContaining({ code: "AMOUNT_OUT_OF_RANGE" }),
    );
  });
});
