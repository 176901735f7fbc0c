import { describe, expect, test } from "vitest";
import { keyOf, TestChain } from "../../test/ledger/test-chain.ts";
import { defined } from "../kernel/assert.ts";
import { type PublicKey, ZERO_DIGEST } from "../kernel/scalars.ts";
import type { AttestedResult } from "../kernel/statements.ts";
import { PROTOCOLS } from "./protocol.ts";
import { repairLedger } from "./repair.ts";
import { isCondemned } from "./self-heal.ts";
import { misconductProof } from "./transaction.ts";

const LEAVER = keyOf("seat0");
const MEMBER = keyOf("seat1");

/** A chain in epoch 2, and the result that ended epoch 1, in which the leaver still sat. */
function afterHandOver() {
  const chain = new TestChain();
  const spare = chain.addSpare("spare", "a");
  const rotation = chain.ownerRotation(LEAVER, keyOf("owner a"));
  chain.block({ signsOfLife: [chain.heartbeat(spare)], transactions: [rotation] });
  const { result } = defined(chain.last, "the block that ends epoch 1");
  expect(result.nextSetHash).not.toBe(ZERO_DIGEST);
  expect(chain.keys).not.toContain(LEAVER);
  chain.run(1_000);
  return { chain, end: result };
}

/** The height after `end`, as if its epoch went on. */
function beyond(end: AttestedResult, by = 1): AttestedResult {
  return { ...end, height: end.height + by, nextSetHash: ZERO_DIGEST };
}

function prove(
  chain: TestChain,
  author: PublicKey,
  first: AttestedResult,
  second: AttestedResult,
): ReturnType<typeof misconductProof> {
  const sign = (result: AttestedResult) => chain.signed(author, { kind: "attestation", result });
  return misconductProof(chain.chainId, sign(first), sign(second));
}

describe("rule EVIDENCE: E10, an epoch's set that signs beyond its end", () => {
  test("rule EVIDENCE: E10 condemns members and leavers who attested the end and then a later height", () => {
    const { chain, end } = afterHandOver();
    const transactions = [
      prove(chain, LEAVER, end, beyond(end, 900)),
      prove(chain, MEMBER, end, beyond(end)),
    ];
    expect(chain.block({ transactions })).toEqual(["OK", "OK"]);
    // Two at once: the first one's share grows with the second (correlated slashing).
    const slashed = chain.events("slashed").map(({ key, evidence, seated }) => {
      return { key, evidence, seated };
    });
    expect(slashed).toEqual([
      { key: LEAVER, evidence: "E10", seated: false },
      { key: LEAVER, evidence: "E10", seated: false },
      { key: MEMBER, evidence: "E10", seated: true },
    ]);
    expect(isCondemned(chain.state, LEAVER)).toBe(true);
    expect(chain.state.tombstones.get(MEMBER)?.evidence).toBe("E10");
  });

  test("rule EVIDENCE: E10 spares whoever did not attest that the epoch ended there", () => {
    const { chain, end } = afterHandOver();
    const others = [
      // Its state was wrong at the end: it may have gone on before it heard of the certificate.
      prove(chain, MEMBER, { ...end, nextSetHash: ZERO_DIGEST }, beyond(end)),
      // Below the end and above it, both without a next set: nobody said that the epoch was over.
      prove(chain, MEMBER, beyond(end, -1), beyond(end)),
      prove(chain, MEMBER, beyond(end, -1), end),
      prove(chain, MEMBER, end, { ...beyond(end), epoch: 2 }),
    ];
    expect(new Set(chain.block({ transactions: others }))).toEqual(new Set(["NOT_MISCONDUCT"]));
    expect(chain.state.slashedPot).toBe(0n);
  });

  test("rule EVIDENCE: E10 spares a key that ended the epoch elsewhere and was rebuilt", () => {
    const { chain, end } = afterHandOver();
    const wrong = { ...end, height: end.height - 2 };
    const codes = chain.block({
      transactions: [
        prove(chain, MEMBER, wrong, { ...end, nextSetHash: ZERO_DIGEST }),
        prove(chain, MEMBER, wrong, end),
        prove(chain, MEMBER, beyond(end, 0), beyond(end)),
      ],
    });
    expect(codes).toEqual(["NOT_EPOCH_END", "NOT_EPOCH_END", "NOT_MISCONDUCT"]);
    expect(chain.state.slashedPot).toBe(0n);
  });

  test("rule EVIDENCE: E10 waits for the end of the epoch, and is void in an abandoned one", () => {
    const chain = new TestChain();
    chain.run(1_000);
    const { result } = defined(chain.last, "a block");
    const end = { ...result, nextSetHash: "ab".repeat(32) };
    const proof = prove(chain, MEMBER, end, beyond(result));
    expect(chain.block({ transactions: [proof] })).toEqual(["NOT_EPOCH_END"]);
    const { height } = chain.state;
    chain.state = repairLedger(chain.state, { epoch: 1, version: 1 }, PROTOCOLS);
    const abandoned = prove(chain, MEMBER, { ...end, height }, beyond({ ...result, height }));
    expect(chain.block({ transactions: [abandoned] })).toEqual(["EVIDENCE_VOID"]);
    expect(chain.state.slashedPot).toBe(0n);
  });

  test("rule EVIDENCE: E10 is accepted as long as the end of its epoch is evidence", () => {
    const { chain, end } = afterHandOver();
    const late = prove(chain, LEAVER, end, beyond(end));
    chain.run(61_000, { spanMs: 1_000 });
    expect(chain.block({ transactions: [late] })).toEqual(["EVIDENCE_TOO_OLD"]);
  });
});
