import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeBlock } from "../../node/src/consensus/codec.ts";
import { sha256Hex } from "../../node/src/crypto/sha256.ts";
import type { Statement } from "../../node/src/kernel/statements.ts";
import { encodeGenesis } from "../../node/src/ledger/genesis.ts";
import {
  approveSwapSigningBytes,
  bundleSigningBytes,
  custodianDepositSigningBytes,
  encodeTransaction,
  exitSigningBytes,
  misconductProof,
  returnSigningBytes,
  revokeSessionSigningBytes,
  sessionBundleSigningBytes,
  sessionSigningBytes,
  treasuryWithdrawSigningBytes,
} from "../../node/src/ledger/transaction.ts";
import type { Transaction } from "../../node/src/ledger/types.ts";
import type { MarketAct } from "../../node/src/margin/types.ts";
import { keyOf, scheme, sign, TestChain } from "../../node/test/ledger/test-chain.ts";
import { readGenesis } from "../stranger/genesis.ts";
import { Ledger } from "./ledger.ts";

/**
 * Random histories of seats, spares, proofs, rotations and deposits: the node's ledger and the
 * rebuild program's must hold the same money in the same places after every block.
 */
const OWNERS = ["a", "b", "c", "d"];
const SPARES = Array.from({ length: 8 }, (_, index) => `spare${index}`);
const ACCOUNTS = ["rich", "new0", "new1"].map((name) => keyOf(`account ${name}`));
const CUSTODIANS = ["x", "y", "z", "w"].map((name) => keyOf(`custodian ${name}`)).sort();

const pick = fc.nat(1_000);
const doingDrawn = fc.record({
  what: fc.constantFrom(
    ...["register", "register", "register", "proof", "proof", "proof", "silence", "silence"],
    ...["rotate", "return", "approve", "approve", "vote-proof", "resize", "terms"],
    ...["exit", "treasury", "stake", "open", "open"],
    ...["session", "session", "trade", "trade", "open", "open"],
    ...["faucet", "deposit", "bundle", "bundle", "revoke", "report", "report", "garbage"],
  ),
  which: pick,
  owner: pick,
  nonce: fc.nat(6),
  amount: fc.bigInt(-1n, 300n),
  isForged: fc.integer({ min: 0, max: 9 }).map((drawn) => drawn === 0),
});
type Doing = typeof doingDrawn extends fc.Arbitrary<infer T> ? T : never;

const blockDrawn = fc.record({
  spanMs: fc.oneof(fc.constant(200), fc.integer({ min: 1, max: 3_000 })),
  silent: fc.option(fc.nat(3), { freq: 2 }),
  beats: fc.integer({ min: 0, max: 9 }).map((drawn) => drawn > 0),
  repeat: fc.constantFrom(1, 1, 3, 12, 30),
  doings: fc.array(doingDrawn, { maxLength: 4 }),
});
type BlockDrawn = typeof blockDrawn extends fc.Arbitrary<infer T> ? T : never;

function at<T>(items: readonly T[], which: number): T {
  const item = items[which % items.length];
  if (item === undefined) throw new Error("nothing to pick from");
  return item;
}

/** All consensus keys that a doing may be about: members, former members, spares. */
function candidates(chain: TestChain): string[] {
  const seats = OWNERS.map((_, index) => keyOf(`seat${index}`));
  return [...new Set([...chain.keys, ...seats, ...SPARES.map(keyOf)])];
}

function pairOf(chain: TestChain, which: number): readonly [Statement, Statement] {
  const epoch = Math.max(1, chain.state.set.epoch - (which % 2));
  const [one, two] = ["11", "22"].map((byte) => byte.repeat(32)) as [string, string];
  const result = (stateRoot: string) => ({
    ...{ epoch, height: 3, blockId: one, timestampMs: 5, stateRoot },
    ...{ receiptsRoot: one, nextSetHash: one },
  });
  const end = chain.state.epochEnds.get(epoch)?.height ?? 3;
  const vote = (blockId: string, qcRound: number) => {
    return { kind: "vote", epoch, round: 7, blockId, qcRound } as const;
  };
  const timeout = (round: number, hqcRound: number) => {
    return { kind: "timeout", epoch, round, hqcRound } as const;
  };
  const report = (price: bigint) => {
    return { kind: "oracle-report", epoch, market: 0, slot: which % 9, price } as const;
  };
  const pairs: readonly (readonly [Statement, Statement])[] = [
    [vote(one, 5), vote(two, 5)],
    [vote(one, 5), vote(one, 5)],
    [vote(one, 5), timeout(9, 4)],
    [vote(one, 5), timeout(9, 5)],
    [vote(one, 5), timeout(6, 4)],
    [{ kind: "order-vote", epoch, round: 7, blockId: one }, timeout(8, 6)],
    [
      { kind: "proposal", epoch, round: 7, blockId: one },
      { kind: "proposal", epoch, round: 7, blockId: two },
    ],
    [
      { kind: "attestation", result: result(one) },
      { kind: "attestation", result: result(two) },
    ],
    // E10, where that was the end of the epoch; the height above it otherwise.
    [
      { kind: "attestation", result: { ...result(one), height: end } },
      { kind: "attestation", result: { ...result(two), height: end + 1 + (which % 2) } },
    ],
    [
      { kind: "attestation", result: { ...result(one), height: end - 1 } },
      { kind: "attestation", result: { ...result(two), height: end + 1 } },
    ],
    [
      { kind: "batch", sequence: 4, digest: one },
      { kind: "batch", sequence: 4, digest: two },
    ],
    [report(5n), report(6n)],
    [report(5n), { kind: "heartbeat", epoch, height: 3, stateRoot: one }],
  ];
  return at(pairs, which);
}

/** The bytes of a block without a timeout certificate; honest for round 7 on certificate 6. */
function blockHead(rounds: { epoch: number; round: number; qcRound: number }): Uint8Array {
  const { epoch, round, qcRound } = rounds;
  const one = "11".repeat(32);
  return encodeBlock({
    ...{ epoch, round, height: 3, proposer: one, timestampMs: 5 },
    qc: { epoch, round: qcRound, blockId: one, qcRound: 0, signatures: [] },
    ...{ tc: undefined, cut: [], signsOfLife: [] },
  });
}

/** E6: a vote with the block that it names, or with another one. */
function voteProofOf(chain: TestChain, { which, owner, nonce, isForged }: Doing): Transaction {
  const rounds = { round: 7, qcRound: 4 + (owner % 4) };
  const block = blockHead({ epoch: 1 + (owner % 3), ...rounds });
  const blockId = nonce === 0 ? keyOf("another") : sha256Hex(block);
  const author = at(candidates(chain), which);
  const statement = { kind: "vote", epoch: 1 + (which % 3), ...rounds, blockId } as const;
  const signed = chain.signed(isForged ? keyOf("somebody else") : author, statement);
  const { chainId } = chain;
  return { kind: "invalid-vote-proof", chainId, vote: { ...signed, author }, block };
}

/** Owners' money and strangers: exits, treasuries, stakes, registrations by accounts. */
/** Mostly of a spare that is there, by all owners. */
function resizeOf(chain: TestChain, { which, owner, nonce, amount, isForged }: Doing): Transaction {
  const spares = [...chain.state.spares.keys(), keyOf("spare0")];
  const change =
    which % 2 === 0
      ? { kind: "grow" as const, key: at(spares, owner), power: amount % 60n }
      : { kind: "shrink" as const, key: at(chain.keys, owner) };
  const owners = nonce === 0 ? OWNERS.slice(0, 2) : OWNERS;
  const resize = chain.resize(change, owners, nonce === 1 ? keyOf("old set") : undefined);
  if (!isForged) return resize;
  const signatures = resize.signatures.map(({ author }) => {
    return {
      author,
      signature: sign(keyOf("somebody else"), approveSwapSigningBytes(author, author)),
    };
  });
  return { ...resize, signatures };
}

/** Mostly by all owners, and of what may be. */
function termsOf(chain: TestChain, { which, owner, nonce, amount, isForged }: Doing): Transaction {
  const fee = { name: "takerFeePpm" as const, value: 3n * amount };
  const margins = [
    { name: "initialMarginPpm" as const, value: 40_000n + 400n * amount },
    { name: "maintenanceMarginPpm" as const, value: 20_000n + 300n * amount },
  ];
  const acts: readonly MarketAct[] = [
    { kind: "restrict", mode: "paused" },
    { kind: "restrict", mode: "reduce-only" },
    { kind: "cancel" },
    { kind: "schedule", opens: true, amounts: [] },
    { kind: "schedule", opens: false, amounts: margins },
    { kind: "schedule", opens: owner % 2 === 0, amounts: [fee] },
  ];
  const owners = nonce === 0 ? OWNERS.slice(0, 2) : OWNERS;
  const untilMs = chain.state.timestampMs + (nonce === 5 ? 0 : 9_000);
  const more = { nonce: 6 * owner + nonce, untilMs, market: Number(which % 9 === 8) };
  const terms = chain.marketTerms(at(acts, which), owners, more);
  return isForged ? { ...terms, untilMs: untilMs + 7 } : terms;
}

function stakingOf(chain: TestChain, doing: Doing): Transaction {
  const { what, which, owner, nonce, amount, isForged } = doing;
  const { chainId, state } = chain;
  const account = at(ACCOUNTS, which);
  const signer = (key: string): string => (isForged ? keyOf("somebody else") : key);
  const owners = [...state.owners.keys()];
  switch (what) {
    case "exit": {
      const all = [...state.spares.values(), ...state.jailed.values()];
      const spare = all[which % (all.length + 1)];
      const exit = { kind: "exit-spare" as const, key: spare?.key ?? at(chain.keys, which), nonce };
      const by = signer(spare?.owner ?? at(owners, owner));
      return { ...exit, signature: sign(by, exitSigningBytes(chainId, exit)) };
    }
    case "treasury": {
      const from = at([...owners, ...ACCOUNTS], owner);
      const request = { kind: "treasury-withdraw" as const, owner: from, account, amount, nonce };
      const signature = sign(signer(from), treasuryWithdrawSigningBytes(chainId, request));
      return { ...request, signature };
    }
    case "stake": {
      const to = nonce === 0 ? keyOf("nobody") : at([...owners, ...ACCOUNTS, account], owner);
      const actions = [{ kind: "stake" as const, owner: to, amount: amount * 3n }];
      const fields = { kind: "bundle" as const, account, nonce: which % 1_500, actions };
      return { ...fields, signature: sign(signer(account), bundleSigningBytes(chainId, fields)) };
    }
    default: {
      const bond = 95n + (amount < 0n ? 0n : amount % 30n);
      const plain = chain.registration(at(SPARES, which), "a", bond);
      const registration = { ...plain, owner: at(ACCOUNTS, owner) };
      return chain.registerStranger(registration, { sponsor: signer(registration.owner) });
    }
  }
}

/** Sessions of the account: opened, used within and beyond their scope, and revoked. */
function sessionOf(chain: TestChain, doing: Doing): Transaction {
  const { what, which, owner, nonce, amount, isForged } = doing;
  const { chainId, state } = chain;
  const account = at(ACCOUNTS, which);
  const signer = (key: string): string => (isForged ? keyOf("somebody else") : key);
  const open = [...state.sessions].flatMap(([of, all]) => all.map((each) => ({ of, ...each })));
  const session = open[owner % (open.length + 1)];
  const named = { account: session?.of ?? account, session: session?.id ?? keyOf("none") };
  const key = session?.key ?? keyOf("session");
  switch (what) {
    case "session": {
      const fields = {
        ...{ kind: "session" as const, account, nonce: which % 1_500 },
        key: keyOf(`session ${nonce}`),
        expiresMs: state.timestampMs + (owner % 9) * 1_000,
        scope: {
          ...{ place: owner % 3 > 0, cancel: owner % 3 !== 1, markets: owner % 7 === 0 ? [1] : [] },
          ...{ orderLotsMax: amount < 0n ? 90n : 0n, orderNotionalMax: BigInt(nonce) * 5_000_000n },
        },
      };
      return { ...fields, signature: sign(signer(account), sessionSigningBytes(chainId, fields)) };
    }
    case "trade": {
      const order = { kind: "place" as const, market: 0, clientId: nonce, side: "buy" as const };
      const terms = {
        price: 1_000n,
        timeInForce: "gtc" as const,
        reduceOnly: false,
        selfTrade: "cancel-maker" as const,
        untilMs: 0,
      };
      const cancel = { kind: "cancel" as const, market: 0, clientId: nonce };
      const place = { ...order, size: amount, ...terms };
      const actions = [which % 5 === 0 ? cancel : place];
      const withdrawal = { kind: "withdraw" as const, amount: 1n };
      const fields = {
        ...{ kind: "session-bundle" as const, ...named, nonce: which % 30 },
        actions: which % 11 === 0 ? [withdrawal] : actions,
      };
      const signature = sign(signer(key), sessionBundleSigningBytes(chainId, fields));
      return { ...fields, signature };
    }
    default: {
      const by = which % 2 === 0 ? ("account" as const) : ("session" as const);
      const fields = { kind: "revoke-session" as const, ...named, by };
      const own = by === "account" ? named.account : key;
      return {
        ...fields,
        signature: sign(signer(own), revokeSessionSigningBytes(chainId, fields)),
      };
    }
  }
}

/** One transaction; a forged one has a wrong signature, owner or chain. */
function transactionOf(
  chain: TestChain,
  doing: Doing,
  silent: number | null,
): Transaction | Uint8Array {
  const { what, which, owner, nonce, amount, isForged } = doing;
  const { chainId } = chain;
  const account = at(ACCOUNTS, which);
  const signer = (key: string): string => (isForged ? keyOf("somebody else") : key);
  switch (what) {
    case "register": {
      const bond = 95n + (amount < 0n ? 0n : amount % 20n);
      const registration = chain.registration(at(SPARES, which), at(OWNERS, owner), bond);
      const address = which % 11 === 0 ? "127.0.0.1:0700" : registration.address;
      const sponsor = isForged ? { sponsor: keyOf("somebody else") } : {};
      const endorsed = nonce === 0 ? { owner: "none" as const } : {};
      return chain.register({ ...registration, address }, { ...sponsor, ...endorsed });
    }
    case "proof": {
      const [left, right] = pairOf(chain, owner);
      const accused = at(candidates(chain), which);
      const first = chain.signed(accused, left);
      const second = chain.signed(signer(accused), right);
      const proof = misconductProof(chainId, first, second);
      if (nonce === 0) return { ...proof, first: proof.second, second: proof.first };
      return nonce === 1 ? { ...proof, chainId: keyOf("foreign") } : proof;
    }
    case "vote-proof":
      return voteProofOf(chain, doing);
    case "exit":
    case "treasury":
    case "stake":
    case "open":
      return stakingOf(chain, doing);
    case "session":
    case "trade":
    case "revoke":
      return sessionOf(chain, doing);
    case "silence":
      return chain.silenceRecord(at(chain.keys, silent ?? which));
    case "rotate":
      return chain.ownerRotation(at(chain.keys, which), keyOf(`owner ${at(OWNERS, owner)}`), nonce);
    case "resize":
      return resizeOf(chain, doing);
    case "terms":
      return termsOf(chain, doing);
    case "return": {
      const all = [...chain.state.jailed.values()];
      const jailed = all[which % (all.length + 1)];
      const key = jailed?.key ?? at(candidates(chain), which);
      const back = { kind: "return-spare" as const, key, nonce };
      const by = signer(jailed?.owner ?? keyOf(`owner ${at(OWNERS, owner)}`));
      return { ...back, signature: sign(by, returnSigningBytes(chainId, back)) };
    }
    case "approve": {
      const member = at([...chain.state.condemned.keys(), at(chain.keys, which)], owner);
      const by = keyOf(`owner ${at(OWNERS, which)}`);
      const signature = sign(signer(by), approveSwapSigningBytes(chainId, member));
      return { kind: "approve-swap", member, signer: by, signature };
    }
    case "faucet":
      return { kind: "faucet", account, amount: amount * 1_000_000n, nonce };
    case "deposit": {
      const fields = { kind: "custodian-deposit" as const, account, amount, nonce };
      const message = custodianDepositSigningBytes(chainId, fields);
      const authors = CUSTODIANS.slice(0, 2 + (owner % 3));
      const signatures = authors.map((author) => {
        return { author, signature: sign(signer(author), message) };
      });
      return { ...fields, signatures };
    }
    case "bundle": {
      const side = owner % 2 === 0 ? ("buy" as const) : ("sell" as const);
      const order = { kind: "place" as const, market: 0, clientId: nonce, side, size: amount };
      const terms = {
        price: 1_000n,
        timeInForce: "gtc" as const,
        reduceOnly: false,
        selfTrade: "cancel-maker" as const,
        untilMs: 0,
      };
      const withdrawal = { kind: "withdraw" as const, amount };
      const actions = which % 3 === 0 ? [withdrawal] : [{ ...order, ...terms }, withdrawal];
      const fields = { kind: "bundle" as const, account, nonce: which % 1_500, actions };
      return { ...fields, signature: sign(signer(account), bundleSigningBytes(chainId, fields)) };
    }
    case "report": {
      const { epoch } = chain.state.set;
      const slot = Math.floor((chain.state.timestampMs - chain.genesis.genesisTimeMs) / 1_000);
      const price = 1_000n + BigInt(owner % 7);
      const report = { kind: "oracle-report", epoch, market: 0, slot, price } as const;
      return { kind: "oracle-report", report: chain.signed(at(chain.keys, which), report) };
    }
    default:
      return Uint8Array.of(which % 12, owner % 256, nonce);
  }
}

function moneyOfNode({ state }: TestChain): unknown {
  const places = [
    ...[...state.seats.values()].map(({ key, bond }) => [key, "seat", bond] as const),
    ...[...state.spares.values()].map(({ key, bond }) => [key, "spare", bond] as const),
    ...[...state.jailed.values()].map(({ key, bond }) => [key, "jailed", bond] as const),
    ...[...state.unbonding.values()].map(({ key, amount }) => [key, "unbonding", amount] as const),
  ];
  return {
    owners: [...state.owners.values()].map(({ treasury, sponsored }) => [treasury, sponsored]),
    bonds: places.sort(([left], [right]) => (left < right ? -1 : 1)),
    slashed: state.slashedPot,
    pot: state.rewardPot,
    fund: state.margin.fund,
    caps: state.margin.caps,
    balances: [...state.margin.accounts]
      .map(([key, { balance }]) => [key, balance] as const)
      .sort(([left], [right]) => (left < right ? -1 : 1)),
  };
}

function moneyOfRebuild({ bonds, world }: Ledger): unknown {
  return {
    owners: bonds.owners.map(({ money, sponsored }) => [money, sponsored]),
    bonds: [...bonds.bonds.values()]
      .map(({ key, place, amount }) => [key, place, amount] as const)
      .sort(([left], [right]) => (left < right ? -1 : 1)),
    slashed: bonds.slashedPot,
    pot: bonds.rewardPot,
    fund: world.fund,
    caps: world.caps,
    balances: world.accounts.map(({ key, balance }) => [key, balance]),
  };
}

/** Executes one block in both, and demands equality. */
function executeInBoth(
  [chain, ledger]: readonly [TestChain, Ledger],
  { spanMs, silent, beats }: BlockDrawn,
  raw: readonly Uint8Array[],
): readonly string[] {
  const { epoch, members } = chain.state.set;
  const absent = silent === null ? [] : [at(members, silent).key];
  const spares = beats && chain.state.height > 0 ? [...chain.state.spares.keys()] : [];
  const codes = chain.block({
    spanMs,
    voters: chain.without(...absent),
    signsOfLife: spares.map((key) => chain.heartbeat(key)),
    raw,
  });
  const { height, timestampMs, set } = chain.state;
  const cause = chain.events("swap").at(0)?.swap;
  const next = set.epoch === epoch || cause === undefined ? undefined : { set, cause };
  const rewards = chain.events("reward");
  expect(ledger.isPayday(timestampMs) || rewards.length === 0).toBe(true);
  ledger.execute({ epoch, height, timestampMs, transactions: raw, next, rewards });
  const what = `block ${height}, ${codes.join(" ")}`;
  expect(moneyOfRebuild(ledger), what).toEqual(moneyOfNode(chain));
  return codes;
}

function compare(history: readonly BlockDrawn[], seen: Map<string, number>): void {
  const chain = new TestChain({
    owners: OWNERS,
    candidates: "open",
    rewardPot: 90_000n,
    rotation: {
      ...{ newcomerAgeMsMin: 0, unbondingMs: 20_000, sponsorBondMax: 350n },
      ...{ candidatesMax: 2, rewardPeriodMs: 5_000, rewardPpm: 7_777n },
    },
  });
  const genesis = readGenesis(encodeGenesis(chain.genesis));
  expect(genesis.chainId).toBe(chain.chainId);
  const ledger = new Ledger(genesis, scheme.verify);
  for (const block of history) {
    // The transactions come last: by then a member may be silent.
    for (let left = block.repeat; left > 1; left -= 1) {
      executeInBoth([chain, ledger], block, []);
      countEvents(chain, seen);
    }
    const drawn = block.doings.map((doing) => transactionOf(chain, doing, block.silent));
    const raw = drawn.map((each) => (each instanceof Uint8Array ? each : encodeTransaction(each)));
    const codes = executeInBoth([chain, ledger], block, raw);
    drawn.forEach((each, index) => {
      const kind = each instanceof Uint8Array ? "garbage" : each.kind;
      count(seen, `${kind} ${codes[index] === "OK" ? "OK" : "refused"}`);
    });
    countEvents(chain, seen);
  }
  const { held, due } = ledger.totals();
  expect(held).toBe(due);
}

function countEvents(chain: TestChain, seen: Map<string, number>): void {
  for (const { swap } of chain.events("swap")) count(seen, `swap ${swap.cause}`);
  if (chain.events("reward").length > 0) count(seen, "reward");
  for (const { event } of chain.events("margin")) {
    if (event.kind === "staked") count(seen, "staked");
  }
  const strangers = [...chain.state.seats.values()].filter(({ owner }) => ACCOUNTS.includes(owner));
  if (strangers.length > 0) count(seen, "stranger seated");
  const leaving = [...chain.state.unbonding.values()];
  if (leaving.some(({ owner }) => ACCOUNTS.includes(owner))) count(seen, "stranger displaced");
  for (const { evidence } of chain.events("slashed")) count(seen, `slashed ${evidence}`);
}

function count(seen: Map<string, number>, name: string): void {
  seen.set(name, (seen.get(name) ?? 0) + 1);
}

const EXPECTED = [
  ...["silence", "misconduct", "owner", "mute", "unmute", "grow", "shrink"].map(
    (cause) => `swap ${cause}`,
  ),
  ...["E1", "E2", "E4", "E5", "E6", "E7", "E8"].map((evidence) => `slashed ${evidence}`),
  ...["reward", "staked", "stranger seated", "stranger displaced"],
  ...["session", "session-bundle", "revoke-session"].flatMap((kind) => [
    `${kind} OK`,
    `${kind} refused`,
  ]),
  ...["exit-spare", "treasury-withdraw", "resize", "market-terms"].flatMap((kind) => [
    `${kind} OK`,
    `${kind} refused`,
  ]),
  ...["register-spare", "return-spare", "approve-swap", "custodian-deposit", "bundle"].flatMap(
    (kind) => [`${kind} OK`, `${kind} refused`],
  ),
];

/** A wider search: QUORATE_HISTORIES=2000 QUORATE_SEED=8 npx vitest run test-e2e/rebuild. */
const RUNS = Number(process.env["QUORATE_HISTORIES"] ?? 44);
const SEED = Number(process.env["QUORATE_SEED"] ?? 7);

describe("the ledger and a second one written from node/spec/ledger.md", () => {
  test(
    "hold the same money in the same places on random histories",
    () => {
      const seen = new Map<string, number>();
      const history = fc.array(fc.noBias(blockDrawn), {
        minLength: 30,
        maxLength: 60,
        size: "max",
      });
      const property = fc.property(history, (drawn) => compare(drawn, seen));
      fc.assert(property, { numRuns: RUNS, seed: SEED, endOnFailure: true });
      const missing = EXPECTED.filter((name) => !seen.has(name));
      expect(missing, "never happened").toEqual([]);
    },
    60_000 + RUNS * 1_000,
  );

  test("displace the same spare of a full owner, and carry the sponsor's part alike", () => {
    const chain = new TestChain({ owners: OWNERS, powers: [1n, 1n, 1n, 1n] });
    const ledger = new Ledger(readGenesis(encodeGenesis(chain.genesis)), scheme.verify);
    const quiet = { spanMs: 200, silent: null, beats: true, repeat: 1 as const, doings: [] };
    const register = (name: string, owner: string, isEndorsed: boolean) => {
      const registration = chain.registration(name, owner, 1n);
      const options = isEndorsed ? {} : { owner: "none" as const };
      return encodeTransaction(chain.register(registration, options));
    };
    const junk = Array.from({ length: 17 }, (_, index) => register(`junk${index}`, "a", false));
    const wanted = ["w0", "w1"].map((name) => register(name, "a", true));
    const codes = executeInBoth([chain, ledger], quiet, [
      ...junk,
      ...wanted,
      register("b", "b", false),
    ]);
    expect(codes.filter((code) => code !== "OK")).toEqual(["SPARES_FULL"]);
    expect([...chain.state.unbonding.keys()]).toEqual([keyOf("junk0"), keyOf("junk1")]);
    for (let left = 140; left > 0; left -= 1) {
      executeInBoth([chain, ledger], { ...quiet, spanMs: 900, beats: false }, []);
    }
    expect(chain.state.unbonding.size).toBe(0);
  });
});
