import { ed25519 } from "@quorate/node/crypto/ed25519";
import type { ResultCertificate } from "@quorate/node/kernel/certificates";
import { type PublicKey, ZERO_DIGEST } from "@quorate/node/kernel/scalars";
import { totalPower } from "@quorate/node/kernel/validator-set";
import { checkTransaction } from "@quorate/node/ledger/check-transaction";
import { createLedger } from "@quorate/node/ledger/create-ledger";
import { parseGenesis } from "@quorate/node/ledger/genesis";
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

  test("one result certified twice, and results of two epochs, accuse nobody", () => {
    const { chain, first, second } = forkedChain();
    const other = { ...second, result: { ...second.result, epoch: 2 } };
    for (const pair of [first, other]) {
      const evidence = attackEvidence(chain.chainId, chain.set, { first, second: pair });
      expect(evidence).toMatchObject({ culprits: [], exceedsFaults: false });
    }
  });
});
