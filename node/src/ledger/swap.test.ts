import { describe, expect, test } from "vitest";
import { keyOf, sign, TestChain } from "../../test/ledger/test-chain.ts";
import { validatorSet } from "../kernel/validator-set.ts";
import { ownerWouldHoldThird } from "./newcomer.ts";
import { overlapRefusal } from "./swap.ts";
import { approveSwapSigningBytes, misconductProof, returnSigningBytes } from "./transaction.ts";
import { seatsView, swapsView, waitingSwapsView } from "./views.ts";

const dead = keyOf("seat0");
const other = keyOf("seat1");
const FOUR = ["a", "b", "c", "d"];

/** Runs until `key` is silent, with every named spare attesting in each block. */
function silence(chain: TestChain, key: string, spares: readonly string[]): void {
  const voters = chain.without(key);
  for (let count = 0; count < 11; count += 1) {
    chain.block({ voters, signsOfLife: spares.map((spare) => chain.heartbeat(spare)) });
  }
}

function proofAgainst(chain: TestChain, key: string, round = 3) {
  const [first, second] = chain.doubleVote(key, chain.state.set.epoch, round);
  if (first === undefined || second === undefined) throw new Error("a pair");
  return misconductProof(chain.chainId, first, second);
}

describe("rule SWAP", () => {
  test("rule SWAP: one key out, one in, the same power, in one epoch change", () => {
    const chain = new TestChain({ owners: FOUR, powers: [90n, 100n, 110n, 100n] });
    const spare = chain.addSpare("spare", "a", { bond: 95n });
    silence(chain, dead, [spare]);
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
    silence(chain, dead, spares);
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
    silence(chain, dead, [spare]);
    const record = chain.silenceRecord(dead);
    expect(chain.block({ transactions: [record] })).toEqual(["NOT_SILENT"]);
  });

  test("rule SWAP: without a fit spare the member is muted, at most f, and unmuted by its votes", () => {
    const chain = new TestChain();
    silence(chain, dead, []);
    const voters = chain.without(dead);
    const set = chain.state.set;
    expect(chain.block({ voters, transactions: [chain.silenceRecord(dead)] })).toEqual(["OK"]);
    expect(chain.state.set.members.find(({ key }) => key === dead)?.muted).toBe(true);
    expect(chain.state.set.epoch).toBe(set.epoch + 1);
    expect(chain.events("swap")[0]?.swap).toMatchObject({ cause: "mute", newcomer: undefined });
    // Still silent, still no spare: no second effect.
    silence(chain, dead, []);
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
    silence(chain, dead, []);
    chain.block({ voters, transactions: [chain.silenceRecord(dead)] });
    const registration = chain.register(chain.registration("late", "a"));
    chain.block({ voters, transactions: [registration] });
    silence(chain, dead, [keyOf("late")]);
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
    silence(silent.chain, dead, [silent.foreign, silent.own1, silent.own2]);
    const voters = silent.chain.without(dead);
    silent.chain.block({ voters, transactions: [silent.chain.silenceRecord(dead)] });
    expect(swapsView(silent.chain.state)[0]?.newcomer).toBe(silent.own1);

    const guilty = prepare();
    guilty.chain.block({ transactions: [proofAgainst(guilty.chain, dead)] });
    // Owner b would hold 200 of 400: SEAT forbids, so its spare is passed over.
    expect(swapsView(guilty.chain.state)[0]?.newcomer).toBe(guilty.own1);

    const seven = new TestChain({
      owners: ["a", "b", "c", "d", "e", "f", "g"],
      rotation: { newcomerAgeMsMin: 0 },
    });
    seven.addSpare("own1", "a");
    const foreign = seven.addSpare("foreign", "b");
    seven.block({ transactions: [proofAgainst(seven, dead)] });
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
    silence(chain, other, [small, large]);
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
    silence(chain, dead, [spare]);
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

describe("rule RATE", () => {
  test("rule RATE: between silence swaps a cool-down of two windows", () => {
    const chain = new TestChain({ owners: FOUR });
    const spares = [chain.addSpare("s1", "a"), chain.addSpare("s2", "b")];
    const voters = chain.without(dead, other);
    const beats = () => spares.map((spare) => chain.heartbeat(spare));
    for (let count = 0; count < 11; count += 1) chain.block({ voters, signsOfLife: beats() });
    expect(chain.block({ voters, transactions: [chain.silenceRecord(dead)] })).toEqual(["OK"]);
    const rest = chain.without(other);
    const again = () =>
      chain.block({
        voters: rest,
        signsOfLife: beats(),
        transactions: [chain.silenceRecord(other)],
      });
    for (let ms = 200; ms < 4_000; ms += 200) expect(again()).toEqual(["COOL_DOWN"]);
    expect(again()).toEqual(["OK"]);
  });

  test("rule RATE: an unendorsed newcomer needs its age", () => {
    const chain = new TestChain({ owners: FOUR });
    const spare = chain.addSpare("spare", "a", { endorsed: false });
    silence(chain, dead, [spare]);
    const voters = chain.without(dead);
    chain.block({ voters, transactions: [chain.silenceRecord(dead)] });
    expect(chain.events("swap")[0]?.swap.cause).toBe("mute");
    while (chain.state.clockMs - chain.genesis.genesisTimeMs < 20_000) {
      chain.block({ voters, signsOfLife: [chain.heartbeat(spare)] });
    }
    chain.block({ voters, signsOfLife: [chain.heartbeat(spare)] });
    expect(chain.block({ voters, transactions: [chain.silenceRecord(dead)] })).toEqual(["OK"]);
    expect(chain.keys).toContain(spare);
  });

  test("rule RATE: unendorsed newcomers of the last span hold at most f together", () => {
    const chain = new TestChain({ owners: FOUR, rotation: { newcomerAgeMsMin: 0 } });
    const first = chain.addSpare("s1", "a", { endorsed: false });
    const second = chain.addSpare("s2", "b", { endorsed: false });
    silence(chain, dead, [first, second]);
    chain.block({ voters: chain.without(dead), transactions: [chain.silenceRecord(dead)] });
    expect(chain.keys).toContain(first);
    chain.run(4_000);
    silence(chain, other, [second]);
    chain.block({ voters: chain.without(other), transactions: [chain.silenceRecord(other)] });
    // f = 133 of 400: a second unendorsed newcomer of 100 is one too many.
    expect(chain.events("swap")[0]?.swap.cause).toBe("mute");
    expect(chain.keys).not.toContain(second);
  });

  test("rule RATE: a proof against another seat within two windows slashes, its swap waits", () => {
    const prepare = () => {
      const chain = new TestChain({ owners: FOUR });
      const spares = [chain.addSpare("s1", "a"), chain.addSpare("s2", "b")];
      const beats = () => spares.map((spare) => chain.heartbeat(spare));
      chain.block({ signsOfLife: beats(), transactions: [proofAgainst(chain, dead)] });
      expect(chain.keys).toContain(spares[0]);
      const proof = proofAgainst(chain, other);
      expect(chain.block({ signsOfLife: beats(), transactions: [proof] })).toEqual(["OK"]);
      expect(chain.events("slashed")[0]).toMatchObject({ key: other, seated: true });
      expect(chain.last?.nextSet).toBeUndefined();
      expect(waitingSwapsView(chain.state)).toMatchObject([{ key: other, needsApproval: true }]);
      const approve = (signer: string) => ({
        kind: "approve-swap" as const,
        member: other,
        signer,
        signature: sign(signer, approveSwapSigningBytes(chain.chainId, other)),
      });
      return { chain, beats, approve };
    };
    const owner = prepare();
    const stranger = owner.approve(keyOf("operator"));
    const forged = { ...owner.approve(keyOf("operator")), signer: keyOf("owner b") };
    expect(owner.chain.block({ transactions: [stranger, forged] })).toEqual([
      "UNKNOWN_OWNER",
      "BAD_SIGNATURE",
    ]);
    const approval = owner.approve(keyOf("owner b"));
    expect(owner.chain.block({ transactions: [approval] })).toEqual(["OK"]);
    expect(owner.chain.keys).toContain(keyOf("s2"));
    expect(owner.chain.block({ transactions: [approval] })).toEqual(["NOTHING_TO_APPROVE"]);

    const quorum = prepare();
    const owners = ["a", "c", "c", "d"].map((name) => quorum.approve(keyOf(`owner ${name}`)));
    const codes = owners.map(
      (transaction) =>
        quorum.chain.block({ signsOfLife: quorum.beats(), transactions: [transaction] })[0],
    );
    expect(codes).toEqual(["OK", "OK", "APPROVAL_DUPLICATE", "OK"]);
    expect(quorum.chain.keys).toContain(keyOf("s2"));

    const waiting = prepare();
    waiting.chain.run(29_800, { spanMs: 200 });
    expect(waiting.chain.keys).toContain(other);
    waiting.chain.block({ signsOfLife: waiting.beats() });
    waiting.chain.block();
    expect(waiting.chain.keys).toContain(keyOf("s2"));
    expect(waitingSwapsView(waiting.chain.state)).toEqual([]);
  });

  test("rule RATE: a condemned seat that waits and falls silent leaves by silence, for ever", () => {
    const chain = new TestChain({ owners: FOUR, rotation: { coolDownWindows: 0 } });
    const spares = [chain.addSpare("s1", "a"), chain.addSpare("s2", "b")];
    chain.block({ transactions: [proofAgainst(chain, dead)] });
    chain.block({ transactions: [proofAgainst(chain, other)] });
    expect(chain.block({ transactions: [chain.ownerRotation(other, keyOf("owner b"))] })).toEqual([
      "SWAP_WAITING",
    ]);
    silence(chain, other, spares);
    const voters = chain.without(other);
    expect(chain.block({ voters, transactions: [chain.silenceRecord(other)] })).toEqual(["OK"]);
    expect(chain.keys).toContain(keyOf("s2"));
    expect(chain.state.jailed.has(other)).toBe(false);
    expect(chain.state.unbonding.get(other)?.amount).toBe(95n);
    expect(waitingSwapsView(chain.state)).toEqual([]);
  });

  test("rule RATE: a proof in the block of another swap slashes at once and swaps in the next", () => {
    const chain = new TestChain({ owners: FOUR });
    const spares = [chain.addSpare("s1", "a"), chain.addSpare("s2", "b")];
    silence(chain, dead, spares);
    const both = [chain.silenceRecord(dead), proofAgainst(chain, other)];
    expect(chain.block({ voters: chain.without(dead), transactions: both })).toEqual(["OK", "OK"]);
    expect(chain.keys).toContain(keyOf("s1"));
    expect(chain.keys).toContain(other);
    chain.block();
    expect(chain.keys).not.toContain(other);
    expect(swapsView(chain.state).map(({ cause }) => cause)).toEqual(["silence", "misconduct"]);
  });
});

describe("rule RETURN", () => {
  const back = (chain: TestChain, key: string, signer: string, nonce = 9) => {
    const fields = { kind: "return-spare" as const, key, nonce };
    return { ...fields, signature: sign(signer, returnSigningBytes(chain.chainId, fields)) };
  };

  test("rule RETURN: silence jails key and bond; after the term the owner makes it a spare", () => {
    const chain = new TestChain();
    const spare = chain.addSpare("spare", "a");
    silence(chain, dead, [spare]);
    chain.block({ voters: chain.without(dead), transactions: [chain.silenceRecord(dead)] });
    expect(chain.state.jailed.get(dead)?.bond).toBe(100n);
    const owner = keyOf("owner a");
    expect(chain.block({ transactions: [back(chain, dead, owner)] })).toEqual(["JAILED"]);
    const again = chain.register({ ...chain.registration("x", "a"), key: dead });
    expect(chain.block({ transactions: [again] })).toEqual(["KEY_KNOWN"]);
    chain.run(5_000);
    expect(chain.block({ transactions: [back(chain, dead, keyOf("operator"))] })).toEqual([
      "NOT_THE_OWNER",
    ]);
    const epoch = chain.state.set.epoch;
    expect(chain.block({ transactions: [back(chain, dead, owner)] })).toEqual(["OK"]);
    expect(chain.state.set.epoch).toBe(epoch);
    expect(chain.state.spares.get(dead)).toMatchObject({ bond: 100n, endorsed: true });
    expect(chain.block({ transactions: [back(chain, dead, owner)] })).toEqual(["NOT_JAILED"]);
  });

  test("rule RETURN: a key condemned for misconduct is tombstoned for ever", () => {
    const chain = new TestChain();
    const spare = chain.addSpare("spare", "a");
    const proof = proofAgainst(chain, dead);
    expect(chain.block({ transactions: [proof] })).toEqual(["OK"]);
    expect(chain.keys).toContain(spare);
    expect(chain.state.tombstones.get(dead)).toMatchObject({
      evidence: "E2",
      proof: chain.id(proof),
    });
    const owner = keyOf("owner a");
    chain.run(130_000, { spanMs: 1_000 });
    expect(chain.block({ transactions: [back(chain, dead, owner)] })).toEqual(["KEY_TOMBSTONED"]);
    const again = chain.register({ ...chain.registration("x", "a"), key: dead });
    expect(chain.block({ transactions: [again] })).toEqual(["KEY_TOMBSTONED"]);
  });

  test("rule RETURN: a condemned seat without a fit spare is muted and swapped when one comes", () => {
    const chain = new TestChain();
    chain.block({ transactions: [proofAgainst(chain, dead)] });
    expect(chain.state.seats.get(dead)).toMatchObject({ muted: true, bond: 95n });
    // Its votes do not help: only a spare does.
    chain.run(6_000);
    expect(chain.state.seats.get(dead)?.muted).toBe(true);
    chain.addSpare("spare", "a");
    expect(chain.keys).toContain(keyOf("spare"));
    expect(chain.keys).not.toContain(dead);
  });
});

describe("rule EPOCH", () => {
  const member = (name: string, power: bigint) => ({
    key: keyOf(name),
    networkKey: keyOf(name),
    address: "127.0.0.1:1",
    owner: keyOf("o"),
    power,
    muted: false,
  });

  test("rule EPOCH: consecutive sets share more than two thirds of old and of new power", () => {
    const set = (entries: readonly (readonly [string, bigint])[], epoch = 1) =>
      validatorSet(
        epoch,
        entries.map(([name, power]) => member(name, power)),
      );
    const old = set([
      ["p", 1n],
      ["q", 1n],
      ["r", 1n],
    ]);
    const swapped = set(
      [
        ["p", 1n],
        ["q", 1n],
        ["s", 1n],
      ],
      2,
    );
    expect(overlapRefusal(old, swapped)?.code).toBe("EPOCH_OVERLAP");
    const four = set([
      ["p", 1n],
      ["q", 1n],
      ["r", 1n],
      ["t", 1n],
    ]);
    expect(
      overlapRefusal(
        four,
        set(
          [
            ["p", 1n],
            ["q", 1n],
            ["r", 1n],
            ["s", 1n],
          ],
          2,
        ),
      ),
    ).toBeUndefined();
    // Enough of the old power, but the new set has grown too much.
    expect(
      overlapRefusal(
        four,
        set(
          [
            ["p", 1n],
            ["q", 1n],
            ["r", 1n],
            ["t", 9n],
          ],
          2,
        ),
      )?.code,
    ).toBe("EPOCH_OVERLAP");
    expect(overlapRefusal(four, four)).toBeUndefined();
  });

  test("rule EPOCH: the ledger refuses a swap of a third, overlap check on", () => {
    const chain = new TestChain();
    const spare = chain.addSpare("spare", "a", { bond: 300n });
    // No genesis allows such a seat (SEAT); the check stands by itself.
    const heavy = chain.state.set.members.map((seat) => ({
      ...seat,
      power: seat.key === dead ? 200n : 100n,
    }));
    const seat = chain.state.seats.get(dead);
    if (seat === undefined) throw new Error("a seat");
    const seats = new Map(chain.state.seats).set(dead, { ...seat, power: 200n });
    chain.state = { ...chain.state, set: validatorSet(1, heavy), seats };
    chain.block({ signsOfLife: [chain.heartbeat(spare)] });
    const rotation = chain.ownerRotation(dead, keyOf("owner a"));
    expect(chain.block({ transactions: [rotation] })).toEqual(["EPOCH_OVERLAP"]);
    expect(chain.last?.nextSet).toBeUndefined();
  });

  test("rule EPOCH: the block that ends the epoch executes all its transactions", () => {
    const chain = new TestChain();
    const spare = chain.addSpare("spare", "a");
    silence(chain, dead, [spare]);
    const faucet = { kind: "faucet", account: keyOf("account x"), amount: 7n, nonce: 1 } as const;
    const transactions = [chain.silenceRecord(dead), faucet];
    expect(chain.block({ voters: chain.without(dead), transactions })).toEqual(["OK", "OK"]);
    expect(chain.state.margin.accounts.get(keyOf("account x"))?.balance).toBe(7n);
  });
});

describe("rule SEAT", () => {
  test("rule SEAT: with four owners no swap brings one of them to a third", () => {
    const chain = new TestChain({ owners: FOUR, rotation: { newcomerAgeMsMin: 0 } });
    const foreign = chain.addSpare("foreign", "b");
    silence(chain, dead, [foreign]);
    chain.block({ voters: chain.without(dead), transactions: [chain.silenceRecord(dead)] });
    expect(chain.events("swap")[0]?.swap.cause).toBe("mute");
    const { set } = chain.state;
    const leaver = { key: dead, owner: keyOf("owner a"), power: 100n };
    expect(ownerWouldHoldThird(set, leaver, keyOf("owner b"))).toBe(true);
    expect(ownerWouldHoldThird(set, leaver, keyOf("owner a"))).toBe(false);
    const few = new TestChain({ owners: ["a", "a", "b", "c"] });
    expect(ownerWouldHoldThird(few.state.set, leaver, keyOf("owner b"))).toBe(false);
  });

  test("rule SEAT: bonds stay slashable until unbonding ends", () => {
    const chain = new TestChain();
    const spare = chain.addSpare("spare", "a");
    chain.block({
      signsOfLife: [chain.heartbeat(spare)],
      transactions: [chain.ownerRotation(dead, keyOf("owner a"))],
    });
    chain.run(60_000, { spanMs: 1_000 });
    const [first, second] = chain.doubleVote(dead, 1);
    if (first === undefined || second === undefined) throw new Error("a pair");
    const late = misconductProof(chain.chainId, first, second);
    expect(chain.block({ spanMs: 1_000, transactions: [late] })).toEqual(["EVIDENCE_TOO_OLD"]);
    expect(chain.state.unbonding.has(dead)).toBe(true);
    chain.run(60_000, { spanMs: 1_000 });
    expect(chain.state.unbonding.has(dead)).toBe(false);
    expect(chain.block({ transactions: [late] })).toEqual(["UNKNOWN_KEY"]);
  });
});
