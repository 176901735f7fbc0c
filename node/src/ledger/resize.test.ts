import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { reload } from "../../test/ledger/snapshots.ts";
import { keyOf, scheme, sign, TestChain } from "../../test/ledger/test-chain.ts";
import { overlaps } from "../kernel/validator-set.ts";
import { checkTransaction } from "./check-transaction.ts";
import { decodeTransaction, encodeTransaction, resizeSigningBytes } from "./transaction.ts";
import type { ResizeChange } from "./types.ts";
import { swapsView } from "./views.ts";

const FOUR = ["a", "b", "c", "d"];
const FIVE = ["a", "b", "c", "d", "e"];
const SEVEN = ["a", "a", "a", "a", "a", "a", "a"];
const spare = keyOf("spare");
const seat = (index: number) => keyOf(`seat${index}`);
/** With four owners of 100 each, one of them may add this much: 140 of 440 is below a third. */
const grow: ResizeChange = { kind: "grow", key: spare, power: 40n };
const shrink: ResizeChange = { kind: "shrink", key: seat(4) };

function four(): TestChain {
  const chain = new TestChain({ owners: FOUR });
  chain.addSpare("spare", "a");
  return chain;
}

function five(): TestChain {
  const chain = new TestChain({ owners: FIVE });
  chain.block();
  return chain;
}

/** Seven seats of one owner, which is trusted with all of them. */
function seven(): TestChain {
  const chain = new TestChain({ owners: SEVEN });
  chain.block();
  return chain;
}

describe("growing", () => {
  test("rule SWAP: owners of a quorum seat the spare they name, in one epoch change", () => {
    const chain = four();
    const resize = chain.resize(grow, ["a", "b", "c"]);
    expect(chain.block({ transactions: [resize] })).toEqual(["OK"]);
    const { nextSet } = chain.last ?? {};
    expect(nextSet?.epoch).toBe(2);
    expect(nextSet?.members).toHaveLength(5);
    const member = nextSet?.members.find(({ key }) => key === spare);
    expect(member).toMatchObject({ power: 40n, owner: keyOf("owner a"), muted: false });
    expect(chain.state.spares.size).toBe(0);
    expect(chain.state.seats.get(spare)).toMatchObject({ bond: 100n, endorsed: true });
    expect(swapsView(chain.state)).toEqual([
      {
        epoch: 2,
        height: chain.state.height,
        cause: "grow",
        leaver: undefined,
        newcomer: spare,
        proof: chain.id(resize),
        newcomerRegisteredAt: 1,
        power: 40n,
      },
    ]);
    chain.run(3_000);
    expect(chain.state.liveness.get(spare)?.votedHeight).toBe(chain.state.height);
  });

  test("rule RATE: who a quorum of owners named counts as endorsed, its registration or not", () => {
    const chain = new TestChain({ owners: SEVEN });
    chain.addSpare("spare", "a", { endorsed: false });
    const change: ResizeChange = { kind: "grow", key: spare, power: 100n };
    expect(chain.block({ transactions: [chain.resize(change, ["a"])] })).toEqual(["OK"]);
    expect(chain.state.seats.get(spare)?.endorsed).toBe(true);
  });

  test("rule FIT: only a registered spare in sync, with the bond for its power, is seated", () => {
    const chain = four();
    const by = (change: ResizeChange) =>
      chain.block({ transactions: [chain.resize(change, FOUR)] });
    expect(by({ ...grow, key: keyOf("nobody") })).toEqual(["NOT_A_SPARE"]);
    expect(by({ ...grow, key: seat(0) })).toEqual(["NOT_A_SPARE"]);
    expect(by({ ...grow, power: 101n })).toEqual(["BOND_BELOW_POWER"]);
    expect(by({ ...grow, power: 0n })).toEqual(["BOND_BELOW_POWER"]);
    chain.run(1_400);
    expect(by(grow)).toEqual(["NOT_FIT"]);
    chain.block({ signsOfLife: [chain.heartbeat(spare)] });
    expect(by(grow)).toEqual(["OK"]);
  });

  test("rule RETURN: a condemned spare is never seated", () => {
    const chain = four();
    expect(chain.block({ transactions: [chain.proofAgainst(spare)] })).toEqual(["OK"]);
    expect(chain.block({ transactions: [chain.resize(grow, FOUR)] })).toEqual(["NOT_A_SPARE"]);
  });

  test("rule SEAT: neither a seat nor an owner comes to a third", () => {
    const chain = new TestChain({ owners: FOUR });
    chain.addSpare("spare", "a", { bond: 300n });
    const by = (power: bigint) => {
      const resize = chain.resize({ ...grow, power }, FOUR);
      return chain.block({ transactions: [resize], signsOfLife: [chain.heartbeat(spare)] });
    };
    expect(by(200n)).toEqual(["SEAT_POWER"]);
    expect(by(50n)).toEqual(["OWNER_POWER"]);
    expect(by(49n)).toEqual(["OK"]);
  });

  test("rule SWAP: a newcomer that hangs must not halt the chain: those that vote are a quorum", () => {
    const chain = new TestChain({ owners: ["a", "a", "a", "a"] });
    chain.addSpare("spare", "a");
    const change: ResizeChange = { kind: "grow", key: spare, power: 100n };
    chain.silence(seat(3), [spare]);
    const voters = chain.without(seat(3));
    const resize = chain.resize(change, ["a"]);
    expect(chain.block({ voters, transactions: [resize] })).toEqual(["QUORUM_NOT_ALIVE"]);
    chain.block({ signsOfLife: [chain.heartbeat(spare)] });
    expect(chain.block({ transactions: [resize] })).toEqual(["OK"]);
  });
});

describe("shrinking", () => {
  test("rule SWAP: the seat that owners end leaves in peace: its bond unbonds and stays slashable", () => {
    const chain = five();
    const resize = chain.resize(shrink, FOUR);
    expect(chain.block({ transactions: [resize] })).toEqual(["OK"]);
    expect(chain.keys).toHaveLength(4);
    expect(chain.state.unbonding.get(seat(4))).toMatchObject({ amount: 100n, power: 100n });
    expect(chain.state.leavers.map(({ key }) => key)).toEqual([seat(4)]);
    expect(swapsView(chain.state)[0]).toMatchObject({
      ...{ cause: "shrink", leaver: seat(4), newcomer: undefined, power: 100n },
      proof: chain.id(resize),
    });
    expect(chain.block({ transactions: [chain.proofAgainst(seat(4))] })).toEqual(["OK"]);
    expect(chain.state.unbonding.get(seat(4))?.amount).toBe(95n);
    expect(chain.state.condemned.size).toBe(0);
  });

  test("rule RATE: a condemned seat that owners end keeps its slashing, and serves nobody", () => {
    const chain = five();
    expect(chain.block({ transactions: [chain.proofAgainst(seat(4))] })).toEqual(["OK"]);
    // Without a spare it was muted: the set is that of the next epoch.
    chain.block();
    expect(chain.state.condemned.has(seat(4))).toBe(true);
    expect(chain.block({ transactions: [chain.resize(shrink, FOUR)] })).toEqual(["OK"]);
    expect(chain.state.condemned.size).toBe(0);
    expect(chain.state.tombstones.has(seat(4))).toBe(true);
    expect(chain.state.unbonding.get(seat(4))).toMatchObject({ amount: 95n, power: 100n });
    expect(chain.state.leavers).toEqual([]);
  });

  test("rule SEAT: never below four seats, and four owners never become three", () => {
    const chain = four();
    const last: ResizeChange = { kind: "shrink", key: seat(0) };
    expect(chain.block({ transactions: [chain.resize(last, FOUR)] })).toEqual(["SEATS_MIN"]);
    const uneven = new TestChain({
      owners: ["a", "b", "c", "d", "d"],
      powers: [5n, 5n, 5n, 3n, 3n],
    });
    uneven.block();
    const first = uneven.resize(last, FOUR);
    expect(uneven.block({ transactions: [first] })).toEqual(["OWNER_POWER"]);
    const nobody = uneven.resize({ kind: "shrink", key: keyOf("nobody") }, FOUR);
    expect(uneven.block({ transactions: [nobody] })).toEqual(["NOT_A_MEMBER"]);
  });

  test("rule SWAP: members that vote hold a quorum of the set that is left, or it does not shrink", () => {
    const chain = five();
    const voters = chain.without(seat(0));
    // A silence window without a vote: what it did before does not count.
    for (let count = 0; count < 9; count += 1) chain.block({ voters });
    const resize = chain.resize(shrink, FIVE);
    const last: ResizeChange = { kind: "shrink", key: seat(0) };
    chain.block({ voters: chain.without(seat(0), seat(1)) });
    chain.run(2_000, { voters: chain.without(seat(0), seat(1)) });
    expect(
      chain.block({ voters: chain.without(seat(0), seat(1)), transactions: [resize] }),
    ).toEqual(["QUORUM_NOT_ALIVE"]);
    // Ending the seat of a silent one is no danger where the others vote.
    chain.block();
    chain.run(2_200, { voters });
    expect(chain.block({ voters, transactions: [chain.resize(last, FIVE)] })).toEqual(["OK"]);
  });

  test("rule SWAP: after a gap only new votes count: nobody is taken to be alive", () => {
    const chain = five();
    chain.run(1_000);
    const few = [seat(1), seat(2)];
    chain.block({ spanMs: 6_000, voters: few });
    const resize = chain.resize(shrink, FIVE);
    expect(chain.block({ voters: few, transactions: [resize] })).toEqual(["QUORUM_NOT_ALIVE"]);
    chain.block();
    expect(chain.block({ transactions: [resize] })).toEqual(["OK"]);
  });

  test("rule SWAP: muted members hold at most f of the set that is left", () => {
    const chain = seven();
    for (const dead of [seat(0), seat(1)]) {
      chain.run(4_200, { voters: chain.without(seat(0), seat(1)) });
      const transactions = [chain.silenceRecord(dead)];
      const voters = chain.without(seat(0), seat(1));
      expect(chain.block({ voters, transactions })).toEqual(["OK"]);
    }
    chain.block();
    const resize = chain.resize({ kind: "shrink", key: seat(6) }, ["a"]);
    expect(chain.block({ transactions: [resize] })).toEqual(["MUTED_POWER"]);
    const muted = chain.resize({ kind: "shrink", key: seat(0) }, ["a"]);
    expect(chain.block({ transactions: [muted] })).toEqual(["OK"]);
  });

  test("rule RATE: newcomers that nobody endorsed hold at most f of the set that is left", () => {
    const chain = seven();
    const spares = ["one", "two"].map((name) => chain.addSpare(name, "a", { endorsed: false }));
    chain.run(20_000);
    for (const [index, key] of spares.entries()) {
      const voters = chain.without(seat(index));
      chain.run(4_200, { voters });
      chain.block({ voters, signsOfLife: [chain.heartbeat(key)] });
      const transactions = [chain.silenceRecord(seat(index))];
      expect(chain.block({ voters, transactions })).toEqual(["OK"]);
    }
    chain.run(1_000);
    const resize = chain.resize({ kind: "shrink", key: seat(6) }, ["a"]);
    expect(chain.block({ transactions: [resize] })).toEqual(["NEWCOMER_POWER"]);
    const own = chain.resize({ kind: "shrink", key: keyOf("one") }, ["a"]);
    expect(chain.block({ transactions: [own] })).toEqual(["OK"]);
  });
});

describe("who signs", () => {
  test("rule SWAP: owners with a quorum of the power sign, each once, and nobody else", () => {
    const chain = four();
    const whole = chain.resize(grow, ["a", "b", "c"]);
    const [one, two, three] = whole.signatures;
    if (one === undefined || two === undefined || three === undefined) throw new Error("three");
    const sponsor = keyOf("sponsor a");
    const strange = { author: sponsor, signature: one.signature };
    const cases: [string, (typeof whole)["signatures"]][] = [
      ["OWNERS_BELOW_QUORUM", []],
      ["OWNERS_BELOW_QUORUM", [one, two]],
      ["OWNER_ORDER", [one, one, two]],
      ["OWNER_ORDER", [two, one, three]],
      [
        "UNKNOWN_OWNER",
        [...whole.signatures, strange].toSorted((l, r) => (l.author < r.author ? -1 : 1)),
      ],
      ["BAD_SIGNATURE", [one, two, { ...three, signature: two.signature }]],
    ];
    for (const [code, signatures] of cases) {
      expect(chain.block({ transactions: [{ ...whole, signatures }] })).toEqual([code]);
    }
    chain.block({ signsOfLife: [chain.heartbeat(spare)] });
    expect(chain.block({ transactions: [whole] })).toEqual(["OK"]);
  });

  test("rule SWAP: signatures are of one chain, one epoch and one change", () => {
    const chain = four();
    const resize = chain.resize(grow, FOUR);
    const foreign = chain.resize(grow, FOUR).signatures.map(({ author }) => {
      return { author, signature: sign(author, resizeSigningBytes(keyOf("other"), resize)) };
    });
    const bent = [
      { ...resize, signatures: foreign },
      { ...resize, change: { ...grow, power: 39n } },
      { ...resize, change: { kind: "shrink" as const, key: spare } },
    ];
    for (const each of bent) {
      expect(chain.block({ transactions: [each] })).toEqual(["BAD_SIGNATURE"]);
    }
    chain.block({ signsOfLife: [chain.heartbeat(spare)] });
    expect(chain.block({ transactions: [resize, resize] })).toEqual(["OK", "SWAP_PENDING"]);
    expect(chain.block({ transactions: [resize] })).toEqual(["SET_CHANGED"]);
    const moved = { ...resize, setHash: chain.state.setHash };
    expect(chain.block({ transactions: [moved] })).toEqual(["BAD_SIGNATURE"]);
  });

  test("rule RATE: one change of the set an epoch", () => {
    const chain = five();
    const other: ResizeChange = { kind: "shrink", key: seat(3) };
    const transactions = [chain.resize(shrink, FIVE), chain.resize(other, FIVE)];
    expect(chain.block({ transactions })).toEqual(["OK", "SWAP_PENDING"]);
  });
});

describe("a set that grew and shrank", () => {
  test("4 to 5 to 4: pays, slashes and reloads from its leaves as any other", () => {
    const chain = new TestChain({ owners: FOUR, rewardPot: 1_000_000n });
    chain.addSpare("spare", "a");
    expect(chain.block({ transactions: [chain.resize(grow, FOUR)] })).toEqual(["OK"]);
    chain.run(2_000);
    chain.state = reload(chain);
    const back: ResizeChange = { kind: "shrink", key: spare };
    expect(chain.block({ transactions: [chain.resize(back, FOUR)] })).toEqual(["OK"]);
    const lived = chain.state;
    const root = (from: typeof lived) => {
      chain.state = from;
      chain.block();
      return chain.state.stateRoot;
    };
    const loaded = reload(chain);
    expect(root(loaded)).toBe(root(lived));
    chain.run(121_000, { spanMs: 1_000 });
    expect(chain.state.unbonding.size).toBe(0);
    expect(chain.state.owners.get(keyOf("owner a"))?.sponsored).toBe(0n);
  });

  test("the transaction has one encoding", () => {
    const chain = five();
    for (const change of [grow, shrink]) {
      const resize = chain.resize(change, FIVE);
      const bytes = encodeTransaction(resize);
      const read = decodeTransaction(bytes);
      expect(read).toEqual({ ok: true, value: resize });
    }
  });
});

/** The rules of SWAP and SEAT, said again in the plainest words. */
function allowed(
  seats: readonly { owner: string; power: number; votes: boolean }[],
  change: { readonly add?: { owner: string; power: number }; readonly drop?: number },
  signers: readonly string[],
): boolean {
  const sum = (powers: readonly number[]) => powers.reduce((total, power) => total + power, 0);
  const total = sum(seats.map(({ power }) => power));
  const isOwner = signers.every((name) => seats.some(({ owner }) => owner === name));
  const signed = sum(seats.filter(({ owner }) => signers.includes(owner)).map((s) => s.power));
  if (!isOwner || signed <= Math.floor((2 * total) / 3)) return false;
  const stay = seats.filter((_, index) => index !== change.drop);
  const next = change.add === undefined ? stay : [...stay, { ...change.add, votes: false }];
  const after = sum(next.map(({ power }) => power));
  if (next.length < 4 || next.some(({ power }) => 3 * power >= after)) return false;
  const owners = new Set([...seats, ...next].map(({ owner }) => owner));
  const most = Math.max(
    new Set(next.map(({ owner }) => owner)).size,
    new Set(seats.map((s) => s.owner)).size,
  );
  for (const name of owners) {
    const held = sum(next.filter(({ owner }) => owner === name).map((s) => s.power));
    const had = sum(seats.filter(({ owner }) => owner === name).map((s) => s.power));
    if (most >= 4 && 3 * held >= after && held * total > had * after) return false;
  }
  const voting = sum(next.filter(({ votes }) => votes).map(({ power }) => power));
  return voting > Math.floor((2 * after) / 3);
}

test("rule SWAP: the ledger allows exactly what a plain model allows, and sets overlap", () => {
  const place = fc.record({
    owner: fc.integer({ min: 0, max: 5 }),
    power: fc.integer({ min: 40, max: 100 }),
    votes: fc.integer({ min: 0, max: 9 }).map((value) => value > 0),
  });
  let taken = 0;
  fc.assert(
    fc.property(
      fc.array(place, { minLength: 4, maxLength: 9 }),
      fc.integer({ min: 0, max: 17 }),
      fc.record({ owner: fc.nat(8), power: fc.integer({ min: 1, max: 100 }) }),
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 6, maxLength: 6 }),
      (places, which, newcomer, silent) => {
        const names = "abcdef";
        const seats = places.map((each) => ({ ...each, owner: names[each.owner] ?? "a" }));
        const powers = seats.map(({ power }) => BigInt(power));
        const chain = new TestChain({ owners: seats.map(({ owner }) => owner), powers });
        const voters = chain.keys.filter((key) => {
          return seats.some(({ votes }, index) => votes && key === seat(index));
        });
        const owner = seats[newcomer.owner % seats.length]?.owner ?? "a";
        chain.addSpare("spare", owner);
        if (voters.length === 0) return;
        chain.run(2_000, { voters });
        chain.block({ voters, signsOfLife: [chain.heartbeat(spare)] });
        const isGrowth = which % 2 === 0;
        const drop = which % seats.length;
        const change: ResizeChange = isGrowth
          ? { kind: "grow", key: spare, power: BigInt(newcomer.power) }
          : { kind: "shrink", key: seat(drop) };
        const signers = [...names].filter(
          (name, at) => (silent[at] ?? 0) > 0 && seats.some((each) => each.owner === name),
        );
        const expected = allowed(
          seats,
          isGrowth ? { add: { owner, power: newcomer.power } } : { drop },
          signers,
        );
        const resize = chain.resize(change, signers);
        const bytes = encodeTransaction(resize);
        expect(checkTransaction(chain.state, bytes, scheme).ok).toBe(expected);
        const before = chain.state.set;
        const [code] = chain.block({ voters, transactions: [resize] });
        expect(code === "OK", code).toBe(expected);
        if (!expected) return;
        taken += 1;
        expect(overlaps(before, chain.state.set)).toBe(true);
      },
    ),
    { numRuns: 300, seed: 20_261_123 },
  );
  expect(taken).toBeGreaterThan(40);
});
