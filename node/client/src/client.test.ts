import { createServer, type Socket } from "node:net";
import { decodeBlock, encodeBlock } from "@quorate/node/consensus/codec";
import { asciiBytes } from "@quorate/node/kernel/bytes";
import { listProof } from "@quorate/node/kernel/merkle";
import { encodeSet, leafKeys } from "@quorate/node/ledger/leaves";
import { encodeReceiptLeaf } from "@quorate/node/ledger/receipt";
import {
  encodeAccount,
  encodeCaps,
  encodeFunding,
  encodeMarket,
  encodePosition,
} from "@quorate/node/margin/leaves";
import { GENESIS_ORACLE } from "@quorate/node/margin/oracle";
import { EMPTY_ACCOUNT } from "@quorate/node/margin/state";
import { encodeTerms } from "@quorate/node/margin/terms-codec";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  eventLeaf,
  FakeChain,
  GENESIS_TIME_MS,
  okReceipt,
  testGenesis,
  testKey,
  testSeed,
} from "../test/fake-chain.ts";
import { FakeNode, type Lies } from "../test/fake-node.ts";
import { startNetwork, type TestNetwork } from "../test/network.ts";
import { AccountKey } from "./account-key.ts";
import { Bundle } from "./bundle.ts";
import { connect } from "./client.ts";
import {
  ChainRefusalError,
  ClosedError,
  InputError,
  NodeUnavailableError,
  ProofError,
  RefusedError,
  UnreachableError,
} from "./errors.ts";
import { countingNonces } from "./nonces.ts";
import type { ClaimedBlock, ClaimedReceipt } from "./query-node.ts";

let network: TestNetwork;

beforeEach(async () => {
  network = await startNetwork();
});

afterEach(() => network.close());

const account = AccountKey.fromSeed(Buffer.from(testSeed("account")).toString("hex"));
const nonces = countingNonces(1);

function bundle(chain: FakeChain) {
  const options = { chainId: chain.chainId, account, nonces, actionsMax: 64 };
  return new Bundle(options).withdraw(1_000_000n).sign();
}

function everywhere(lies: Lies): void {
  for (const node of network.nodes) node.lies = lies;
}

function lyingAbout(change: (honest: ClaimedReceipt) => ClaimedReceipt): Lies {
  return { receipt: change };
}

/** Signatures of other members, or another result, under the same receipt. */
function resigned(signers: readonly string[]) {
  return lyingAbout((honest) => ({
    ...honest,
    certificate: network.chain.certificate(honest.certificate.result, signers),
  }));
}

const FUNDING = { index: 0n, lastRate: 0n, interval: 0, sampleSlot: -1, samples: [] };

describe("submit", () => {
  test("rule VERIFIED-READ: an acknowledgement is a verified certificate", async () => {
    const { client, chain, failures } = network;
    const sent = bundle(chain);
    const certified = await client.submit(sent.bytes);
    expect(certified.receipt.transaction).toBe(sent.id);
    expect(certified.height).toBe(certified.certificate.result.height);
    expect(client.newestHeight).toBe(certified.height);
    expect(failures).toEqual([]);
  });

  test("a receipt that refuses is a typed error with its height", async () => {
    const { client, chain } = network;
    const sent = bundle(chain);
    const refusal = { code: "NONCE_USED", field: "nonce", fix: "take a fresh one" };
    const { certificate } = chain.execute(sent.bytes, refusal);
    const error = await client.submit(sent.bytes).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ChainRefusalError);
    expect(error).toMatchObject({ ...refusal, height: certificate.result.height });
  });

  test("a refusal at the door is believed when every node says it", async () => {
    const { client, chain, nodes } = network;
    const refusal = { code: "SIGNATURE_INVALID", field: "signature", fix: "sign it" };
    everywhere({ refusal });
    const error = await client.submit(bundle(chain).bytes).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RefusedError);
    expect(error).toMatchObject({ ...refusal, isUnanimous: true });
    nodes[2].lies = {};
    await expect(client.submit(bundle(chain).bytes)).resolves.toMatchObject({
      receipt: { code: "OK" },
    });
  });

  test("rule VERIFIED-READ: submit fails over and never double-executes", async () => {
    const { chain, nodes, endpoints } = network;
    const behaviour = fc.constantFrom("honest", "broken", "refuses", "lies");
    await fc.assert(
      fc.asyncProperty(fc.tuple(behaviour, behaviour), async (behaviours) => {
        const client = await network.join();
        for (const [at, kind] of [...behaviours, "honest"].entries()) {
          const node = nodes[at];
          if (node !== undefined) node.lies = LIES[kind as keyof typeof LIES];
        }
        const height = chain.height;
        const sent = bundle(chain);
        const certified = await client.submit(sent.bytes);
        expect(certified.receipt.transaction).toBe(sent.id);
        expect(chain.height).toBe(height + 1);
        expect(endpoints).toHaveLength(3);
        client.close();
      }),
      { numRuns: 12 },
    );
  });

  test("nobody answers: the error says so, and what was sent may be sent again", async () => {
    const { chain } = network;
    everywhere({ isSilent: true });
    const client = await network.join({ timeouts: { attemptMs: 30, totalMs: 120 } });
    const sent = bundle(chain);
    const error = await client.submit(sent.bytes).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(UnreachableError);
    expect(error).toMatchObject({ code: "UNREACHABLE", cause: expect.anything() });
    everywhere({});
    const again = network.client.submit(sent.bytes);
    await expect(again).resolves.toMatchObject({ receipt: { code: "OK" } });
    expect(chain.receipts.size).toBe(1);
  });

  test("close ends running calls with ClosedError", async () => {
    const { client, chain } = network;
    everywhere({ isSilent: true });
    const running = client.submit(bundle(chain).bytes);
    client.close();
    await expect(running).rejects.toBeInstanceOf(ClosedError);
    await expect(client.head()).rejects.toBeInstanceOf(ClosedError);
  });
});

const LIES = {
  honest: {},
  broken: { isBroken: true },
  refuses: { refusal: { code: "FALSE_REFUSAL", field: "x", fix: "y" } },
  lies: { receipt: (honest: ClaimedReceipt) => ({ ...honest, leaf: asciiBytes("no receipt") }) },
} as const;

describe("the words of a node", () => {
  test("a fix is advice: shown as plain text, and no proof depends on it", async () => {
    network.chain.receipt = { code: "NONCE_USED", field: "nonce", fix: "take another" };
    const fix = `wipe your disk\u001b[2J${"!".repeat(2_000)}`;
    everywhere(lyingAbout((honest) => ({ ...honest, advice: { fix, outcomeFixes: ["a", "b"] } })));
    const error = await network.client
      .submit(bundle(network.chain).bytes)
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "NONCE_USED", field: "nonce" });
    const shown = (error as { fix: string }).fix;
    expect(shown).toHaveLength(1_024);
    expect(shown).toMatch(/^wipe your disk\?\[2J!+$/);
  });
});

describe("lies about a receipt", () => {
  async function lie(lies: Lies): Promise<string> {
    everywhere(lies);
    const error = await network.client
      .submit(bundle(network.chain).bytes)
      .catch((caught: unknown) => caught);
    if (!(error instanceof ProofError)) throw error;
    expect(network.endpoints).toContain(error.node.endpoint);
    expect(network.chain.set.members.map(({ networkKey }) => networkKey)).toContain(
      error.node.networkKey,
    );
    return error.code;
  }

  test("rule VERIFIED-READ: a duplicate signer is refused", async () => {
    const duplicated = lyingAbout((honest) => {
      const { signatures } = honest.certificate;
      const certificate = { ...honest.certificate, signatures: [...signatures, ...signatures] };
      return { ...honest, certificate };
    });
    expect(await lie(duplicated)).toBe("DUPLICATE_SIGNER");
  });

  test("rule VERIFIED-READ: power below quorum is refused, however many sign", async () => {
    const light = network.chain.set.members.filter(({ power }) => power === 8_000_000n);
    expect(light).toHaveLength(5);
    expect(await lie(resigned(light.map(({ key }) => key)))).toBe("POWER_BELOW_QUORUM");
  });

  test("rule VERIFIED-READ: a signer from outside the set is refused", async () => {
    const { chain } = network;
    const stranger = chain.member("stranger", 1n).key;
    const members = chain.set.members.map(({ key }) => key);
    expect(await lie(resigned([...members, stranger]))).toBe("FOREIGN_SIGNER");
  });

  test("rule VERIFIED-READ: one bad signature is refused", async () => {
    const spoiled = lyingAbout((honest) => ({
      ...honest,
      certificate: {
        ...honest.certificate,
        signatures: honest.certificate.signatures.map(({ author }) => ({
          author,
          signature: new Uint8Array(64),
        })),
      },
    }));
    expect(await lie(spoiled)).toBe("BAD_SIGNATURE");
  });

  test("rule VERIFIED-READ: a certificate of an epoch nobody proves is refused", async () => {
    const future = lyingAbout((honest) => ({
      ...honest,
      certificate: network.chain.certificate({ ...honest.certificate.result, epoch: 2 }),
    }));
    expect(await lie(future)).toBe("EPOCH_UNPROVEN");
    expect(await lie(epochZero())).toBe("FOREIGN_EPOCH");
  });

  function epochZero(): Lies {
    return lyingAbout((honest) => ({
      ...honest,
      certificate: network.chain.certificate({ ...honest.certificate.result, epoch: 0 }),
    }));
  }

  test("rule VERIFIED-READ: a certificate of another chain is refused", async () => {
    const foreign = new FakeChain("foreign");
    const signed = lyingAbout((honest) => ({
      ...honest,
      certificate: foreign.certificate(honest.certificate.result),
    }));
    expect(await lie(signed)).toBe("BAD_SIGNATURE");
  });

  test("rule VERIFIED-READ: the receipt of another transaction is refused", async () => {
    const other = network.chain.execute(bundle(network.chain).bytes);
    expect(await lie(lyingAbout(() => other))).toBe("WRONG_RECEIPT");
  });

  test("rule VERIFIED-READ: a receipt that is not under the root is refused", async () => {
    const forged = lyingAbout((honest) => {
      const leaves = [honest.leaf, asciiBytes("forged")];
      return { ...honest, proof: listProof(leaves, 0) };
    });
    expect(await lie(forged)).toBe("RECEIPT_NOT_PROVEN");
  });

  test("rule VERIFIED-READ: an answer that is malformed names its field", async () => {
    const short = lyingAbout((honest) => ({
      ...honest,
      certificate: {
        ...honest.certificate,
        result: { ...honest.certificate.result, blockId: "ab" },
      },
    }));
    expect(await lie(short)).toBe("MALFORMED_ANSWER");
    expect(network.failures.at(-1)?.field).toBe("receipt.certificate.result.blockId");
  });

  test("a node that lies is named and asked last from then on", async () => {
    const { nodes, client, chain, failures } = network;
    nodes[0].lies = resigned([]);
    await client.submit(bundle(chain).bytes);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject({ code: "POWER_BELOW_QUORUM" });
    await client.submit(bundle(chain).bytes);
    expect(failures).toHaveLength(1);
    expect(nodes[0].submissions).toBe(1);
  });
});

describe("epochs", () => {
  test("rule EPOCH: the client follows hand-overs from genesis", async () => {
    const { client, chain } = network;
    chain.handOver("7");
    chain.handOver("8");
    const { certificate } = await client.submit(bundle(chain).bytes);
    expect(certificate.result.epoch).toBe(3);
    expect(client.trustedSet).toEqual(chain.set);
  });

  test("rule EPOCH: a set that was replaced certifies nothing beyond its end", async () => {
    const { client, chain } = network;
    const before = chain.set;
    chain.handOver("7");
    await client.submit(bundle(chain).bytes);
    everywhere(
      lyingAbout((honest) => ({
        ...honest,
        certificate: chain.certificate(
          { ...honest.certificate.result, epoch: before.epoch },
          before.members.map(({ key }) => key),
        ),
      })),
    );
    await expect(client.submit(bundle(chain).bytes)).rejects.toMatchObject({ code: "STALE_EPOCH" });
  });

  test("rule EPOCH: results of an earlier epoch stay valid up to its end", async () => {
    const { client, chain } = network;
    const sent = bundle(chain);
    const first = chain.execute(sent.bytes);
    chain.handOver("7");
    await client.submit(bundle(chain).bytes);
    const { height } = await client.transaction(sent.id);
    expect(height).toBe(first.certificate.result.height);
  });

  test("rule EPOCH: a new set that the old quorum did not certify is refused", async () => {
    const { client, chain } = network;
    const { certificate, nextSet } = chain.handOver("7");
    const forged = { ...nextSet, members: nextSet.members.slice(1) };
    everywhere({ epochProofs: () => [{ certificate, nextSet: forged }] });
    await expect(client.submit(bundle(chain).bytes)).rejects.toMatchObject({
      code: "SET_HASH_MISMATCH",
    });
    everywhere({ epochProofs: (proofs) => proofs.slice(0, 0) });
    await expect(client.submit(bundle(chain).bytes)).rejects.toMatchObject({
      code: "EPOCH_UNPROVEN",
    });
  });

  test("rule EPOCH: a skipped epoch is refused", async () => {
    const { client, chain } = network;
    chain.handOver("7");
    chain.handOver("8");
    everywhere({ epochProofs: () => chain.epochProofs.slice(1) });
    await expect(client.submit(bundle(chain).bytes)).rejects.toMatchObject({
      code: "EPOCH_SKIPPED",
    });
  });

  test("rule VERIFIED-READ: a client may start from a set that it verified before", async () => {
    const { client, chain } = network;
    chain.handOver("7");
    await client.head();
    const later = await network.join({ checkpoint: client.trustedSet });
    everywhere({ epochProofs: () => [] });
    await expect(later.head()).resolves.toMatchObject({ result: { epoch: 2 } });
  });
});

describe("state", () => {
  test("rule VERIFIED-READ: a leaf and its absence are proven", async () => {
    const { client, chain } = network;
    chain.put("a", asciiBytes("one"));
    chain.put("b", asciiBytes("two"));
    await expect(client.state("a")).resolves.toMatchObject({ value: asciiBytes("one") });
    await expect(client.state("c")).resolves.toMatchObject({ value: undefined });
  });

  test("rule VERIFIED-READ: a false value, and a false absence, are refused", async () => {
    const { client, chain } = network;
    chain.put("a", asciiBytes("one"));
    chain.put("b", asciiBytes("two"));
    everywhere({ state: (honest) => ({ ...honest, value: asciiBytes("three") }) });
    await expect(client.state("a")).rejects.toMatchObject({ code: "STATE_NOT_PROVEN" });
    everywhere({ state: (honest) => ({ ...honest, value: undefined }) });
    await expect(client.state("a")).rejects.toMatchObject({ code: "STATE_NOT_PROVEN" });
  });

  test("rule VERIFIED-READ: reads never go back behind what the client saw", async () => {
    const { client, chain, nodes, failures } = network;
    chain.put("a", asciiBytes("one"));
    const old = chain.state("a");
    chain.put("a", asciiBytes("two"));
    await client.state("a");
    nodes[0].lies = { state: () => old };
    await expect(client.state("a")).resolves.toMatchObject({ value: asciiBytes("two") });
    expect(failures.at(-1)).toMatchObject({ code: "NODE_BEHIND" });
    expect(failures.at(-1)).toBeInstanceOf(NodeUnavailableError);
  });

  test("an account is valued at the index price of its own height", async () => {
    const { client, chain } = network;
    const key = account.publicKey;
    const market = testGenesis("test").margin.markets[0];
    if (market === undefined) throw new Error("the test genesis has a market");
    const oracle = {
      price: 100n,
      state: "fresh",
      reports: new Map(),
      resumingSinceMs: 0,
      freshSlots: 0,
      quorumSlot: 1,
      quorumMs: GENESIS_TIME_MS,
    } as const;
    chain.put("market/0", encodeMarket({ parameters: market, oracle, nextSequence: 0 }));
    chain.put(
      `account/${key}`,
      encodeAccount({
        balance: 7_000_000n,
        stage: "called",
        deadlineMs: 5,
        debt: 0n,
        waited: 0,
        misses: 0,
        locks: [],
        withdrawnWindow: 0,
        withdrawn: 0n,
      }),
    );
    await expect(client.account(key)).resolves.toMatchObject({
      equity: 7_000_000n,
      initialMargin: 0n,
      positions: [],
      leaf: { stage: "called" },
    });
    await expect(client.account(testKey("nobody"))).resolves.toBeUndefined();
    await expect(client.market(0)).resolves.toMatchObject({ value: { price: 100n } });
    const owed = { size: -3n, cost: 0n, fundingIndex: 1_000_000n };
    chain.put(`position/0/${key}`, encodePosition(owed));
    chain.put("funding/0", encodeFunding({ ...FUNDING, index: 3_000_001n }));
    // 3 lots short at 100 ticks of 10,000, and 6.000003 units of funding, rounded down.
    const equity = 7_000_000n - 3_000_000n + 6n;
    await expect(client.account(key)).resolves.toMatchObject({ equity });
  });

  test("rule PARAMETERS: an account is valued by the numbers that its market has now", async () => {
    const { client, chain } = network;
    const key = account.publicKey;
    chain.put(`account/${key}`, encodeAccount({ ...EMPTY_ACCOUNT, balance: 7n }));
    const [began] = testGenesis("test").margin.markets;
    const parameters = { ...began!, initialMarginPpm: 90_000n, maintenanceMarginPpm: 70_000n };
    const oracle = { ...GENESIS_ORACLE, price: 100n };
    chain.put("market/0", encodeMarket({ parameters, oracle, nextSequence: 0 }));
    const held = { size: 10n, cost: 0n, fundingIndex: 0n };
    chain.put(`position/0/${key}`, encodePosition(held));
    await expect(client.account(key)).resolves.toMatchObject({
      ...{ initialMargin: 900_000n, maintenanceMargin: 700_000n },
    });
  });

  test("terms are read with the time until they hold", async () => {
    const { client, chain } = network;
    await expect(client.terms(0)).resolves.toMatchObject({
      ...{ terms: { mode: "open", scheduled: undefined }, holdsInMs: undefined },
    });
    const fromMs = GENESIS_TIME_MS + 5_000;
    const rest = { opens: true, amounts: [], noticedMs: 0, initialBefore: 0n };
    chain.put("terms/0", encodeTerms({ mode: "paused", scheduled: { fromMs, ...rest } }));
    await expect(client.terms(0)).resolves.toMatchObject({
      ...{ terms: { mode: "paused", scheduled: { fromMs, opens: true } }, holdsInMs: 5_000 },
    });
    await expect(client.terms(1)).rejects.toThrow("without terms of market 1");
  });

  test("funding is read with its rates and what is left of the interval", async () => {
    const { client, chain } = network;
    const samples = Array.from({ length: 300 }, () => -700n);
    chain.put("funding/0", encodeFunding({ ...FUNDING, interval: 2, lastRate: 9n, samples }));
    await expect(client.funding(0)).resolves.toMatchObject({
      ...{ lastRatePpm: 9n, ratePpm: -700n, samples: 300, height: chain.height },
      nextInMs: 3 * 28_800_000,
    });
    await expect(client.funding(1)).rejects.toThrow("without funding of market 1");
  });

  test("rule CAPS: the caps are read before a refusal tells them, at the clock of their own height", async () => {
    const { client, chain } = network;
    const epoch = Math.floor(GENESIS_TIME_MS / 3_600_000);
    const outflows = [
      { epoch: epoch - 25, amount: 5n },
      { epoch: epoch - 24, amount: 30n },
      { epoch, amount: 4n },
    ];
    const lag = { lagFromMs: GENESIS_TIME_MS, lowestBefore: 9n, lowest: 9n };
    chain.put("caps", encodeCaps({ ...lag, budget: 401n, outflows }));
    await expect(client.caps()).resolves.toMatchObject({
      ...{ epoch, outflowCap: 200n, outflow: 34n, openInterestCap: 201n, height: chain.height },
    });
  });

  test("the set is read from the state", async () => {
    const { client, chain } = network;
    chain.put(leafKeys.set, encodeSet(chain.set));
    await expect(client.set()).resolves.toMatchObject({ value: { epoch: 1 } });
    await expect(client.swaps()).resolves.toEqual([]);
    await expect(client.spares()).resolves.toEqual([]);
  });

  test("receipts of a block are proven complete", async () => {
    const { client, chain } = network;
    const leaves = [encodeReceiptLeaf(okReceipt("ab".repeat(32))), eventLeaf(), eventLeaf()];
    const { height } = chain.commit(leaves).result;
    await expect(client.receipts(height)).resolves.toMatchObject({
      leaves: { length: 3 },
      receipts: [{ code: "OK" }],
      events: { length: 2 },
    });
    everywhere({ leaves: (honest) => honest.slice(1) });
    await expect(client.receipts(height)).rejects.toMatchObject({ code: "RECEIPTS_NOT_PROVEN" });
    await expect(client.receipts(height - 1)).rejects.toMatchObject({ code: "WRONG_HEIGHT" });
  });
});

describe("blocks", () => {
  async function heights(from: number, to: number): Promise<number[]> {
    const found: number[] = [];
    for await (const { height } of network.client.blocks(from, to)) found.push(height);
    return found;
  }

  test("rule VERIFIED-READ: blocks are proven by a certificate at or above them", async () => {
    const { chain, client } = network;
    const sent = bundle(chain);
    const { certificate } = chain.execute(sent.bytes);
    for (let count = 0; count < 200; count += 1) chain.commit();
    const wanted = Array.from({ length: 150 }, (_, at) => at + 1);
    expect(await heights(1, 150)).toEqual(wanted);
    const { height } = certificate.result;
    const block = await client.blocks(height, height).next();
    expect(block.value).toMatchObject({ id: certificate.result.blockId });
    expect(block.value?.batches[0]?.transactions).toEqual([sent.bytes]);
  });

  test("rule EPOCH: blocks before a hand-over are proven by it", async () => {
    const { chain, client } = network;
    chain.commit();
    chain.handOver("7");
    while (chain.newest.result.height < 12) chain.commit();
    await client.follow(2);
    expect(await heights(1, 12)).toHaveLength(12);
  });

  test("rule VERIFIED-READ: another block, batch or order is refused", async () => {
    const { chain } = network;
    while (chain.newest.result.height < 12) chain.execute(bundle(chain).bytes);
    const lies: readonly NonNullable<Lies["blocks"]>[] = [
      (honest) => honest.map((each) => ({ ...each, batches: [asciiBytes("no batch")] })),
      (honest) => honest.slice(1),
      (honest) => honest.map((each, at) => (at === 0 ? { ...each, ...forged(each) } : each)),
    ];
    for (const blocks of lies) {
      everywhere({ blocks });
      await expect(heights(4, 9)).rejects.toMatchObject({ code: "BLOCK_NOT_PROVEN" });
    }
  });

  function forged(claimed: ClaimedBlock): Pick<ClaimedBlock, "block"> {
    const block = decodeBlock(claimed.block);
    return { block: encodeBlock({ ...block, timestampMs: block.timestampMs + 1 }) };
  }
});

describe("chain and connection", () => {
  test("rule VERIFIED-READ: two certified results of one height are a fork", async () => {
    const { client, chain } = network;
    await client.head();
    const { result } = chain.newest;
    everywhere({
      state: (honest) => ({
        ...honest,
        certificate: chain.certificate({ ...result, timestampMs: 1 }),
      }),
    });
    await expect(client.head()).rejects.toMatchObject({ code: "CHAIN_FORKED" });
  });

  test("a node that names another chain is refused", async () => {
    everywhere({ chainId: "ab".repeat(32) });
    await expect(network.client.rumour()).rejects.toMatchObject({ code: "FOREIGN_CHAIN" });
  });

  test("rule LISTENERS: a server under a key unknown to the chain is not talked to", async () => {
    const stranger = new FakeNode(network.chain);
    const endpoint = await stranger.listen("stranger");
    const client = await network.join({
      endpoints: [endpoint],
      timeouts: { attemptMs: 500, totalMs: 600 },
    });
    await expect(client.submit(bundle(network.chain).bytes)).rejects.toBeInstanceOf(
      UnreachableError,
    );
    expect(stranger.submissions).toBe(0);
    stranger.close();
  });

  test("a server that never finishes the handshake holds nobody up", async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no address");
    const endpoint = `127.0.0.1:${address.port}`;
    const client = await network.join({
      endpoints: [endpoint, ...network.endpoints],
      timeouts: { attemptMs: 100 },
    });
    // The honest nodes may be slow to connect too; only the deaf one must fail.
    await client.head();
    expect(network.failures[0]).toMatchObject({ code: "NODE_TIMEOUT", node: { endpoint } });
    const ended = sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve)));
    for (const socket of sockets) socket.resume();
    client.close();
    await Promise.all(ended);
    server.close();
  });

  test("rule LISTENERS: a newcomer's key is pinned once its set is proven", async () => {
    const { chain, client } = network;
    const newcomer = new FakeNode(chain);
    const endpoint = await newcomer.listen("7");
    const both = await network.join({ endpoints: [...network.endpoints, endpoint] });
    chain.handOver("7");
    await both.head();
    for (const node of network.nodes) node.close();
    await expect(both.submit(bundle(chain).bytes)).resolves.toMatchObject({
      receipt: { code: "OK" },
    });
    expect(newcomer.submissions).toBe(1);
    newcomer.close();
    client.close();
  });

  test("wrong input is refused before anything is sent", async () => {
    const genesis = network.chain.genesisBytes;
    const cases = [
      [{ genesis, endpoints: [] }, "ENDPOINTS_MISSING"],
      [{ genesis, endpoints: ["nowhere"] }, "ENDPOINT_MALFORMED"],
      [{ genesis, endpoints: ["host:70000"] }, "ENDPOINT_MALFORMED"],
      [{ genesis: { file: "/nonexistent" }, endpoints: ["a:1"] }, "GENESIS_UNREADABLE"],
      [{ genesis: asciiBytes("{}"), endpoints: ["a:1"] }, "GENESIS_INVALID"],
    ] as const;
    for (const [options, code] of cases) {
      const error = await connect(options).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(InputError);
      expect(error).toMatchObject({ code });
    }
  });
});
