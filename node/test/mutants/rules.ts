import type { Mutant } from "./mutant.ts";

const consensus = "node/src/consensus";
const evidence = "node/src/ledger/evidence.test.ts";

/** So that every rule of node/spec/rules.md has one. */
export const ruleMutants: readonly Mutant[] = [
  {
    name: "proposal-without-timeout-certificate",
    rule: "R1: a block that follows no certificate carries the timeout certificate",
    file: `${consensus}/propose.ts`,
    find: "    tc: lastTc(turn),\n",
    replace: "    tc: undefined,\n",
    test: `${consensus}/pace.test.ts`,
    testName: "R1: a leader proposes once in its round",
  },
  {
    name: "timeout-leaves-the-round-open",
    rule: "R6: a timeout ends the round's voting",
    file: `${consensus}/rounds.ts`,
    find: "const lastVotedRound = Math.max(safety.lastVotedRound, round);",
    replace: "const lastVotedRound = Math.max(safety.lastVotedRound, round - round);",
    test: `${consensus}/vote-rule.test.ts`,
    testName: "R6: no vote in a round after its timeout",
  },
  {
    name: "reports-of-one-slot-unpunished",
    rule: "EVIDENCE: E9, two reports for one slot jail",
    file: "node/src/ledger/evidence.ts",
    find: '  "oracle-report": "E9",\n',
    replace: "",
    test: evidence,
    testName: "rule EVIDENCE: E9 jails the reports of a seat, once, and swaps nobody",
  },
  ...[
    ["E3", '  "order-vote": "E3",\n'],
    ["E7", '  attestation: "E7",\n'],
    ["E8", '  batch: "E8",\n'],
  ].map(([kind = "", find = ""]) => ({
    name: `pair-unpunished-${kind}`,
    rule: `EVIDENCE: ${kind} is misconduct`,
    file: "node/src/ledger/evidence.ts",
    find,
    replace: "",
    test: evidence,
    testName: "rule EVIDENCE: each pair has its number",
  })),
];
