import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GENESIS_MS, keyOf, sign, TestChain } from "../../test/ledger/test-chain.ts";
import { bondMoney } from "./conservation.ts";
import {
  bundleSigningBytes,
  custodianDepositSigningBytes,
  misconductProof,
} from "./transaction.ts";
import type { Transaction } from "./types.ts";

const account = keyOf("account new");

function deposit(chain: TestChain, amount: bigint, nonce: number, names = ["w", "x", "y"]) {
  const fields = { kind: "custodian-deposit" as const, account, amount, nonce };
  const signatures = names
    .map((name) => keyOf(`custodian ${name}`))
    .toSorted()
    .map((author) => ({
      author,
      signature: sign(author, custodianDepositSigningBytes(chain.chainId, fields)),
    }));
  return { ...fields, signatures };
}

function bundle(chain: TestChain, nonce: number, amount = 1n, of = account): Transaction {
  const fields = {
    kind: "bundle" as const,
    account: of,
    nonce,
    actions: [{ kind: "withdraw" as const, amount }],
  };
  return { ...fields, signature: sign(of, bundleSigningBytes(chain.chainId, fields)) };
}

function transactionOf(
  chain: TestChain,
  kind: string,
  amount: number,
  nonce: number,
): Transaction | undefined {
  const money = BigInt(amount);
  if (kind === "faucet") return { kind, account, amount: money, nonce };
  if (kind === "withdraw") return bundle(chain, nonce, money);
  if (kind === "spare") return chain.register(chain.registration(`spare ${nonce}`, "a", money));
  const [first, second] = chain.doubleVote(chain.keys[amount] ?? "");
  if (kind !== "guilt" || !first || !second) return undefined;
  return misconductProof(chain.chainId, first, second);
}

describe("rule MINT", () => {
  test("rule MINT: the faucet works only where genesis is marked dev", () => {
    const faucet = { kind: "faucet", account, amount: 5n, nonce: 1 } as const;
    const dev = new TestChain();
    expect(dev.block({ transactions: [faucet] })).toEqual(["OK"]);
    expect(dev.block({ transactions: [faucet] })).toEqual(["DUPLICATE"]);
    expect(dev.block({ transactions: [{ ...faucet, amount: 6n }] })).toEqual(["NONCE_USED"]);
    expect(dev.state.margin.accounts.get(account)?.balance).toBe(5n);
    expect(dev.state.deposited).toBe(5n);
    for (const amount of [0n, -1n, 10n ** 30n]) {
      const codes = dev.block({ transactions: [{ ...faucet, amount, nonce: 2 }] });
      expect(codes).toEqual(["AMOUNT_INVALID"]);
    }
    const real = new TestChain({ dev: false });
    expect(real.block({ transactions: [faucet] })).toEqual(["FAUCET_CLOSED"]);
    expect(real.state.margin.accounts.has(account)).toBe(false);
  });

  test("rule MINT: a quorum of custodians deposits, each refusal has its code", () => {
    const chain = new TestChain({ dev: false });
    const forged = deposit(chain, 9n, 1);
    const [head] = forged.signatures;
    if (head === undefined) throw new Error("a signature");
    const codes = chain.block({
      transactions: [
        deposit(chain, 9n, 1, ["x", "y"]),
        deposit(chain, 9n, 1, ["x", "y", "stranger"]),
        { ...forged, signatures: [head, ...forged.signatures] },
        { ...forged, amount: 10n },
        forged,
        forged,
      ],
    });
    expect(codes).toEqual([
      "CUSTODIANS_BELOW_QUORUM",
      "NOT_A_CUSTODIAN",
      "CUSTODIAN_ORDER",
      "BAD_SIGNATURE",
      "OK",
      "DUPLICATE",
    ]);
    expect(chain.state.margin.accounts.get(account)?.balance).toBe(9n);
  });

  test("rule MINT: deposits are capped in a window of block time", () => {
    const chain = new TestChain({ dev: false });
    const max = chain.genesis.parameters.margin.depositWindowMax;
    const codes = chain.block({
      transactions: [deposit(chain, max - 1n, 1), deposit(chain, 2n, 2), deposit(chain, 1n, 3)],
    });
    expect(codes).toEqual(["OK", "DEPOSIT_WINDOW_FULL", "OK"]);
    // A leap of the proposer's stamp does not open the next window: a block adds at most 1 s.
    chain.block({ spanMs: 3_600_000 });
    expect(chain.block({ transactions: [deposit(chain, 2n, 2)] })).toEqual(["DEPOSIT_WINDOW_FULL"]);
    chain.state = { ...chain.state, clockMs: GENESIS_MS + 3_600_000 };
    expect(chain.block({ transactions: [deposit(chain, 2n, 2)] })).toEqual(["OK"]);
  });

  test("value is conserved to the unit over random deposits, withdrawals, bonds and slashes", () => {
    const act = fc.oneof(
      fc.record({ kind: fc.constant("faucet"), amount: fc.integer({ min: 1, max: 1_000_000 }) }),
      fc.record({ kind: fc.constant("withdraw"), amount: fc.integer({ min: 1, max: 500_000 }) }),
      fc.record({ kind: fc.constant("spare"), amount: fc.integer({ min: 100, max: 300 }) }),
      fc.record({ kind: fc.constant("guilt"), amount: fc.integer({ min: 0, max: 3 }) }),
      fc.record({ kind: fc.constant("time"), amount: fc.integer({ min: 1, max: 900 }) }),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 25 }), (acts) => {
        const chain = new TestChain();
        const born = bondMoney(chain.state);
        for (const [index, { kind, amount }] of acts.entries()) {
          const transaction = transactionOf(chain, kind, amount, index + 1);
          if (transaction === undefined) chain.block({ spanMs: amount });
          else chain.block({ transactions: [transaction] });
          // executeBlock asserts all money; bonds alone neither grow nor shrink.
          expect(bondMoney(chain.state)).toBe(born);
        }
      }),
      { numRuns: 25 },
    );
  });
});

describe("bundles and their nonces", () => {
  test("resubmission is idempotent; another transaction under a used nonce is refused", () => {
    const chain = new TestChain();
    const rich = keyOf("account rich");
    const first = bundle(chain, 5, 10n, rich);
    const codes = chain.block({
      transactions: [first, first, bundle(chain, 5, 11n, rich), bundle(chain, 3, 1n, rich)],
    });
    expect(codes).toEqual(["OK", "DUPLICATE", "NONCE_USED", "OK"]);
    expect(chain.block({ transactions: [first] })).toEqual(["DUPLICATE"]);
    expect(chain.state.withdrawn).toBe(11n);
    expect(chain.block({ transactions: [bundle(chain, 2_000, 1n, rich)] })).toEqual(["OK"]);
    const old = [bundle(chain, 976, 1n, rich), bundle(chain, 977, 1n, rich)];
    expect(chain.block({ transactions: old })).toEqual(["NONCE_TOO_OLD", "OK"]);
  });

  test("a bundle is bound to account and chain, and has actions", () => {
    const chain = new TestChain();
    const rich = keyOf("account rich");
    const sound = bundle(chain, 1, 10n, rich);
    if (sound.kind !== "bundle") throw new Error("a bundle");
    const [withdraw] = sound.actions;
    if (withdraw === undefined) throw new Error("an action");
    const codes = chain.block({
      transactions: [
        { ...sound, signature: sign(keyOf("thief"), bundleSigningBytes(chain.chainId, sound)) },
        { ...sound, signature: sign(rich, bundleSigningBytes("00".repeat(32), sound)) },
        { ...sound, actions: [] },
        { ...sound, actions: Array.from({ length: 65 }, () => withdraw) },
        bundle(chain, 1, 1n, keyOf("account poor")),
        sound,
      ],
    });
    expect(codes).toEqual([
      "BAD_SIGNATURE",
      "BAD_SIGNATURE",
      "BUNDLE_SIZE",
      "BUNDLE_SIZE",
      "UNKNOWN_ACCOUNT",
      "OK",
    ]);
    expect(chain.last?.receipts.at(-1)?.outcomes).toMatchObject([{ code: "OK" }]);
  });

  test("a report needs a member of this epoch, a market, a price and its signature", () => {
    const chain = new TestChain();
    const seat = keyOf("seat0");
    const statement = { kind: "oracle-report", epoch: 1, market: 0, slot: 1, price: 9n } as const;
    const report = (fields: Partial<typeof statement>, author = seat) => ({
      kind: "oracle-report" as const,
      report: chain.signed(author, { ...statement, ...fields } as typeof statement),
    });
    const vote = chain.signed(seat, { kind: "timeout", epoch: 1, round: 1, hqcRound: 0 });
    const forged = { ...report({}).report, signature: new Uint8Array(64) };
    const codes = chain.block({
      transactions: [
        { kind: "oracle-report", report: vote },
        report({ epoch: 2 as 1 }),
        report({}, keyOf("stranger")),
        report({ market: 1 as 0 }),
        report({ price: 0n as 9n }),
        { kind: "oracle-report", report: forged },
        report({}),
      ],
    });
    expect(codes).toEqual([
      "WRONG_STATEMENT",
      "FOREIGN_EPOCH",
      "NOT_A_MEMBER",
      "UNKNOWN_MARKET",
      "PRICE_INVALID",
      "BAD_SIGNATURE",
      "OK",
    ]);
  });
});

describe("rule SPONSOR", () => {
  test("rule SPONSOR: spare's keys, sponsor key and owner sign; nobody else's key will do", () => {
    const chain = new TestChain();
    const registration = chain.registration("spare", "a");
    const sound = chain.register(registration);
    const operator = keyOf("operator");
    const codes = chain.block({
      transactions: [
        chain.register(registration, { sponsor: operator }),
        chain.register(registration, { owner: operator }),
        chain.register(registration, { sponsor: keyOf("owner a") }),
        { ...sound, networkSignature: new Uint8Array(64) },
        { ...sound, possession: { ...sound.possession, author: operator } },
        { ...sound, registration: { ...registration, bond: 101n } },
        { ...sound, registration: { ...registration, owner: keyOf("owner z") } },
        chain.register({ ...registration, address: "nowhere" }),
        chain.register({ ...registration, networkKey: keyOf("network seat0") }),
        chain.register({ ...registration, key: keyOf("seat0") }),
        chain.register({ ...registration, bond: 99n }),
        sound,
      ],
    });
    expect(codes).toEqual([
      "NOT_THE_SPONSOR",
      "NOT_THE_OWNER",
      "NOT_THE_SPONSOR",
      "BAD_NETWORK_SIGNATURE",
      "BAD_POSSESSION",
      "BAD_POSSESSION",
      "UNKNOWN_OWNER",
      "ADDRESS_INVALID",
      "NETWORK_KEY_KNOWN",
      "KEY_KNOWN",
      "BOND_TOO_SMALL",
      "OK",
    ]);
    expect(chain.state.owners.get(keyOf("owner a"))).toMatchObject({
      treasury: 900n,
      sponsored: 100n,
    });
  });

  test("rule SPONSOR: a sponsor key places at most its limit, and no more than the treasury", () => {
    const chain = new TestChain();
    const register = (name: string, bond: bigint) =>
      chain.block({ transactions: [chain.register(chain.registration(name, "a", bond))] });
    expect(register("s1", 300n)).toEqual(["OK"]);
    expect(register("s2", 101n)).toEqual(["SPONSOR_LIMIT"]);
    expect(register("s3", 100n)).toEqual(["OK"]);
    const poor = new TestChain({ rotation: { sponsorBondMax: 10_000n } });
    const large = poor.register(poor.registration("s1", "a", 1_001n));
    expect(poor.block({ transactions: [large] })).toEqual(["TREASURY_SHORT"]);
  });
});
