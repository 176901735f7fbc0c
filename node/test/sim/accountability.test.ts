import { describe, expect, test } from "vitest";
import { type Finding, judgeLogs } from "../../src/consensus/accountability.ts";
import type { ChainRecord } from "../../src/consensus/types.ts";
import { checkSignatures, judgePair } from "../../src/ledger/evidence.ts";
import { misconductProof } from "../../src/ledger/transaction.ts";
import { FORK_SET, type ForkOptions, forkChain, LIARS } from "../consensus/fork.ts";
import { CHAIN_ID, keyOf, STUB_SCHEME } from "../consensus/stub-keys.ts";

const trust = { chainId: CHAIN_ID, scheme: STUB_SCHEME, genesisSet: FORK_SET };

/** Every proof stands before the ledger's rule, and its evidence is what the checker says. */
function expectAccepted({ charges }: Finding): void {
  for (const charge of charges) {
    if (charge.kind !== "pair") continue;
    const proof = misconductProof(CHAIN_ID, charge.first, charge.second);
    expect(judgePair(CHAIN_ID, proof)).toEqual({ ok: true, value: charge.evidence });
    expect(checkSignatures(STUB_SCHEME, CHAIN_ID, proof)).toBeUndefined();
    expect(proof.first.author).toBe(charge.culprit);
  }
}

/** The culprits of the fork are the liars, all of them, and nobody else. */
function expectLiars(findings: readonly Finding[]): void {
  expect(findings.length).toBeGreaterThan(0);
  for (const finding of findings) {
    const culprits = finding.charges.map(({ culprit }) => culprit);
    expect(culprits.toSorted()).toEqual(LIARS.map(keyOf).toSorted());
    expect(finding).toMatchObject({ isComplete: true, power: 2n, needed: 2n, missing: undefined });
    expectAccepted(finding);
  }
}

function kindsOf(findings: readonly Finding[]): readonly string[] {
  const commits = findings.find(({ conflict }) => conflict.kind === "commits");
  return commits?.charges.map(({ evidence }) => evidence) ?? [];
}

/** What the log has of commits, without the certified results beside them. */
function withoutResults(records: readonly ChainRecord[]): readonly ChainRecord[] {
  return records.filter(({ kind }) => kind !== "certified");
}

function judgeFork(options: ForkOptions): readonly Finding[] {
  const { left, right } = forkChain(options);
  expectLiars(judgeLogs(trust, left, right));
  const findings = judgeLogs(trust, withoutResults(left), withoutResults(right));
  expectLiars(findings);
  // Which log is called left makes no difference.
  expectLiars(judgeLogs(trust, withoutResults(right), withoutResults(left)));
  return findings;
}

describe("accountability: more than f fork the chain", { timeout: 60_000 }, () => {
  test("accountability: twins on both sides in the same rounds are named by their votes", () => {
    for (let moment = 0; moment < 6; moment += 1) {
      const findings = judgeFork({
        commonMs: 2_000 + 130 * moment,
        leftMs: 4_000,
        deafMs: 0,
        rightMs: 6_000,
      });
      expect(kindsOf(findings)).toContain("E2");
    }
  });

  test("accountability: amnesia across rounds is named by order votes and timeouts (E4)", () => {
    for (let moment = 0; moment < 4; moment += 1) {
      // The left commits a few rounds; on the right those rounds fail, and a later one commits.
      const findings = judgeFork({
        commonMs: 2_000 + 170 * moment,
        leftMs: 900,
        deafMs: 9_000,
        rightMs: 8_000,
      });
      expect(kindsOf(findings)).toContain("E4");
    }
  });

  test("accountability: a commit by a certified child is answered for by votes and timeouts (E5)", () => {
    const findings = judgeFork({
      commonMs: 2_100,
      leftMs: 1_400,
      deafMs: 9_000,
      rightMs: 8_000,
      withoutOrderVotes: true,
    });
    expect(kindsOf(findings)).toEqual(["E5", "E5"]);
  });

  test("accountability: two logs of one chain accuse nobody, whatever their lengths", () => {
    const { left, right } = forkChain({ commonMs: 4_000, leftMs: 0, deafMs: 0, rightMs: 3_000 });
    expect(judgeLogs(trust, left, right)).toEqual([]);
    expect(judgeLogs(trust, right, right)).toEqual([]);
    expect(judgeLogs(trust, [], right)).toEqual([]);
  });

  test("accountability: forged statements in a log accuse nobody and hide nobody", () => {
    const { left, right } = forkChain({
      commonMs: 2_000,
      leftMs: 900,
      deafMs: 9_000,
      rightMs: 8_000,
    });
    const forged = left.flatMap((record): readonly ChainRecord[] => {
      if (record.kind !== "qc") return [record];
      const { blockId: _, ...rest } = record.qc;
      return [{ kind: "qc", qc: { ...rest, blockId: "ab".repeat(32) } }, record];
    });
    expectLiars(judgeLogs(trust, forged, right));
  });

  test("accountability: a log without the votes says what is missing", () => {
    const { left, right } = forkChain({
      commonMs: 2_000,
      leftMs: 900,
      deafMs: 9_000,
      rightMs: 8_000,
    });
    const { height } = judgeLogs(trust, left, right)[0]!.conflict;
    // As a node has it that fetched the chain up to the first block of the fork, and no further.
    const fetched = left.flatMap((record): readonly ChainRecord[] => {
      if (record.kind === "block") return record.block.block.height <= height ? [record] : [];
      if (record.kind !== "certified" || record.certificate.result.height !== height) return [];
      const { certificate } = record;
      return [{ kind: "committed", height, proof: { kind: "attested", certificate } }];
    });
    const [finding] = judgeLogs(trust, fetched, withoutResults(right));
    expect(finding?.isComplete).toBe(false);
    expect(finding?.missing).toContain("left log");
    expect(finding?.charges.every(({ culprit }) => LIARS.map(keyOf).includes(culprit))).toBe(true);
  });
});
