import { describe, expect, test } from "vitest";
import { keyOf, TestChain } from "../../test/ledger/test-chain.ts";
import { misconductProof } from "./transaction.ts";
import { seatsView, swapsView } from "./views.ts";

const dead = keyOf("seat0");
const other = keyOf("seat1");
const FOUR = ["a", "b", "c", "d"];

describe("rule SWAP", () => {
  test("rule SWAP: one key out, one in, the same power, in one epoch change", () => {
    const chain = new TestChain({ owners: FOUR, powers: [90n, 100n, 110n, 100n] });
    const spare = chain.addSpare("spare", "a", { bond: 95n });
    chain.silence(dead, [spare]);
    const record = chain.silenceRecord(dead);
    expect(chain.block({ voters: chain.without(dead), transactions: [record] })).toEqual(["OK"]);
    const { nextSet, result } = chain.last ?? {};
    expect(nextSet?.epoch).toBe(2);
    expect(nextSet?.members).toHaveLength(4);
    const seat = nextSet?.members.find(({ key }) => key === spare);
    expect(seat).toMatchObject({ power: 90n, owner: keyOf("owner a"), muted: false });
    expect(nextSet?.members.some(({ key }) => key === dead)).toBe(false);
    expect(result?.nextSetHash).toBe(chain.state.setHash);
    expect(chain.state.seats.get(spare)?.bond).toBe(95n);
    expect(swapsView(chain.state)).toEqual([
      {
        epoch: 2,
        height: chain.state.height,
        cause: "silence",
        leaver: dead,
        newcomer: spare,
        proof: chain.id(record),
        newcomerRegisteredAt: 1,
        power: 90n,
      },
    ]);
    expect(chain.events("jailed")).toHaveLength(1);
  });

  test("rule SWAP: a stale record, and two swaps at once, are refused by name", () => {
    const chain = new TestChain({ owners: FOUR });
    const spares = ["s1", "s2", "s3"].map((name) => chain.addSpare(name, "a"));
    const bare = chain.state.setHash;
    chain.silence(dead, spares);
    const two = [chain.silenceRecord(dead), chain.ownerRotation(dead, keyOf("owner a"))];
    const more = [chain.silenceRecord(other)];
    const codes = chain.block({ voters: chain.without(dead), transactions: [...two, ...more] });
    expect(codes).toEqual(["OK", "SWAP_PENDING", "SWAP_PENDING"]);
    expect(chain.block({ transactions: [chain.silenceRecord(other, bare)] })).toEqual([
      "SET_CHANGED",
    ]);
    expect(chain.block({ transactions: [chain.silenceRecord(dead)] })).toEqual(["NOT_A_MEMBER"]);
    expect(chain.block({ transactions: [chain.silenceRecord(other)] })).toEqual(["NOT_SILENT"]);
  });

  test("rule SWAP: the record must still hold when it executes: any sign of life clears it", () => {
    const chain = new TestChain();
    const spare = chain.addSpare("spare", "a");
    chain.silence(dead, [spare]);
    const record = chain.silenceRecord(dead);
    expect(chain.block({ transactions: [record] })).toEqual(["NOT_SILENT"]);
  });

  test("rule SWAP: without a fit spare the member is muted, at most f, and unmuted by its votes", () => {
    const chain = new TestChain();
    chain.silence(dead, []);
    const voters = chain.without(dead);
    const set = chain.state.set;
    expect(chain.block({ voters, transactions: [chain.silenceRecord(dead)] })).toEqual(["OK"]);
    expect(chain.state.set.members.find(({ key }) => key === dead)?.muted).toBe(true);
    expect(chain.state.set.epoch).toBe(set.epoch + 1);
    expect(chain.events("swap")[0]?.swap).toMatchObject({ cause: "mute", newcomer: undefined });
    // Still silent, still no spare: no second effect.
    chain.run(4_000, { voters });
    expect(chain.block({ voters, transactions: [chain.silenceRecord(dead)] })).toEqual([
      "NO_FIT_SPARE",
    ]);
    // A second one would be more than f.
    for (let count = 0; count < 30; count += 1) chain.block({ voters: chain.without(dead, other) });
    expect(
      chain.block({
        voters: chain.without(dead, other),
        transactions: [chain.silenceRecord(other)],
      }),
    ).toEqual(["NO_FIT_SPARE"]);
    chain.run(1_800);
    expect(seatsView(chain.state).find(({ key }) => key === dead)?.muted).toBe(true);
    chain.run(600);
    expect(seatsView(chain.state).find(({ key }) => key === dead)?.muted).toBe(false);
    expect(chain.state.set.epoch).toBe(set.epoch + 2);
    expect(swapsView(chain.state).at(-1)?.cause).toBe("unmute");
  });

  test("rule SWAP: a muted silent member is swapped once a fit spare is there", () => {
    const chain = new TestChain();
    const voters = chain.without(dead);
    chain.silence(dead, []);
    chain.block({ voters, transactions: [chain.silenceRecord(dead)] });
    const registration = chain.register(chain.registration("late", "a"));
    chain.block({ voters, transactions: [registration] });
    chain.run(3_000, { voters });
    chain.silence(dead, [keyOf("late")]);
    expect(chain.block({ voters, transactions: [chain.silenceRecord(dead)] })).toEqual(["OK"]);
    expect(chain.keys).toContain(keyOf("late"));
  });
});

describe("rule CAUSE", () => {
  test("rule CAUSE: the owner's signature rotates its seat; the operator's key is no cause", () => {
    const chain = new TestChain({ owners: FOUR });
    const spare = chain.addSpare("spare", "a");
    const operator = keyOf("operator");
    const sponsor = keyOf("sponsor a");
    for (const key of [operator, sponsor, dead, keyOf("owner b")]) {
      expect(chain.block({ transactions: [chain.ownerRotation(dead, key)] })).toEqual([
        "NOT_THE_OWNER",
      ]);
    }
    expect(chain.keys).toContain(dead);
    chain.block({ signsOfLife: [chain.heartbeat(spare)] });
    const rotation = chain.ownerRotation(dead, keyOf("owner a"));
    expect(chain.block({ transactions: [rotation] })).toEqual(["OK"]);
    expect(chain.keys).toContain(spare);
    expect(chain.state.unbonding.get(dead)?.amount).toBe(100n);
    expect(chain.block({ transactions: [rotation] })).toEqual(["SET_CHANGED"]);
    chain.run(120_000, { spanMs: 1_000 });
    expect(chain.state.unbonding.size).toBe(0);
    expect(chain.state.owners.get(keyOf("owner a"))?.treasury).toBe(1_000n);
  });

  test("rule CAUSE: a proof against a key that is no longer active slashes and swaps nobody", () => {
    const chain = new TestChain({ owners: FOUR });
    const spare = chain.addSpare("spare", "a");
    chain.block({ transactions: [chain.ownerRotation(dead, keyOf("owner a"))] });
    const epoch = chain.state.set.epoch;
    const [first, second] = chain.doubleVote(dead, 1);
    if (first === undefined || second === undefined) throw new Error("a pair");
    const proof = misconductProof(chain.chainId, first, second);
    expect(chain.block({ transactions: [proof] })).toEqual(["OK"]);
    expect(chain.events("slashed")[0]).toMatchObject({ key: dead, amount: 5n, seated: false });
    expect(chain.last?.nextSet).toBeUndefined();
    expect(chain.state.set.epoch).toBe(epoch);
    expect(chain.state.unbonding.get(dead)?.amount).toBe(95n);
    expect(chain.state.slashedPot).toBe(5n);
    expect(chain.keys).toContain(spare);
  });
});

describe("rule PICK", () => {
  test("rule PICK: after silence the same owner's first, after misconduct others' first", () => {
    const prepare = () => {
      const chain = new TestChain({ owners: FOUR, rotation: { newcomerAgeMsMin: 0 } });
      const foreign = chain.addSpare("foreign", "b");
      const own1 = chain.addSpare("own1", "a");
      const own2 = chain.addSpare("own2", "a");
      return { chain, foreign, own1, own2 };
    };
    const silent = prepare();
    silent.chain.silence(dead, [silent.foreign, silent.own1, silent.own2]);
    const voters = silent.chain.without(dead);
    silent.chain.block({ voters, transactions: [silent.chain.silenceRecord(dead)] });
    expect(swapsView(silent.chain.state)[0]?.newcomer).toBe(silent.own1);

    const guilty = prepare();
    guilty.chain.block({ transactions: [guilty.chain.proofAgainst(dead)] });
    // Owner b would hold 200 of 400: SEAT forbids, so its spare is passed over.
    expect(swapsView(guilty.chain.state)[0]?.newcomer).toBe(guilty.own1);

    const seven = new TestChain({
      owners: ["a", "b", "c", "d", "e", "f", "g"],
      rotation: { newcomerAgeMsMin: 0 },
    });
    seven.addSpare("own1", "a");
    const foreign = seven.addSpare("foreign", "b");
    seven.block({ transactions: [seven.proofAgainst(dead)] });
    expect(swapsView(seven.state)[0]?.newcomer).toBe(foreign);

    const asked = prepare();
    const beats = [asked.foreign, asked.own1, asked.own2].map((key) => asked.chain.heartbeat(key));
    const rotation = asked.chain.ownerRotation(dead, keyOf("owner a"));
    asked.chain.block({ signsOfLife: beats, transactions: [rotation] });
    expect(swapsView(asked.chain.state)[0]?.newcomer).toBe(asked.own1);
  });

  test("rule PICK: after the owner's signature only the same owner's spares; else no effect", () => {
    // Three owners: SEAT would not stop the foreign spare, PICK alone does.
    const owners = ["a", "a", "b", "c"];
    const chain = new TestChain({ owners, rotation: { newcomerAgeMsMin: 0 } });
    chain.addSpare("foreign", "b");
    const before = chain.state.setHash;
    const rotation = chain.ownerRotation(dead, keyOf("owner a"));
    expect(chain.block({ transactions: [rotation] })).toEqual(["NO_FIT_SPARE"]);
    expect(chain.state.setHash).toBe(before);
  });

  test("rule PICK: a newcomer whose bond is below the leaver's power is passed over", () => {
    const chain = new TestChain({ powers: [90n, 110n, 100n, 100n] });
    const small = chain.addSpare("small", "a", { bond: 100n });
    const large = chain.addSpare("large", "a", { bond: 110n });
    chain.silence(other, [small, large]);
    const voters = chain.without(other);
    expect(chain.block({ voters, transactions: [chain.silenceRecord(other)] })).toEqual(["OK"]);
    expect(swapsView(chain.state)[0]).toMatchObject({ newcomer: large, power: 110n });
  });
});

describe("rule FIT", () => {
  test("rule FIT: the newcomer attested a certified root of the last blocks or seconds", () => {
    const chain = new TestChain();
    const spare = chain.addSpare("spare", "a");
    const voters = chain.without(dead);
    // 1 s or 5 blocks: at 200 ms a block the sixth block is too old.
    chain.silence(dead, [spare]);
    for (let count = 0; count < 5; count += 1) chain.block({ voters });
    const record = chain.silenceRecord(dead);
    chain.block({ voters, transactions: [record] });
    expect(chain.events("swap")[0]?.swap.cause).toBe("mute");

    const quick = new TestChain({ rotation: { silenceBlocks: 40 } });
    const synced = quick.addSpare("spare", "a");
    const rest = quick.without(dead);
    for (let count = 0; count < 40; count += 1) quick.block({ voters: rest, spanMs: 60 });
    quick.block({ voters: rest, spanMs: 60, signsOfLife: [quick.heartbeat(synced)] });
    // Fifteen blocks, but only 900 ms old.
    for (let count = 0; count < 14; count += 1) quick.block({ voters: rest, spanMs: 60 });
    quick.block({ voters: rest, spanMs: 60, transactions: [quick.silenceRecord(dead)] });
    expect(swapsView(quick.state)[0]?.newcomer).toBe(synced);
  });

  test("rule FIT: a root that is not this chain's is no attestation", () => {
    const chain = new TestChain();
    chain.block({ transactions: [chain.register(chain.registration("spare", "a"))] });
    const { epoch } = chain.state.set;
    const wrong = chain.signed(keyOf("spare"), {
      kind: "heartbeat",
      epoch,
      height: chain.state.height,
      stateRoot: "55".repeat(32),
    });
    chain.block({ signsOfLife: [wrong] });
    const stolen = { ...chain.heartbeat(keyOf("spare")), signature: new Uint8Array(64) };
    chain.block({ signsOfLife: [stolen] });
    expect(chain.state.spares.get(keyOf("spare"))?.attested).toBe(0);
    expect(chain.block({ transactions: [chain.ownerRotation(dead, keyOf("owner a"))] })).toEqual([
      "NO_FIT_SPARE",
    ]);
  });
});
