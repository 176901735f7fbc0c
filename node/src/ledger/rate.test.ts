import { describe, expect, test } from "vitest";
import { keyOf, sign, TestChain } from "../../test/ledger/test-chain.ts";
import { validatorSet } from "../kernel/validator-set.ts";
import { ownerWouldHoldThird } from "./newcomer.ts";
import { overlapRefusal } from "./swap.ts";
import { approveSwapSigningBytes, misconductProof, returnSigningBytes } from "./transaction.ts";
import { swapsView, waitingSwapsView } from "./views.ts";

const dead = keyOf("seat0");
const other = keyOf("seat1");
const FOUR = ["a", "b", "c", "d"];

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
    chain.silence(dead, [spare]);
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
    chain.silence(dead, [first, second]);
    chain.block({ voters: chain.without(dead), transactions: [chain.silenceRecord(dead)] });
    expect(chain.keys).toContain(first);
    chain.run(4_000);
    chain.silence(other, [second]);
    chain.block({ voters: chain.without(other), transactions: [chain.silenceRecord(other)] });
    // f = 133 of 400: a second unendorsed newcomer of 100 is one too many.
    expect(chain.events("swap")[0]?.swap.cause).toBe("mute");
    expect(chain.keys).not.toContain(second);
  });

  test("rule RATE: an unendorsed newcomer that rotates its own key still counts toward f", () => {
    const chain = new TestChain({ owners: FOUR, rotation: { newcomerAgeMsMin: 0 } });
    const first = chain.addSpare("s1", "a", { endorsed: false });
    chain.silence(dead, [first]);
    chain.block({ voters: chain.without(dead), transactions: [chain.silenceRecord(dead)] });
    expect(chain.keys).toContain(first);
    const own = chain.addSpare("s1 again", "a");
    const seatedAtMs = chain.state.seats.get(first)?.seatedAtMs;
    const rotation = chain.ownerRotation(first, keyOf("owner a"));
    expect(chain.block({ transactions: [rotation] })).toEqual(["OK"]);
    expect(chain.state.seats.get(own)).toMatchObject({ endorsed: false, seatedAtMs });
    const second = chain.addSpare("s2", "b", { endorsed: false });
    chain.run(4_000);
    chain.silence(other, [second]);
    chain.block({ voters: chain.without(other), transactions: [chain.silenceRecord(other)] });
    expect(chain.events("swap")[0]?.swap.cause).toBe("mute");
    expect(chain.keys).not.toContain(second);
  });

  test("rule RATE: a proof against another seat within two windows slashes, its swap waits", () => {
    const prepare = () => {
      const chain = new TestChain({ owners: FOUR });
      const spares = [chain.addSpare("s1", "a"), chain.addSpare("s2", "b")];
      const beats = () => spares.map((spare) => chain.heartbeat(spare));
      chain.block({ signsOfLife: beats(), transactions: [chain.proofAgainst(dead)] });
      expect(chain.keys).toContain(spares[0]);
      const proof = chain.proofAgainst(other);
      expect(chain.block({ signsOfLife: beats(), transactions: [proof] })).toEqual(["OK"]);
      const slashed = chain.events("slashed").find(({ key }) => key === other);
      // Two of four within the window: correlated slashing takes all.
      expect(slashed).toMatchObject({ amount: 100n, seated: true });
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
    chain.block({ transactions: [chain.proofAgainst(dead)] });
    chain.block({ transactions: [chain.proofAgainst(other)] });
    expect(chain.block({ transactions: [chain.ownerRotation(other, keyOf("owner b"))] })).toEqual([
      "SWAP_WAITING",
    ]);
    chain.silence(other, spares);
    const voters = chain.without(other);
    expect(chain.block({ voters, transactions: [chain.silenceRecord(other)] })).toEqual(["OK"]);
    expect(chain.keys).toContain(keyOf("s2"));
    expect(chain.state.jailed.has(other)).toBe(false);
    expect(chain.state.unbonding.get(other)?.amount).toBe(0n);
    expect(waitingSwapsView(chain.state)).toEqual([]);
  });

  test("rule RATE: a proof in the block of another swap slashes at once and swaps in the next", () => {
    const chain = new TestChain({ owners: FOUR });
    const spares = [chain.addSpare("s1", "a"), chain.addSpare("s2", "b")];
    chain.silence(dead, spares);
    const both = [chain.silenceRecord(dead), chain.proofAgainst(other)];
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
    chain.silence(dead, [spare]);
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
    const proof = chain.proofAgainst(dead);
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
    chain.block({ transactions: [chain.proofAgainst(dead)] });
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
    chain.silence(dead, [spare]);
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
    chain.silence(dead, [foreign]);
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
