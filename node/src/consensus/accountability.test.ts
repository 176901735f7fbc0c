import { describe, expect, test } from "vitest";
import { orderVoteOf, qcOf, Solo, seal, tcOf } from "../../test/consensus/craft.ts";
import { CHAIN_ID, keyOf, STUB_SCHEME, setOf, signStub } from "../../test/consensus/stub-keys.ts";
import { ZERO_DIGEST } from "../kernel/scalars.ts";
import type { AttestedResult } from "../kernel/statements.ts";
import { validatorSetHash } from "../kernel/validator-set.ts";
import { type Finding, judgeLogs } from "./accountability.ts";
import { sortedSignatures } from "./certificates.ts";
import type { ChainRecord, CommitProof, QuorumCertificate, SignedBlock } from "./types.ts";

const solo = new Solo();
const trust = { chainId: CHAIN_ID, scheme: STUB_SCHEME, genesisSet: solo.set };
const { genesisQc } = solo.state.epoch;

function blockOn(qc: QuorumCertificate, round: number, height: number, mark = 0): SignedBlock {
  const tc = round === qc.round + 1 ? undefined : tcOf(round - 1, { b: 0, c: 0, d: 0 }, genesisQc);
  const timestampMs = solo.now + 10 * round + mark;
  return solo.block({ qc, round, height, tc, timestampMs, proposer: keyOf("a") });
}

function blockRecord(block: SignedBlock): ChainRecord {
  return { kind: "block", block };
}

/** Committed by order votes of these members. */
function ordered(names: readonly string[], block: SignedBlock): ChainRecord {
  const { epoch, round, height } = block.block;
  const signatures = sortedSignatures(names.map((name) => orderVoteOf(name, block)));
  const certificate = { epoch, round, blockId: block.id, signatures };
  return { kind: "committed", height, proof: { kind: "order", certificate } };
}

function resultOf(stateRoot: string): AttestedResult {
  return {
    epoch: 1,
    height: 1,
    blockId: "11".repeat(32),
    timestampMs: 5,
    stateRoot,
    receiptsRoot: ZERO_DIGEST,
    nextSetHash: ZERO_DIGEST,
  };
}

function certified(names: readonly string[], stateRoot: string): ChainRecord {
  const result = resultOf(stateRoot);
  const signed = names.map((name) => signStub(keyOf(name), { kind: "attestation", result }));
  return { kind: "certified", certificate: { result, signatures: sortedSignatures(signed) } };
}

/** Epoch 1 ended at this height, by the word of these members. */
function handedOver(names: readonly string[], height: number): ChainRecord {
  const nextSet = setOf(2, { a: 1n, b: 1n, c: 1n, e: 1n });
  const result = { ...resultOf("aa".repeat(32)), height, nextSetHash: validatorSetHash(nextSet) };
  const signed = names.map((name) => signStub(keyOf(name), { kind: "attestation", result }));
  const certificate = { result, signatures: sortedSignatures(signed) };
  return { kind: "epoch", proof: { certificate, nextSet } };
}

function culprits({ charges }: Finding): readonly string[] {
  return charges.map(({ culprit, evidence }) => {
    return `${solo.names.find((name) => keyOf(name) === culprit)} ${evidence}`;
  });
}

function sorted(findings: readonly Finding[]): readonly string[] {
  return findings.flatMap(culprits).toSorted();
}

const first = blockOn(genesisQc, 1, 1);
const firstQc = qcOf(["a", "b", "c", "d"], first);

describe("accountability, each arm of the proof", () => {
  test("accountability: two order certificates in one round are E3", () => {
    const [left, right] = [blockOn(firstQc, 2, 2, 1), blockOn(firstQc, 2, 2, 2)];
    const findings = judgeLogs(
      trust,
      [blockRecord(first), blockRecord(left), ordered(["a", "c", "d"], left)],
      [blockRecord(first), blockRecord(right), ordered(["b", "c", "d"], right)],
    );
    // The proposer of both is one key as well: E1, although it may not be enough.
    expect(sorted(findings)).toEqual(["a E1", "c E3", "d E3"]);
    expect(findings[0]).toMatchObject({
      isComplete: true,
      conflict: { kind: "commits", height: 2 },
    });
  });

  test("accountability: a quorum that voted below the locks is E6, each with the block", () => {
    const second = blockOn(firstQc, 2, 2);
    const lock = qcOf(["a", "c", "d"], second);
    const tc = tcOf(3, { a: 2, c: 2, d: 2 }, lock);
    const rival = solo.block({ qc: firstQc, round: 4, height: 2, tc, proposer: keyOf("b") });
    const left = [blockRecord(first), blockRecord(second), ordered(["a", "c", "d"], second)];
    const right: ChainRecord[] = [
      blockRecord(first),
      blockRecord(rival),
      { kind: "qc", qc: qcOf(["b", "c", "d"], rival) },
      ordered(["b", "c", "d"], rival),
    ];
    const findings = judgeLogs(trust, left, right);
    expect(sorted(findings)).toEqual(["b E6", "c E6", "d E6"]);
    for (const charge of findings[0]!.charges) {
      expect(charge.kind === "invalid-vote" && charge.block.id).toBe(rival.id);
    }
  });

  test("accountability: a child certified in the next round against timeouts is E5", () => {
    const second = blockOn(firstQc, 2, 2);
    const child = blockOn(qcOf(["a", "c", "d"], second), 3, 3);
    const proof: CommitProof = { kind: "two-chain", child, qc: qcOf(["a", "c", "d"], child) };
    const tc = tcOf(4, { b: 1, c: 1, d: 1 }, firstQc);
    const rival = solo.block({ qc: firstQc, round: 5, height: 2, tc, proposer: keyOf("b") });
    const findings = judgeLogs(
      trust,
      [blockRecord(first), blockRecord(second), { kind: "committed", height: 2, proof }],
      [blockRecord(first), blockRecord(rival), ordered(["b", "c", "d"], rival)],
    );
    expect(sorted(findings)).toEqual(["c E5", "d E5"]);
    expect(findings[0]).toMatchObject({ power: 2n, needed: 2n, isComplete: true });
  });

  test("accountability: two certified results of one height are E7", () => {
    const findings = judgeLogs(
      trust,
      [certified(["a", "c", "d"], "aa".repeat(32))],
      [certified(["b", "c", "d"], "bb".repeat(32))],
    );
    expect(sorted(findings)).toEqual(["c E7", "d E7"]);
    expect(findings[0]?.conflict.kind).toBe("results");
  });

  test("accountability: a set that certifies a height beyond the end of its epoch is E10", () => {
    const records = (names: readonly string[], height: number): ChainRecord => {
      const result = { ...resultOf("bb".repeat(32)), height };
      const signed = names.map((name) => signStub(keyOf(name), { kind: "attestation", result }));
      return { kind: "certified", certificate: { result, signatures: sortedSignatures(signed) } };
    };
    const end = handedOver(["a", "c", "d"], 4);
    const findings = judgeLogs(trust, [end], [records(["b", "c", "d"], 5)]);
    expect(sorted(findings)).toEqual(["c E10", "d E10"]);
    const conflict = { kind: "beyond-end", epoch: 1, height: 4 };
    expect(findings[0]).toMatchObject({ conflict, isComplete: true });
    expect(judgeLogs(trust, [end], [records(["b", "c", "d"], 3)])).toEqual([]);
  });

  test("accountability: keys outside the set are not counted, and one culprit is not enough", () => {
    const findings = judgeLogs(
      trust,
      [certified(["a", "d", "x"], "aa".repeat(32))],
      [certified(["b", "d", "x"], "bb".repeat(32))],
    );
    expect(sorted(findings)).toEqual(["d E7"]);
    expect(findings[0]).toMatchObject({ power: 1n, needed: 2n, isComplete: false });
    expect(findings[0]?.missing).toContain("height 1");
  });

  test("accountability: statements from before the fork accuse nobody of it", () => {
    const twice = seal({ ...first.block, timestampMs: first.block.timestampMs + 1 });
    const second = blockOn(firstQc, 2, 2);
    const rival = blockOn(firstQc, 2, 2, 3);
    const third = (block: SignedBlock, names: readonly string[]) => {
      const next = blockOn(qcOf(names, block), 3, 3);
      return [blockRecord(block), blockRecord(next), ordered(names, next)];
    };
    const noise: ChainRecord[] = [{ kind: "qc", qc: qcOf(["a", "b"], twice) }];
    const findings = judgeLogs(
      trust,
      [blockRecord(first), ordered(["a", "b", "c"], first), ...third(second, ["a", "c", "d"])],
      [
        blockRecord(first),
        ...noise,
        ordered(["a", "b", "c"], first),
        ...third(rival, ["b", "c", "d"]),
      ],
    );
    expect(findings).toHaveLength(1);
    // b voted twice in round 1, which both logs share: true, and no part of this fork.
    expect(sorted(findings)).toEqual(["a E1", "c E2", "d E2"]);
  });
});
