import { encodeProofFile, parseProofFile } from "@quorate/light-client/proof-file";
import { verifyProof } from "@quorate/light-client/verify-proof";
import { ed25519 } from "@quorate/node/crypto/ed25519";
import { ZERO_DIGEST } from "@quorate/node/kernel/scalars";
import { encodeSet, leafKeys } from "@quorate/node/ledger/leaves";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FakeChain, GENESIS_TIME_MS, testKey } from "../test/fake-chain.ts";
import { startNetwork, type TestNetwork } from "../test/network.ts";
import type { ProofRequest } from "./prove.ts";

let network: TestNetwork;

beforeEach(async () => {
  network = await startNetwork();
});

afterEach(() => network.close());

/** What somebody without a connection makes of the proof. */
function offline(text: string) {
  const file = parseProofFile(text);
  if (!file.ok) throw new Error(file.error.fix);
  const trusted = network.join().then(({ trustedHeader }) => trustedHeader);
  return trusted.then((header) =>
    verifyProof({ scheme: ed25519, trusted: header, trustPeriod: undefined }, file.value),
  );
}

describe("prove", () => {
  const requests: readonly ProofRequest[] = [
    { kind: "head" },
    { kind: "state", key: leafKeys.chain },
    { kind: "account", account: testKey("account") },
    { kind: "account", account: testKey("nobody") },
  ];

  test.each(requests)("$kind is proven, and again without a connection", async (request) => {
    network.chain.commit();
    const { file, proof } = await network.client.prove(request);
    const again = await offline(encodeProofFile(file));
    expect(again).toEqual({ ok: true, value: proof });
  });

  test("a receipt is proven after hand-overs that the reader has not seen", async () => {
    const { transaction } = network.chain.executed(Uint8Array.of(1));
    network.chain.handOver("8");
    network.chain.handOver("9");
    const later = network.chain.executed(Uint8Array.of(2)).transaction;
    const first = await network.client.prove({ kind: "receipt", transaction });
    expect(first.file.steps).toEqual([]);
    const second = await network.client.prove({ kind: "receipt", transaction: later });
    expect(second.file.steps.map(({ kind }) => kind)).toEqual(["hand-over", "hand-over"]);
  });

  test("sets that are near enough are skipped to, others are followed", async () => {
    const { chain, client } = network;
    const keepSet = () => chain.put(leafKeys.set, encodeSet(chain.set));
    chain.handOver("8");
    chain.handOver("9");
    keepSet();
    const near = await client.prove({ kind: "head" });
    expect(near.file.steps.map(({ kind }) => kind)).toEqual(["skip"]);
    for (let at = 0; at < 8; at += 1) chain.handOver(`far ${at}`);
    keepSet();
    const far = await client.prove({ kind: "head" });
    expect(new Set(far.file.steps.map(({ kind }) => kind))).toEqual(new Set(["hand-over"]));
    expect(far.proof.trusted.set).toEqual(chain.set);
  });

  test("a node that lies is passed over and named", async () => {
    const [liar] = network.nodes;
    liar.lies = { state: (honest) => ({ ...honest, value: Uint8Array.of(1) }) };
    const { endpoint } = await network.client.prove({ kind: "state", key: leafKeys.chain });
    expect(network.endpoints.indexOf(endpoint)).toBeGreaterThan(0);
    expect(network.failures[0]?.code).toBe("STATE_NOT_PROVEN");
  });

  test("rule VERIFIED-READ: a trusted header beyond its period proves nothing", async () => {
    network.chain.commit();
    const trustPeriod = { ms: 1_000, now: () => GENESIS_TIME_MS + 1_001 };
    const client = await network.join({ trustPeriod });
    await expect(client.prove({ kind: "head" })).rejects.toMatchObject({ code: "TRUST_EXPIRED" });
  });
});

describe("witnesses", () => {
  test("nodes of one chain agree", async () => {
    network.chain.commit();
    const certificate = await network.client.head();
    const { witnesses, attack } = await network.client.witnesses(certificate);
    expect(witnesses.map(({ verdict }) => verdict)).toEqual(["agrees", "agrees", "agrees"]);
    expect(attack).toBeUndefined();
  });

  test("a second quorum for the height is an attack, with its culprits", async () => {
    const { chain, client, nodes } = network;
    chain.commit();
    const certificate = await client.head();
    const liars = chain.set.members.slice(0, 5).map(({ key }) => key);
    const heavy = chain.set.members.filter(({ power }) => power > 8_000_000n);
    const signers = [...new Set([...liars, ...heavy.map(({ key }) => key)])];
    const forged = chain.certificate({ ...certificate.result, stateRoot: ZERO_DIGEST }, signers);
    nodes[2].lies = { leavesCertificate: () => forged };
    const { witnesses, attack } = await client.witnesses(certificate);
    expect(witnesses.map(({ verdict }) => verdict)).toEqual(["agrees", "agrees", "differs"]);
    expect(attack?.exceedsFaults).toBe(true);
    expect(attack?.culprits.map(({ key }) => key).toSorted()).toEqual(signers.toSorted());
  });

  test("who has no quorum for another result is silent, not an attack", async () => {
    const { chain, client, nodes } = network;
    chain.commit();
    const certificate = await client.head();
    const few = chain.set.members.slice(0, 2).map(({ key }) => key);
    const forged = chain.certificate({ ...certificate.result, stateRoot: ZERO_DIGEST }, few);
    nodes[1].lies = { leavesCertificate: () => forged };
    const { witnesses, attack } = await client.witnesses(certificate);
    expect(witnesses[1]).toMatchObject({ verdict: "silent" });
    expect(witnesses[1]?.reason).toContain("POWER_BELOW_QUORUM");
    expect(attack).toBeUndefined();
  });
});

test("a trusted header of another chain is refused before anything is asked", async () => {
  const { chainId, set } = new FakeChain("another");
  const trusted = { chainId, set, height: 0, timestampMs: GENESIS_TIME_MS };
  await expect(network.join({ trusted })).rejects.toMatchObject({ code: "FOREIGN_TRUSTED_HEADER" });
});
