import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type GenesisOptions, keyOf, sign, TestChain } from "../../test/ledger/test-chain.ts";
import type { MicroUsd, PublicKey } from "../kernel/scalars.ts";
import { marginTotals } from "../margin/engine.ts";
import { bondMoney } from "./conservation.ts";
import {
  bundleSigningBytes,
  exitSigningBytes,
  returnSigningBytes,
  treasuryWithdrawSigningBytes,
} from "./transaction.ts";
import type { Transaction } from "./types.ts";

const FOUR = ["a", "b", "c", "d"];
const rich = keyOf("account rich");
const dead = keyOf("seat0");
const owner = (name: string) => keyOf(`owner ${name}`);

function exit(chain: TestChain, key: PublicKey, by: PublicKey, nonce = 1): Transaction {
  const fields = { kind: "exit-spare" as const, key, nonce };
  return { ...fields, signature: sign(by, exitSigningBytes(chain.chainId, fields)) };
}

function take(
  chain: TestChain,
  from: { owner: PublicKey; account: PublicKey; amount: MicroUsd; nonce?: number },
  by = from.owner,
): Transaction {
  const fields = { kind: "treasury-withdraw" as const, nonce: 1, ...from };
  return { ...fields, signature: sign(by, treasuryWithdrawSigningBytes(chain.chainId, fields)) };
}

function stake(
  chain: TestChain,
  account: PublicKey,
  to: { owner: PublicKey; amount: MicroUsd; nonce?: number },
): Transaction {
  const actions = [{ kind: "stake" as const, owner: to.owner, amount: to.amount }];
  const fields = { kind: "bundle" as const, account, nonce: to.nonce ?? 1, actions };
  return { ...fields, signature: sign(account, bundleSigningBytes(chain.chainId, fields)) };
}

const faucet = (account: PublicKey, amount: MicroUsd): Transaction => {
  return { kind: "faucet", account, amount, nonce: 1 };
};

/** Prices are fresh, so that stakes are let go. */
function fresh(options: GenesisOptions): TestChain {
  return new TestChain({ owners: FOUR, ...options });
}

/** A stranger: an account that the faucet filled becomes an owner and registers a key. */
function join(chain: TestChain, name: string, bond = 100n): PublicKey {
  const account = keyOf(`account ${name}`);
  const open = stake(chain, account, { owner: account, amount: bond + 120n });
  expect(chain.block({ transactions: [faucet(account, 1_000n), open] })).toEqual(["OK", "OK"]);
  const registration = { ...chain.registration(name, "a", bond), owner: account };
  expect(chain.block({ transactions: [chain.registerStranger(registration)] })).toEqual(["OK"]);
  chain.block({ signsOfLife: [chain.heartbeat(registration.key)] });
  return registration.key;
}

describe("exit", () => {
  test("rule SEAT: a spare that exits unbonds, stays slashable, and pays back its owner", () => {
    const chain = fresh({ rotation: { unbondingMs: 70_000 } });
    const spare = chain.addSpare("spare", "a");
    const transactions = [
      exit(chain, spare, owner("b")),
      exit(chain, dead, owner("a")),
      exit(chain, spare, owner("a")),
      exit(chain, spare, owner("a"), 2),
    ];
    const codes = ["NOT_THE_OWNER", "NOT_A_SPARE", "OK", "NOT_A_SPARE"];
    expect(chain.block({ transactions })).toEqual(codes);
    expect(chain.state.spares.size).toBe(0);
    expect(chain.state.unbonding.get(spare)).toMatchObject({ amount: 100n, sponsored: 100n });
    expect(chain.block({ transactions: [chain.proofAgainst(spare)] })).toEqual(["OK"]);
    expect(chain.state.unbonding.get(spare)?.amount).toBe(95n);
    chain.run(70_000, { spanMs: 1_000 });
    expect(chain.state.unbonding.size).toBe(0);
    expect(chain.state.owners.get(owner("a"))).toMatchObject({ treasury: 995n, sponsored: 5n });
  });

  test("a jailed key exits too, and keeps the power that its seat had", () => {
    const chain = fresh({});
    const spare = chain.addSpare("spare", "a");
    chain.silence(dead, [spare]);
    const voters = chain.without(dead);
    expect(chain.block({ voters, transactions: [chain.silenceRecord(dead)] })).toEqual(["OK"]);
    expect(chain.state.jailed.get(dead)?.power).toBe(100n);
    expect(chain.block({ transactions: [exit(chain, dead, owner("a"))] })).toEqual(["OK"]);
    expect(chain.state.unbonding.get(dead)).toMatchObject({ amount: 100n, power: 100n });
    const fields = { kind: "return-spare" as const, key: dead, nonce: 9 };
    const signature = sign(owner("a"), returnSigningBytes(chain.chainId, fields));
    expect(chain.block({ transactions: [{ ...fields, signature }] })).toEqual(["NOT_JAILED"]);
  });
});

describe("treasuries and accounts", () => {
  test("rule SPONSOR: only the owner's key takes money out of its treasury", () => {
    const chain = fresh({});
    const from = { owner: owner("a"), account: keyOf("account new"), amount: 300n };
    const transactions = [
      take(chain, from, keyOf("sponsor a")),
      take(chain, { ...from, owner: keyOf("nobody") }),
      take(chain, { ...from, amount: 1_001n }),
      take(chain, { ...from, amount: 0n }),
      take(chain, from),
      take(chain, from),
    ];
    expect(chain.block({ transactions })).toEqual([
      ...["NOT_THE_OWNER", "UNKNOWN_OWNER", "TREASURY_SHORT", "AMOUNT_INVALID"],
      ...["OK", "DUPLICATE"],
    ]);
    expect(chain.state.owners.get(owner("a"))?.treasury).toBe(700n);
    expect(chain.state.margin.accounts.get(from.account)?.balance).toBe(300n);
    expect(chain.state.staked).toBe(-300n);
  });

  test("rule ORDER: a stake is a withdrawal to a treasury, and no more than is free", () => {
    const chain = fresh({});
    const [one, two] = [7n, 10_000_000n].map((amount, index) => {
      return stake(chain, rich, { owner: owner("b"), amount, nonce: index + 1 });
    });
    const stray = stake(chain, rich, { owner: keyOf("nobody"), amount: 500n, nonce: 3 });
    expect(chain.block({ transactions: [one!, two!, stray] })).toEqual([
      "OK",
      "OK",
      "UNKNOWN_OWNER",
    ]);
    const outcomes = chain.last?.receipts.map((receipt) => receipt.outcomes[0]?.code);
    expect(outcomes).toEqual(["OK", "INSUFFICIENT_COLLATERAL", undefined]);
    expect(chain.state.owners.get(owner("b"))?.treasury).toBe(1_007n);
    expect(chain.state.staked).toBe(7n);
    expect(chain.state.withdrawn).toBe(0n);
  });
});

describe("candidates", () => {
  test("candidates are the genesis owners alone unless it says open", () => {
    const chain = fresh({});
    const account = keyOf("account x");
    const open = stake(chain, account, { owner: account, amount: 300n });
    expect(chain.block({ transactions: [faucet(account, 500n), open] })).toEqual([
      ...["OK", "UNKNOWN_OWNER"],
    ]);
  });

  test("a stranger pays a fee for its entry and for each key, and bonds its own money", () => {
    const chain = fresh({ candidates: "open" });
    const [x, y] = ["x", "y"].map((name) => keyOf(`account ${name}`)) as [string, string];
    const short = stake(chain, x, { owner: x, amount: 109n });
    const foreign = stake(chain, x, { owner: y, amount: 300n });
    expect(chain.block({ transactions: [faucet(x, 1_000n), short, foreign] })).toEqual([
      ...["OK", "STAKE_TOO_SMALL", "UNKNOWN_OWNER"],
    ]);
    const opened = stake(chain, x, { owner: x, amount: 225n });
    expect(chain.block({ transactions: [opened] })).toEqual(["OK"]);
    expect(chain.state.owners.get(x)).toMatchObject({ sponsorKey: x, treasury: 215n });
    expect(chain.state.rewardPot).toBe(10n);
    const register = (name: string, bond: bigint, by = x) => {
      const registration = { ...chain.registration(name, "a", bond), owner: x };
      return chain.registerStranger(registration, { sponsor: by });
    };
    const transactions = [
      register("k1", 99n),
      register("k1", 206n),
      register("k1", 105n, y),
      register("k1", 105n),
      register("k2", 100n),
    ];
    expect(chain.block({ transactions })).toEqual([
      ...["BOND_TOO_SMALL", "TREASURY_SHORT", "NOT_THE_SPONSOR", "OK", "TREASURY_SHORT"],
    ]);
    expect(chain.state.owners.get(x)).toMatchObject({ treasury: 100n, sponsored: 105n });
    expect(chain.state.rewardPot).toBe(20n);
  });

  test("strangers share few places: a higher bond displaces the lowest, an equal one does not", () => {
    const chain = fresh({ candidates: "open", rotation: { candidatesMax: 2 } });
    const [one, two] = [join(chain, "s1", 105n), join(chain, "s2", 105n)];
    const account = keyOf("account s3");
    const open = stake(chain, account, { owner: account, amount: 400n });
    chain.block({ transactions: [faucet(account, 1_000n), open] });
    const register = (bond: bigint) => {
      return chain.registerStranger({ ...chain.registration("s3", "a", bond), owner: account });
    };
    const own = chain.register(chain.registration("own", "a"));
    expect(chain.block({ transactions: [register(105n), own, register(106n)] })).toEqual([
      ...["CANDIDATES_FULL", "OK", "OK"],
    ]);
    // Of equal bonds the newest goes; owners of the genesis have places of their own.
    expect([...chain.state.spares.keys()].sort()).toEqual([one, keyOf("own"), keyOf("s3")].sort());
    expect(chain.state.unbonding.get(two)).toMatchObject({ amount: 105n, power: 0n });
  });

  test("strangers take no place away from the owners of the genesis", () => {
    const chain = fresh({ candidates: "open", powers: [1n, 1n, 1n, 1n] });
    for (let index = 0; index < 12; index += 1) join(chain, `s${index}`, 1n);
    const spares = Array.from({ length: 17 }, (_, index) => {
      return chain.register(chain.registration(`own${index}`, "a", 1n), { owner: "none" });
    });
    const codes = chain.block({ transactions: spares });
    expect(codes.filter((code) => code === "OK")).toHaveLength(16);
  });

  test("rule PICK: a stranger takes the seat that falls free, when no owner's spare is fit", () => {
    const chain = fresh({ candidates: "open", rotation: { newcomerAgeMsMin: 4_000 } });
    const stranger = join(chain, "s1", 130n);
    // Rule RATE: it has to be of age first, whatever its own owner signed.
    chain.silence(dead, [stranger]);
    expect(
      chain.block({ voters: chain.without(dead), transactions: [chain.silenceRecord(dead)] }),
    ).toEqual(["OK"]);
    expect(chain.events("swap")[0]?.swap.cause).toBe("mute");
    chain.run(6_000, { voters: chain.without(dead) });
    const beat = { voters: chain.without(dead), signsOfLife: [chain.heartbeat(stranger)] };
    expect(chain.block({ ...beat, transactions: [chain.silenceRecord(dead)] })).toEqual(["OK"]);
    expect(chain.events("swap")[0]?.swap).toMatchObject({
      ...{ cause: "silence", leaver: dead, newcomer: stranger, power: 100n },
    });
    expect(chain.state.seats.get(stranger)).toMatchObject({ endorsed: false, bond: 130n });
  });

  test("rule RATE: strangers hold at most f within the span", () => {
    const chain = fresh({
      candidates: "open",
      rotation: { newcomerAgeMsMin: 0, coolDownWindows: 0 },
    });
    const strangers = [join(chain, "s1"), join(chain, "s2")];
    const fall = (key: PublicKey) => {
      chain.silence(
        key,
        strangers.filter((each) => chain.state.spares.has(each)),
      );
      return chain.block({ voters: chain.without(key), transactions: [chain.silenceRecord(key)] });
    };
    expect(fall(dead)).toEqual(["OK"]);
    expect(chain.keys).toContain(strangers[0]);
    fall(keyOf("seat1"));
    expect(chain.keys).not.toContain(strangers[1]);
  });

  test("rule SEAT: a genesis with fewer than four owners trusts those, and no stranger", () => {
    // One owner of all seats; no span, so that rule RATE does not bind.
    const rotation = { newcomerAgeMsMin: 0, newcomerSpanMs: 0, coolDownWindows: 0 };
    const chain = new TestChain({ candidates: "open", rotation });
    const account = keyOf("account s1");
    const first = join(chain, "s1");
    const second = { ...chain.registration("s2", "a"), owner: account };
    const more = stake(chain, account, { owner: account, amount: 300n, nonce: 2 });
    chain.block({ transactions: [more] });
    expect(chain.block({ transactions: [chain.registerStranger(second)] })).toEqual(["OK"]);
    chain.silence(dead, [first, second.key]);
    chain.block({ voters: chain.without(dead), transactions: [chain.silenceRecord(dead)] });
    expect(chain.keys).toContain(first);
    const next = keyOf("seat1");
    chain.silence(next, [second.key]);
    chain.block({ voters: chain.without(next), transactions: [chain.silenceRecord(next)] });
    // Half of the power would be the stranger's: the member stays, muted.
    expect(chain.keys).not.toContain(second.key);
    expect(chain.state.seats.get(next)?.muted).toBe(true);
  });
});

describe("rewards", () => {
  const period = { rewardPeriodMs: 10_000, rewardPpm: 100_000n };

  test("seats that served a period share a part of the pot, exactly", () => {
    const chain = fresh({ rewardPot: 10_003n, rotation: period });
    const before = bondMoney(chain.state);
    chain.run(10_000);
    // A tenth of 10,003, a quarter each, rounded down: 1,000 of 1,000.3 are paid.
    expect(chain.events("reward").map(({ amount }) => amount)).toEqual([250n, 250n, 250n, 250n]);
    expect(chain.state.rewardPot).toBe(9_003n);
    expect(chain.state.owners.get(owner("a"))?.treasury).toBe(1_250n);
    expect(bondMoney(chain.state)).toBe(before);
    chain.run(9_800);
    expect(chain.state.rewardPot).toBe(9_003n);
    chain.block();
    expect(chain.state.rewardPot).toBe(8_103n);
  });

  test("a member that is silent or muted earns nothing, and its part stays in the pot", () => {
    const chain = fresh({ rewardPot: 10_000n, rotation: period });
    chain.run(10_000, { voters: chain.without(dead) });
    const paid = chain.events("reward");
    // It was given a quarter of a window, 500 ms of 10 s, before its silence counted.
    expect(paid.find(({ key }) => key === dead)?.amount).toBeLessThanOrEqual(13n);
    expect(paid.filter(({ key }) => key !== dead).map(({ amount }) => amount)).toEqual([
      ...[250n, 250n, 250n],
    ]);
    chain.run(10_000, { voters: chain.without(dead) });
    expect(chain.events("reward").map(({ key }) => key)).not.toContain(dead);
    expect(chain.events("reward")).toHaveLength(3);
  });

  test("a condemned seat and one whose reports are jailed earn nothing", () => {
    const chain = fresh({ rewardPot: 10_000n, rotation: { ...period, jailMs: 60_000 } });
    const report = (price: bigint) => {
      const statement = { kind: "oracle-report", epoch: 1, market: 0, slot: 0, price } as const;
      return chain.signed(keyOf("seat1"), statement);
    };
    const [first, second] = [report(1n), report(2n)];
    const pair = { kind: "misconduct-proof" as const, chainId: chain.chainId, first, second };
    const codes = [pair, { ...pair, first: second, second: first }].map((transaction) => {
      return chain.block({ transactions: [transaction] })[0];
    });
    expect(codes).toContain("OK");
    chain.block({ transactions: [chain.proofAgainst(dead)] });
    chain.run(19_400);
    const keys = chain.events("reward").map(({ key }) => key);
    expect(keys.sort()).toEqual([keyOf("seat2"), keyOf("seat3")].sort());
  });

  test("absence by notice is no silence, but earns nothing", () => {
    const chain = fresh({ rewardPot: 10_000n, rotation: period });
    const state = chain.state.liveness.get(dead);
    if (state === undefined) throw new Error("a member");
    const absent = { ...state, absentFromMs: chain.state.clockMs };
    const until = { ...absent, absentUntilMs: chain.state.clockMs + 20_000 };
    chain.state = { ...chain.state, liveness: new Map(chain.state.liveness).set(dead, until) };
    chain.run(10_000, { voters: chain.without(dead) });
    expect(chain.events("reward").map(({ key }) => key)).not.toContain(dead);
  });
});

/** A dumb model: every pile of money by name; no act may change their sum but the faucet. */
function piles({ state }: TestChain): bigint {
  const { owners, seats, spares, jailed, unbonding, slashedPot, rewardPot, margin } = state;
  const bonds = [...seats.values(), ...spares.values(), ...jailed.values()].map(({ bond }) => bond);
  const amounts = [
    ...[...owners.values()].map(({ treasury }) => treasury),
    ...bonds,
    ...[...unbonding.values()].map(({ amount }) => amount),
    ...[slashedPot, rewardPot, margin.fund, marginTotals(margin).balances],
  ];
  for (const amount of amounts) expect(amount).toBeGreaterThanOrEqual(0n);
  return amounts.reduce((sum, amount) => sum + amount, 0n);
}

describe("random lives", () => {
  test("money is conserved through joining, staking, slashing, rewards, exits and returns", () => {
    const act = fc.record({
      what: fc.constantFrom(
        "stake",
        "take",
        "register",
        "exit",
        "proof",
        "silent",
        "return",
        "run",
      ),
      which: fc.nat(11),
      amount: fc.bigInt(0n, 400n),
    });
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(fc.array(act, { minLength: 20, maxLength: 40, size: "max" }), (acts) => {
        const accounts = ["x", "y", "z"].map((name) => keyOf(`account ${name}`));
        const chain = fresh({
          ...{ candidates: "open", rewardPot: 50_000n },
          rotation: {
            ...{ newcomerAgeMsMin: 0, unbondingMs: 9_000, coolDownWindows: 0, jailMs: 1_000 },
            ...{ evidenceMsMax: 8_000, candidatesMax: 2, rewardPeriodMs: 3_000, rewardPpm: 3_333n },
          },
        });
        chain.block({ transactions: accounts.map((account) => faucet(account, 1_000n)) });
        for (const name of FOUR) chain.addSpare(`spare ${name}`, name);
        const due = piles(chain);
        acts.forEach(({ what, which, amount }, index) => {
          const nonce = index + 1;
          const account = accounts[which % 3]!;
          const owners = [...chain.state.owners.keys(), account];
          const to = owners[which % owners.length]!;
          const all = [
            ...chain.state.seats.values(),
            ...chain.state.spares.values(),
            ...chain.state.jailed.values(),
          ];
          const back = what === "return" ? chain.state.jailed.values().next().value : undefined;
          const target = back ?? all[which % all.length]!;
          const transaction = (): Transaction[] => {
            switch (what) {
              case "stake":
                return [stake(chain, account, { owner: to, amount, nonce })];
              case "take":
                return [take(chain, { owner: to, account, amount, nonce })];
              case "register": {
                const bond = 100n + amount;
                const plain = chain.registration(`key${index}`, "a", bond);
                return [chain.registerStranger({ ...plain, owner: to })];
              }
              case "exit":
                return [exit(chain, target.key, target.owner, nonce)];
              case "proof":
                return which < 3 ? [chain.proofAgainst(target.key)] : [];
              case "return": {
                const fields = { kind: "return-spare" as const, key: target.key, nonce };
                const message = returnSigningBytes(chain.chainId, fields);
                return [{ ...fields, signature: sign(target.owner, message) }];
              }
              default:
                return [];
            }
          };
          if (what === "run") chain.run(Number(amount) * 20, { spanMs: 900 });
          if (what === "silent" && chain.keys.includes(target.key)) {
            chain.silence(target.key, [...chain.state.spares.keys()]);
            const voters = chain.without(target.key);
            chain.block({ voters, transactions: [chain.silenceRecord(target.key)] });
          }
          const codes = chain.block({ transactions: transaction() });
          const outcome = chain.last?.receipts[0]?.outcomes[0]?.code ?? codes[0];
          const name = `${what} ${outcome}`;
          seen.set(name, (seen.get(name) ?? 0) + 1);
          expect(piles(chain), `${index}: ${name}`).toBe(due);
        });
      }),
      { numRuns: 40, seed: 20_261_122 },
    );
    const happened = ["stake OK", "take OK", "exit OK", "proof OK", "return OK"];
    expect(happened.filter((name) => !seen.has(name))).toEqual([]);
  });
});
