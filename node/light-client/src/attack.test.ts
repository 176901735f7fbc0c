import { ed25519 } from "@quorate/node/crypto/ed25519";
import type { ResultCertificate } from "@quorate/node/kernel/certificates";
import { type PublicKey, ZERO_DIGEST } from "@quorate/node/kernel/scalars";
import { totalPower } from "@quorate/node/kernel/validator-set";
import { checkTransaction } from "@quorate/node/ledger/check-transaction";
import { createLedger } from "@quorate/node/ledger/create-ledger";
import { judgePair } from "@quorate/node/ledger/evidence";
import { parseGenesis } from "@quorate/node/ledger/genesis";
import { decodeTransaction } from "@quorate/node/ledger/transaction";
import { describe, expect, test } from "vitest";
import { FakeChain, GENESIS_TIME_MS } from "../../client/test/fake-chain.ts";
import { attackEvidence } from "./attack.ts";
import { LightClient } from "./light-client.ts";

const HALF = 3;

/** The newest result of a chain, and another one for the same height, each signed by a quorum. */
function forkedChain() {
  const chain = new FakeChain("attack");
  const keys = chain.set.members.map(({ key }) => key);
  const heavy = chain.set.members.filter(({ power }) => power > 8_000_000n).map(({ key }) => key);
  const light = keys.filter((key) => !heavy.includes(key));
  const { result } = chain.newest;
  const forged = { ...result, stateRoot: ZERO_DIGEST };
  const first = chain.certificate(result, [...heavy, ...light.slice(0, HALF)]);
  const second = chain.certificate(forged, [...heavy, ...light.slice(HALF - 1)]);
  return { chain, heavy, light, first, second };
}

function clientOf({ chainId, set }: FakeChain): LightClient {
  const trusted = { chainId, set, height: 0, timestampMs: GENESIS_TIME_MS };
  return new LightClient({ scheme: ed25519, trusted });
}

function signersOf({ signatures }: ResultCertificate): readonly PublicKey[] {
  return signatures.map(({ author }) => author);
}

describe("attacks on light clients", () => {
  test("two quorums for one height are a fork, and the client keeps both", () => {
    const { chain, first, second } = forkedChain();
    const client = clientOf(chain);
    expect(client.acceptCertificate(first).ok).toBe(true);
    expect(client.acceptCertificate(second)).toMatchObject({ error: { code: "CHAIN_FORKED" } });
    expect(client.conflict).toEqual({ first, second });
  });

  test("rule EVIDENCE: who signed one of the two results is no culprit", () => {
    const { chain, heavy, light, first, second } = forkedChain();
    const { culprits, exceedsFaults } = attackEvidence(chain.chainId, chain.set, { first, second });
    const both = signersOf(first).filter((key) => signersOf(second).includes(key));
    expect(culprits.map(({ key }) => key).toSorted()).toEqual(both.toSorted());
    expect(both.length).toBe(heavy.length + 1);
    expect(light.filter((key) => both.includes(key)).length).toBe(1);
    const power = culprits.reduce((sum, culprit) => sum + culprit.power, 0n);
    expect(3n * power).toBeGreaterThanOrEqual(totalPower(chain.set));
    expect(exceedsFaults).toBe(true);
  });

  test("the chain takes each culprit's proof", () => {
    const { chain, first, second } = forkedChain();
    const genesis = parseGenesis(chain.genesisBytes);
    if (!genesis.ok) throw new Error(genesis.error.fix);
    const ledger = createLedger(genesis.value, chain.chainId);
    const { culprits } = attackEvidence(chain.chainId, chain.set, { first, second });
    for (const { transaction } of culprits) {
      expect(checkTransaction(ledger, transaction, ed25519)).toMatchObject({ ok: true });
    }
  });

  /** Epoch 1 is over; its old set certifies a height beyond, for who missed the hand-over. */
  function beyondEnd() {
    const chain = new FakeChain("attack");
    const { set } = chain;
    const client = clientOf(chain);
    const end = chain.handOver("newcomer");
    const { result } = end.certificate;
    const height = result.height + 3;
    const later = { ...result, height, stateRoot: ZERO_DIGEST, nextSetHash: ZERO_DIGEST };
    const members = set.members.map(({ key }) => key);
    const stale = chain.certificate(later, members.slice(1));
    return { chain, set, client, end, stale, members };
  }

  test("rule EVIDENCE: an old set that signs beyond its end is packed, whichever is seen first", () => {
    const { chain, set, client, end, stale, members } = beyondEnd();
    expect(client.acceptEpochProof(end).ok).toBe(true);
    expect(client.acceptCertificate(stale)).toMatchObject({ error: { code: "STALE_EPOCH" } });
    const deceived = clientOf({ chainId: chain.chainId, set } as FakeChain);
    expect(deceived.acceptCertificate(stale).ok).toBe(true);
    expect(deceived.acceptEpochProof(end)).toMatchObject({ error: { code: "CHAIN_FORKED" } });
    for (const { conflict } of [client, deceived]) {
      expect(conflict).toEqual({ first: end.certificate, second: stale });
      const { culprits, exceedsFaults } = attackEvidence(chain.chainId, set, {
        first: end.certificate,
        second: stale,
      });
      const ended = signersOf(end.certificate);
      const both = members.slice(1).filter((key) => ended.includes(key));
      expect(culprits.map(({ key }) => key).toSorted()).toEqual(both.toSorted());
      expect(exceedsFaults).toBe(true);
      for (const { transaction } of culprits) {
        const proof = decodeTransaction(transaction);
        if (!proof.ok || proof.value.kind !== "misconduct-proof") throw new Error("a proof");
        expect(judgePair(chain.chainId, proof.value)).toEqual({ ok: true, value: "E10" });
      }
    }
  });

  test("what no quorum signed beyond an end is refused and no attack", () => {
    const { client, end, stale } = beyondEnd();
    expect(client.acceptEpochProof(end).ok).toBe(true);
    const [first] = stale.signatures;
    if (first === undefined) throw new Error("a signature");
    const alone = { ...stale, signatures: [first] };
    expect(client.acceptCertificate(alone)).toMatchObject({ error: { code: "STALE_EPOCH" } });
    expect(client.conflict).toBeUndefined();
  });

  test("one result certified twice, and results of two epochs, accuse nobody", () => {
    const { chain, first, second } = forkedChain();
    const other = { ...second, result: { ...second.result, epoch: 2 } };
    for (const pair of [first, other]) {
      const evidence = attackEvidence(chain.chainId, chain.set, { first, second: pair });
      expect(evidence).toMatchObject({ culprits: [], exceedsFaults: false });
    }
  });
});
