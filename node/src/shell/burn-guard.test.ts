import { describe, expect, test } from "vitest";
import type { PeerBody } from "../consensus/types.ts";
import { sha256 } from "../crypto/sha256.ts";
import { concatBytes, equalBytes, fromHex } from "../kernel/bytes.ts";
import {
  type SignatureScheme,
  type SignedStatement,
  type Statement,
  signingBytes,
} from "../kernel/statements.ts";
import { validatorSet } from "../kernel/validator-set.ts";
import { BurnGuard, LastSeen } from "./burn-guard.ts";

const chainId = "ab".repeat(32);
const [self = "", two = "", three = "", four = ""] = [1, 2, 3, 4].map((n) => `${n}`.repeat(64));

function signature(author: string, statement: Statement): Uint8Array {
  const half = sha256(fromHex(author), signingBytes(chainId, statement));
  return concatBytes([half, half]);
}
const scheme: SignatureScheme = {
  verify: (author, message, given) => {
    const half = sha256(fromHex(author), message);
    return equalBytes(concatBytes([half, half]), given);
  },
};
function signed(author: string, statement: Statement): SignedStatement {
  return { statement, author, signature: signature(author, statement) };
}
function vote(round: number, block = "cd"): Statement {
  return { kind: "vote", epoch: 1, round, blockId: block.repeat(32), qcRound: round - 1 };
}

/** Network keys differ from consensus keys, as in life. */
const networkKey = (key: string): string => key.replaceAll(/./g, "e").slice(1) + key.charAt(0);
const set = validatorSet(
  1,
  [self, two, three, four].map((key) => ({
    key,
    networkKey: networkKey(key),
    address: "127.0.0.1:1",
    owner: key,
    power: 10n,
    muted: false,
  })),
);

function guard(own: readonly Statement[] = [], burnt?: string): BurnGuard {
  const find = (statement: Statement) => {
    const stored = own.find(
      (one) => "round" in one && "round" in statement && one.round === statement.round,
    );
    if (stored === undefined) return undefined;
    const same = JSON.stringify(stored) === JSON.stringify(statement);
    return { same, signature: signature(self, stored) };
  };
  return new BurnGuard({
    journal: { find, burnt, isBelowFloor: () => false },
    chainId,
    self,
    scheme,
  });
}

/** Why the key is burnt by the message, else "clean" or "forged". */
function reasonOf(own: BurnGuard, body: PeerBody): string {
  const found = own.inspect(body);
  return found.kind === "burnt" ? found.reason : found.kind;
}

describe("rule BURN", () => {
  test("rule BURN: it listens until peers that with itself hold W-f have answered", () => {
    const listening = guard();
    listening.answered(networkKey(two), set);
    expect(listening.state.kind).toBe("listening");
    listening.answered(networkKey(two), set);
    listening.answered("9".repeat(64), set);
    expect(listening.state.kind).toBe("listening");
    listening.answered(networkKey(three), set);
    expect(listening.state.kind).toBe("signing");
  });

  test("rule BURN: an own signature that the journal lacks burns the key", () => {
    const own = guard([vote(1)]);
    expect(reasonOf(own, { kind: "statement", signed: signed(self, vote(1)) })).toBe("clean");
    const lacking = reasonOf(own, { kind: "statement", signed: signed(self, vote(2)) });
    expect(lacking).toContain("lacks the vote of epoch 1 at index 2");
    expect(own.state.kind).toBe("burnt");
    own.answered(networkKey(two), set);
    own.answered(networkKey(three), set);
    expect(own.state.kind).toBe("burnt");
  });

  test("rule BURN: another digest under an index of the journal burns the key", () => {
    const own = guard([vote(1)]);
    const reason = reasonOf(own, { kind: "statement", signed: signed(self, vote(1, "ef")) });
    expect(reason).toContain("another vote of epoch 1 at index 1");
  });

  test("rule BURN: an own vote inside a certificate is seen", () => {
    const { signature: bytes } = signed(self, vote(3));
    const qc = {
      epoch: 1,
      round: 3,
      blockId: "cd".repeat(32),
      qcRound: 2,
      signatures: [{ author: self, signature: bytes }],
    };
    const reason = reasonOf(guard(), { kind: "certificates", qc, tc: undefined, order: undefined });
    expect(reason).toContain("index 3");
  });

  test("rule BURN: a forged signature, or another key's, burns nothing", () => {
    const own = guard();
    const forged = { ...signed(two, vote(2)), author: self };
    expect(reasonOf(own, { kind: "statement", signed: forged })).toBe("forged");
    expect(reasonOf(own, { kind: "statement", signed: signed(two, vote(2)) })).toBe("clean");
    expect(own.state.kind).toBe("listening");
  });

  test("rule BURN: a message full of forged own signatures costs one verification", () => {
    let verified = 0;
    const verify = (): boolean => {
      verified += 1;
      return false;
    };
    const journal = { find: () => undefined, burnt: undefined, isBelowFloor: () => false };
    const own = new BurnGuard({ journal, chainId, self, scheme: { verify } });
    const half = { author: self, signature: new Uint8Array(64) };
    const signatures = Array.from({ length: 500 }, () => half);
    const qc = { epoch: 1, round: 3, blockId: "cd".repeat(32), qcRound: 2, signatures };
    const body = { kind: "certificates", qc, tc: undefined, order: undefined } as const;
    expect(reasonOf(own, body)).toBe("forged");
    expect(verified).toBe(1);
  });

  test("rule BURN: a burnt journal never signs again", () => {
    const own = guard([], "seen before");
    own.answered(networkKey(two), set);
    own.answered(networkKey(three), set);
    expect(own.state).toEqual({ kind: "burnt", reason: "seen before" });
  });
});

describe("what peers remember", () => {
  test("rule BURN: the newest statement of each kind is echoed, only what its author sent itself", () => {
    const seen = new LastSeen();
    const newest = signed(self, vote(5));
    seen.note(self, { kind: "statement", signed: signed(self, vote(4)) });
    seen.note(self, { kind: "statement", signed: newest });
    seen.note(self, { kind: "statement", signed: signed(self, vote(3)) });
    seen.note(two, { kind: "statement", signed: { ...newest, statement: vote(99) } });
    expect(seen.by(self)).toEqual([newest]);
    seen.keep(new Set([two]));
    expect(seen.by(self)).toEqual([]);
  });
});
